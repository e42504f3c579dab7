package payload

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// PlaceError says what is wrong with a template, and where.
type PlaceError struct {
	// Name is the template's; Line and Column count from 1, columns in characters.
	Name         string
	Line, Column int
	Err          error

	source string // the line, or a part of it
	caret  int    // where in source, in characters
}

func newPlaceError(name, source string, offset int, err error) *PlaceError {
	offset = min(max(offset, 0), len(source))
	begin := strings.LastIndexByte(source[:offset], '\n') + 1
	line, _, _ := strings.Cut(source[begin:], "\n")
	e := &PlaceError{
		Name: name, Line: 1 + strings.Count(source[:offset], "\n"),
		Column: 1 + utf8.RuneCountInString(source[begin:offset]), Err: err,
	}
	e.source, e.caret = window([]rune(strings.TrimRight(line, "\r")), e.Column-1)
	return e
}

// window returns the part of a line that is shown, and where in it the column is.
func window(line []rune, column int) (text string, caret int) {
	const width = 100
	from := 0
	if column > width*3/4 {
		from = column - width*3/4
	}
	line = line[from:min(len(line), from+width)]
	shown := make([]rune, 0, len(line))
	for _, r := range line {
		if r < ' ' || r == 0x7f {
			r = ' ' // a tab would move the caret
		}
		shown = append(shown, r)
	}
	return string(shown), column - from
}

// Error is a line with the place and what is wrong.
func (e *PlaceError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v", e.Name, e.Line, e.Column, e.Err)
}

// Unwrap returns what is wrong.
func (e *PlaceError) Unwrap() error { return e.Err }

// Source returns the line of the template, and one with a caret below the place.
func (e *PlaceError) Source() string { return e.source + "\n" + strings.Repeat(" ", e.caret) + "^" }
