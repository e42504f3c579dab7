package idl

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

// source is a file that was read from disk.
type source struct {
	path string
	text string
	// lines returns the offsets at which the lines begin. It makes the table when it is first called.
	lines func() []int
}

func newSource(path, text string) source {
	return source{path: path, text: text, lines: sync.OnceValue(func() []int { return lineTable(text) })}
}

func lineTable(text string) []int {
	table := make([]int, 1, 1+strings.Count(text, "\n"))
	for at := 0; ; {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return table
		}
		at += n + 1
		table = append(table, at)
	}
}

// lineAt returns the number of the line, from 1, that holds the character at offset. A line holds its line feed.
func (s source) lineAt(offset int) int {
	n, begins := slices.BinarySearch(s.lines(), offset)
	if begins {
		return n + 1
	}
	return n
}

// line returns the offset at which the line with that number begins, and its text without the line feed. A number
// beyond the last line stands for the end of the file.
func (s source) line(number int) (begin int, text string) {
	lines := s.lines()
	if number > len(lines) {
		return len(s.text), ""
	}
	begin = lines[number-1]
	if number < len(lines) {
		return begin, s.text[begin : lines[number]-1]
	}
	return begin, s.text[begin:]
}

// at returns a Problem about a part of a file. It takes no longer at the end of the file than at its start, and copies
// no text.
func (s source) at(span outline.Span, text, help string) Problem {
	start := min(max(span.Start, 0), len(s.text))
	number := s.lineAt(start)
	begin, line := s.line(number)
	column := 1 + utf8.RuneCountInString(s.text[begin:start])
	end := min(max(span.End, start), begin+len(line))
	p := Problem{
		File: s.path, Line: number, Column: column, Text: text, Help: help,
		EndColumn: column + max(utf8.RuneCountInString(line[min(start-begin, len(line)):max(end-begin, 0)]), 1),
	}
	p.Source = strings.TrimRight(strings.ToValidUTF8(line, "\ufffd"), " \t\r")
	return p
}

// tabWidth is how wide the compiler takes tabs to be where it counts columns.
const tabWidth = 8

// Locate completes a problem that has the name of a file, and the line and column that descriptors have for a place in
// it: it returns the same with the file's path, the line of text, and the column in characters.
func (c *Contract) Locate(p Problem) Problem {
	src, ok := c.sources[p.File]
	if !ok {
		return p
	}
	if p.Line < 1 {
		p.File = src.path
		return p
	}
	begin, line := src.line(p.Line)
	start, column := len(line), 1
	for i, r := range line {
		if column >= p.Column {
			start = i
			break
		}
		if r == '\t' {
			column += tabWidth - (column-1)%tabWidth
		} else {
			column++
		}
	}
	length := strings.IndexAny(line[start:], " \t\r\n;{}(),=")
	if length < 0 {
		length = len(line) - start
	}
	return src.at(outline.Span{Start: begin + start, End: begin + start + length}, p.Text, p.Help)
}

// Declared returns a Problem, without a text, about what path leads to in the descriptor of the file of that name.
// Paths are those of google.protobuf.SourceCodeInfo. When the compiler kept no place for the path, the Problem is about
// the file. Declared is not safe for concurrent use.
func (c *Contract) Declared(file string, path []int32) Problem {
	if c.spans[file] == nil {
		c.indexSpans(file)
	}
	span := c.spans[file][pathKey(path)]
	if len(span) < 3 {
		return Problem{File: c.Path(file)}
	}
	return c.Locate(Problem{File: file, Line: int(span[0]) + 1, Column: int(span[1]) + 1})
}

func (c *Contract) indexSpans(name string) {
	spans := make(map[string][]int32)
	for _, file := range c.Files {
		if file.GetName() != name {
			continue
		}
		places, err := c.placesIn(file, AllPlaces)
		if err != nil {
			continue // then the Problem has no line
		}
		for _, at := range places.GetLocation() {
			if key := pathKey(at.GetPath()); spans[key] == nil {
				spans[key] = at.GetSpan()
			}
		}
	}
	if c.spans == nil {
		c.spans = make(map[string]map[string][]int32)
	}
	c.spans[name] = spans
}

// pathKey makes a path comparable.
func pathKey(path []int32) string {
	b := make([]byte, 0, 2*len(path))
	for _, n := range path {
		b = binary.AppendVarint(b, int64(n))
	}
	return string(b)
}
