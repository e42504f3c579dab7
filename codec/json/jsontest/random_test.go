package jsontest

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/codectest"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/codec/json/jsontest/testpb"
	"github.com/fairlead-go/fairlead/jsonwire"
)

// subjects are the messages that are compared. All have generated code.
var subjects = []proto.Message{
	new(testpb.Scalars), new(testpb.Nested), new(testpb.Known), new(testpb.Old), new(testpb.Order), new(testpb.WellKnown),
}

// variants are codecs with the options that protojson has as well.
var variants = []json.Codec{
	{},
	{EnumNumbers: true, ProtoNames: true},
	{ZeroValues: true, RefuseUnknown: true},
}

func TestGenerated(t *testing.T) {
	t.Parallel()
	for _, m := range subjects {
		if _, ok := m.(interface {
			jsonwire.Appender
			jsonwire.Parser
		}); !ok {
			t.Errorf("%T has no generated code", m)
		}
	}
}

// reference returns protojson's encoding, without the space that it puts in at random.
func reference(c json.Codec, m proto.Message) ([]byte, error) {
	b, err := protojson.MarshalOptions{
		UseEnumNumbers: c.EnumNumbers, UseProtoNames: c.ProtoNames, EmitDefaultValues: c.ZeroValues,
	}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := stdjson.Compact(&compact, b); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

// compare encodes m by generated code, by reflection and by protojson, and decodes by all three what they gave and
// damaged forms of that.
func compare(t *testing.T, rnd *rand.Rand, c json.Codec, m proto.Message) {
	t.Helper()
	want, wantErr := reference(c, m)
	got, err := c.AppendMarshal(nil, m)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("encode %v:\n got error %v\nwant error %v", m, err, wantErr)
	}
	if err != nil {
		return
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("encode:\n got %s\nwant %s", got, want)
	}
	dynamic := dynamicpb.NewMessage(m.ProtoReflect().Descriptor())
	copyTo(t, dynamic, m)
	if got, err := c.AppendMarshal(nil, dynamic); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("encode by reflection:\n got %s, %v\nwant %s", got, err, want)
	}
	compareDecode(t, c, m.ProtoReflect().Type(), got)
	for range 5 {
		compareDecode(t, c, m.ProtoReflect().Type(), damage(rnd, got))
	}
}

func copyTo(t *testing.T, dst, src proto.Message) {
	t.Helper()
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(src)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(b, dst)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// compareDecode decodes src by all three.
func compareDecode(t *testing.T, c json.Codec, typ protoreflect.MessageType, src []byte) {
	t.Helper()
	want := typ.New().Interface()
	wantErr := protojson.UnmarshalOptions{DiscardUnknown: !c.RefuseUnknown}.Unmarshal(src, want)
	if wantErr == nil && !stdjson.Valid(src) {
		wantErr = fmt.Errorf("%q is no JSON, but protojson accepts it", src)
	}
	if wantErr != nil && strings.Contains(wantErr.Error(), "cannot be extended by") {
		return // this is unknown in messages without extensions
	}
	for _, got := range []proto.Message{typ.New().Interface(), dynamicpb.NewMessage(typ.Descriptor())} {
		err := c.Unmarshal(src, got)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("decode %s into a %T:\n got error %v\nwant error %v", src, got, err, wantErr)
		}
		if err == nil && !same(got, want) {
			t.Fatalf("decode %s into a %T:\n got %v\nwant %v", src, got, got, want)
		}
	}
}

