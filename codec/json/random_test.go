package json_test

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

	"github.com/fairlead-go/fairlead/codec/codectest"
	"github.com/fairlead-go/fairlead/codec/json"
)

// variants are codecs with the options that protojson has as well.
func variants(types resolver) []json.Codec {
	return []json.Codec{
		{Resolver: types},
		{Resolver: types, EnumNumbers: true, ProtoNames: true},
		{Resolver: types, ZeroValues: true, RefuseUnknown: true},
	}
}

// reference returns protojson's encoding, without the space that it puts in at random.
func reference(c json.Codec, m proto.Message) ([]byte, error) {
	b, err := protojson.MarshalOptions{
		UseEnumNumbers: c.EnumNumbers, UseProtoNames: c.ProtoNames, EmitDefaultValues: c.ZeroValues, Resolver: c.Resolver,
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

// compare encodes m by both, and decodes by both what they gave and damaged forms of that.
func compare(t *testing.T, rnd *rand.Rand, c json.Codec, m proto.Message) {
	t.Helper()
	want, wantErr := reference(c, m)
	got, err := c.AppendMarshal(nil, m)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("encode %v:\n got error %v\nwant error %v", m, err, wantErr)
	}
	if err != nil {
		t.Fatalf("encode %v: %v", m, err) // Fill promises an encoding
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("encode:\n got %s\nwant %s", got, want)
	}
	compareDecode(t, c, m.ProtoReflect().Type(), got)
	for range 5 {
		compareDecode(t, c, m.ProtoReflect().Type(), damage(rnd, got))
	}
}

// compareDecode decodes src by both.
func compareDecode(t *testing.T, c json.Codec, typ protoreflect.MessageType, src []byte) {
	t.Helper()
	want, got := typ.New().Interface(), typ.New().Interface()
	wantErr := protojson.UnmarshalOptions{DiscardUnknown: !c.RefuseUnknown, Resolver: c.Resolver}.Unmarshal(src, want)
	err := c.Unmarshal(src, got)
	if (err == nil) != (wantErr == nil) {
		if wantErr == nil && !stdjson.Valid(src) {
			return // we refuse what is not JSON
		}
		if wantErr != nil && strings.Contains(wantErr.Error(), "cannot be extended by") {
			return // this is unknown in messages without extensions
		}
		t.Fatalf("decode %s:\n got error %v\nwant error %v", src, err, wantErr)
	}
	if err == nil && !same(got, want) {
		t.Fatalf("decode %s:\n got %v\nwant %v", src, got, want)
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
	`"RED"`, `"1.5s"`, `"2020-01-01T00:00:00+01:00"`, `"aB.c"`, `-`, `.`, `e`, `0`, `1`, `"_-8="`, `"oneInt32":1,`,
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

// TestRandom compares the codec with protojson, over messages with fields of all kinds.
func TestRandom(t *testing.T) {
	t.Parallel()
	all, old, types := schema(t)
	rounds := 100
	if testing.Short() {
		rounds = 30
	}
	for _, typ := range []protoreflect.MessageType{all, old} {
		for i, c := range variants(types) {
			t.Run(fmt.Sprintf("%s/%d", typ.Descriptor().Name(), i), func(t *testing.T) {
				t.Parallel()
				rnd := rand.New(rand.NewPCG(uint64(i), 1))
				for range rounds {
					m := typ.New()
					codectest.Fill(rnd, m, 2)
					thin(rnd, m)
					compare(t, rnd, c, m.Interface())
				}
			})
		}
	}
}

// thin clears most fields of m, so that what is decoded after damage is often sound.
func thin(rnd *rand.Rand, m protoreflect.Message) {
	if rnd.IntN(8) == 0 {
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if f.Cardinality() != protoreflect.Required && rnd.IntN(20) > 0 {
			m.Clear(f)
		}
		return true
	})
}

// TestFields damages the encodings of messages with one field.
func TestFields(t *testing.T) {
	t.Parallel()
	all, _, types := schema(t)
	fields := all.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		t.Run(string(f.Name()), func(t *testing.T) {
			t.Parallel()
			for _, c := range variants(types) {
				for _, token := range tokens {
					for _, form := range []string{
						`{%q:%s}`, `{%q:[%s]}`, `{%q:{%s}}`, `{%q:{"true":%s}}`, `{%q:{"7":%s}}`, `{%q:{%s:null}}`, `{%q:{"a":%s}}`,
						`{%q:[{},%s,1]}`, `{"x":{"y":%q},"z":[%s]}`,
					} {
						compareDecode(t, c, all, fmt.Appendf(nil, form, f.JSONName(), token))
					}
				}
			}
		})
	}
}
