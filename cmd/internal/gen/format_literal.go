package gen

import (
	"bytes"
	"slices"
)

// appendLiteral appends the statement with which source begins, an assignment of a composite literal of several lines,
// and returns what is behind it; false when there is none that is plain.
func appendLiteral(dst, source []byte, indent int) (grown, rest []byte, ok bool) {
	begin, rest, _ := bytes.Cut(source, []byte("\n"))
	_, typ, ok := bytes.Cut(bytes.TrimSuffix(begin, []byte("{")), []byte("= "))
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
