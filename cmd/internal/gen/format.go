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

// formatted returns Go code as protogen formats it. The code has no indentation yet; head, its beginning up to the
// package clause or the imports, is left to go/printer.
//
// Most of what protoc-gen-go writes is functions of a few plain lines, structs and lists. go/parser and go/printer take
// much time for them, and do no more than indent them and align columns: that is done here, and go/printer gets
// placeholders. All that is not as plain, or might be printed otherwise, is left to it.
func formatted(head, code []byte) ([]byte, error) {
	rest, parts := split(head, code)
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
	size := printed.Len()
	for _, p := range parts {
		size += len(p.text)
	}
	out := make([]byte, 0, size)
	left := printed.Bytes()
	for _, p := range parts {
		before, after, found := bytes.Cut(left, []byte("\n"+p.placeholder+"\n"))
		if !found {
			return nil, errNotFormatted
		}
		out = append(append(append(out, before...), '\n'), p.text...)
		left = after
	}
	return append(out, left...), nil
}

// placed is code that was formatted here.
type placed struct {
	placeholder string // the line that go/printer prints in its place
	text        []byte
}

// splitter formats what is plain.
type splitter struct {
	rest  []byte // what is left, with placeholders
	parts []placed
	text  []byte // of all parts
	begun int    // where in it the next part begins
}

// split formats what is plain in the code behind head, and returns all with placeholders for it.
func split(head, source []byte) (rest []byte, parts []placed) {
	s := splitter{rest: make([]byte, 0, len(head)+len(source)/4), text: make([]byte, 0, len(source)+len(source)/4)}
	s.rest = append(s.rest, head...)
	blank := true // whether the line before is
	for len(source) > 0 {
		if blank {
			size := len(s.text)
			if size > s.begun {
				s.text = append(s.text, '\n')
			}
			if grown, after, ok := appendDeclaration(s.text, source); ok && (len(after) == 0 || after[0] == '\n') {
				s.text, source = grown, after
				continue
			}
			s.text = s.text[:size]
		}
		line, after, _ := bytes.Cut(source, []byte("\n"))
		source = after
		if blank = len(line) == 0; blank && len(s.text) > s.begun {
			continue
		}
		s.declarations()
		s.rest = append(append(s.rest, line...), '\n')
		switch {
		case !bytes.HasSuffix(line, []byte("{")):
		case bytes.HasPrefix(line, []byte("var ")):
			if list, after, ok := appendList(s.text, source); ok {
				s.text, source = list, after
				s.hold("\t_elements", ",")
			}
		case bytes.HasPrefix(line, []byte("func ")):
			s.text, source = appendStatements(s.text, source, 1)
			s.hold("\t_statements", "()")
		case string(line) == "Params: []fairlead.HTTPParam{":
			source = s.parameters(source)
		}
	}
	s.declarations()
	return s.rest, s.parts
}

// hold makes a part of the text that was formatted since the last one, if there is any.
func (s *splitter) hold(placeholder, end string) {
	if len(s.text) == s.begun {
		return
	}
	placeholder += strconv.Itoa(len(s.parts)) + end
	s.rest = append(append(s.rest, placeholder...), '\n')
	s.parts = append(s.parts, placed{placeholder, s.text[s.begun:]})
	s.begun = len(s.text)
}

// declarations makes a part of the declarations that were formatted since the last one, if there are any.
func (s *splitter) declarations() {
	if len(s.text) > s.begun {
		s.hold("func _declarations", "()")
		s.rest = append(s.rest, '\n')
	}
}

// errNotFormatted says that code has not the form in which it can be formatted here.
var errNotFormatted = errors.New("the code has another form")

// maxOnOneLine is how long the head of a function without statements may be. go/printer breaks lines beyond 100.
const maxOnOneLine = 90

// appendFunction appends the plain function with which source begins, and returns what is behind it; false when there
// is none.
func appendFunction(dst, source []byte) (grown, rest []byte, ok bool) {
	line, rest, _ := bytes.Cut(source, []byte("\n"))
	if head, ok := bytes.CutSuffix(line, []byte(" {}")); ok {
		return append(append(dst, line...), '\n'), rest, len(head) <= maxOnOneLine && plainHead(head)
	}
	head, ok := bytes.CutSuffix(line, []byte(" {"))
	if !ok || !plainHead(head) {
		return dst, source, false
	}
	dst, rest = appendStatements(append(append(dst, line...), '\n'), rest, 1)
	if rest, ok = bytes.CutPrefix(rest, []byte("}\n")); !ok {
		return dst, source, false
	}
	return append(dst, "}\n"...), rest, true
}

