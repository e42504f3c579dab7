package gen

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Problem is something wrong with a contract that its compiler does not see, and where.
type Problem struct {
	File         string // the name by which the file is imported
	Line, Column int    // from 1; 0: the compiler kept no positions
	Text         string
}

// String returns the problem as "file:line:column: text".
func (p Problem) String() string { return p.place() + ": " + p.Text }

// place returns "file:line:column", or the file alone when nothing more is known.
func (p Problem) place() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Problems is the error that holds all that is wrong, in the order of file, line and column.
type Problems []Problem //nolint:errname,recvcheck // a list that is filled, and an error once it is full

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// ProblemsOf splits what Run returned into the problems that have a place in the contract, in their order, and the
// other errors, joined; nil for none.
func ProblemsOf(err error) (Problems, error) {
	var found Problems
	var others []error
	collect(err, &found, &others)
	found.sort()
	return found, errors.Join(others...)
}

func collect(err error, found *Problems, others *[]error) {
	switch e := err.(type) { //nolint:errorlint // it takes the tree apart itself
	case nil:
	case Problems:
		*found = append(*found, e...)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			collect(err, found, others)
		}
	default:
		*others = append(*others, err)
	}
}

// sort puts problems in order and drops repetitions, such as those of a file that several generators look at.
func (p *Problems) sort() {
	slices.SortFunc(*p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Text, b.Text))
	})
	*p = slices.Compact(*p)
}

// err returns the problems in order as an error, nil when there are none.
func (p *Problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	p.sort()
	return *p
}

// add notes a problem of d. Path leads from d to the place that is wrong, by field numbers and indices in its
// descriptor's message, as in google.protobuf.SourceCodeInfo; without one it is d itself.
//
//nolint:goprintffuncname // its callers read like those of append
func (p *Problems) add(d protoreflect.Descriptor, path []int32, format string, args ...any) {
	at := placeOf(d, path...)
	at.Text = fmt.Sprintf(format, args...)
	*p = append(*p, at)
}

// placeOf returns a problem without a text at the place that path leads to from d, or the nearest one around it whose
// position the compiler kept.
func placeOf(d protoreflect.Descriptor, path ...int32) Problem {
	file := d.ParentFile()
	at := Problem{File: file.Path()}
	locations := file.SourceLocations()
	found := locations.ByDescriptor(d)
	if found.Path == nil {
		return at
	}
	for n := len(path); n > 0; n-- {
		inner := locations.ByPath(slices.Concat(found.Path, path[:n]))
		if inner.Path != nil {
			found = inner
			break
		}
	}
	at.Line, at.Column = found.StartLine+1, found.StartColumn+1
	return at
}

// position returns where d is declared, as "file:line:column", or the file alone when the compiler kept no positions.
func position(d protoreflect.Descriptor) string { return placeOf(d).place() }
