package fairlead

import (
	"bytes"
	"maps"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// info returns the encoded ErrorInfo of a new error with pairs of keys and values.
func info(reason, domain string, pairs ...string) []byte {
	r := &Reason{Name: reason, Domain: domain, Code: Aborted}
	e := r.Errorf("x")
	for i := 0; i < len(pairs); i += 2 {
		e.With(pairs[i], pairs[i+1])
	}
	return e.Details[0].Value
}

func TestErrorInfo(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte("x"), 1<<15))
	tests := []struct {
		name  string
		value []byte
		want  ErrorInfo
		bad   bool
	}{
		{"empty", nil, ErrorInfo{}, false},
		{"all", info("R", "d", "k", "v", "", "", "long", long), ErrorInfo{"R", "d", map[string]string{
			"k": "v", "": "", "long": long,
		}}, false},
		{"the last one counts", info("R", "d", "k", "1", "k", "2"), ErrorInfo{"R", "d", map[string]string{"k": "2"}}, false},
		{"unknown fields", []byte("\x20\x01\x29........\x35....\x0a\x01R\x3a\x01x"), ErrorInfo{Reason: "R"}, false},
		{"another type", []byte("\x08\x01\x12\x01d"), ErrorInfo{Domain: "d"}, false},
		{"unknown in an entry", []byte("\x1a\x05\x0a\x01k\x18\x01"), ErrorInfo{Metadata: map[string]string{"k": ""}}, false},
		{"cut off", []byte("\x0a\x02R"), ErrorInfo{}, true},
		{"cut off in an entry", []byte("\x1a\x02\x0a\x01"), ErrorInfo{}, true},
		{"cut off in a tag", []byte("\x80"), ErrorInfo{}, true},
		{"cut off in a length", []byte("\x0a\x80"), ErrorInfo{}, true},
		{"cut off in a fixed64", []byte("\x21......"), ErrorInfo{}, true},
		{"huge length", []byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01R"), ErrorInfo{}, true},
		{"varint too long", []byte("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ErrorInfo{}, true},
		{"field 0", []byte("\x02\x01R"), ErrorInfo{}, true},
		{"group", []byte("\x0b\x0c"), ErrorInfo{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := Errorf(Aborted, "x").WithDetail("example.com/any/google.rpc.ErrorInfo", tt.value)
			got, ok := e.Info()
			if ok == tt.bad || got.Reason != tt.want.Reason || got.Domain != tt.want.Domain ||
				!maps.Equal(got.Metadata, tt.want.Metadata) {
				t.Errorf("got %+v, %v, want %+v", got, ok, tt.want)
			}
		})
	}
}

func TestDetailNames(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"type.googleapis.com/google.rpc.ErrorInfo":  true,
		"/google.rpc.ErrorInfo":                     true,
		"google.rpc.ErrorInfo":                      false,
		"type.googleapis.com/xgoogle.rpc.ErrorInfo": false,
		"google.rpc.ErrorInfo/x":                    false,
		"":                                          false,
	} {
		if _, got := Errorf(Aborted, "x").WithDetail(url, nil).Info(); got != want {
			t.Errorf("%q: got %v, want %v", url, got, want)
		}
	}
}

// TestWithLeavesOthersAlone sees that metadata is not written into bytes that somebody else holds.
func TestWithLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	value := append(make([]byte, 0, 100), info("R", "d")...)
	beyond := value[:cap(value)]
	Errorf(Aborted, "x").WithDetail(errorInfoType, value).With("k", "v")
	if beyond[len(value)] != 0 {
		t.Error("the bytes behind the detail have changed")
	}
	if _, ok := Errorf(Aborted, "x").With("k", "v").Info(); !ok {
		t.Error("metadata without a reason cannot be read")
	}
}

func TestRetryInfo(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, 1, time.Second - 1, time.Second, 90*time.Minute + 5, math.MaxInt64} {
		value := appendRetryInfo(nil, d)
		want, err := proto.Marshal(durationpb.New(d))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(value[2:], want) || value[0] != 0x0a || int(value[1]) != len(want) {
			t.Errorf("%v is encoded as %x, want it to hold %x", d, value, want)
		}
		if got, ok := parseRetryInfo(value); got != d || !ok {
			t.Errorf("got %v, %v, want %v", got, ok, d)
		}
	}
	for _, tt := range []struct {
		delay *durationpb.Duration
		want  time.Duration
	}{
		{&durationpb.Duration{Seconds: -1}, 0},
		{&durationpb.Duration{Nanos: -1}, 0},
		{&durationpb.Duration{Seconds: 1, Nanos: -1}, time.Second - 1},
		{&durationpb.Duration{Seconds: 315576000000}, math.MaxInt64},
		{&durationpb.Duration{Seconds: math.MinInt64}, 0},
		{&durationpb.Duration{Seconds: 1, Nanos: math.MinInt32}, 1},
		{&durationpb.Duration{Seconds: 9223372035, Nanos: math.MaxInt32}, 9223372036*time.Second - 1},
	} {
		b, err := proto.Marshal(tt.delay)
		if err != nil {
			t.Fatal(err)
		}
		value := append([]byte{0x0a, byte(len(b))}, b...)
		if got, ok := parseRetryInfo(value); got != tt.want || !ok {
			t.Errorf("%v: got %v, %v, want %v", tt.delay, got, ok, tt.want)
		}
	}
	for _, bad := range []string{"\x0a\x02\x08", "\x0a\x01\x08", "\x80"} {
		if _, ok := parseRetryInfo([]byte(bad)); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzErrorInfo(f *testing.F) {
	f.Add(info("R", "d", "k", "v"))
	f.Add(appendRetryInfo(nil, time.Hour+1))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01R"))
	f.Add([]byte("\x1a\x05\x0a\x01k\x18\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, ok := parseRetryInfo(b); ok && d < 0 {
			t.Errorf("a delay of %v", d)
		}
		got, ok := parseErrorInfo(b)
		if !ok {
			return
		}
		again := appendErrorInfo(nil, got.Reason, got.Domain)
		for k, v := range got.Metadata {
			again = appendMetadata(again, k, v)
		}
		back, ok := parseErrorInfo(again)
		if !ok || back.Reason != got.Reason || back.Domain != got.Domain || !maps.Equal(back.Metadata, got.Metadata) {
			t.Errorf("%+v came back as %+v, %v", got, back, ok)
		}
	})
}
