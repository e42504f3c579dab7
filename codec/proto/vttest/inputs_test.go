package vttest

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/codec/proto/vttest/testpb"
)

type input struct {
	name   string
	sample proto.Message
	src    []byte
	fails  bool // google.golang.org/protobuf refuses it
}

// wire builds encodings by hand.
type wire []byte

func (w wire) varint(num protowire.Number, v uint64) wire {
	return protowire.AppendVarint(protowire.AppendTag(w, num, protowire.VarintType), v)
}

func (w wire) bytes(num protowire.Number, v string) wire {
	return protowire.AppendString(protowire.AppendTag(w, num, protowire.BytesType), v)
}

func (w wire) msg(num protowire.Number, within wire) wire { return w.bytes(num, string(within)) }

func (w wire) fixed32(num protowire.Number, v uint32) wire {
	return protowire.AppendFixed32(protowire.AppendTag(w, num, protowire.Fixed32Type), v)
}

func (w wire) group(num protowire.Number, within wire) wire {
	return protowire.AppendGroup(protowire.AppendTag(w, num, protowire.StartGroupType), num, within)
}

func (w wire) raw(s string) wire { return append(w, s...) }

// nested is n messages of type Numbers, one in the other.
func nested(n int) []byte {
	// From the inside out, so that it takes linear time: the lengths first.
	lengths := make([]int, 0, n)
	for l := range n {
		if l == 0 {
			lengths = append(lengths, 0)
			continue
		}
		last := lengths[l-1]
		lengths = append(lengths, 1+protowire.SizeBytes(last))
	}
	var b []byte
	for i := n - 1; i >= 0; i-- {
		b = protowire.AppendVarint(protowire.AppendTag(b, 4, protowire.BytesType), uint64(lengths[i])) //nolint:gosec // small
	}
	return b
}

// deepGroups is n groups, one in the other.
func deepGroups(n int) []byte {
	return append(bytes.Repeat([]byte{0xfb, 0x06}, n), bytes.Repeat([]byte{0xfc, 0x06}, n)...)
}

