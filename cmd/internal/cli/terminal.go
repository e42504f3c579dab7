package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// IsTerminal reports whether stream, a reader or a writer, is a terminal.
func IsTerminal(stream any) bool {
	fd, ok := descriptor(stream)
	return ok && term.IsTerminal(fd)
}

// Width returns the number of columns of the terminal w, 80 when it is none.
func Width(w io.Writer) int {
	if fd, ok := descriptor(w); ok {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// descriptor returns the file descriptor of a stream, or of the one that it wraps.
func descriptor(stream any) (int, bool) {
	if o, ok := stream.(*Output); ok {
		stream = o.Unwrap()
	}
	f, ok := stream.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	return int(f.Fd()), true
}

// dumb reports whether the terminal knows no escape sequences.
func dumb() bool { return os.Getenv("TERM") == "dumb" }

// Style is how text is set off. Its escape sequences are those of ECMA-48, "select graphic rendition".
type Style string

// The styles.
const (
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Painter sets text off where that is wanted; the zero Painter never does.
type Painter struct{ on bool }

// PainterFor returns the Painter for what is written to w: it sets text off when w is a terminal, unless the
// environment says NO_COLOR (see no-color.org) or TERM=dumb.
func PainterFor(w io.Writer) Painter {
	return Painter{on: IsTerminal(w) && os.Getenv("NO_COLOR") == "" && !dumb()}
}

// Paint returns text in the style, or as it is.
func (p Painter) Paint(style Style, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}
