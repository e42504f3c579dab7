package cli

import (
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// Progress is one line at the bottom of a terminal that says how far long work has come. When the output is no terminal
// it stays silent. It is safe for concurrent use.
type Progress struct {
	w  io.Writer // nil: silent
	mu sync.Mutex
	on bool
}

// NewProgress returns a Progress on w, which is usually the error output.
func NewProgress(w io.Writer) *Progress {
	if !IsTerminal(w) {
		w = nil
	}
	return &Progress{w: w}
}

// Enabled says whether anybody sees the progress, for those to whom it costs something to tell.
func (p *Progress) Enabled() bool { return p.w != nil }

// Set replaces the line. Text that is wider than the terminal is cut.
func (p *Progress) Set(text string) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text, _, _ = strings.Cut(text, "\n")
	if width := Width(p.w) - 1; utf8.RuneCountInString(text) > width {
		text = string([]rune(text)[:width])
	}
	_, _ = io.WriteString(p.w, "\r\x1b[K"+text) // to the start of the line, and erase it
	p.on = true
}

// Clear removes the line, so that other output can follow.
func (p *Progress) Clear() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.on = false
	}
}