// inputs are what implementations disagree about.
func inputs() []input {
	echo, numbers, lists, maps := new(testpb.Echo), new(testpb.Numbers), new(testpb.Lists), new(testpb.Maps)
	holder := new(testpb.HoldsExtended)
	return []input{
		{"empty", echo, nil, false},
		{"text", echo, wire{}.bytes(1, "näh").bytes(2, "x"), false},
		{"invalid UTF-8", echo, wire{}.bytes(1, "a\xff"), true},
		{"invalid UTF-8, later replaced", echo, wire{}.bytes(1, "a\xff").bytes(1, "b"), true},
		{"surrogate", echo, wire{}.bytes(1, "\xed\xa0\x80"), true},
		{"bytes are not text", numbers, wire{}.bytes(3, "\xff"), false},
		{"invalid UTF-8 in proto2", new(testpb.Loose), wire{}.bytes(1, "\xff"), false},
		{"invalid UTF-8 in a list", lists, wire{}.bytes(14, "a").bytes(14, "\xff"), true},
		{"invalid UTF-8 in a map's key", maps, wire{}.msg(1, wire{}.bytes(1, "\xff").bytes(2, "")), true},
		{"invalid UTF-8 in a map's value", maps, wire{}.msg(1, wire{}.bytes(1, "").bytes(2, "\xff")), true},
		{"invalid UTF-8 in a map's message", maps, wire{}.msg(12, wire{}.bytes(1, "").msg(2, wire{}.bytes(2, "\xff"))), true},
		{"invalid UTF-8 in a oneof", new(testpb.Oneofs), wire{}.bytes(3, "\xff"), true},
		{"invalid UTF-8 far away", new(testpb.Everything), wire{}.bytes(1000, "\xff"), true},
		{"invalid UTF-8 farther away", new(testpb.Everything), wire{}.bytes(536870911, "\xff"), true},
		{"invalid UTF-8 in another package", new(testpb.Everything), wire{}.msg(8, wire{}.bytes(1, "\xff")), true},
		{"invalid UTF-8 in a well-known type", new(testpb.WellKnown), wire{}.msg(5, wire{}.bytes(1, "\xff")), true},
		{"invalid UTF-8 in an unknown field", echo, wire{}.bytes(9, "\xff"), false},
		{"invalid UTF-8 and feature NONE", new(testpb.Opaque), wire{}.bytes(3, "\xff"), false},
		{"invalid UTF-8 and feature VERIFY", new(testpb.Opaque), wire{}.bytes(1, "\xff"), true},
		{"truncated tag", echo, wire{}.raw("\x8a"), true},
		{"truncated length", echo, wire{}.raw("\x0a\x80"), true},
		{"truncated text", echo, wire{}.raw("\x0a\x05abc"), true},
		{"truncated number", numbers, wire{}.raw("\x08\x80"), true},
		{"truncated message", numbers, wire{}.raw("\x22\x05\x08"), true},
		{"truncated fixed32", new(testpb.Scalars), wire{}.raw("\x4d\x01\x02"), true},
		{"huge length", echo, wire{}.raw("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), true},
		{"negative length", echo, wire{}.raw("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true},
		{"number of eleven bytes", numbers, wire{}.raw("\x08" + strings.Repeat("\x80", 10) + "\x01"), true},
		{"number that overflows 64 bits", numbers, wire{}.raw("\x08" + strings.Repeat("\xff", 9) + "\x7f"), true},
		{"number of ten bytes", numbers, wire{}.raw("\x08" + strings.Repeat("\xff", 9) + "\x01"), false},
		{"overlong number", numbers, wire{}.raw("\x08\x81\x80\x00"), false},
		{"overlong length", echo, wire{}.raw("\x0a\x81\x80\x00a"), false},
		{"overlong tag", numbers, wire{}.raw("\x88\x80\x00\x05"), false},
		{"overlong tag of an unknown field", numbers, wire{}.raw("\xc8\x80\x00\x05"), false},
		{"field number 0", numbers, wire{}.raw("\x00\x05"), true},
		{"field number too large", numbers, wire{}.raw("\x88\x80\x80\x80\x10\x05"), true},
		{"field number of more than 32 bits", numbers, wire{}.raw("\x88\x80\x80\x80\x80\x80\x01\x05"), true},
		{"wrong wire type", echo, wire{}.varint(1, 5), false},
		{"wrong wire type of a number", numbers, wire{}.fixed32(1, 5), false},
		{"wrong wire type of a list", numbers, wire{}.fixed32(2, 5), false},
		{"wrong wire type of a message", numbers, wire{}.varint(4, 5), false},
		{"wrong wire type of a map", maps, wire{}.varint(1, 5), false},
		{"wire type 6", numbers, wire{}.raw("\x0e\x05"), true},
		{"unknown fields", echo, wire{}.varint(7, 1).bytes(1, "a").bytes(8, "b").fixed32(9, 3).raw("\x51abcdefgh"), false},
		{"unknown group", echo, wire{}.group(100, wire{}.varint(1, 1).bytes(1, "\xff")), false},
		{"unknown group, not closed", echo, wire{}.raw("\xa3\x06\x08\x01"), true},
		{"unknown group, closed by another", echo, wire{}.raw("\xa3\x06\x08\x01\xac\x06"), true},
		{"end of a group that was not opened", echo, wire{}.raw("\xa4\x06"), true},
		{"end of a group in a message", numbers, wire{}.raw("\x22\x02\xa4\x06"), true},
		{"group in place of a message", numbers, wire{}.group(4, wire{}.varint(1, 3)), false},
		{"unknown field in a well-known type", new(testpb.WellKnown), wire{}.msg(1, wire{}.varint(9, 1)), false},
		{"group", new(testpb.WithGroup), wire{}.group(2, wire{}.bytes(3, "a")), false},
		{"unset required", new(testpb.Required), wire{}.varint(2, 1), true},
		{"required within", new(testpb.Required), wire{}.bytes(1, "a").varint(2, 1).bytes(3, ""), true},
		{"required in two parts", new(testpb.Required), wire{}.bytes(1, "a").varint(2, 1).
			msg(3, wire{}.bytes(1, "b")).msg(3, wire{}.varint(2, 2)), false},
		{"required in a map", new(testpb.Required), wire{}.bytes(1, "a").varint(2, 1).bytes(5, ""), true},
		{"packed", lists, wire{}.bytes(3, "\x01\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false},
		{"packed, empty", lists, wire{}.bytes(3, ""), false},
		{"packed, many", lists, wire{}.bytes(4, strings.Repeat("\x01", 40)+strings.Repeat("\x81\x01", 9)), false},
		{"packed, cut", lists, wire{}.bytes(3, "\x01\x80").varint(3, 7), true},
		{"packed, overflow", lists, wire{}.bytes(3, strings.Repeat("\xff", 9)+"\x02"), true},
		{"packed fixed, cut", lists, wire{}.bytes(9, "\x01\x02\x03\x04\x05").bytes(14, "abcdef"), true},
		{"packed bool", lists, wire{}.bytes(13, "\x01\x00\x02\x80\x01"), false},
		{"packed and not", lists, wire{}.bytes(3, "\x01\x02").varint(3, 3).bytes(18, "\x04").varint(18, 5), false},
		{"list of fixed, one by one", lists, wire{}.fixed32(9, 1).fixed32(9, 2), false},
		{"map", maps, wire{}.msg(1, wire{}.bytes(1, "k").bytes(2, "v")), false},
		{"map, empty entry", maps, wire{}.bytes(1, "").bytes(12, "").bytes(10, ""), false},
		{"map, no key", maps, wire{}.msg(1, wire{}.bytes(2, "v")), false},
		{"map, no value", maps, wire{}.msg(12, wire{}.bytes(1, "k")), false},
		{"map, value first", maps, wire{}.msg(1, wire{}.bytes(2, "v").bytes(1, "k")), false},
		{"map, value twice", maps, wire{}.msg(12, wire{}.bytes(1, "k").
			msg(2, wire{}.bytes(1, "a")).msg(2, wire{}.bytes(2, "b"))), false},
		{"map, unknown field in an entry", maps, wire{}.msg(1, wire{}.bytes(1, "k").bytes(2, "v").varint(3, 1)), false},
		{"map, wrong wire type in an entry", maps, wire{}.msg(1, wire{}.varint(1, 1).bytes(2, "v")), false},
		{"map, text past its entry", maps, wire{}.raw("\x0a\x04\x0a\x01k\x12").raw("\x02ab").bytes(1, "abcdef"), true},
		{"map, key twice", maps, wire{}.bytes(2, "\x08\x01\x10\x01").bytes(2, "\x08\x01\x10\x02"), false},
		{"oneof twice", new(testpb.Oneofs), wire{}.msg(5, wire{}.bytes(1, "a")).msg(5, wire{}.bytes(2, "b")), false},
		{"oneof, one after another", new(testpb.Oneofs), wire{}.msg(5, wire{}.bytes(1, "a")).varint(2, 3).
			msg(5, wire{}.bytes(2, "b")), false},
		{"message twice", new(testpb.Everything), wire{}.msg(6, wire{}.bytes(1, "a")).msg(6, wire{}.bytes(2, "")), false},
		{"message of another package twice", new(testpb.Everything), wire{}.msg(8, wire{}.bytes(1, "a")).
			msg(8, wire{}.varint(2, 4)), false},
		{"oneof of another package twice", new(testpb.Oneofs), wire{}.msg(9, wire{}.bytes(1, "a")).
			msg(9, wire{}.varint(2, 4)), false},
		{"scalar twice", new(testpb.Scalars), wire{}.varint(3, 1).varint(3, 2).bytes(15, "abc").bytes(15, ""), false},
		{"optional, zero", new(testpb.Optionals), wire{}.varint(3, 0).bytes(14, "").bytes(15, "").bytes(17, ""), false},
		{"extension", new(testpb.Extended), wire{}.bytes(1, "a").bytes(100, "\xff").varint(2, 1), false},
		{"extension within", holder, wire{}.msg(1, wire{}.bytes(1, "a").bytes(101, "").varint(2, 1)), false},
		{"99 deep", numbers, nested(99), false},
		{"100 deep", numbers, nested(100), false},
		{"101 deep", numbers, nested(101), false},
		{"9999 deep", numbers, nested(9999), false},
		{"10000 deep", numbers, nested(10000), true},
		{"a million deep", numbers, nested(1000000), true},
		{"10000 groups deep", numbers, deepGroups(10000), false},
		{"10002 groups deep", numbers, deepGroups(10002), true},
	}
}

func TestUnmarshalInputs(t *testing.T) {
	t.Parallel()
	for _, tt := range inputs() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := compareUnmarshal(bind(t, tt.sample), tt.sample, tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if failed := m == nil; failed != tt.fails {
				t.Errorf("google.golang.org/protobuf fails: got %t, want %t", failed, tt.fails)
			}
			if m != nil {
				forgive(m.ProtoReflect())
				if err := compareMarshal(bind(t, tt.sample), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
