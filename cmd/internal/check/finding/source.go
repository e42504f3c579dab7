package finding

import (
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// Sources reads the lines of files, each file once. It is quickest for those who ask for one file after the other. The
// zero Sources is ready; it is not safe for concurrent use.
type Sources struct {
	files map[string]string
	path  string   // of the file that was asked for last
	lines []string // of it
}

// Add makes text the content of the file at path, so that it is not read.
func (s *Sources) Add(path, text string) {
	if s.files == nil {
		s.files = make(map[string]string)
	}
	s.files[path] = text
	if s.path == path {
		s.lines = nil
	}
}

// Line returns the line with that number, which counts from 1, without its end; "" when there is none, or when the file
// cannot be read.
func (s *Sources) Line(path string, number int) string {
	if _, ok := s.files[path]; !ok {
		content, _ := cli.ReadSource(path)
		s.Add(path, string(content))
	}
	if s.lines == nil || s.path != path {
		s.path, s.lines = path, s.lines[:0]
		for line := range strings.Lines(s.files[path]) {
			s.lines = append(s.lines, strings.TrimRight(line, "\r\n"))
		}
	}
	if number < 1 || number > len(s.lines) {
		return ""
	}
	return s.lines[number-1]
}

// Place returns the Place of a span of a descriptor's source code info: three or four numbers from 0, of which the
// first is a line. An empty span is the whole file.
func (s *Sources) Place(path string, span []int32) Place {
	at := Place{File: path}
	if len(span) < 3 {
		return at
	}
	at.Line, at.EndLine = int(span[0])+1, int(span[0])+1
	last := span[2]
	if len(span) > 3 {
		at.EndLine, last = int(span[2])+1, span[3]
	}
	at.Column = s.column(path, at.Line, int(span[1]))
	at.EndColumn = s.column(path, at.EndLine, int(last))
	return at
}

// column returns the column, in characters from 1, of what compilers say to lie in a column that they count from 0 with
// tab stops every eight columns.
func (s *Sources) column(path string, line, column int) int {
	text := s.Line(path, line)
	if !strings.Contains(text, "\t") {
		return column + 1
	}
	at, count := 0, 1
	for _, r := range text {
		if at >= column {
			break
		}
		if r == '\t' {
			at += 8 - at%8
		} else {
			at++
		}
		count++
	}
	return count
}
