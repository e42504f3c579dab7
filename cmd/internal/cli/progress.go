package cli

import (
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// Progress is one line at the bottom of a terminal that says how far long work has come. It writes no escape sequences.
// When the output is no terminal, or TERM=dumb, it stays silent. It is safe for concurrent use.
type Progress struct {
	w     io.Writer // nil: silent
	mu    sync.Mutex
	shown int // characters on the line
}

// NewProgress returns a Progress on w, which is usually the error output.
func NewProgress(w io.Writer) *Progress {
	if !IsTerminal(w) || dumb() {
		w = nil
	}
	return &Progress{w: w}
}

// Enabled reports whether anybody sees the progress, for those to whom it costs something to tell.
func (p *Progress) Enabled() bool { return p.w != nil }

// Set replaces the line. Text that is wider than the terminal is cut.
func (p *Progress) Set(text string) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text, _, _ = strings.Cut(text, "\n")
	text = Clean(text)
	n := utf8.RuneCountInString(text)
	if width := Width(p.w) - 1; n > width {
		text, n = string([]rune(text)[:width]), width
	}
	_, _ = io.WriteString(p.w, "\r"+text+strings.Repeat(" ", max(p.shown-n, 0)))
	p.shown = n
}

// Clear removes the line, so that other output can follow.
func (p *Progress) Clear() {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown > 0 {
		_, _ = io.WriteString(p.w, "\r"+strings.Repeat(" ", p.shown)+"\r")
		p.shown = 0
	}
}
