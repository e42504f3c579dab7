package call

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/internal/near"
)

// inputError is a mistake in a request, with its place.
type inputError struct {
	name         string // of the input
	line, column int    // from 1; columns count characters
	text         string
	source       string // the line, or the part of it around the column
	caret        int    // where in source the column is, in characters from 0
}

// Error is as a compiler would have it: the place, what is wrong, and the line with a caret below the place.
func (e *inputError) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.name, e.line, e.column, e.text)
	if e.source == "" {
		return text
	}
	return text + "\n  " + e.source + "\n  " + strings.Repeat(" ", e.caret) + "^"
}

// position is how google.golang.org/protobuf writes a place.
var position = regexp.MustCompile(`\(line (\d+):(\d+)\):? ?`)

// unknownField is how it writes about fields that do not exist.
var unknownField = regexp.MustCompile(`^unknown field "([^"]*)"`)

// explain makes an inputError of what a parser said about v, a message of type md.
func explain(name string, v value, md protoreflect.MessageDescriptor, err error, isText bool) *inputError {
	offset, text := placeOf(v.text, err, isText)
	e := &inputError{name: name, text: text}
	line := bytes.Count(v.text[:offset], []byte("\n"))
	begin := bytes.LastIndexByte(v.text[:offset], '\n') + 1
	e.line = v.line + line
	e.column = utf8.RuneCount(v.text[begin:offset]) + 1
	if line == 0 {
		e.column += v.column - 1
	}
	end := len(v.text)
	if n := bytes.IndexByte(v.text[begin:], '\n'); n >= 0 {
		end = begin + n
	}
	e.source, e.caret = window(v.text[begin:end], offset-begin)
	if isText {
		return e
	}
	path := pathAt(v.text, offset)
	within, known := descend(md, path)
	if m := unknownField.FindStringSubmatch(text); m != nil && known {
		e.text = "there is no field " + strconv.Quote(m[1]) + " in " + string(within.FullName())
		if names := near.Names(m[1], fieldNames(within)); len(names) > 0 {
			e.text += "; did you mean " + near.List(names) + "?"
		}
	} else if len(path) > 1 {
		e.text += " (at " + strings.Join(path, ".") + ")"
	}
	return e
}

// placeOf returns where in text the error is, in bytes, and what is left to say about it.
func placeOf(text []byte, err error, isText bool) (offset int, what string) {
	// The standard library's checker says better than others what is wrong with JSON as such.
	var syntax *json.SyntaxError
	if wrong := json.Unmarshal(text, new(json.RawMessage)); !isText && errors.As(wrong, &syntax) {
		at := int(syntax.Offset)
		if !strings.HasPrefix(syntax.Error(), "unexpected end") {
			at = max(0, at-1) // it counts the byte that is wrong
		}
		what = syntax.Error()
		if strings.HasPrefix(what, "unexpected end") {
			what = "the JSON ends too early: a bracket or a quotation mark is not closed"
		}
		return min(at, len(text)), what
	}
	if at, escape := loneSurrogate(text); at >= 0 {
		return at, "the escape " + escape + " is half of a surrogate pair, and no character without the other half"
	}
	// Its messages begin with "proto:" and a space of one kind or another.
	what = strings.TrimLeft(strings.TrimPrefix(err.Error(), "proto:"), " \u00a0")
	m := position.FindStringSubmatchIndex(what)
	if m == nil {
		return 0, what
	}
	line, _ := strconv.Atoi(what[m[2]:m[3]])
	column, _ := strconv.Atoi(what[m[4]:m[5]])
	what = strings.TrimSpace(strings.TrimPrefix(what[:m[0]], "syntax error ") + what[m[1]:])
	return offsetOf(text, line, column), what
}

