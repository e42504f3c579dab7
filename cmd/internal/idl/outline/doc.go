// Package outline reads .proto files leniently: what they declare, and what is wrong with how they are written, in
// words for people. It goes on where a compiler gives up, and it decides nothing: it is asked when the compiler has
// refused a file, to say why, and to find what was meant.
package outline

import "strings"

// File holds the declarations of a .proto file.
type File struct {
	// Syntax is the value of the syntax or edition statement, "" without one.
	Syntax    string
	Edition   Span // of the value of the edition statement, empty without one
	Package   string
	PackageAt Span
	Imports   []Import
	// Decls are the messages, enums and services with all nested ones, in the order of the text.
	Decls []*Decl
	// Options are those of the file.
	Options []Option
	// Problems are what is wrong with the syntax, in the order of the text, at most one for each statement.
	Problems []Problem
}

// Span is a part of the text: the offsets of its first byte and of the byte after its last one.
type Span struct{ Start, End int }

// Import is an import statement.
type Import struct {
	Path string
	At   Span // of the quoted path
}

// Option is an option statement.
type Option struct {
	Name string
	At   Span // of the whole statement
}

// Kind says what a Decl declares.
type Kind string

// The kinds.
const (
	Message Kind = "message"
	Enum    Kind = "enum"
	Service Kind = "service"
	// Extension is a field that is declared for another message, such as an option.
	Extension Kind = "extension"
)

// Decl is a declaration.
type Decl struct {
	Kind Kind
	// Name is the full name, with the package.
	Name    string
	At      Span // of the name where it is declared
	Members []Member
	// Reserved are the numbers that may not be used; for messages also those set aside for extensions.
	Reserved []Range
}

// Member is a field or the value of an enum.
type Member struct {
	Name   string
	Number int
	At     Span // of the number
}

// Range is a range of numbers with both its ends.
type Range struct {
	First, Last int
	At          Span
}

// Problem is a mistake.
type Problem struct {
	At   Span
	Text string
	Help string // what to do about it; may be empty
}

// The numbers that fields may not have (protobuf's implementation takes them for itself), and the largest one.
const (
	firstTaken = 19000
	lastTaken  = 19999
	MaxNumber  = 1<<29 - 1
)

// NextNumber returns the number after the largest one that a member of d has, passing over those that are reserved.
// Members whose numbers are not allowed do not count.
func (d *Decl) NextNumber() int {
	next := 1
	if d.Kind == Enum {
		next = 0
	}
	for _, m := range d.Members {
		if m.Number >= next && m.Number < MaxNumber && d.after(m.Number) == m.Number {
			next = m.Number + 1
		}
	}
	return d.after(next)
}

// after returns the first number from n on that is neither reserved nor protobuf's own.
func (d *Decl) after(n int) int {
	for again := true; again; {
		again = false
		for _, r := range d.Reserved {
			if r.First <= n && n <= r.Last && r.Last < MaxNumber {
				n, again = r.Last+1, true
			}
		}
		if d.Kind == Message && firstTaken <= n && n <= lastTaken {
			n, again = lastTaken+1, true
		}
	}
	return n
}

// Find returns the declaration with that full name, nil when there is none.
func (f *File) Find(name string) *Decl {
	for _, d := range f.Decls {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// Member returns the member of that name, the last one when there are several, and false when there is none.
func (d *Decl) Member(name string) (Member, bool) {
	for i := len(d.Members) - 1; i >= 0; i-- {
		if d.Members[i].Name == name {
			return d.Members[i], true
		}
	}
	return Member{}, false
}

// Simple returns the last part of a full name.
func Simple(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
