package vttest

import (
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// random fills messages.
type random struct {
	*rand.Rand

	badText bool // now and then a string is not UTF-8
}

func newRandom(seed uint64) *random { return &random{Rand: rand.New(rand.NewPCG(seed, 1))} } //nolint:gosec // a test

// fill sets some of m's fields, and within them, down to depth.
func (r *random) fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if r.IntN(3) == 0 && f.Cardinality() != protoreflect.Required {
			continue
		}
		switch {
		case f.IsMap():
			v := m.NewField(f)
			for range r.IntN(4) {
				r.put(v.Map(), f, depth)
			}
			m.Set(f, v)
		case f.IsList():
			v := m.NewField(f)
			for range r.IntN(4) {
				r.add(v.List(), f, depth)
			}
			m.Set(f, v)
		case f.Message() != nil:
			if depth > 0 {
				v := m.NewField(f)
				r.fill(v.Message(), depth-1)
				m.Set(f, v)
			}
		default:
			m.Set(f, r.scalar(f))
		}
	}
}

func (r *random) put(v protoreflect.Map, f protoreflect.FieldDescriptor, depth int) {
	key := r.scalar(f.MapKey()).MapKey()
	if f.MapValue().Message() == nil {
		v.Set(key, r.scalar(f.MapValue()))
		return
	}
	e := v.NewValue()
	if depth > 0 {
		r.fill(e.Message(), depth-1)
		v.Set(key, e)
	}
}

func (r *random) add(v protoreflect.List, f protoreflect.FieldDescriptor, depth int) {
	if f.Message() == nil {
		v.Append(r.scalar(f))
		return
	}
	e := v.NewElement()
	if depth > 0 {
		r.fill(e.Message(), depth-1)
		v.Append(e)
	}
}

func (r *random) scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	// Numbers of all lengths, negative ones too.
	n := r.Uint64() >> r.IntN(64)
	if r.IntN(4) == 0 {
		n = -n
	}
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 == 1)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(n))) //nolint:gosec // any number will do
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n)) //nolint:gosec // any number will do
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n)) //nolint:gosec // any number will do
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n)) //nolint:gosec // any number will do
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(n)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(r.NormFloat64()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(r.NormFloat64())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(r.text())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(r.text()))
	case protoreflect.MessageKind, protoreflect.GroupKind:
	}
	panic("no scalar: " + string(f.FullName()))
}

func (r *random) text() string {
	s := make([]rune, r.IntN(20))
	for i := range s {
		s[i] = rune(r.IntN(math.MaxInt16 >> r.IntN(15)))
	}
	if r.badText && r.IntN(40) == 0 {
		return string(s) + "\xff"
	}
	return string(s)
}

func TestRandomMessages(t *testing.T) {
	t.Parallel()
	for i, m := range samples() {
		t.Run(string(proto.MessageName(m)), func(t *testing.T) {
			t.Parallel()
			c := bind(t, m)
			r := newRandom(uint64(i)) //nolint:gosec // small
			for n := range 300 {
				r.badText = n%2 == 1
				x := fresh(m)
				r.fill(x.ProtoReflect(), r.IntN(5))
				if err := compareMarshal(c, x); err != nil {
					t.Fatal(err)
				}
				b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(x)
				if err != nil {
					continue
				}
				if _, err := compareUnmarshal(c, m, b); err != nil {
					t.Fatal(err)
				}
				for range 20 {
					if _, err := compareUnmarshal(c, m, r.damage(b)); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// damage returns b with a few bytes changed, removed or added.
func (r *random) damage(b []byte) []byte {
	d := append([]byte(nil), b...)
	for range 1 + r.IntN(3) {
		if len(d) == 0 {
			return d
		}
		i := r.IntN(len(d))
		switch r.IntN(4) {
		case 0:
			d = d[:i]
		case 1:
			d = append(d[:i], d[i+1:]...)
		case 2:
			d = append(d[:i], append([]byte{byte(r.IntN(256))}, d[i:]...)...)
		default:
			d[i] = byte(r.IntN(256))
		}
	}
	return d
}
