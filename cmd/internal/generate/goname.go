package generate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// The numbers of the fields in which google.protobuf.DescriptorProto has fields and oneofs.
const messageFields, messageOneofs = 2, 8

// goNames finds declarations that are told apart in the contracts and not in Go. It looks at all files of a Go package
// at once.
type goNames struct {
	unit    *unit
	claims  map[protogen.GoIdent]claim
	clashes []goClash
}

// goClash is a declaration whose name in Go another one has already, or a method of all messages.
type goClash struct {
	own, first claim // of a method there is no first
	ident      protogen.GoIdent
}

// add adds what files declare, and reports whether all names are different.
func (n *goNames) add(files []*protogen.File) bool {
	before := len(n.clashes)
	for _, file := range files {
		at := claim{unit: n.unit, file: file.Desc.Path()}
		n.types(at, fileMessages, file.Messages, fileEnums, file.Enums)
		n.extensions(at, fileExtensions, file.Extensions)
	}
	return len(n.clashes) == before
}

// clashes returns the names of Go packages that are there twice, within a unit or in several, as an *idl.ContractError.
func clashes(all []*made) error {
	wrong := new(idl.ContractError)
	units := &goNames{claims: make(map[protogen.GoIdent]claim)}
	for _, m := range all {
		before := len(units.clashes)
		for _, part := range m.names {
			if part == nil {
				continue
			}
			for i := range part.clashes {
				wrong.Problems = append(wrong.Problems, part.clashes[i].problem())
			}
			if len(all) > 1 {
				for ident, own := range part.claims {
					units.merge(own, ident)
				}
			}
		}
		slices.SortFunc(units.clashes[before:], func(a, b goClash) int {
			return cmp.Or(strings.Compare(a.own.file, b.own.file), slices.Compare(a.own.path, b.own.path))
		})
	}
	for i := range units.clashes {
		wrong.Problems = append(wrong.Problems, units.clashes[i].problem())
	}
	if len(wrong.Problems) == 0 {
		return nil
	}
	return wrong
}

// problem returns what there is to say about a clash. It is not safe for concurrent use.
func (c *goClash) problem() idl.Problem {
	p := c.own.place()
	if c.first.unit == nil {
		p.Text = fmt.Sprintf("%s is %s in Go, and so is a method of its message", c.own.what, reflectMethod)
		p.Help = "rename it"
		return p
	}
	p.Text = fmt.Sprintf("%s and %s (%s) are both %s in the Go package %s", c.own.what, c.first.what,
		where(c.first.place()), c.ident.GoName, c.ident.GoImportPath)
	p.Help = "rename one, or give their files different Go packages"
	return p
}

// types goes through what is declared at a place: a file, or a message of one. The numbers are those of the fields in
// which the descriptor there has its messages and enums.
func (n *goNames) types(
	at claim, messageNumber int32, messages []*protogen.Message, enumNumber int32, enums []*protogen.Enum,
) {
	for i, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		own := at.below(messageNumber, i)
		n.claim(own, m.GoIdent, m.Desc)
		if m.APILevel != gofeaturespb.GoFeatures_API_OPAQUE {
			n.fields(own, m)
		}
		n.types(own, messageNested, m.Messages, messageEnums, m.Enums)
		n.extensions(own, messageExtensions, m.Extensions)
	}
	for i, e := range enums {
		own := at.below(enumNumber, i)
		n.claim(own, e.GoIdent, e.Desc)
		for j, v := range e.Values {
			n.claim(own.below(enumValues, j), v.GoIdent, v.Desc)
		}
	}
}

// reflectMethod is the method of all messages whose name protoc-gen-go gives to fields as well. It knows the others.
const reflectMethod = "ProtoReflect"

// fields goes through the fields of a message that programs see: the types of those in oneofs, and their own names.
func (n *goNames) fields(at claim, m *protogen.Message) {
	for _, f := range m.Fields {
		own := at.below(messageFields, f.Desc.Index())
		switch member := f.Oneof != nil && !f.Oneof.Desc.IsSynthetic(); {
		case member:
			n.claim(own, f.GoIdent, f.Desc)
		case f.GoName == reflectMethod:
			n.method(own, f.Desc)
		}
	}
	for _, o := range m.Oneofs {
		if o.GoName == reflectMethod && !o.Desc.IsSynthetic() {
			n.method(at.below(messageOneofs, o.Desc.Index()), o.Desc)
		}
	}
}

// method reports a field of a message that has the name of a method.
func (n *goNames) method(own claim, d protoreflect.Descriptor) {
	own.what = string(d.FullName())
	n.clashes = append(n.clashes, goClash{own: own})
}

func (n *goNames) extensions(at claim, number int32, extensions []*protogen.Extension) {
	for i, x := range extensions {
		ident := x.GoIdent
		ident.GoName = "E_" + ident.GoName
		n.claim(at.below(number, i), ident, x.Desc)
	}
}

// below returns the claim of what a declaration holds.
func (c claim) below(number int32, index int) claim {
	c.path = append(slices.Clip(c.path), number, int32(index))
	return c
}

// claim claims a name of a Go package, and reports who has it already.
func (n *goNames) claim(own claim, ident protogen.GoIdent, d protoreflect.Descriptor) {
	own.what = string(d.FullName())
	n.merge(own, ident)
}

func (n *goNames) merge(own claim, ident protogen.GoIdent) {
	first, ok := n.claims[ident]
	if !ok {
		n.claims[ident] = own
		return
	}
	if first.unit == own.unit || !sameContract(first, own.unit, own.file) {
		n.clashes = append(n.clashes, goClash{own, first, ident})
	}
}