// loneSurrogate returns where a text has an escape for half of a surrogate pair without the other half, and the escape;
// -1: nowhere. RFC 8259, section 8.2, leaves open what that is: package json takes it for U+FFFD, and those of protobuf
// for an end that comes too early.
func loneSurrogate(text []byte) (at int, escape string) {
	unit := func(at int) (rune, bool) {
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(n), err == nil
	}
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		first, ok := unit(at)
		switch {
		case !ok:
			at++ // the character that is escaped
		case !utf16.IsSurrogate(first):
			at += 5
		default:
			second, ok := unit(at + 6)
			if !ok || utf16.DecodeRune(first, second) == unicode.ReplacementChar {
				return at, string(text[at : at+6])
			}
			at += 11
		}
	}
	return -1, ""
}

// offsetOf returns the byte at a line and a column, which counts characters.
func offsetOf(text []byte, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			return len(text)
		}
		at += n + 1
	}
	for ; column > 1 && at < len(text); column-- {
		_, n := utf8.DecodeRune(text[at:])
		at += n
	}
	return at
}

// The part of a long line that is shown before and behind the place, in characters.
const (
	before = 60
	behind = 30
)

// window returns the part of a line around the byte at, fit to be printed, and where in it the place is.
func window(line []byte, at int) (text string, caret int) {
	from := at
	for n := 0; n < before && from > 0; n++ {
		_, size := utf8.DecodeLastRune(line[:from])
		from -= size
	}
	to := at
	for n := 0; n < behind && to < len(line); n++ {
		_, size := utf8.DecodeRune(line[to:])
		to += size
	}
	head, tail := "", ""
	if from > 0 {
		head = "…"
	}
	if to < len(line) {
		tail = "…"
	}
	left := head + printable(line[from:at])
	return left + printable(line[at:to]) + tail, utf8.RuneCountInString(left)
}

// printable replaces what would not be one character wide.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, string(b))
}

// level is an object or array that is open.
type level struct {
	array bool
	index int    // of an array's element
	key   string // of an object's member
	value bool   // the object's key was read
}

// pathAt returns the keys and indices that lead to the JSON token at or behind offset.
func pathAt(text []byte, offset int) []string {
	d := json.NewDecoder(bytes.NewReader(text))
	var open []*level
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		top := (*level)(nil)
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		delim, _ := token.(json.Delim)
		switch {
		case delim == '}' || delim == ']':
			if int(d.InputOffset()) > offset {
				return names(open[:len(open)-1])
			}
			open = open[:len(open)-1]
			if len(open) > 0 {
				open[len(open)-1].finished()
			}
			continue
		case top != nil && !top.array && !top.value:
			top.key, _ = token.(string)
			top.value = true
			if int(d.InputOffset()) > offset {
				return names(open)
			}
			continue
		}
		if int(d.InputOffset()) > offset {
			return names(open)
		}
		if delim == '{' || delim == '[' {
			open = append(open, &level{array: delim == '['})
		} else if top != nil {
			top.finished()
		}
	}
	return names(open)
}

// finished notes that the current element or member is complete.
func (l *level) finished() {
	l.index++
	l.value = false
}

func names(open []*level) (path []string) {
	for _, l := range open {
		switch {
		case l.array:
			path = append(path, strconv.Itoa(l.index))
		case l.key != "":
			path = append(path, l.key)
		}
	}
	return path
}

// descend returns the message that holds the last key of path, and false when the path leads out of what is known.
func descend(md protoreflect.MessageDescriptor, path []string) (protoreflect.MessageDescriptor, bool) {
	if md == nil || len(path) == 0 {
		return md, md != nil
	}
	for i := 0; i < len(path)-1; {
		f := fieldNamed(md, path[i])
		if f == nil {
			return nil, false
		}
		i++
		switch {
		case f.IsMap():
			i++ // the key
			f = f.MapValue()
		case f.IsList():
			i++ // the index
		}
		if i > len(path)-1 || f.Message() == nil {
			return nil, false
		}
		md = f.Message()
	}
	return md, true
}

func fieldNamed(md protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := md.Fields().ByJSONName(name); f != nil {
		return f
	}
	return md.Fields().ByTextName(name)
}

func fieldNames(md protoreflect.MessageDescriptor) []string {
	list := make([]string, md.Fields().Len())
	for i := range list {
		list[i] = md.Fields().Get(i).JSONName()
	}
	return list
}
