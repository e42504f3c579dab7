package json

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// append appends a message: by its generated code, or by reflection.
func (c *messages) append(dst []byte, e *jsonwire.Encoder, m protoreflect.Message) []byte {
	if g, ok := m.Interface().(jsonwire.Appender); ok {
		return g.AppendProtoJSON(dst, e)
	}
	d := m.Descriptor()
	if hasOwnForm(d) {
		return c.appendWellKnown(dst, e, m)
	}
	dst = append(dst, '{')
	fields := d.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		// A field without presence is written in any case if e.ZeroValues is set. Members of oneofs have presence.
		if m.Has(f) || e.ZeroValues && !f.HasPresence() {
			dst = append(c.appendField(appendName(dst, e, f), e, f, m.Get(f)), ',')
		}
	}
	if d.ExtensionRanges().Len() > 0 {
		dst = c.appendExtensions(dst, e, m)
	}
	return jsonwire.CloseObject(dst)
}

// appendExtensions appends the extensions of m in the order of their names.
func (c *messages) appendExtensions(dst []byte, e *jsonwire.Encoder, m protoreflect.Message) []byte {
	var extensions []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if f.IsExtension() {
			extensions = append(extensions, f)
		}
		return true
	})
	slices.SortFunc(extensions, func(a, b protoreflect.FieldDescriptor) int {
		return cmp.Compare(a.FullName(), b.FullName())
	})
	for _, f := range extensions {
		dst = append(c.appendField(appendName(dst, e, f), e, f, m.Get(f)), ',')
	}
	return dst
}

// appendName appends the name of a field with its colon; that of an extension is in brackets.
func appendName(dst []byte, e *jsonwire.Encoder, f protoreflect.FieldDescriptor) []byte {
	if e.ProtoNames {
		return e.AppendKeyString(dst, f.TextName())
	}
	return e.AppendKeyString(dst, f.JSONName())
}

// appendField appends the value of a field.
func (c *messages) appendField(
	dst []byte, e *jsonwire.Encoder, f protoreflect.FieldDescriptor, v protoreflect.Value,
) []byte {
	switch {
	case f.IsList():
		dst = append(dst, '[')
		list := v.List()
		for i := range list.Len() {
			dst = append(c.appendSingle(dst, e, f, list.Get(i)), ',')
		}
		return jsonwire.CloseArray(dst)
	case f.IsMap():
		dst = append(dst, '{')
		entries := v.Map()
		for _, k := range sortedKeys(f.MapKey().Kind(), entries) {
			dst = appendKey(dst, e, f.MapKey().Kind(), k)
			dst = append(c.appendSingle(dst, e, f.MapValue(), entries.Get(k)), ',')
		}
		return jsonwire.CloseObject(dst)
	default:
		return c.appendSingle(dst, e, f, v)
	}
}

// appendSingle appends a value that is no list and no map.
func (c *messages) appendSingle(
	dst []byte, e *jsonwire.Encoder, f protoreflect.FieldDescriptor, v protoreflect.Value,
) []byte {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return e.AppendBool(dst, v.Bool())
	case protoreflect.StringKind:
		return e.AppendString(dst, v.String())
	case protoreflect.BytesKind:
		return e.AppendBytes(dst, v.Bytes())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return e.AppendInt32(dst, int32(v.Int()))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return e.AppendInt64(dst, v.Int())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return e.AppendUint32(dst, uint32(v.Uint()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return e.AppendUint64(dst, v.Uint())
	case protoreflect.FloatKind:
		return e.AppendFloat32(dst, float32(v.Float()))
	case protoreflect.DoubleKind:
		return e.AppendFloat64(dst, v.Float())
	case protoreflect.EnumKind:
		return appendEnum(dst, e, f.Enum(), v.Enum())
	default: // messages and groups
		return c.append(dst, e, v.Message())
	}
}

func appendEnum(
	dst []byte, e *jsonwire.Encoder, d protoreflect.EnumDescriptor, n protoreflect.EnumNumber,
) []byte {
	if isNullValue(d) {
		return append(dst, "null"...)
	}
	if v := d.Values().ByNumber(n); v != nil && !e.EnumNumbers {
		return e.AppendString(dst, string(v.Name()))
	}
	return e.AppendInt32(dst, int32(n))
}

func isNullValue(d protoreflect.EnumDescriptor) bool {
	return d != nil && d.FullName() == "google.protobuf.NullValue"
}

// sortedKeys returns the keys of a map in the order in which they are written.
func sortedKeys(kind protoreflect.Kind, entries protoreflect.Map) []protoreflect.MapKey {
	keys := make([]protoreflect.MapKey, 0, entries.Len())
	entries.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int {
		switch kind {
		case protoreflect.StringKind:
			return cmp.Compare(a.String(), b.String())
		case protoreflect.BoolKind:
			return cmp.Compare(a.String(), b.String()) // "false" is before "true"
		case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
			return cmp.Compare(a.Uint(), b.Uint())
		default:
			return cmp.Compare(a.Int(), b.Int())
		}
	})
	return keys
}

func appendKey(dst []byte, e *jsonwire.Encoder, kind protoreflect.Kind, k protoreflect.MapKey) []byte {
	switch kind {
	case protoreflect.StringKind:
		return e.AppendKeyString(dst, k.String())
	case protoreflect.BoolKind:
		return e.AppendKeyBool(dst, k.Bool())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return e.AppendKeyUint(dst, k.Uint())
	default:
		return e.AppendKeyInt(dst, k.Int())
	}
}
