package gen

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/options"
)

// optionsOfField is the number of the field that holds the options of a field, in descriptor.proto.
const optionsOfField = 8

// jsonForm is how a field is written as JSON, as far as its contract chooses. The rest is up to options at run time.
type jsonForm struct {
	enumNumbers, zeroValues, originalNames, int64Numbers *bool
}

// with returns the form of something within what has the form f.
func (f jsonForm) with(inner jsonForm) jsonForm {
	for _, pair := range [][2]**bool{
		{&f.enumNumbers, &inner.enumNumbers},
		{&f.zeroValues, &inner.zeroValues},
		{&f.originalNames, &inner.originalNames},
		{&f.int64Numbers, &inner.int64Numbers},
	} {
		if *pair[1] != nil {
			*pair[0] = *pair[1]
		}
	}
	return f
}

func formOf(o *options.JSONOptions) jsonForm {
	if o == nil {
		return jsonForm{}
	}
	return jsonForm{
		enumNumbers: o.EnumNumbers, zeroValues: o.ZeroValues, originalNames: o.OriginalNames, int64Numbers: o.Int64Numbers,
	}
}

// literal returns the fields of a literal of fairlead.JSONForm, in braces; "" if nothing is said.
func (f jsonForm) literal() string {
	var set []string
	for _, choice := range []struct {
		name  string
		value *bool
	}{
		{"EnumNumbers", f.enumNumbers},
		{"ZeroValues", f.zeroValues},
		{"OriginalNames", f.originalNames},
		{"Int64Numbers", f.int64Numbers},
	} {
		if choice.value != nil {
			set = append(set, choice.name+": new("+strconv.FormatBool(*choice.value)+")")
		}
	}
	if len(set) == 0 {
		return ""
	}
	return "{" + strings.Join(set, ", ") + "}"
}

// messageForm reads (fairlead.message).json.
func messageForm(m *protogen.Message) jsonForm {
	set, _ := m.Desc.Options().(*descriptorpb.MessageOptions)
	ours, _ := proto.GetExtension(set, options.E_Message).(*options.MessageOptions)
	return formOf(ours.GetJson())
}

// fieldForm reads (fairlead.field).json. What has no effect on a field of this kind is a problem.
func fieldForm(f *protogen.Field, problems *Problems) jsonForm {
	set, _ := f.Desc.Options().(*descriptorpb.FieldOptions)
	ours, _ := proto.GetExtension(set, options.E_Field).(*options.FieldOptions)
	form := formOf(ours.GetJson())
	value := f.Desc
	if value.IsMap() {
		value = value.MapValue()
	}
	wrong := func(number int32, name, what string) {
		problems.add(f.Desc, extensionPath(optionsOfField, options.E_Field, 1, number),
			"(fairlead.field).json.%s of %s: %s", name, f.Desc.FullName(), what)
	}
	if form.enumNumbers != nil && value.Enum() == nil {
		wrong(1, "enum_numbers", "the field is no enum")
	}
	if form.zeroValues != nil && f.Desc.HasPresence() {
		wrong(2, "zero_values", "the field has presence, so it is written when it is set")
	}
	if form.int64Numbers != nil && !isInt64(value) && !wrapsInt64(value) {
		wrong(4, "int64_numbers", "the field is no integer of 64 bits")
	}
	return form
}

// wrapsInt64 reports whether a field is a wrapper of such an integer.
func wrapsInt64(desc protoreflect.FieldDescriptor) bool {
	if desc.Message() == nil {
		return false
	}
	name := desc.Message().FullName()
	return name == "google.protobuf.Int64Value" || name == "google.protobuf.UInt64Value"
}

func isInt64(desc protoreflect.FieldDescriptor) bool {
	switch desc.Kind() {
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind,
		protoreflect.Fixed64Kind:
		return true
	default:
		return false
	}
}
