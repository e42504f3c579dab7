package gen

import (
	"bytes"
	"slices"
)

// appendLiteral appends the statement with which source begins, the composite literal of several lines that is
// assigned or returned, and returns what is behind it; false when there is none that is plain.
func appendLiteral(dst, source []byte, indent int) (grown, rest []byte, ok bool) {
	begin, rest, _ := bytes.Cut(source, []byte("\n"))
	typ, ok := bytes.CutPrefix(bytes.TrimSuffix(begin, []byte("{")), []byte("return "))
	if !ok {
		_, typ, ok = bytes.Cut(typ, []byte("= "))
	}
	typ = bytes.TrimPrefix(typ, []byte("&"))
	if !ok || len(typ) == 0 || !isWord(typ, ".[]") {
		return dst, source, false
	}
	dst = append(append(appendTabs(dst, indent), begin...), '\n')
	if dst, rest, ok = appendElements(dst, rest, indent+1); !ok {
		return dst, source, false
	}
	end, rest, ok := bytes.Cut(rest, []byte("\n"))
	if !ok || !plain(slices.Concat(begin, end), false) {
		return dst, source, false
	}
	return append(append(appendTabs(dst, indent), end...), '\n'), rest, true
}

// appendElements appends the elements of a composite literal, one a line, and returns what is behind them, the line
// with the closing brace; false when they are not plain, or when there are none. Keys and values are in columns. A
// value may be a literal of several lines.
func appendElements(dst, source []byte, indent int) (grown, rest []byte, ok bool) {
	var rows []row
	keys, count := 0, 0
	for rest = source; !bytes.HasPrefix(rest, []byte("}")); count++ {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		element, comma := bytes.CutSuffix(line, []byte(","))
		key, value, keyed := bytes.Cut(element, []byte(": "))
		if keyed = keyed && isWord(key, ""); keyed {
			keys++
		} else {
			value = element
		}
		typ, opens := bytes.CutSuffix(line, []byte("{"))
		switch {
		case !found:
			return dst, source, false
		case opens && keyed && isWord(typ[len(key)+len(": "):], "."):
			dst = append(append(appendTabs(appendColumns(dst, rows, indent), indent), line...), '\n')
			rows = rows[:0]
			if dst, after, ok = appendElements(dst, after, indent+1); !ok {
				return dst, source, false
			}
			if after, ok = bytes.CutPrefix(after, []byte("},\n")); !ok {
				return dst, source, false
			}
			dst = append(appendTabs(dst, indent), "},\n"...)
		case !comma || !plainValue(value):
			return dst, source, false
		case keyed:
			rows = append(rows, row{cells: [maxCells][]byte{line[:len(key)+1], line[len(key)+2:]}, number: 2, size: len(key)})
		default:
			dst = append(append(appendTabs(dst, indent), line...), '\n')
		}
		rest = after
	}
	return appendColumns(dst, rows, indent), rest, count > 0 && (keys == 0 || keys == count)
}

// plainValue reports whether text is a plain expression.
func plainValue(text []byte) bool {
	return !bytes.HasPrefix(text, []byte("return")) && !bytes.Contains(text, []byte("= ")) && plain(text, false)
}

// parameters formats the parameters of an HTTP rule, in which stubs are long, as far as they are plain. It returns what
// is behind them.
func (s *splitter) parameters(source []byte) []byte {
	for {
		line, after, ok := bytes.Cut(source, []byte("\n"))
		if !ok || string(line) == "}," {
			s.hold("\t\t\t_parameters", ",")
			return source
		}
		if text, ok := appendParameter(s.text, line); ok {
			s.text = text
		} else {
			s.hold("\t\t\t_parameters", ",")
			s.rest = append(append(s.rest, line...), '\n')
		}
		source = after
	}
}

// appendParameter appends a parameter of an HTTP rule; false when it is not plain.
func appendParameter(dst, line []byte) ([]byte, bool) {
	const function = "func(m any, v []string) error { "
	head, set, ok := bytes.Cut(line, []byte(", Set: "))
	if names, begins := bytes.CutPrefix(head, []byte("{")); !ok || !begins || !plainNames(names) {
		return dst, false
	}
	dst = append(appendTabs(dst, 3), head...)
	dst = append(dst, ", Set: "...)
	statement, ok := bytes.CutPrefix(set, []byte(function))
	if !ok {
		name, ok := bytes.CutSuffix(set, []byte("},"))
		return append(append(dst, set...), '\n'), ok && isWord(name, "")
	}
	statement, ok = bytes.CutSuffix(statement, []byte(" }},"))
	if !ok || !plainSetter(statement) {
		return dst, false
	}
	dst = append(append(dst, bytes.TrimSpace([]byte(function))...), '\n')
	dst = append(append(appendTabs(dst, 4), statement...), '\n')
	return append(appendTabs(dst, 3), "}},\n"...), true
}

// plainNames reports whether the fields of a parameter before its function are plain.
func plainNames(fields []byte) bool {
	for field := range bytes.SplitSeq(fields, []byte(", ")) {
		key, value, ok := bytes.Cut(field, []byte(": "))
		if !ok || !isWord(key, "") || string(value) != "true" && (value[0] != '"' || literal(value) != len(value)) {
			return false
		}
	}
	return true
}

// go/printer puts a function on one line if its text takes 100 characters at most. The function in which a setter is
// has 29 before its body.
const (
	maxFunction = 100
	minSetter   = maxFunction - 25
)

// plainSetter reports whether the only statement of a setter is plain, a call whose last argument is a function, and so
// long that it has a line of its own.
func plainSetter(statement []byte) bool {
	call, function, ok := bytes.Cut(statement, []byte(", func(x "))
	typ, body, found := bytes.Cut(function, []byte(") { "))
	body, ends := bytes.CutSuffix(body, []byte(" })"))
	return ok && found && ends && len(statement) > minSetter && len(function) < maxFunction-len("func(x ") &&
		isWord(typ, ".*[]") && bytes.HasPrefix(call, []byte("return ")) &&
		plain(append(bytes.Clone(call), ')'), false) && plain(body, false) && !bytes.HasPrefix(body, []byte("return"))
}
