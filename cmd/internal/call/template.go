package call

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// maxTemplate is the number of messages in a template: what is nested more than anybody fills in is left out.
const maxTemplate = 200

// newTemplate returns a message with all its fields: lists and maps with one element, of a oneof the first field, and
// messages within those of their type left out.
func newTemplate(md protoreflect.MessageDescriptor) proto.Message {
	t := templater{within: make(map[protoreflect.FullName]bool)}
	m := dynamicpb.NewMessage(md)
	t.fill(m)
	return m
}

type templater struct {
	within map[protoreflect.FullName]bool // types of the messages around
	count  int
}

func (t *templater) fill(m protoreflect.Message) {
	md := m.Descriptor()
	if known := knownTemplate(m); known || t.within[md.FullName()] || t.count >= maxTemplate {
		return
	}
	t.count++
	t.within[md.FullName()] = true
	defer delete(t.within, md.FullName())
	for i := range md.Fields().Len() {
		f := md.Fields().Get(i)
		if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() && o.Fields().Get(0) != f {
			continue
		}
		if f.Message() != nil && t.within[f.Message().FullName()] {
			continue
		}
		switch {
		case f.IsMap():
			if v := f.MapValue().Message(); v == nil || !t.within[v.FullName()] {
				entries := m.Mutable(f).Map()
				entries.Set(f.MapKey().Default().MapKey(), t.element(f.MapValue(), entries.NewValue))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			list.Append(t.element(f, list.NewElement))
		default:
			m.Set(f, t.element(f, func() protoreflect.Value { return m.NewField(f) }))
		}
	}
}

// element returns a value of a field's type, made by empty.
func (t *templater) element(f protoreflect.FieldDescriptor, empty func() protoreflect.Value) protoreflect.Value {
	v := empty()
	switch {
	case f.Message() != nil:
		t.fill(v.Message())
	case f.Enum() != nil && f.Enum().Values().Len() > 0:
		return protoreflect.ValueOfEnum(f.Enum().Values().Get(0).Number())
	}
	return v
}

// knownTemplate fills messages whose JSON is of their own, and reports whether m is one.
func knownTemplate(m protoreflect.Message) bool {
	fields := m.Descriptor().Fields()
	switch m.Descriptor().FullName() {
	case "google.protobuf.Any":
		m.Set(fields.ByNumber(1), protoreflect.ValueOfString("type.googleapis.com/google.protobuf.Empty"))
	case "google.protobuf.Value":
		m.Set(fields.ByName("null_value"), protoreflect.ValueOfEnum(0))
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.Struct", "google.protobuf.ListValue",
		"google.protobuf.FieldMask", "google.protobuf.Empty",
		"google.protobuf.BoolValue", "google.protobuf.Int32Value", "google.protobuf.Int64Value",
		"google.protobuf.UInt32Value", "google.protobuf.UInt64Value", "google.protobuf.FloatValue",
		"google.protobuf.DoubleValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
	default:
		return false
	}
	return true
}
