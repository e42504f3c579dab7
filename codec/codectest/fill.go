package codectest

import (
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Fill sets random fields of m, with values at the bounds of their types among them, and messages in it as deeply as
// depth says. Required fields are always set. What it makes has an encoding in JSON: messages of google.protobuf are
// in their range, and those in an Any are of google.protobuf.
func Fill(rnd *rand.Rand, m protoreflect.Message, depth int) {
	if fillWellKnown(rnd, m, depth) {
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Cardinality() != protoreflect.Required && rnd.IntN(3) == 0 {
			continue
		}
		fillField(rnd, m, f, depth)
	}
}

func fillField(rnd *rand.Rand, m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	deep := f.Message() != nil && !f.IsMap() || f.IsMap() && f.MapValue().Message() != nil
	if deep && depth <= 0 && f.Cardinality() != protoreflect.Required {
		return
	}
	switch {
	case f.IsList():
		list := m.Mutable(f).List()
		for range rnd.IntN(4) {
			list.Append(randomValue(rnd, f, list.NewElement, depth))
		}
	case f.IsMap():
		entries := m.Mutable(f).Map()
		for range rnd.IntN(5) {
			k := randomValue(rnd, f.MapKey(), nil, depth).MapKey()
			entries.Set(k, randomValue(rnd, f.MapValue(), entries.NewValue, depth))
		}
	default:
		m.Set(f, randomValue(rnd, f, func() protoreflect.Value { return m.NewField(f) }, depth))
	}
}

// integers are bounds of number types, and of how they are written.
var integers = []int64{ //nolint:gochecknoglobals // a constant
	0, 1, -1, 9, 10, 99, 100, 1<<24 - 1, 1 << 24, 1<<24 + 1, 1<<53 - 1, 1 << 53, 1<<53 + 1,
	math.MaxInt32, math.MinInt32, math.MaxUint32, math.MaxInt64, math.MinInt64,
}

func randomInt(rnd *rand.Rand) int64 {
	if rnd.IntN(2) == 0 {
		return integers[rnd.IntN(len(integers))]
	}
	return int64(rnd.Uint64()) >> rnd.IntN(64)
}

// floats are bounds of number types, and of how they are written.
var floats = []float64{ //nolint:gochecknoglobals // a constant
	0, math.Copysign(0, -1), 1, -1, 0.1, 1.5, 1e-6, 9.9e-7, 1e21, 9.9e20, 1e15, 123456789.125, 3.4e38, 1e-40, 5e-324,
	math.MaxFloat32, math.MaxFloat64, math.SmallestNonzeroFloat32, 1 << 24, 1<<53 + 2, 1e-7, -2.5e-9,
}

func randomFloat(rnd *rand.Rand, finite bool) float64 {
	switch rnd.IntN(6) {
	case 0, 1:
		return floats[rnd.IntN(len(floats))]
	case 2:
		if !finite {
			return []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[rnd.IntN(3)]
		}
		fallthrough
	case 3:
		return float64(randomInt(rnd))
	case 4:
		return float64(rnd.IntN(1e6)) / 1000
	default:
		if v := math.Float64frombits(rnd.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
		return rnd.Float64()
	}
}

// pieces of strings.
var pieces = []string{ //nolint:gochecknoglobals // a constant
	"a", "Z", "0", "plain text of some length", " ", `"`, `\`, "/", "<script>&", "\x00", "\x1f", "\x7f", "\b\f\n\r\t",
	"é", "\u4e2d\u6587", "\u2028\u2029", "\ufffd", "\U0001f600", "\u07ff\u0800\uffff", "12345678", "[x]", "@type", "null",
	"true", "1",
}

func randomString(rnd *rand.Rand) string {
	var s strings.Builder
	for range rnd.IntN(5) {
		s.WriteString(pieces[rnd.IntN(len(pieces))])
	}
	return s.String()
}

func randomBytes(rnd *rand.Rand) []byte {
	b := make([]byte, rnd.IntN(20))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

func randomValue(
	rnd *rand.Rand, f protoreflect.FieldDescriptor, newMessage func() protoreflect.Value, depth int,
) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rnd.IntN(2) == 0)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(randomString(rnd))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(randomBytes(rnd))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(randomInt(rnd)))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(randomInt(rnd))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(randomInt(rnd)))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(randomInt(rnd)))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(randomFloat(rnd, false)))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(randomFloat(rnd, false))
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		n := values.Get(rnd.IntN(values.Len())).Number()
		if rnd.IntN(8) == 0 && !f.Enum().IsClosed() && f.Enum().FullName() != "google.protobuf.NullValue" {
			n = protoreflect.EnumNumber(int32(randomInt(rnd)))
		}
		return protoreflect.ValueOfEnum(n)
	default:
		v := newMessage()
		Fill(rnd, v.Message(), depth-1)
		return v
	}
}

// fillWellKnown fills messages of google.protobuf that have a form of their own in JSON. M may be a dynamic one.
func fillWellKnown(rnd *rand.Rand, m protoreflect.Message, depth int) bool {
	if m.Descriptor().FullName().Parent() != "google.protobuf" {
		return false
	}
	var v proto.Message
	switch m.Descriptor().Name() {
	case "Timestamp":
		const first, last = -62135596800, 253402300799
		v = &timestamppb.Timestamp{Seconds: first + rnd.Int64N(last-first+1), Nanos: randomNanos(rnd)}
	case "Duration":
		d := &durationpb.Duration{Seconds: rnd.Int64N(315576000001) >> rnd.IntN(40), Nanos: randomNanos(rnd)}
		if rnd.IntN(2) == 0 {
			d.Seconds, d.Nanos = -d.Seconds, -d.Nanos
		}
		v = d
	case "FieldMask":
		all := []string{"a", "foo_bar", "foo_bar.baz", "x1.y_z", "_a"}
		v = &fieldmaskpb.FieldMask{Paths: all[:rnd.IntN(len(all)+1)]}
	case "Struct":
		v = randomStruct(rnd, depth)
	case "ListValue":
		v = randomList(rnd, depth)
	case "Value":
		v = randomAny(rnd, depth)
	case "Any":
		v = randomPacked(rnd, depth)
	default:
		return false
	}
	b, err := proto.Marshal(v)
	if err != nil {
		panic(err) // what was made here has an encoding
	}
	if err := proto.Unmarshal(b, m.Interface()); err != nil {
		panic(err)
	}
	return true
}

func randomNanos(rnd *rand.Rand) int32 {
	unit := []int32{1e9, 1e8, 1e6, 1e3, 1}[rnd.IntN(5)]
	return rnd.Int32N(1e9/unit) * unit
}

func randomStruct(rnd *rand.Rand, depth int) *structpb.Struct {
	s := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for range rnd.IntN(4) {
		s.Fields[randomString(rnd)] = randomAny(rnd, depth-1)
	}
	return s
}

func randomList(rnd *rand.Rand, depth int) *structpb.ListValue {
	l := new(structpb.ListValue)
	for range rnd.IntN(4) {
		l.Values = append(l.Values, randomAny(rnd, depth-1))
	}
	return l
}

func randomAny(rnd *rand.Rand, depth int) *structpb.Value {
	n := 6
	if depth <= 0 {
		n = 4
	}
	switch rnd.IntN(n) {
	case 0:
		return structpb.NewNullValue()
	case 1:
		return structpb.NewBoolValue(rnd.IntN(2) == 0)
	case 2:
		return structpb.NewNumberValue(randomFloat(rnd, true))
	case 3:
		return structpb.NewStringValue(randomString(rnd))
	case 4:
		return structpb.NewStructValue(randomStruct(rnd, depth-1))
	default:
		return structpb.NewListValue(randomList(rnd, depth-1))
	}
}

func randomPacked(rnd *rand.Rand, depth int) *anypb.Any {
	if depth <= 0 {
		return new(anypb.Any)
	}
	all := []proto.Message{
		new(wrapperspb.StringValue), new(durationpb.Duration), new(structpb.Value), new(anypb.Any),
		new(fieldmaskpb.FieldMask), new(wrapperspb.Int64Value),
	}
	m := all[rnd.IntN(len(all))]
	Fill(rnd, m.ProtoReflect(), depth-1)
	a, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return a
}
