package call

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// option is one option as it is written.
type option struct{ name, value string }

// options returns the options of d in the order of their numbers.
func (s *sourceWriter) options(d protoreflect.Descriptor) []option {
	o := d.Options()
	if o == nil || !o.ProtoReflect().IsValid() {
		return nil
	}
	m := proto.Clone(o) // extensions are decoded in place
	s.resolver.DecodeExtensions(m)
	var list []option
	r := m.ProtoReflect()
	for _, f := range fieldsByNumber(r) {
		v := r.Get(f)
		name := string(f.Name())
		if f.IsExtension() {
			name = "(" + string(f.FullName()) + ")"
		}
		if f.IsList() {
			for i := range v.List().Len() {
				list = append(list, option{name, s.value(f, v.List().Get(i))})
			}
			continue
		}
		if name == "map_entry" || name == "uninterpreted_option" {
			continue
		}
		list = append(list, option{name, s.value(f, v)})
	}
	return list
}

// fieldsByNumber returns the fields that are set.
func fieldsByNumber(m protoreflect.Message) []protoreflect.FieldDescriptor {
	var list []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		at := len(list)
		for at > 0 && list[at-1].Number() > f.Number() {
			at--
		}
		list = append(list[:at], append([]protoreflect.FieldDescriptor{f}, list[at:]...)...)
		return true
	})
	return list
}

// value returns the value of an option.
func (s *sourceWriter) value(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch f.Kind() {
	case protoreflect.StringKind:
		return strconv.Quote(v.String())
	case protoreflect.BytesKind:
		return strconv.QuoteToASCII(string(v.Bytes()))
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return string(e.Name())
		}
		return strconv.Itoa(int(v.Enum()))
	case protoreflect.MessageKind, protoreflect.GroupKind:
		b, err := prototext.MarshalOptions{
			Multiline: true, Indent: "  ", AllowPartial: true, Resolver: s.resolver,
		}.Marshal(v.Message().Interface())
		if err != nil || len(b) == 0 {
			return "{}"
		}
		return "{\n  " + strings.ReplaceAll(string(steady(b, false)), "\n", "\n  ") + "\n}"
	default:
		return v.String()
	}
}

// optionLines writes options, a statement each.
func (s *sourceWriter) optionLines(depth int, list []option) {
	for _, o := range list {
		s.linef(depth, "option %s = %s;", o.name, strings.ReplaceAll(o.value, "\n", "\n"+strings.Repeat("  ", depth)))
	}
}

// brackets writes options behind a field or an enum value, with a space before them if there are any.
func brackets(depth int, list []option) string {
	if len(list) == 0 {
		return ""
	}
	parts := make([]string, len(list))
	for i, o := range list {
		parts[i] = o.name + " = " + o.value
	}
	return " [" + strings.ReplaceAll(strings.Join(parts, ", "), "\n", "\n"+strings.Repeat("  ", depth)) + "]"
}
