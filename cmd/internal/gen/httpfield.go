package gen

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxQueryDepth is the number of names that the path of a field that the query sets may have. More are read by nobody,
// and each level multiplies the code. What lies deeper travels in the body.
const maxQueryDepth = 5

// fieldPath leads from a message to a field of it, or of a message in it.
type fieldPath []*protogen.Field

func (p fieldPath) last() *protogen.Field { return p[len(p)-1] }

// name returns the path in the contract's names.
func (p fieldPath) name() string {
	return p.join(func(f protoreflect.FieldDescriptor) string { return string(f.Name()) })
}

// json returns the path in JSON names.
func (p fieldPath) json() string { return p.join(protoreflect.FieldDescriptor.JSONName) }

func (p fieldPath) join(name func(protoreflect.FieldDescriptor) string) string {
	names := make([]string, len(p))
	for i, f := range p {
		names[i] = name(f.Desc)
	}
	return strings.Join(names, ".")
}

// begins reports whether p is prefix or a field below it.
func (p fieldPath) begins(prefix fieldPath) bool {
	if len(prefix) > len(p) {
		return false
	}
	for i := range prefix {
		if p[i] != prefix[i] {
			return false
		}
	}
	return true
}

// checkVariable returns an error that says why a variable of a path cannot set the field, nil when it can.
func (p fieldPath) checkVariable() error {
	f := p.last()
	switch {
	case f.Desc.IsMap():
		return fmt.Errorf("%s is a map", f.Desc.FullName())
	case f.Desc.IsList():
		return fmt.Errorf("%s is repeated", f.Desc.FullName())
	case textForm(f) == "":
		return fmt.Errorf("%s is a message, %s, which has no form as a text", f.Desc.FullName(), f.Message.Desc.FullName())
	default:
		return nil
	}
}

// findField finds the field below m that name leads to.
func findField(m *protogen.Message, name string) (fieldPath, error) {
	var path fieldPath
	for part := range strings.SplitSeq(name, ".") {
		if m == nil {
			return nil, fmt.Errorf("%s is not a message, or not a single one", path.last().Desc.FullName())
		}
		f := fieldByName(m, part)
		if f == nil {
			return nil, fmt.Errorf("%s has no field %s", m.Desc.FullName(), part)
		}
		path = append(path, f)
		m = nil
		if !f.Desc.IsList() && !f.Desc.IsMap() {
			m = f.Message
		}
	}
	return path, nil
}

func fieldByName(m *protogen.Message, name string) *protogen.Field {
	for _, f := range m.Fields {
		if string(f.Desc.Name()) == name {
			return f
		}
	}
	return nil
}

// queryFields returns the fields of a request that the query sets: all that have a form as a text, repeated or not, but
// for maps and what path and body set.
func queryFields(request *protogen.Message, b *binding) []fieldPath {
	w := queryWalk{bound: b.path}
	if b.body != nil {
		w.bound = append(slices.Clip(w.bound), fieldPath{b.body})
	}
	w.walk(request, nil)
	return w.found
}

type queryWalk struct {
	bound []fieldPath
	found []fieldPath
	open  []*protogen.Message // that the walk is in
}

func (w *queryWalk) walk(m *protogen.Message, prefix fieldPath) {
	if slices.Contains(w.open, m) {
		return // a message in itself: it would not end
	}
	w.open = append(w.open, m)
	defer func() { w.open = w.open[:len(w.open)-1] }()
	for _, f := range m.Fields {
		path := slices.Concat(prefix, fieldPath{f})
		switch {
		case f.Desc.IsMap() || w.isBound(path):
		case textForm(f) != "":
			w.found = append(w.found, path)
		case f.Desc.IsList() || len(path) == maxQueryDepth || f.Message.Desc.ParentFile().Package() == "google.protobuf":
		default:
			w.walk(f.Message, path)
		}
	}
}

func (w *queryWalk) isBound(path fieldPath) bool {
	return slices.ContainsFunc(w.bound, path.begins)
}

// textForm returns the name of the function of package httprule that parses the field from a text, "" for messages that
// have no such form.
func textForm(f *protogen.Field) string {
	switch f.Desc.Kind() {
	case protoreflect.BoolKind:
		return "Bool"
	case protoreflect.EnumKind:
		return "Enum"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "Int32"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "Int64"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "Uint32"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "Uint64"
	case protoreflect.FloatKind:
		return "Float"
	case protoreflect.DoubleKind:
		return "Double"
	case protoreflect.StringKind:
		return "String"
	case protoreflect.BytesKind:
		return "Bytes"
	case protoreflect.MessageKind, protoreflect.GroupKind:
	}
	switch f.Message.Desc.FullName() {
	case "google.protobuf.Timestamp":
		return "Time"
	case "google.protobuf.Duration":
		return "Duration"
	case "google.protobuf.FieldMask":
		return "Paths"
	case "google.protobuf.BoolValue":
		return "Bool"
	case "google.protobuf.Int32Value":
		return "Int32"
	case "google.protobuf.Int64Value":
		return "Int64"
	case "google.protobuf.UInt32Value":
		return "Uint32"
	case "google.protobuf.UInt64Value":
		return "Uint64"
	case "google.protobuf.FloatValue":
		return "Float"
	case "google.protobuf.DoubleValue":
		return "Double"
	case "google.protobuf.StringValue":
		return "String"
	case "google.protobuf.BytesValue":
		return "Bytes"
	default:
		return ""
	}
}
