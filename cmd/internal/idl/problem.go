package idl

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Problem is an error or a warning about a place in a contract.
type Problem struct {
	File         string // path of the file on disk, or its import name when it is not there
	Line, Column int    // from 1; 0: not known
	Text         string
}

// String returns the problem as "file:line:column: text".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
		if p.Column > 0 {
			b.WriteString(":" + strconv.Itoa(p.Column))
		}
	}
	b.WriteString(": " + p.Text)
	return b.String()
}

// ContractError holds all that is wrong with a contract.
type ContractError struct {
	Problems []Problem
}

// Error returns one line for each problem.
func (e *ContractError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// inOrder returns problems in the order of file and line, without repetitions.
func inOrder(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(problems)
}
