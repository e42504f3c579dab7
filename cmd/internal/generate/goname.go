package generate

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"
)

// The numbers of the fields in which google.protobuf.DescriptorProto has fields and oneofs.
const messageFields, messageOneofs = 2, 8

// goNames finds declarations that are told apart in the contracts and not in Go.
func (c *conflicts) goNames(u *unit) error {
	for _, part := range chunks(u.contract, goPackages(c.settings, u.contract)) {
		plugin, err := c.plugin(part)
		if err != nil {
			return err
		}
		for _, file := range plugin.Files {
			if !file.Generate {
				continue
			}
			at := claim{unit: u, file: file.Desc.Path()}
			c.goTypes(at, fileMessages, file.Messages, fileEnums, file.Enums)
			c.goExtensions(at, fileExtensions, file.Extensions)
		}
	}
	return nil
}

// goTypes goes through what is declared at a place: a file, or a message of one. The numbers are those of the fields in
// which the descriptor there has its messages and enums.
func (c *conflicts) goTypes(
	at claim, messageNumber int32, messages []*protogen.Message, enumNumber int32, enums []*protogen.Enum,
) {
	for i, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		own := at.below(messageNumber, i)
		c.goName(own, m.GoIdent, m.Desc)
		if m.APILevel != gofeaturespb.GoFeatures_API_OPAQUE {
			c.goFields(own, m)
		}
		c.goTypes(own, messageNested, m.Messages, messageEnums, m.Enums)
		c.goExtensions(own, messageExtensions, m.Extensions)
	}
	for i, e := range enums {
		own := at.below(enumNumber, i)
		c.goName(own, e.GoIdent, e.Desc)
		for j, v := range e.Values {
			c.goName(own.below(enumValues, j), v.GoIdent, v.Desc)
		}
	}
}

// reflectMethod is the method of all messages whose name protoc-gen-go gives to fields as well. It knows the others.
const reflectMethod = "ProtoReflect"

// goFields goes through the fields of a message that programs see: the types of those in oneofs, and their own names.
func (c *conflicts) goFields(at claim, m *protogen.Message) {
	for _, f := range m.Fields {
		own := at.below(messageFields, f.Desc.Index())
		switch member := f.Oneof != nil && !f.Oneof.Desc.IsSynthetic(); {
		case member:
			c.goName(own, f.GoIdent, f.Desc)
		case f.GoName == reflectMethod:
			c.goMethod(own, f.Desc)
		}
	}
	for _, o := range m.Oneofs {
		if o.GoName == reflectMethod && !o.Desc.IsSynthetic() {
			c.goMethod(at.below(messageOneofs, o.Desc.Index()), o.Desc)
		}
	}
}

// goMethod reports a field of a message that has the name of a method.
func (c *conflicts) goMethod(own claim, d protoreflect.Descriptor) {
	p := own.place()
	p.Text = fmt.Sprintf("%s is %s in Go, and so is a method of its message", d.FullName(), reflectMethod)
	p.Help = "rename it"
	c.problem(p)
}

func (c *conflicts) goExtensions(at claim, number int32, extensions []*protogen.Extension) {
	for i, x := range extensions {
		ident := x.GoIdent
		ident.GoName = "E_" + ident.GoName
		c.goName(at.below(number, i), ident, x.Desc)
	}
}

// below returns the claim of what a declaration holds.
func (c claim) below(number int32, index int) claim {
	c.path = append(slices.Clip(c.path), number, int32(index))
	return c
}

// goName claims a name of a Go package, and reports who has it already.
func (c *conflicts) goName(own claim, ident protogen.GoIdent, d protoreflect.Descriptor) {
	own.what = string(d.FullName())
	first, ok := c.idents[ident]
	if !ok {
		c.idents[ident] = own
		return
	}
	if first.unit != own.unit && sameContract(first, own.unit, own.file) {
		return
	}
	p := own.place()
	p.Text = fmt.Sprintf("%s and %s (%s) are both %s in the Go package %s", own.what, first.what, where(first.place()),
		ident.GoName, ident.GoImportPath)
	p.Help = "rename one, or give their files different Go packages"
	c.problem(p)
}