// same compares messages by their encoding, in which NaN equals NaN.
func same(a, b proto.Message) bool {
	o := proto.MarshalOptions{Deterministic: true, AllowPartial: true}
	x, err1 := o.Marshal(a)
	y, err2 := o.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// tokens replace parts of an encoding.
var tokens = []string{
	`null`, `true`, `0`, `-0`, `1.0`, `1e2`, `-1.5e-3`, `"1"`, `"1e1"`, `" 1"`, `""`, `"NaN"`, `"-Infinity"`, `"\u0031"`,
	`{}`, `[]`, `[null]`, `{"a":null}`, `,`, `:`, `"`, `\`, `{`, `}`, `[`, `]`, ` `, "\n", "\t", "\x00", "\xff", `"x":1,`,
	`"@type":"type.googleapis.com/google.protobuf.Empty"`, `"\ud83d\ude00"`, `"\ud83d"`, `9223372036854775808`, `1e400`,
	`"COLOR_RED"`, `"1.5s"`, `"2020-01-01T00:00:00+01:00"`, `"aB.c"`, `-`, `.`, `e`, `0`, `1`, `"_-8="`, `"oneInt32":1,`,
	`"[fairlead.jsontest.v1.extra]":"x",`,
}

func damage(rnd *rand.Rand, src []byte) []byte {
	b := bytes.Clone(src)
	structure := func(c byte) bool { return strings.IndexByte(`,:[{}]`, c) >= 0 }
	for range 1 + rnd.IntN(2) {
		i := rnd.IntN(len(b) + 1)
		j := min(len(b), i+rnd.IntN(4))
		if rnd.IntN(2) == 0 { // a whole token, so that the result is more often sound
			for i < len(b) && !structure(b[i]) {
				i++
			}
			for j = min(len(b), i+1); j < len(b) && !structure(b[j]); {
				j++
			}
			i = min(i+1, j)
		}
		b = append(append(bytes.Clone(b[:i]), tokens[rnd.IntN(len(tokens))]...), b[j:]...)
	}
	return b
}

// TestRandom compares with protojson over random messages.
func TestRandom(t *testing.T) {
	t.Parallel()
	rounds := 200
	if testing.Short() || raceEnabled {
		rounds = 30
	}
	for _, m := range subjects {
		for i, c := range variants {
			t.Run(fmt.Sprintf("%s/%d", m.ProtoReflect().Descriptor().Name(), i), func(t *testing.T) {
				t.Parallel()
				rnd := rand.New(rand.NewPCG(uint64(i), 1))
				for range rounds {
					m := m.ProtoReflect().New()
					codectest.Fill(rnd, m, 2)
					extend(rnd, m.Interface())
					compare(t, rnd, c, m.Interface())
				}
			})
		}
	}
}

// extend sets extensions of an Old.
func extend(rnd *rand.Rand, m proto.Message) {
	old, ok := m.(*testpb.Old)
	if !ok {
		return
	}
	if rnd.IntN(2) == 0 {
		proto.SetExtension(old, testpb.E_Extra, "text")
	}
	if rnd.IntN(2) == 0 {
		nested := new(testpb.Nested)
		codectest.Fill(rnd, nested.ProtoReflect(), 1)
		proto.SetExtension(old, testpb.E_NestedExtra, nested)
	}
	if rnd.IntN(2) == 0 {
		proto.SetExtension(old, testpb.E_Extras, []*testpb.Old{{Must: new("x")}})
	}
}

// TestFields has each field with each form of value.
func TestFields(t *testing.T) {
	t.Parallel()
	for _, m := range subjects {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			t.Run(string(f.FullName()), func(t *testing.T) {
				t.Parallel()
				for _, c := range variants {
					for _, token := range tokens {
						for _, form := range []string{
							`{%q:%s}`, `{%q:[%s]}`, `{%q:{%s}}`, `{%q:{"true":%s}}`, `{%q:{"7":%s}}`, `{%q:{%s:null}}`, `{%q:{"a":%s}}`,
							`{"must":"",%q:[{},%s,1]}`, `{"must":"",%q:%s}`, `{"x":{"y":%q},"z":[%s]}`,
						} {
							compareDecode(t, c, m.ProtoReflect().Type(), fmt.Appendf(nil, form, f.JSONName(), token))
						}
					}
				}
			})
		}
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, m := range subjects {
		var messages []any
		for range 5 {
			m := m.ProtoReflect().New()
			codectest.Fill(rnd, m, 1)
			messages = append(messages, m.Interface())
		}
		codectest.Run(t, codectest.Subject{
			Name: string(m.ProtoReflect().Descriptor().Name()), Codec: json.Codec{}, Messages: messages,
			New: func() any {
				m := m.ProtoReflect().New().Interface()
				if old, ok := m.(*testpb.Old); ok {
					old.Must = new("")
				}
				return m
			},
			Equal: func(a, b any) bool { return same(a.(proto.Message), b.(proto.Message)) },
		})
	}
}

func TestFieldCodec(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, m := range []proto.Message{new(testpb.Scalars), new(testpb.Nested), new(testpb.Known)} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			c, err := json.Codec{}.Field(m, f.JSONName())
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				want, got := m.ProtoReflect().New(), m.ProtoReflect().New()
				codectest.Fill(rnd, want, 1)
				b, err := c.AppendMarshal(nil, want.Interface())
				if err != nil {
					t.Fatalf("%s: %v", f.FullName(), err)
				}
				if !want.Has(f) && f.HasPresence() {
					continue // it would be there afterwards
				}
				if err := c.Unmarshal(b, got.Interface()); err != nil {
					t.Fatalf("%s: %s: %v", f.FullName(), b, err)
				}
				only := m.ProtoReflect().New()
				if want.Has(f) {
					only.Set(f, want.Get(f))
				}
				if !same(got.Interface(), only.Interface()) {
					t.Fatalf("%s: %s:\n got %v\nwant %v", f.FullName(), b, got, only)
				}
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, m := range subjects {
		for range 4 {
			m := m.ProtoReflect().New()
			codectest.Fill(rnd, m, 1)
			b, err := json.Codec{}.AppendMarshal(nil, m.Interface())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, false)
			f.Add(b, true)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, refuse bool) {
		for _, m := range subjects {
			compareDecode(t, json.Codec{RefuseUnknown: refuse}, m.ProtoReflect().Type(), src)
		}
	})
}

var _ codec.PerType = json.Codec{}
