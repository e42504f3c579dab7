package jsontest

import (
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/codec/json/jsontest/testpb"
)

// TestAttacks decodes 256 KiB of hostile text of each kind. Some are sound; what they take is a small multiple of their
// length.
func TestAttacks(t *testing.T) { //nolint:paralleltest // it measures allocations
	const size = 256 << 10
	fill := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, (size-len(head)-len(tail))/len(piece)) + tail
	}
	const (
		anyURL   = `"@type":"type.googleapis.com/google.protobuf.Any"`
		embedded = `"@type":"type.googleapis.com/fairlead.jsontest.v1.Known"`
	)
	// Levels of an Any around one long string; "@type" is the last member, so that each level is looked through for it.
	levels := func(n int) string {
		inner := fill(`{"x":"`, "y", `"}`)
		return `{"any":` + strings.Repeat(`{"value":`, n) + inner + strings.Repeat(`,`+anyURL+`}`, n) + `}`
	}
	tests := []struct {
		name string
		msg  proto.Message
		text string
		ok   bool
		most int // times the length
	}{
		{"arrays", new(testpb.Scalars), fill("", "[", ""), false, 8},
		{"unknown arrays", new(testpb.Scalars), fill(`{"x":`, "[", ""), false, 8},
		{"unknown objects", new(testpb.Scalars), fill(`{"x":`, `{"x":`, ""), false, 8},
		{"messages", new(testpb.Nested), fill("", `{"self":`, ""), false, 8},
		{"values", new(testpb.Known), fill(`{"value":`, "[", ""), false, 8},
		{"commas", new(testpb.Scalars), fill(`{"manyInt64":[`, ",", `]}`), false, 8},
		{"commas after a number", new(testpb.Scalars), fill(`{"manyInt64":[1`, ",", `]}`), false, 8},
		{"lists of one", new(testpb.Scalars), fill(`{"manyInt64":[`, "1,", `1]}`), true, 16},
		{"commas in maps", new(testpb.Nested), fill(`{"selves":[`, `{"byString":{"a":",,,,,,,,"}},`, `{}]}`), true, 150},
		{"empty messages", new(testpb.Nested), fill(`{"selves":[`, `{},`, `{}]}`), true, 200},
		{"digits", new(testpb.Scalars), fill(`{"oneInt64":`, "1", `}`), false, 8},
		{"quoted digits", new(testpb.Scalars), fill(`{"oneInt64":"`, "1", `"}`), false, 8},
		{"zeros", new(testpb.Scalars), fill(`{"oneInt64":1.`, "0", `}`), true, 8},
		{"digits of a float", new(testpb.Scalars), fill(`{"oneDouble":1.`, "1", `}`), true, 8},
		{"digits of an exponent", new(testpb.Scalars), fill(`{"oneDouble":1e`, "1", `}`), false, 8},
		{"digits of a key", new(testpb.Nested), fill(`{"byInt64":{"`, "1", `":1}}`), false, 8},
		{"digits of a duration", new(testpb.Known), fill(`{"duration":"`, "1", `s"}`), false, 8},
		{"digits of a timestamp", new(testpb.Known), fill(`{"timestamp":"2020-01-01T00:00:00.`, "1", `Z"}`), false, 8},
		{"exponent", new(testpb.Scalars), `{"oneInt64":1e2147483647}`, false, 1 << 10},
		{"escapes", new(testpb.Scalars), fill(`{"oneString":"`, `\u0041`, `"}`), true, 8},
		{"surrogates", new(testpb.Scalars), fill(`{"oneString":"`, `\ud83d`, `"}`), false, 8},
		{"half a pair", new(testpb.Scalars), `{"oneString":"\ud83d"}`, false, 1 << 10},
		{"a pair reversed", new(testpb.Scalars), `{"oneString":"\ude00\ud83d"}`, false, 1 << 10},
		{"paths of a mask", new(testpb.Known), fill(`{"mask":"`, "a,", `a"}`), true, 64},
		{"names", new(testpb.Scalars), fill(`{"`, "n", `":1}`), true, 8},
		{"same name", new(testpb.Scalars), fill(`{`, `"oneBool":true,`, `"oneBool":true}`), false, 8},
		{"same name in two forms", new(testpb.Scalars), `{"oneBool":true,"one_bool":true}`, false, 1 << 10},
		{"same name escaped", new(testpb.Scalars), `{"oneBool":true,"one\u0042ool":true}`, false, 1 << 10},
		{"same key", new(testpb.Nested), `{"byInt64":{"1":1,"01":2}}`, false, 1 << 10},
		{"same key of a struct", new(testpb.Known), `{"struct":{"a":1,"\u0061":2}}`, false, 1 << 10},
		{"Any in Any", new(testpb.Known), fill(`{"any":`, `{`+anyURL+`,"value":`, ""), false, 8},
		{"Any in Any, type last", new(testpb.Known), levels(900), false, 64},
		{"16 levels of Any", new(testpb.Known), levels(16), true, 64},
		{"Any in a message in an Any", new(testpb.Known), fill(`{"any":`, `{`+embedded+`,"any":`, ""), false, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { //nolint:paralleltest // as above
			m := tt.msg.ProtoReflect().New().Interface()
			src := []byte(tt.text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := json.Codec{}.Unmarshal(src, m)
			runtime.ReadMemStats(&after)
			if (err == nil) != tt.ok || err != nil && fairlead.CodeOf(err) != fairlead.InvalidArgument {
				t.Errorf("got error %.300v, want one: %v", err, !tt.ok)
			}
			if err != nil && len(err.Error()) > 1024 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if took := int(after.TotalAlloc-before.TotalAlloc) / len(src); took > tt.most {
				t.Errorf("took %d times its length, want at most %d", took, tt.most)
			}
		})
	}
}
