package openapi

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/options"
)

// The options of JSON that messages and fields have are part of schemas. Those of methods and of the server's codec are
// not: methods share schemas.

// writesNumbers reports whether a field's enum is written as a number.
func writesNumbers(f protoreflect.FieldDescriptor) bool {
	return optionOf(f, func(o *options.JSONOptions) *bool { return o.EnumNumbers })
}

// writesLongNumbers reports whether a field's integers of 64 bits are written as numbers.
func writesLongNumbers(f protoreflect.FieldDescriptor) bool {
	return optionOf(f, func(o *options.JSONOptions) *bool { return o.Int64Numbers })
}

// memberName returns the name of a field in JSON.
func memberName(f protoreflect.FieldDescriptor) string {
	if optionOf(f, func(o *options.JSONOptions) *bool { return o.OriginalNames }) {
		return f.TextName()
	}
	return f.JSONName()
}

// optionOf returns what a field says about its form, or else its message.
func optionOf(f protoreflect.FieldDescriptor, get func(*options.JSONOptions) *bool) bool {
	field, _ := proto.GetExtension(f.Options(), options.E_Field).(*options.FieldOptions)
	if set := field.GetJson(); set != nil && get(set) != nil {
		return *get(set)
	}
	message, _ := proto.GetExtension(f.ContainingMessage().Options(), options.E_Message).(*options.MessageOptions)
	set := message.GetJson()
	return set != nil && get(set) != nil && *get(set)
}

// enumNumbers returns the schema of an enum that is written as a number.
func enumNumbers(e protoreflect.EnumDescriptor) *schema {
	s := &schema{Type: typeInteger}
	for i := range e.Values().Len() {
		s.Enum = append(s.Enum, int32(e.Values().Get(i).Number()))
	}
	return s
}
