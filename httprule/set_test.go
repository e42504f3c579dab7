package httprule

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"
)

// read parses a value of any type.
func read[T any](parse func(string) (T, error)) func(string) (any, error) {
	return func(s string) (any, error) { return parse(s) }
}

type color int32

func TestParsers(t *testing.T) {
	t.Parallel()
	colors := Enum[color](map[string]int32{"RED": 1, "BLUE": 5})
	tests := []struct {
		name  string
		parse func(string) (any, error)
		text  string
		want  any // nil: an error
	}{
		{"string", read(String), "a b", "a b"},
		{"bool", read(Bool), "true", true},
		{"bool", read(Bool), "0", false},
		{"bool", read(Bool), "yes", nil},
		{"int32", read(Int32), "-2147483648", int32(math.MinInt32)},
		{"int32", read(Int32), "2147483648", nil},
		{"int32", read(Int32), "010", int32(10)},
		{"int32", read(Int32), "0x10", nil},
		{"int32", read(Int32), "1_0", nil},
		{"int32", read(Int32), "1.0", nil},
		{"int32", read(Int32), " 1", nil},
		{"int32", read(Int32), "", nil},
		{"int64", read(Int64), "9223372036854775807", int64(math.MaxInt64)},
		{"int64", read(Int64), "9223372036854775808", nil},
		{"uint32", read(Uint32), "4294967295", uint32(math.MaxUint32)},
		{"uint32", read(Uint32), "-1", nil},
		{"uint64", read(Uint64), "18446744073709551615", uint64(math.MaxUint64)},
		{"uint64", read(Uint64), "x", nil},
		{"float", read(Float), "1.5", float32(1.5)},
		{"float", read(Float), "1e39", nil},
		{"double", read(Double), "-Infinity", math.Inf(-1)},
		{"double", read(Double), "1e39", 1e39},
		{"double", read(Double), "-Inf", nil},
		{"double", read(Double), "nan", nil},
		{"double", read(Double), "1_000", nil},
		{"double", read(Double), "0x1p4", nil},
		{"double", read(Double), "1,5", nil},
		{"bytes", read(Bytes), "", []byte{}},
		{"bytes", read(Bytes), "-_8=", []byte{0xfb, 0xff}},
		{"bytes", read(Bytes), "+/8=", []byte{0xfb, 0xff}},
		{"bytes", read(Bytes), "-_8", []byte{0xfb, 0xff}},
		{"bytes", read(Bytes), "+/8", []byte{0xfb, 0xff}},
		{"bytes", read(Bytes), "+_8=", nil},
		{"bytes", read(Bytes), "AAA==", nil},
		{"bytes", read(Bytes), "=", nil},
		{"bytes", read(Bytes), "====", nil},
		{"bytes", read(Bytes), "AAAA\nBBBB", nil},
		{"bytes", read(Bytes), "a", nil},
		{"enum", read(colors), "BLUE", color(5)},
		{"enum", read(colors), "1", color(1)},
		{"enum", read(colors), "2", nil},
		{"enum", read(colors), "blue", nil},
		{"enum", read(colors), "", nil},
		{"time", read(Time), "2026-01-02T03:04:05.5Z", time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC)},
		{"time", read(Time), "2026-01-02", nil},
		{"time", read(Time), "0000-01-02T03:04:05Z", nil},
		{"time", read(Time), "9999-12-31T23:59:59-01:00", nil},
		{"duration", read(Duration), "1.5s", 1500 * time.Millisecond},
		{"duration", read(Duration), "-2m", -2 * time.Minute},
		{"duration", read(Duration), "2", nil},
		{"paths", read(Paths), "a,b.c", []string{"a", "b.c"}},
		{"paths", read(Paths), "", []string(nil)},
	}
	for _, tt := range tests {
		got, err := tt.parse(tt.text)
		if (err != nil) != (tt.want == nil) || err == nil && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %q: got %v, %v, want %v", tt.name, tt.text, got, err, tt.want)
		}
	}
}

func TestSetters(t *testing.T) {
	t.Parallel()
	var got []int32
	add := func(v int32) { got = append(got, v) }
	tests := []struct {
		name string
		err  error
		want string // the error
	}{
		{"set", Set("f", []string{"1"}, Int32, add), ""},
		{"no value", Set("f", nil, Int32, add), "f: has 0 values and takes one"},
		{"two values", Set("f.g", []string{"1", "2"}, Int32, add), "f.g: has 2 values and takes one"},
		{"bad value", Set("f.g", []string{"x"}, Int32, add), `f.g: "x" is not an int32`},
		{"too large", Set("f.g", []string{"3000000000"}, Int32, add), `f.g: "3000000000" is out of the range of an int32`},
		{"member", SetMember("f", []string{"2"}, false, Int32, add), ""},
		{"member of a oneof that is taken", SetMember("f", []string{"9"}, true, Int32, add),
			"f: another field of the same oneof is set already"},
		{"append", Append("f", []string{"3", "4"}, Int32, add), ""},
		{"append nothing", Append("f", nil, Int32, add), ""},
		{"append what is bad", Append("f", []string{"5", "x"}, Int32, add), `f: "x" is not an int32`},
		{"append below a member", AppendMember("f", []string{"6"}, false, Int32, add), ""},
		{"append below a member that is not", AppendMember("f", []string{"9"}, true, Int32, add),
			"f: another field of the same oneof is set already"},
	}
	for _, tt := range tests {
		var field *FieldError
		switch {
		case tt.want == "" && tt.err != nil, tt.want != "" && (tt.err == nil || tt.err.Error() != tt.want):
			t.Errorf("%s: got %v, want %s", tt.name, tt.err, tt.want)
		case tt.err != nil && (!errors.As(tt.err, &field) || field.Unwrap() == nil):
			t.Errorf("%s: got %T", tt.name, tt.err)
		}
	}
	if want := []int32{1, 2, 3, 4, 5, 6}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMake(t *testing.T) {
	t.Parallel()
	type message struct{ n int }
	var field *message
	Make(&field).n = 1
	Make(&field).n++
	if field == nil || field.n != 2 {
		t.Errorf("got %v", field)
	}
	var other *message
	set := func(m *message) { other = m }
	Sub(other, set).n = 1
	Sub(other, set).n++
	if other == nil || other.n != 2 {
		t.Errorf("got %v", other)
	}
}
