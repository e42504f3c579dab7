package idl

import (
	"errors"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// errDeclaredTwice reports that files that were compiled apart cannot be compiled together. What is wrong with them is
// found by doing that.
var errDeclaredTwice = errors.New("two files declare the same")

// symbols are what the files of a contract declare and what may be declared once only. The compiler has a table of them
// for what it compiles at once, which keeps the text of all these files; this one finds what two batches declare.
//
// Names within messages, enums and services are not in it: two of them are equal only if names around them are.
type symbols struct {
	files        map[string]bool
	names        map[protoreflect.FullName]bool // and whether the name is a package's
	extensions   map[extension]bool
	declarations map[string]extension // by the full name of what may extend
}

// extension is a field that extends a message.
type extension struct {
	of     protoreflect.FullName
	number protoreflect.FieldNumber
}

func newSymbols() *symbols {
	return &symbols{
		files:        make(map[string]bool),
		names:        make(map[protoreflect.FullName]bool),
		extensions:   make(map[extension]bool),
		declarations: make(map[string]extension),
	}
}

// add adds what a file declares, and all that it imports. It returns errDeclaredTwice when another file has declared
// something of that already.
func (s *symbols) add(file protoreflect.FileDescriptor) error {
	if s.files[file.Path()] {
		return nil
	}
	s.files[file.Path()] = true
	for i := range file.Imports().Len() {
		if err := s.add(file.Imports().Get(i).FileDescriptor); err != nil {
			return err
		}
	}
	ok := s.addPackage(file.Package())
	for i := range file.Messages().Len() {
		ok = s.addName(file.Messages().Get(i)) && ok
	}
	for i := range file.Enums().Len() {
		ok = s.addName(file.Enums().Get(i)) && ok
		for j := range file.Enums().Get(i).Values().Len() { // they are beside their enum
			ok = s.addName(file.Enums().Get(i).Values().Get(j)) && ok
		}
	}
	for i := range file.Extensions().Len() {
		ok = s.addName(file.Extensions().Get(i)) && ok
	}
	for i := range file.Services().Len() {
		ok = s.addName(file.Services().Get(i)) && ok
	}
	if ok = s.addExtensions(file) && ok; !ok {
		return errDeclaredTwice
	}
	return nil
}

// addPackage adds the name of a package and of those around it, and reports whether nothing else has one of them.
func (s *symbols) addPackage(name protoreflect.FullName) bool {
	for ; name != ""; name = name.Parent() {
		if isPackage, taken := s.names[name]; taken {
			return isPackage // and so are those around it
		}
		s.names[name] = true
	}
	return true
}

// addName adds the name of a declaration, and reports whether nothing else has it.
func (s *symbols) addName(d protoreflect.Descriptor) bool {
	if _, taken := s.names[d.FullName()]; taken {
		return false
	}
	s.names[d.FullName()] = false
	return true
}

// addExtensions adds the numbers of the extensions in a file or message, and those that it declares for others. It
// reports whether all are free.
func (s *symbols) addExtensions(in container) bool {
	ok := true
	for i := range in.Extensions().Len() {
		field := in.Extensions().Get(i)
		key := extension{field.ContainingMessage().FullName(), field.Number()}
		ok = !s.extensions[key] && ok
		s.extensions[key] = true
	}
	for i := range in.Messages().Len() {
		m := in.Messages().Get(i)
		for j := range m.ExtensionRanges().Len() {
			options, _ := m.ExtensionRangeOptions(j).(*descriptorpb.ExtensionRangeOptions)
			for _, d := range options.GetDeclaration() {
				ok = s.addDeclaration(m, d) && ok
			}
		}
		ok = s.addExtensions(m) && ok
	}
	return ok
}

// addDeclaration adds what a message says about an extension of it, and reports whether nothing else is said elsewhere.
func (s *symbols) addDeclaration(
	m protoreflect.MessageDescriptor, d *descriptorpb.ExtensionRangeOptions_Declaration,
) bool {
	if d.FullName == nil {
		return true
	}
	name := strings.TrimPrefix(d.GetFullName(), ".")
	declared := extension{m.FullName(), protoreflect.FieldNumber(d.GetNumber())}
	if other, ok := s.declarations[name]; ok {
		return other == declared
	}
	s.declarations[name] = declared
	return true
}
