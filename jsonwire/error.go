package jsonwire

import (
	"fmt"
	"strconv"
	"strings"
)

// Error is the error of a value that cannot be encoded or decoded.
type Error struct {
	// Path leads to the value, by the names in the JSON: `items[3].price`, `labels["a b"]`. It is "" for the value as a
	// whole.
	Path string
	// Offset is where in the decoded text the value is, or where the text is not JSON; -1 in encoding.
	Offset int
	// Err is the reason, without the path.
	Err error
}

// Error has the path, the reason and the offset.
func (e *Error) Error() string {
	text := e.Err.Error()
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Offset >= 0 {
		text = fmt.Sprintf("%s (at offset %d)", text, e.Offset)
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Bounds of what a path tells of hostile input.
const (
	maxPathName   = 64
	maxPathLength = 256
)

// level is an object or an array that is open.
type level struct {
	array bool
	index int    // of the element
	name  []byte // of the member, raw, nil before the first one
}

// pathAt returns the path of the value that begins or ends at the end of text, the beginning of a sound JSON text,
// below the member root if that is not "".
func pathAt(root string, text []byte) string {
	var open []level
	name := false // a string is a name
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			open = append(open, level{})
			name = true
		case '[':
			open = append(open, level{array: true})
		case '}', ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case ',':
			if last := len(open) - 1; last >= 0 {
				open[last].index++
				name = !open[last].array
			}
		case ':':
			name = false
		case '"':
			start := i + 1
			for i = start; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if last := len(open) - 1; last >= 0 && name && i < len(text) {
				open[last].name = text[start:i]
			}
		}
	}
	path := []byte(root)
	for i := range open {
		if path = open[i].appendTo(path); len(path) > maxPathLength {
			return string(path[:maxPathLength]) + "…"
		}
	}
	return strings.ToValidUTF8(string(path), "\uFFFD")
}

func (l *level) appendTo(path []byte) []byte {
	switch {
	case l.array:
		path = strconv.AppendInt(append(path, '['), int64(l.index), 10)
		return append(path, ']')
	case l.name == nil:
		return path
	case len(l.name) <= maxPathName && identifier(l.name):
		if len(path) > 0 {
			path = append(path, '.')
		}
		return append(path, l.name...)
	case len(l.name) > maxPathName:
		return append(append(append(path, `["`...), l.name[:maxPathName]...), `…"]`...)
	default:
		return append(append(append(path, `["`...), l.name...), `"]`...) // with the escapes of the text
	}
}

// identifier reports whether a name is one of the contract's language.
func identifier[T string | []byte](name T) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && ('a' > c|0x20 || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0
}