// appendStatements appends the plain statements with which source begins, and returns what is behind them.
func appendStatements(dst, source []byte, indent int) (grown, rest []byte) {
	for {
		statement, after, ok := appendStatement(dst, source, indent)
		if !ok {
			return dst, source
		}
		dst, source = statement, after
	}
}

// appendStatement appends the plain statement with which source begins, with the block that is part of it, and returns
// what is behind it; false when there is none.
func appendStatement(dst, source []byte, indent int) (grown, rest []byte, ok bool) {
	line, rest, ok := bytes.Cut(source, []byte("\n"))
	line = spaced(line)
	head, opens := bytes.CutSuffix(line, []byte(" {"))
	switch {
	case !ok:
		return dst, source, false
	case plain(head, opens):
	case !opens && bytes.HasSuffix(line, []byte("{")):
		return appendLiteral(dst, source, indent)
	default:
		return dst, source, false
	}
	dst = append(append(appendTabs(dst, indent), line...), '\n')
	for opens {
		dst, rest = appendStatements(dst, rest, indent+1)
		if line, rest, ok = bytes.Cut(rest, []byte("\n")); !ok || string(line) != "}" && string(line) != "} else {" {
			return dst, source, false
		}
		opens = len(line) > 1
		dst = append(append(appendTabs(dst, indent), line...), '\n')
	}
	return dst, rest, true
}

// spaced returns a line with spaces as go/printer has them, where protoc-gen-go writes others: behind return, in
// getters, and between the numbers of an index.
func spaced(line []byte) []byte {
	after, ok := bytes.CutPrefix(line, []byte("return "))
	if !ok {
		return line
	}
	switch {
	case bytes.HasPrefix(after, []byte(" ")) && isWord(after[1:], "."):
		return append([]byte("return "), after[1:]...)
	case bytes.HasPrefix(after, []byte("* ")) && isWord(after[2:], "."):
		return append([]byte("return *"), after[2:]...)
	}
	call, index, ok := bytes.Cut(after, []byte(", []int{"))
	if numbers, closed := bytes.CutSuffix(index, []byte("}")); ok && closed && isWord(call, "()") && isWord(numbers, ",") {
		spaced := append([]byte("return "), call...)
		spaced = append(spaced, ", []int{"...)
		spaced = append(spaced, bytes.ReplaceAll(numbers, []byte(","), []byte(", "))...)
		return append(spaced, '}')
	}
	return line
}

// plainHead reports whether the head of a function is plain: the types in it are names, pointers and slices.
func plainHead(head []byte) bool {
	head, ok := bytes.CutPrefix(head, []byte("func "))
	if !ok {
		return false
	}
	if after, ok := bytes.CutPrefix(head, []byte("(")); ok {
		receiver, after, ok := bytes.Cut(after, []byte(") "))
		if !ok || !plainReceiver(receiver) {
			return false
		}
		head = after
	}
	name, signature, ok := bytes.Cut(head, []byte("("))
	return ok && len(name) > 0 && isWord(name, "") && plainSignature(signature)
}

// plainSignature reports whether the parameters and results of a function, behind the first parenthesis, are plain.
func plainSignature(signature []byte) bool {
	parameters, results, ok := bytes.Cut(signature, []byte(")"))
	if !ok || len(parameters) > 0 && !plainParameters(parameters) {
		return false
	}
	if len(results) == 0 {
		return true
	}
	if list, ok := bytes.CutPrefix(results, []byte(" (")); ok {
		list, ok = bytes.CutSuffix(list, []byte(")"))
		return ok && bytes.IndexByte(list, ',') > 0 && plainParameters(list) // go/printer may drop those of one result
	}
	return results[0] == ' ' && len(results) > 1 && isWord(results[1:], ".*[]")
}

// plainParameters reports whether a list of parameters is plain: all have a name and a type, or a type alone.
func plainParameters(list []byte) bool {
	_, _, named := bytes.Cut(bytes.Split(list, []byte(", "))[0], []byte(" "))
	for parameter := range bytes.SplitSeq(list, []byte(", ")) {
		name, typ, ok := bytes.Cut(parameter, []byte(" "))
		if !ok {
			name, typ = nil, name
		}
		typ = bytes.TrimPrefix(typ, []byte("..."))
		if ok != named || named && (len(name) == 0 || !isWord(name, "")) || len(typ) == 0 || !isWord(typ, ".*[]") {
			return false
		}
	}
	return true
}

// plainReceiver reports whether the receiver of a method is a name and a type, or a type alone.
func plainReceiver(receiver []byte) bool {
	name, typ, named := bytes.Cut(receiver, []byte(" "))
	if !named {
		return len(name) > 0 && isWord(name, "*")
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
