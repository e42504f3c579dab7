package json

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// parse reads a message, which is empty: by its generated code, or by reflection.
func (c *messages) parse(d *jsonwire.Decoder, m protoreflect.Message) {
	if g, ok := m.Interface().(jsonwire.Parser); ok {
		g.ParseProtoJSON(d)
		return
	}
	desc := m.Descriptor()
	if hasOwnForm(desc) {
		c.parseWellKnown(d, m)
		return
	}
	var seen, oneofs bits
	for more := d.OpenObject(); more; more = d.NextMember() {
		f, err := c.find(desc, string(d.Name()))
		switch {
		case err != nil:
			d.Fail(err)
			return
		case f == nil:
			d.Unknown()
			continue
		}
		seen.once(d, int(f.Number()))
		// Null leaves a field as it is, unless null is a value of its type.
		if !isValue(f.Message()) && !isNullValue(f.Enum()) && d.Null() {
			continue
		}
		if o := f.ContainingOneof(); o != nil {
			oneofs.onceOneof(d, o)
		}
		c.parseField(d, m, f)
	}
}

func isValue(d protoreflect.MessageDescriptor) bool {
	return d != nil && d.FullName() == "google.protobuf.Value"
}

// find returns the field or the extension with that name, nil if there is none.
func (c *messages) find(desc protoreflect.MessageDescriptor, name string) (protoreflect.FieldDescriptor, error) {
	if desc.ExtensionRanges().Len() > 0 && strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		return c.findExtension(desc, name)
	}
	if f := desc.Fields().ByJSONName(name); f != nil {
		return f, nil
	}
	return desc.Fields().ByTextName(name), nil
}

// findExtension returns the extension whose name is in brackets, nil if it is not known.
func (c *messages) findExtension(
	desc protoreflect.MessageDescriptor, name string,
) (protoreflect.FieldDescriptor, error) {
	x, err := c.resolver.FindExtensionByName(protoreflect.FullName(name[1 : len(name)-1]))
	switch {
	case errors.Is(err, protoregistry.NotFound):
		return nil, nil //nolint:nilnil // an unknown field
	case err != nil:
		return nil, err
	}
	f := x.TypeDescriptor()
	if f.ContainingMessage().FullName() != desc.FullName() || !desc.ExtensionRanges().Has(f.Number()) {
		return nil, fmt.Errorf("is an extension of %s, not of %s", f.ContainingMessage().FullName(), desc.FullName())
	}
	return f, nil
}

// parseField reads the value of a field.
func (c *messages) parseField(d *jsonwire.Decoder, m protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case f.IsList():
		list := m.Mutable(f).List()
		for more := d.OpenArray(); more; more = d.NextElement() {
			if v := c.parseSingle(d, f, list.NewElement); v.IsValid() {
				list.Append(v)
			}
		}
	case f.IsMap():
		entries := m.Mutable(f).Map()
		for more := d.OpenObject(); more; more = d.NextMember() {
			k := parseKey(d, f.MapKey().Kind())
			if d.Err() == nil && entries.Has(k) {
				d.DuplicateKey()
			}
			if v := c.parseSingle(d, f.MapValue(), entries.NewValue); v.IsValid() && d.Err() == nil {
				entries.Set(k, v)
			}
		}
	default:
		if v := c.parseSingle(d, f, func() protoreflect.Value { return m.NewField(f) }); v.IsValid() {
			m.Set(f, v)
		}
	}
}

// parseSingle reads a value that is no list and no map. The result is not valid if it is to be left out.
func (c *messages) parseSingle(
	d *jsonwire.Decoder, f protoreflect.FieldDescriptor, newMessage func() protoreflect.Value,
) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(d.Bool())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(d.String())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(d.Bytes())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(d.Int32())
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(d.Int64())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(d.Uint32())
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(d.Uint64())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(d.Float32())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(d.Float64())
	case protoreflect.EnumKind:
		return parseEnum(d, f.Enum())
	default: // messages and groups
		v := newMessage()
		c.parse(d, v.Message())
		return v
	}
}

func parseEnum(d *jsonwire.Decoder, desc protoreflect.EnumDescriptor) protoreflect.Value {
	var n int32
	var ok bool
	if isNullValue(desc) {
		n, ok = d.NullValue()
	} else {
		n, ok = d.EnumFunc(func(name []byte) (int32, bool) {
			v := desc.Values().ByName(protoreflect.Name(name))
			if v == nil {
				return 0, false
			}
			return int32(v.Number()), true
		})
	}
	if !ok {
		return protoreflect.Value{}
	}
	return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
}

func parseKey(d *jsonwire.Decoder, kind protoreflect.Kind) protoreflect.MapKey {
	var v protoreflect.Value
	switch kind {
	case protoreflect.StringKind:
		v = protoreflect.ValueOfString(d.KeyString())
	case protoreflect.BoolKind:
		v = protoreflect.ValueOfBool(d.KeyBool())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		v = protoreflect.ValueOfInt32(d.KeyInt32())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		v = protoreflect.ValueOfUint32(d.KeyUint32())
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		v = protoreflect.ValueOfUint64(d.KeyUint64())
	default:
		v = protoreflect.ValueOfInt64(d.KeyInt64())
	}
	return v.MapKey()
}

// bits is a set of numbers. Those below 64 need no memory.
type bits struct {
	low  uint64
	high map[int]bool
}

// add adds n, and reports whether it was there already.
func (b *bits) add(n int) (again bool) {
	if n < 64 {
		again = b.low>>n&1 != 0
		b.low |= 1 << n
		return again
	}
	if b.high == nil {
		b.high = make(map[int]bool)
	}
	again = b.high[n]
	b.high[n] = true
	return again
}

// once adds the number of a field. That it was there already is an error.
func (b *bits) once(d *jsonwire.Decoder, n int) {
	if b.add(n) {
		d.Once(1, 1)
	}
}

// onceOneof adds a oneof. That it was there already is an error.
func (b *bits) onceOneof(d *jsonwire.Decoder, o protoreflect.OneofDescriptor) {
	if b.add(o.Index()) {
		d.OnceOneof(1, 1, string(o.Name()))
	}
}
