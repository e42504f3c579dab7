package ignore

import (
	"strings"
	"unicode/utf8"
)

// comment is a comment that goes to the end of its line.
type comment struct {
	text         string // without the slashes
	line, column int    // of the slashes, from 1, columns in characters
}

// scan returns the line comments of a .proto file, and for each line whether there is something on it that is not a
// comment; lines are counted from 1, so that the first element stands for none.
func scan(text string) (comments []comment, code []bool) {
	code = []bool{false, false}
	line, start := 1, 0 // start is the offset at which the line begins
	newline := func(next int) {
		line, start = line+1, next
		code = append(code, false)
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\n':
			i++
			newline(i)
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(text[i:], "//"):
			end := len(text)
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				end = i + n
			}
			column := utf8.RuneCountInString(text[start:i]) + 1
			comments = append(comments, comment{strings.TrimRight(text[i+2:end], "\r"), line, column})
			i = end
		case strings.HasPrefix(text[i:], "/*"):
			end := len(text)
			if n := strings.Index(text[i+2:], "*/"); n >= 0 {
				end = i + 2 + n + 2
			}
			for ; i < end; i++ {
				if text[i] == '\n' {
					newline(i + 1)
				}
			}
		case c == '"' || c == '\'':
			code[line] = true
			i = skipString(text, i)
		default:
			code[line] = true
			i++
		}
	}
	return comments, code
}

// skipString returns the offset after the string literal that begins at i. One that does not end on its line, which
// does not compile, ends with it.
func skipString(text string, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch text[i] {
		case quote:
			return i + 1
		case '\n':
			return i
		case '\\':
			i++
		}
	}
	return len(text)
}
