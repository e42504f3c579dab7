package gen

import (
	"bytes"
	"math"
)

// appendDeclaration appends the plain declaration with which source begins, with its comment, and returns what is
// behind it; false when there is none. It may be a function, a type, or a group of constants or variables.
func appendDeclaration(dst, source []byte) (grown, rest []byte, ok bool) {
	dst, rest, ok = appendComment(dst, source, 0)
	if !ok {
		return dst, source, false
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	switch word, _, _ := bytes.Cut(line, []byte(" ")); string(word) {
	case "func":
		dst, rest, ok = appendFunction(dst, rest)
	case "type":
		dst, rest, ok = appendType(dst, rest)
	case "const", "var":
		dst, rest, ok = appendGroup(dst, rest)
	default:
		ok = false
	}
	return dst, rest, ok
}

// appendComment appends the comment with which source begins, if there is one, with an indent. It returns false when
// go/printer might print it otherwise: it does so with what looks like a list, a heading, a link, a quote or code.
func appendComment(dst, source []byte, indent int) (grown, rest []byte, ok bool) {
	rest = source
	paragraphs, lines := 1, 0 // lines of the present paragraph
	var last byte
	for bytes.HasPrefix(rest, []byte("//")) {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if text := line[len("//"):]; len(text) > 0 {
			if !plainText(text) {
				return dst, source, false
			}
			last = text[len(text)-1]
			lines++
		} else {
			if lines == 0 || paragraphs > 1 && lines == 1 && isNameByte(last) { // a heading
				return dst, source, false
			}
			paragraphs++
			lines = 0
		}
		dst = append(appendTabs(dst, indent), line...)
		dst = append(dst, '\n')
		rest = after
	}
	return dst, rest, paragraphs == 1 || lines > 0
}

// plainText reports whether a line of a comment, without its slashes, is plain.
func plainText(text []byte) bool {
	if len(text) < 2 || text[0] != ' ' || text[len(text)-1] == ' ' || !isLetter(text[1]) {
		return false
	}
	for i, c := range text {
		switch {
		case c < ' ' || c > '~' || c == '[' || c == ']' || c == '`':
			return false
		case c == '\'' && text[i-1] == '\'':
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// appendType appends the plain type with which source begins: a struct, an interface, or a name,
// followed by its constants if they come at once.
func appendType(dst, source []byte) (grown, rest []byte, ok bool) {
	line, rest, _ := bytes.Cut(source, []byte("\n"))
	name, typ, ok := bytes.Cut(bytes.TrimPrefix(line, []byte("type ")), []byte(" "))
	if !ok || !isWord(name, "") {
		return dst, source, false
	}
	dst = append(append(dst, line...), '\n')
	switch string(typ) {
	case "struct {":
		return appendRows(dst, rest, 1, "}", fieldCells)
	case "struct{}":
		return dst, rest, true
	case "interface {":
		return appendRows(dst, rest, 1, "}", methodCells)
	}
	if len(typ) == 0 || !isWord(typ, "") {
		return dst, source, false
	}
	if bytes.HasPrefix(rest, []byte("const (\n")) { // the values of an enum
		return appendGroup(append(dst, '\n'), rest)
	}
	return dst, rest, true
}

// appendGroup appends the plain group of constants with which source begins, or the variables with the names of an
// enum's values.
func appendGroup(dst, source []byte) (grown, rest []byte, ok bool) {
	line, rest, _ := bytes.Cut(source, []byte("\n"))
	dst = append(append(dst, line...), '\n')
	switch string(line) {
	case "const (":
		return appendRows(dst, rest, 1, ")", constantCells)
	case "var (":
	default:
		return dst, source, false
	}
	for maps := 0; ; maps++ {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if string(line) == ")" {
			return append(dst, ")\n"...), rest, maps > 1
		}
		name, typ, ok := bytes.Cut(line, []byte(" = map["))
		if !ok || !isWord(name, "") || string(typ) != "int32]string{" && string(typ) != "string]int32{" {
			return dst, source, false
		}
		dst = append(append(append(dst, '\t'), line...), '\n')
		size := len(dst)
		if dst, rest, ok = appendRows(dst, rest, 2, "}", pairCells); !ok || len(dst) == size+len("}\n") {
			return dst, source, false
		}
		dst = append(dst[:len(dst)-len("}\n")], "\t}\n"...)
	}
}

// appendList appends the elements of the list that source begins with, and returns what is behind them; false when they
// are not plain, or when there are none.
func appendList(dst, source []byte) (grown, rest []byte, ok bool) {
	size := len(dst)
	dst, rest, ok = appendRows(dst, source, 1, "}", elementCells)
	if dst = bytes.TrimSuffix(dst, []byte("}\n")); !ok || len(dst) == size {
		return dst, source, false
	}
	return dst, source[len(source)-len(rest)-len("}\n"):], true
}

// maxCells is how many columns there are at most.
const maxCells = 3

// row is a line of a declaration, in columns: those that are aligned, and the last one. Behind each is one space at
// least.
type row struct {
	cells  [maxCells][]byte
	number int
	size   int // that by which go/printer finds groups of rows; 0: they are one
}

// appendRows appends the lines of a declaration up to its end, with comments between them, in columns.
func appendRows(
	dst, source []byte, indent int, end string, cells func(line []byte) (row, bool),
) (grown, rest []byte, ok bool) {
	var rows []row
	rest = source
	for len(rest) > 0 {
		if bytes.HasPrefix(rest, []byte("//")) {
			dst = appendColumns(dst, rows, indent)
			rows = rows[:0]
			if dst, rest, ok = appendComment(dst, rest, indent); !ok || bytes.HasPrefix(rest, []byte(end)) {
				return dst, source, false
			}
		}
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		if string(line) == end {
			dst = appendColumns(dst, rows, indent)
			return append(append(dst, end...), '\n'), rest, true
		}
		r, ok := cells(line)
		if !ok {
			return dst, source, false
		}
		rows = append(rows, r)
	}
	return dst, source, false
}

// appendColumns appends rows, in columns. A row without some column ends that column, and begins no other.
func appendColumns(dst []byte, rows []row, indent int) []byte {
	var widths [maxCells]int
	var ends [maxCells]int // of the groups of rows that have the same columns
	end := 0               // of the rows of similar size
	for i := range rows {
		r := &rows[i]
		if i == end {
			end = similar(rows[i:]) + i
			ends = [maxCells]int{}
		}
		dst = appendTabs(dst, indent)
		for n := range r.number - 1 {
			if i >= ends[n] {
				widths[n] = 0
				j := i
				for ; j < end && rows[j].number > n+1; j++ {
					widths[n] = max(widths[n], len(rows[j].cells[n]))
				}
				ends[n] = j
			}
			dst = append(dst, r.cells[n]...)
			for range widths[n] + 1 - len(r.cells[n]) {
				dst = append(dst, ' ')
			}
		}
		dst = append(append(dst, r.cells[r.number-1]...), '\n')
	}
	return dst
}

// similar returns how many rows go/printer aligns with the first one: a row whose size is not small, or that comes
// behind such a one, ends the group when it is larger or smaller by far than those before it.
func similar(rows []row) int {
	const (
		small = 40
		ratio = 2.5
	)
	logs := 0.0
	for i, r := range rows {
		if r.size == 0 {
			continue
		}
		if i > 0 && (r.size > small || rows[i-1].size > small) {
			relative := float64(r.size) / math.Exp(logs/float64(i))
			if ratio*relative <= 1 || ratio <= relative {
				return i
			}
		}
		logs += math.Log(float64(r.size))
	}
	return len(rows)
}

// fieldCells splits the line of a field.
func fieldCells(line []byte) (row, bool) {
	name, typ, ok := bytes.Cut(line, []byte(" "))
	typ, tag, tagged := bytes.Cut(typ, []byte("`"))
	typ = bytes.TrimSuffix(typ, []byte(" "))
	if !ok || len(name) == 0 || !isWord(name, "") || len(typ) == 0 || !isWord(typ, ".*[]") {
		return row{}, false
	}
	if !tagged {
		return row{cells: [maxCells][]byte{name, typ}, number: 2}, true
	}
	quoted := line[len(line)-len(tag)-1:]
	ok = len(tag) > 1 && bytes.IndexByte(tag, '`') == len(tag)-1
	return row{cells: [maxCells][]byte{name, typ, quoted}, number: 3}, ok
}

// methodCells takes the line of a method of an interface.
func methodCells(line []byte) (row, bool) {
	name, signature, ok := bytes.Cut(line, []byte("("))
	return row{cells: [maxCells][]byte{line}, number: 1}, ok && len(name) > 0 && isWord(name, "") &&
		plainSignature(signature)
}

// constantCells splits the line of a constant that has a type and a number.
func constantCells(line []byte) (row, bool) {
	name, after, _ := bytes.Cut(line, []byte(" "))
	typ, number, ok := bytes.Cut(after, []byte(" = "))
	if !ok || len(name) == 0 || !isWord(name, "") || len(typ) == 0 || !isWord(typ, "") || !isNumber(number) {
		return row{}, false
	}
	return row{cells: [maxCells][]byte{name, typ, after[len(typ)+1:]}, number: 3}, true
}

// pairCells splits the line of a pair of a number and a name.
func pairCells(line []byte) (row, bool) {
	key, value, ok := bytes.Cut(line, []byte(": "))
	bare, comma := bytes.CutSuffix(value, []byte(","))
	if !ok || !comma || !isNumber(key) && !isQuoted(key) || !isNumber(bare) && !isQuoted(bare) {
		return row{}, false
	}
	return row{cells: [maxCells][]byte{line[:len(key)+1], value}, number: 2, size: len(key)}, true
}

// elementCells splits the line of an element of a list, which is followed by a comment.
func elementCells(line []byte) (row, bool) {
	element, comment, ok := bytes.Cut(line, []byte(", // "))
	if !ok || len(comment) == 0 || comment[len(comment)-1] == ' ' {
		return row{}, false
	}
	for _, c := range comment {
		if c < ' ' || c > '~' {
			return row{}, false
		}
	}
	bare := bytes.TrimPrefix(element, []byte("("))
	if len(bare) < len(element) {
		typ, value, _ := bytes.Cut(bytes.TrimPrefix(bare, []byte("*")), []byte(")("))
		if !isWord(typ, ".") || string(value) != "nil)" && string(value) != "0)" {
			return row{}, false
		}
	} else if string(element) != "nil" && !isNumber(element) {
		return row{}, false
	}
	size := len(element)
	return row{cells: [maxCells][]byte{line[:size+1], line[size+2:]}, number: 2, size: size}, true
}

// isNumber reports whether text is a decimal number.
func isNumber(text []byte) bool {
	text = bytes.TrimPrefix(text, []byte("-"))
	return len(text) > 0 && digits(text) == len(text)
}

// isQuoted reports whether text is a name in quotes.
func isQuoted(text []byte) bool {
	return len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' && isWord(text[1:len(text)-1], "")
}

func appendTabs(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '\t')
	}
	return dst
}
