package gen

import (
	"bytes"
	"errors"
	"go/parser"
	"go/printer"
	"go/token"
	"strconv"
	"strings"
)

// formatted returns Go code as protogen formats it. The code has no indentation yet.
//
// Most of what protoc-gen-go writes is functions of a few plain lines, and most of the time that generating takes is
// that of go/parser and go/printer for them. What these do to such functions is indent them: that is done here, and
// go/printer gets a placeholder for them. All that is not as plain, or might be printed otherwise, is left to it.
func formatted(source []byte) ([]byte, error) {
	const placeholder = "func _functions"
	rest := make([]byte, 0, len(source)/2) // what go/printer gets
	var functions [][]byte                 // those in place of each placeholder
	var run []byte
	finish := func() {
		if len(run) > 0 {
			rest = append(rest, placeholder...)
			rest = strconv.AppendInt(rest, int64(len(functions)), 10)
			rest = append(rest, "()\n\n"...)
			functions = append(functions, run)
			run = nil
		}
	}
	blank := true // whether the line before is
	for len(source) > 0 {
		if blank {
			size := len(run)
			if size > 0 {
				run = append(run, '\n')
			}
			if grown, after, ok := appendFunction(run, source); ok && (len(after) == 0 || after[0] == '\n') {
				run, source = grown, after
				continue
			}
			run = run[:size]
		}
		line, after, _ := bytes.Cut(source, []byte("\n"))
		source = after
		if blank = len(line) == 0; blank && len(run) > 0 {
			continue
		}
		finish()
		rest = append(append(rest, line...), '\n')
	}
	finish()

	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", rest, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var printed bytes.Buffer
	config := printer.Config{Mode: printer.TabIndent | printer.UseSpaces, Tabwidth: 8}
	if err := config.Fprint(&printed, files, file); err != nil {
		return nil, err
	}
	out := make([]byte, 0, 2*len(source)+printed.Len())
	left := printed.Bytes()
	for i, text := range functions {
		before, after, found := bytes.Cut(left, []byte("\n"+placeholder+strconv.Itoa(i)+"()\n"))
		if !found {
			return nil, errNotFormatted
		}
		out = append(append(append(out, before...), '\n'), text...)
		left = after
	}
	return append(out, left...), nil
}

// errNotFormatted says that code has not the form in which it can be formatted here.
var errNotFormatted = errors.New("the code has another form")

// maxOnOneLine is how long the head of a function without statements may be. go/printer breaks lines beyond 100.
const maxOnOneLine = 90

// appendFunction appends the plain function with which source begins, and returns what is behind it; false when there
// is none.
func appendFunction(dst, source []byte) (grown, rest []byte, ok bool) {
	line, rest, _ := bytes.Cut(source, []byte("\n"))
	if bytes.HasPrefix(line, []byte("// Deprecated: ")) && isWord(line, " ./:-") {
		// All else in comments may be reformatted.
		dst = append(append(dst, line...), '\n')
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	if head, ok := bytes.CutSuffix(line, []byte(" {}")); ok {
		return append(append(dst, line...), '\n'), rest, len(head) <= maxOnOneLine && plainHead(head)
	}
	head, ok := bytes.CutSuffix(line, []byte(" {"))
	if !ok || !plainHead(head) {
		return dst, source, false
	}
	dst = append(append(dst, line...), '\n')
	for depth := 1; depth > 0; {
		if len(rest) == 0 {
			return dst, source, false
		}
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		statement, opens := bytes.CutSuffix(line, []byte(" {"))
		indent := depth
		switch {
		case string(line) == "}":
			depth--
			indent = depth
		case string(line) == "} else {" && depth > 1:
			indent--
		case !plain(statement, opens):
			return dst, source, false
		case opens:
			depth++
		}
		for range indent {
			dst = append(dst, '\t')
		}
		dst = append(append(dst, line...), '\n')
	}
	return dst, rest, true
}

// plainHead reports whether the head of a function is plain: it has one parameter at most, and the results of most
// functions.
func plainHead(head []byte) bool {
	head, ok := bytes.CutPrefix(head, []byte("func "))
	if !ok {
		return false
	}
	if after, ok := bytes.CutPrefix(head, []byte("(")); ok {
		receiver, after, ok := bytes.Cut(after, []byte(") "))
		if !ok || !plainParameter(receiver, true) {
			return false
		}
		head = after
	}
	name, head, ok := bytes.Cut(head, []byte("("))
	if !ok || len(name) == 0 || !isWord(name, "") {
		return false
	}
	parameter, results, ok := bytes.Cut(head, []byte(")"))
	if !ok || len(parameter) > 0 && !plainParameter(parameter, false) {
		return false
	}
	if len(results) == 0 || string(results) == " ([]byte, []int)" {
		return true
	}
	return results[0] == ' ' && len(results) > 1 && isWord(results[1:], ".*[]")
}

// plainParameter reports whether a parameter is a name and a type, or a type alone if that is allowed.
func plainParameter(parameter []byte, unnamed bool) bool {
	name, typ, named := bytes.Cut(parameter, []byte(" "))
	if !named {
		return unnamed && len(name) > 0 && isWord(name, "*")
	}
	return len(name) > 0 && isWord(name, "") && len(typ) > 0 && isWord(typ, ".*[]")
}

// isWord reports whether there are only letters of ASCII, digits, underscores, and the other characters in text.
func isWord(text []byte, other string) bool {
	for _, c := range text {
		if !isNameByte(c) && strings.IndexByte(other, c) < 0 {
			return false
		}
	}
	return true
}

func isNameByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
