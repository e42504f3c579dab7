package rpcwire

import (
	"bytes"
	"encoding/base64"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
)

func TestParseTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"1n", 1, true},
		{"20u", 20 * time.Microsecond, true},
		{"99999999m", 99999999 * time.Millisecond, true},
		{"7S", 7 * time.Second, true},
		{"05M", 5 * time.Minute, true},
		{"3H", 3 * time.Hour, true},
		{"0S", 0, true},
		{"99999999H", math.MaxInt64, true},
		{"", 0, false},
		{"S", 0, false},
		{"1", 0, false},
		{"1s", 0, false},
		{"-1S", 0, false},
		{"+1S", 0, false},
		{"1.5S", 0, false},
		{" 1S", 0, false},
		{"123456789n", 0, false},
	}
	for _, tt := range tests {
		if got, ok := ParseTimeout([]byte(tt.in)); got != tt.want || ok != tt.ok {
			t.Errorf("parseTimeout(%q): got %v, %v, want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func TestAppendTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   time.Duration
		want string
	}{
		{-1, "0n"},
		{0, "0n"},
		{1, "1n"},
		{99_999_999, "99999999n"},
		{100_000_000, "100000u"},
		{time.Second + 1, "1000001u"},
		{100 * time.Second, "100000m"},
		{99_999_999*time.Microsecond + 1, "100000m"},
		{30 * 24 * time.Hour, "2592000S"},
		{math.MaxInt64, "2562048H"},
	}
	for _, tt := range tests {
		if got := string(AppendTimeout(nil, tt.in)); got != tt.want {
			t.Errorf("appendTimeout(%v): got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzTimeout(f *testing.F) {
	for _, s := range []string{"1n", "99999999H", "", "S", "00000000u", "18446744S"} {
		f.Add([]byte(s), int64(len(s))*1_234_567_890)
	}
	f.Fuzz(func(t *testing.T, v []byte, n int64) {
		if d, ok := ParseTimeout(v); ok && d < 0 {
			t.Errorf("parseTimeout(%q): got %v", v, d)
		}
		out := AppendTimeout(nil, time.Duration(n))
		if len(out) > maxTimeoutDigits+1 {
			t.Fatalf("appendTimeout(%d): got %q, which is too long", n, out)
		}
		back, ok := ParseTimeout(out)
		if !ok || back < time.Duration(n) {
			t.Fatalf("appendTimeout(%d): got %q, which reads as %v, %v", n, out, back, ok)
		}
	})
}

func TestMessageEncoding(t *testing.T) {
	t.Parallel()
	tests := []struct{ plain, wire string }{
		{"", ""},
		{"plain text, unchanged!", "plain text, unchanged!"},
		{"100%", "100%25"},
		{"a\tb\r\n", "a%09b%0D%0A"},
		{" spaces ", "%20spaces%20"},
		{" ", "%20"},
		{"☺", "%E2%98%BA"},
		{"😈", "%F0%9F%98%88"},
		{"\x7f", "%7F"},
	}
	for _, tt := range tests {
		if got := EncodeMessage(tt.plain); got != tt.wire {
			t.Errorf("encodeMessage(%q): got %q, want %q", tt.plain, got, tt.wire)
		}
		if got := DecodeMessage(tt.wire); got != tt.plain {
			t.Errorf("decodeMessage(%q): got %q, want %q", tt.wire, got, tt.plain)
		}
	}
}

func TestDecodeMessageIsLenient(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"%":      "%",
		"%2":     "%2",
		"100%zz": "100%zz",
		"%e2%98": "\xe2\x98",
		"%%41":   "%A",
		"☺":      "☺",
	} {
		if got := DecodeMessage(in); got != want {
			t.Errorf("decodeMessage(%q): got %q, want %q", in, got, want)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, s := range []string{"", "plain", "%", "%4", "100%", "☺\n", "\xff\xfe", " a "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_ = DecodeMessage(s)
		wire := EncodeMessage(s)
		if why := Fault("x", wire, reserved); why != "" {
			t.Fatalf("encodeMessage(%q): got %q, of which %s", s, wire, why)
		}
		want := s
		if !utf8.ValidString(s) {
			want = strings.ToValidUTF8(s, "\uFFFD")
		}
		if got := DecodeMessage(wire); got != want {
			t.Fatalf("got %q after a round trip, want %q", got, want)
		}
	})
}

func TestBinary(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want []string
		ok   bool
	}{
		{"", []string{""}, true},
		{"AQI", []string{"\x01\x02"}, true},
		{"AQI=", []string{"\x01\x02"}, true},
		{"AQI,AQ==, AQID", []string{"\x01\x02", "\x01", "\x01\x02\x03"}, true},
		{"A", nil, false},
		{"AQI,*", []string{"\x01\x02"}, false},
	}
	for _, tt := range tests {
		var md fairlead.Metadata
		ok := addBinary(&md, "k-bin", tt.in)
		if got := md.Values("k-bin"); ok != tt.ok || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("addBinary(%q): got %q, %v, want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzBinary(f *testing.F) {
	for _, s := range []string{"", "AQI", "AQI=", "a,b,c", "====", ",,,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var md fairlead.Metadata
		addBinary(&md, "k-bin", s)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.StdEncoding} {
			if got, ok := DecodeBinary(enc.EncodeToString([]byte(s))); !ok || got != s {
				t.Fatalf("got %q, %v after a round trip, want %q", got, ok, s)
			}
		}
	})
}

func TestStatusDetails(t *testing.T) {
	t.Parallel()
	details := []fairlead.Detail{
		{Type: "type.googleapis.com/a.B", Value: []byte{1, 2, 3}},
		{Type: "", Value: nil},
	}
	b := EncodeStatus(fairlead.NotFound, "gone", details)
	// What a newer version may add is passed over: field 9, a varint; field 10, fixed32; field 11, bytes.
	b = append(b, 0x48, 0x01, 0x55, 1, 2, 3, 4, 0x5a, 1, 'x')
	code, msg, got, ok := ParseStatus(b)
	if !ok || code != fairlead.NotFound || msg != "gone" {
		t.Errorf("got %v, %q, %v, want NOT_FOUND, gone, true", code, msg, ok)
	}
	if !reflect.DeepEqual(got, details) {
		t.Errorf("got %v, want %v", got, details)
	}
	for _, bad := range []string{
		"\x08", "\x12\x05a", "\x1a\x02\x0a\x05", "\xff", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		if _, _, _, ok := ParseStatus([]byte(bad)); ok {
			t.Errorf("parseStatus(%q): got ok", bad)
		}
	}
}

func FuzzStatusDetails(f *testing.F) {
	f.Add([]byte(nil), uint32(5), "text", "type", []byte("value"))
	f.Add(EncodeStatus(3, "m", []fairlead.Detail{{Type: "t", Value: []byte("v")}}), uint32(0), "", "", []byte(nil))
	f.Add([]byte("\x1a\xff\xff\xff\xff\x0f"), uint32(16), "a", "b", []byte("c"))
	f.Fuzz(func(t *testing.T, b []byte, code uint32, msg, typ string, value []byte) {
		ParseStatus(b)
		code &= math.MaxInt32
		enc := EncodeStatus(fairlead.Code(code), msg, []fairlead.Detail{{Type: typ, Value: value}})
		c, m, ds, ok := ParseStatus(enc)
		if !ok || c != fairlead.Code(code) || m != msg || len(ds) != 1 || ds[0].Type != typ ||
			!bytes.Equal(ds[0].Value, value) {
			t.Fatalf("got %v, %q, %v, %v after a round trip", c, m, ds, ok)
		}
	})
}

func TestFault(t *testing.T) {
	t.Parallel()
	tests := []struct {
		key, value string
		ok         bool
	}{
		{"x-id", "7", true},
		{"a_b.c-1", "", true},
		{"x-bin", "\x00\xff", true},
		{"grpc-trace-bin", "\x00", true},
		{"grpc-previous-rpc-attempts", "1", true},
		{"", "v", false},
		{":path", "v", false},
		{"te", "v", false},
		{"connection", "v", false},
		{"content-type", "v", false},
		{"grpc-timeout", "1S", false},
		{"grpc-new", "v", false},
		{"X", "v", false},
		{"x y", "v", false},
		{"x", "a\nb", false},
		{"x", "☺", false},
	}
	for _, tt := range tests {
		if got := Fault(tt.key, tt.value, reserved); (got == "") != tt.ok {
			t.Errorf("fault(%q, %q, reserved): got %q, want ok %v", tt.key, tt.value, got, tt.ok)
		}
	}
}

func TestSendable(t *testing.T) {
	t.Parallel()
	var md fairlead.Metadata
	bad := func(key, why string) { t.Errorf("%s: %s", key, why) }
	if got := Sendable(&md, reserved, bad); got != nil {
		t.Errorf("got %v for no metadata, want nil", got)
	}
	md.Add("a", "1")
	if got := Sendable(&md, reserved, bad); got != &md {
		t.Errorf("got a copy of what needs none")
	}
	md.Add("b", " 2 ")
	md.Add("b-bin", " 2 ")
	md.Add("grpc-status", "0")
	var dropped []string
	got := Sendable(&md, reserved, func(key, _ string) { dropped = append(dropped, key) })
	if got.Len() != 3 || got.Get("b") != "2" || got.Get("b-bin") != " 2 " {
		t.Errorf("got %v", got)
	}
	if !reflect.DeepEqual(dropped, []string{"grpc-status"}) {
		t.Errorf("got %q dropped, want grpc-status", dropped)
	}
}
