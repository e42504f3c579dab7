package jsontest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/codec/json/jsontest/testpb"
)

// workload is a message that is measured.
type workload struct {
	name string
	msg  proto.Message
}

func workloads() []workload {
	return []workload{
		{"Order", order()}, {"Nested", tree(6)}, {"Maps", mapped()}, {"WellKnown", known()},
		{"Text", &testpb.Text{Text: strings.Repeat("Some text without much to escape, ", 32)[:1024]}}, {"Numbers", numbers()},
		{"Floats", floats()},
	}
}

// order has about 1.5 KiB in JSON.
func order() *testpb.Order {
	o := &testpb.Order{
		OrderId: "8f14e45f-ceea-467f-a0e6-1c2e6a2b1b2f", CustomerId: "c-1048576", State: testpb.State_STATE_PAID,
		CreateTime: &timestamppb.Timestamp{Seconds: 1764536400, Nanos: 123456000},
		Address: &testpb.Address{
			Name: "Ada Lovelace", Street: "12 St James's Square", City: "London", PostalCode: "SW1Y 4LB", CountryCode: "GB",
		},
		Labels: map[string]string{"channel": "web", "campaign": "winter", "priority": "normal"}, TotalCents: 1234567,
		Gift: true, Note: "Leave it with the \"neighbour\", please.\nThank you.",
	}
	for i := range 8 {
		o.Items = append(o.Items, &testpb.Item{
			Sku: fmt.Sprintf("SKU-%06d", i*7919), Title: "A thing that somebody has ordered", Quantity: int32(i + 1),
			PriceCents: int64(i) * 1999, WeightKg: float64(i) * 0.35, Tags: []string{"new", "sale"},
		})
	}
	return o
}

func tree(depth int) *testpb.Tree {
	if depth == 0 {
		return nil
	}
	return &testpb.Tree{Id: int32(depth), Left: tree(depth - 1), Right: tree(depth - 1)}
}

func mapped() *testpb.Maps {
	m := &testpb.Maps{Names: map[string]string{}, Values: map[int64]float64{}}
	for i := range 20 {
		m.Names[fmt.Sprintf("key-%d", i)] = fmt.Sprintf("value %d", i)
		m.Values[int64(i)*1000] = float64(i) + 0.25
	}
	return m
}

func known() *testpb.WellKnown {
	attributes, err := structpb.NewStruct(map[string]any{
		"name": "x", "size": 42.5, "tags": []any{"a", "b", true, nil}, "owner": map[string]any{"id": 7, "team": "core"},
	})
	if err != nil {
		panic(err)
	}
	return &testpb.WellKnown{
		Start: &timestamppb.Timestamp{Seconds: 1764536400}, End: &timestamppb.Timestamp{Seconds: 1764536500, Nanos: 5e8},
		Timeout: &durationpb.Duration{Seconds: 1, Nanos: 5e8}, Mask: &fieldmaskpb.FieldMask{Paths: []string{"name", "a_b.c"}},
		Name: wrapperspb.String("a name"), Count: wrapperspb.Int64(12345678901), Attributes: attributes,
	}
}

// numbers are amounts, coordinates, identifiers, counts and measures.
func numbers() *testpb.Numbers {
	rnd := rand.New(rand.NewPCG(1, 1))
	n := new(testpb.Numbers)
	for range 25 {
		n.Doubles = append(n.Doubles, float64(rnd.IntN(1e6))/100, float64(rnd.IntN(360e6)-180e6)/1e6)
		n.Longs = append(n.Longs, rnd.Int64(), rnd.Int64N(1e6))
		n.Ints = append(n.Ints, rnd.Int32()-math.MaxInt32/2, rnd.Int32N(100))
		n.Floats = append(n.Floats, float32(rnd.IntN(1000))/10, float32(rnd.IntN(100)))
	}
	return n
}

// floats have all digits, which takes both the search for the shortest decimal.
func floats() *testpb.Numbers {
	rnd := rand.New(rand.NewPCG(1, 1))
	n := new(testpb.Numbers)
	for range 50 {
		n.Doubles = append(n.Doubles, rnd.NormFloat64()*1000)
		n.Floats = append(n.Floats, rnd.Float32())
	}
	return n
}

func BenchmarkEncode(b *testing.B) {
	for _, w := range workloads() {
		c, err := codec.For(json.Codec{}, w.msg)
		if err != nil {
			b.Fatal(err)
		}
		run(b, w, "fairlead", func(dst []byte) ([]byte, error) { return c.AppendMarshal(dst[:0], w.msg) })
		run(b, w, "protojson", func(dst []byte) ([]byte, error) {
			return protojson.MarshalOptions{}.MarshalAppend(dst[:0], w.msg)
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, w := range workloads() {
		c, err := codec.For(json.Codec{}, w.msg)
		if err != nil {
			b.Fatal(err)
		}
		src, err := c.AppendMarshal(nil, w.msg)
		if err != nil {
			b.Fatal(err)
		}
		typ := w.msg.ProtoReflect().Type()
		run(b, w, "fairlead", func([]byte) ([]byte, error) { return src, c.Unmarshal(src, typ.New().Interface()) })
		run(b, w, "protojson", func([]byte) ([]byte, error) {
			return src, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(src, typ.New().Interface())
		})
	}
}

// run measures f, which gets a buffer of its own in each goroutine.
func run(b *testing.B, w workload, who string, f func(dst []byte) ([]byte, error)) {
	b.Helper()
	b.Run(w.name+"/"+who, func(b *testing.B) {
		out, err := f(nil)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out)))
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var dst []byte
			for pb.Next() {
				out, err := f(dst)
				if err != nil {
					b.Error(err)
					return
				}
				dst = out
			}
		})
	})
}

// TestAllocations: encoding takes no allocation; decoding takes proto.Unmarshal's and two.
func TestAllocations(t *testing.T) { //nolint:paralleltest // it counts allocations
	if raceEnabled {
		t.Skip("sync.Pool drops items under the race detector")
	}
	for _, w := range workloads() {
		c, err := codec.For(json.Codec{}, w.msg)
		if err != nil {
			t.Fatal(err)
		}
		var dst []byte
		encode := testing.AllocsPerRun(100, func() {
			if dst, err = c.AppendMarshal(dst[:0], w.msg); err != nil {
				t.Fatal(err)
			}
		})
		wire, err := proto.Marshal(w.msg)
		if err != nil {
			t.Fatal(err)
		}
		typ := w.msg.ProtoReflect().Type()
		decode := testing.AllocsPerRun(100, func() {
			if err := c.Unmarshal(dst, typ.New().Interface()); err != nil {
				t.Fatal(err)
			}
		})
		binary := testing.AllocsPerRun(100, func() {
			if err := proto.Unmarshal(wire, typ.New().Interface()); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: encode %v, decode %v, proto.Unmarshal %v", w.name, encode, decode, binary)
		if encode > 0 {
			t.Errorf("%s: encode: got %v allocations, want 0", w.name, encode)
		}
		if decode > binary+2 {
			t.Errorf("%s: decode: got %v allocations, want at most %v", w.name, decode, binary+2)
		}
	}
}
