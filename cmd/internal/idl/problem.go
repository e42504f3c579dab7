package idl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// Problem is an error or a warning about a place in a contract.
type Problem struct {
	File         string // path of the file on disk, or its import name when it is not there
	Line, Column int    // from 1, columns in characters; 0: not known
	Text         string

	// EndColumn is the column after the place's last character on that line; 0: not known.
	EndColumn int
	// Source is the line of text that Line names, "" when it is not known.
	Source string
	// Help says what to do about it; it may have several lines, and may be empty.
	Help string
	// Kind tells warnings apart.
	Kind Kind
	// Import is the path in the import statement that an UnusedImport is about.
	Import string
}

// Kind is the subject of a Problem, for callers that treat problems differently.
type Kind int

// The kinds.
const (
	Other        Kind = iota
	UnusedImport      // an import without use
	NoSyntax          // a file that says neither syntax nor edition
)

// String returns the problem as "file:line:column: text".
func (p Problem) String() string { return p.place() + ": " + p.Text }

func (p Problem) place() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
		if p.Column > 0 {
			b.WriteString(":" + strconv.Itoa(p.Column))
		}
	}
	return b.String()
}

// Render returns the problem for people: what String returns, the line of the contract with a mark under the place, and
// what to do about it. What is not known is left out. There is no line break at the end. Severity, such as "warning",
// is named in parentheses; "" is for errors.
func (p Problem) Render(paint cli.Painter, severity string) string {
	var b strings.Builder
	color := cli.Red
	if p.File != "" {
		b.WriteString(paint.Paint(cli.Bold, p.place()+":") + " ")
	}
	b.WriteString(cli.Clean(p.Text))
	if severity != "" {
		color = cli.Yellow
		b.WriteString(paint.Paint(color, " ("+severity+")"))
	}
	p = p.cropped()
	if p.Source != "" && p.Line > 0 {
		number := strconv.Itoa(p.Line)
		margin := strings.Repeat(" ", max(5-len(number), 1))
		b.WriteString("\n" + paint.Paint(cli.Faint, margin+number+" |") + " " + cli.Clean(p.Source))
		if p.Column > 0 {
			blank := strings.Repeat(" ", len(margin)+len(number))
			b.WriteString("\n" + paint.Paint(cli.Faint, blank+" |") + " " + p.indent() + paint.Paint(color, p.mark()))
		}
	}
	if p.Help != "" {
		for line := range strings.SplitSeq(p.Help, "\n") {
			b.WriteString("\n      " + paint.Paint(cli.Cyan, cli.Clean(line)))
		}
	}
	return b.String()
}

// The longest line that is shown whole, and what is shown of a longer one before the place.
const (
	wholeLine  = 160
	beforeMark = 60
)

// cropped returns the problem with the part of a very long line that is around its place.
func (p Problem) cropped() Problem {
	line := []rune(p.Source)
	if len(line) <= wholeLine || p.Column < 1 {
		return p
	}
	start := min(max(p.Column-1-beforeMark, 0), len(line))
	end := min(start+wholeLine-beforeMark, len(line))
	before, after := "", ""
	if start > 0 {
		before = "…"
	}
	if end < len(line) {
		after = "…"
	}
	shift := start - len([]rune(before))
	p.Source = before + string(line[start:end]) + after
	p.Column -= shift
	p.EndColumn = min(p.EndColumn-shift, len([]rune(p.Source))+1)
	return p
}

// indent returns white space as wide as what is before the place: tabs stay tabs.
func (p Problem) indent() string {
	var b strings.Builder
	column := 1
	for _, r := range p.Source {
		if column++; column > p.Column {
			break
		}
		switch {
		case r == '\t':
			b.WriteByte('\t')
		case isWide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// isWide reports whether terminals show a character in two columns.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
		'\u3000' <= r && r <= '\u303f' || '\uff01' <= r && r <= '\uff60' || '\U0001f300' <= r && r <= '\U0001faff'
}

// mark returns what stands under the place.
func (p Problem) mark() string {
	width := min(p.EndColumn, utf8.RuneCountInString(p.Source)+1) - p.Column
	return "^" + strings.Repeat("~", max(width-1, 0))
}

// ContractError holds all that is wrong with a contract.
type ContractError struct {
	Problems []Problem
}

// maxShown is how many problems are shown: more than that have few causes.
const maxShown = 50

// Error returns the problems as Render does, in the order in which they are held, without color; of very many it
// returns the first.
func (e *ContractError) Error() string { return e.Paint(cli.Painter{}) }

// Paint is Error for a terminal.
func (e *ContractError) Paint(paint cli.Painter) string {
	texts := make([]string, 0, len(e.Problems))
	for i, p := range e.Problems {
		if i == maxShown {
			texts = append(texts, fmt.Sprintf("and %d more", len(e.Problems)-i))
			break
		}
		texts = append(texts, p.Render(paint, ""))
	}
	return strings.Join(texts, "\n")
}

// inOrder returns problems in the order of file and line, without repetitions.
func inOrder(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(problems)
}
