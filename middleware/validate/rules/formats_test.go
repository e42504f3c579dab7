package rules

import (
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/internal/assert"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	tests := []struct {
		name  string
		is    func(string) bool
		right []string
		wrong []string
	}{
		{
			"IsEmail", IsEmail,
			[]string{"a@b", "a.b+c@example.com", "!#$%&'*+/=?^_`{|}~-@x", "a@1.2", "a@" + long},
			[]string{"", "@", "a@", "@b", "a@b@c", "a b@c", "a@-b", "a@b-", "a@b..c", "a@b.", "ä@b", "a@" + long + "a", "a\n@b"},
		},
		{
			"IsHostname", IsHostname,
			[]string{"a", "example.com", "example.com.", "1.a", "a-b", "xn--a", long + "." + long, "A.B"},
			[]string{
				"", ".", "a..b", "-a", "a-", "a_b", "1", "a.1", "127.0.0.1", long + "a", "ä",
				strings.Repeat(long+".", 4) + "a",
			},
		},
		{
			"IsIPv4", IsIPv4,
			[]string{"0.0.0.0", "255.255.255.255", "1.2.3.4"},
			[]string{"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "::1", "1.2.3.-4", "::ffff:1.2.3.4"},
		},
		{
			"IsIPv6", IsIPv6,
			[]string{
				"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
				"fe80::1%eth0", "fe80::1%a b\xff", "2001:DB8::A",
			},
			[]string{
				"", ":", ":::", "1:2", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7",
				"fe80::1%", "1.2.3.4", "::ffff:1.2.3.4%eth0", "::1/64", "[::1]", strings.Repeat(":", 100),
			},
		},
		{"IsIP", IsIP, []string{"1.2.3.4", "::1", "fe80::1%1"}, []string{"", "a", "1.2.3.4%1"}},
		{
			"IsIPPrefix", IsIPPrefix,
			[]string{"10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "2001:db8::/32", "::/0", "::1/128"},
			[]string{
				"", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "::1/64",
				"::/129", "fe80::1%eth0/128", "10.0.0.0/8 ", strings.Repeat("1", 100),
			},
		},
		{"IsIPv4Prefix", IsIPv4Prefix, []string{"10.0.0.0/8"}, []string{"::/0", "10.0.0.1/8"}},
		{"IsIPv6Prefix", IsIPv6Prefix, []string{"::/0", "::ffff:0:0/96"}, []string{"10.0.0.0/8", "::1/8"}},
		{"IsIPWithPrefixLen", IsIPWithPrefixLen, []string{"10.0.0.1/8", "::1/8"}, []string{"10.0.0.1", "a/8"}},
		{"IsIPv4WithPrefixLen", IsIPv4WithPrefixLen, []string{"10.0.0.1/8"}, []string{"::1/8"}},
		{"IsIPv6WithPrefixLen", IsIPv6WithPrefixLen, []string{"::1/8"}, []string{"10.0.0.1/8"}},
		{"IsAddress", IsAddress, []string{"a.b", "1.2.3.4", "::1"}, []string{"", "a_b", "1.2.3", "[::1]"}},
		{
			"IsHostAndPort", func(s string) bool { return IsHostAndPort(s, true) },
			[]string{"a:0", "example.com:65535", "1.2.3.4:80", "[::1]:80", "[fe80::1%a]:1"},
			[]string{
				"", ":80", "a", "a:", "a:65536", "a:01", "a:+1", "::1:80", "[::1]", "[::1]80", "[1.2.3.4]:80", "[::1]:",
				"a:b:1",
			},
		},
		{
			"IsHostAndPort, the port optional", func(s string) bool { return IsHostAndPort(s, false) },
			[]string{"a", "a:0", "1.2.3.4", "[::1]"}, []string{"", "a:", "[::1]:", "::1", "["},
		},
		{
			"IsURI", IsURI,
			[]string{
				"http://example.com", "http://example.com:80/a/b?c=d&e#f", "http://", "a:", "a:b", "a:/b", "a:b:c", "urn:x:y",
				"mailto:a@b", "http://u:p@h:1", "http://[::1]:80/", "http://[::ffff:1.2.3.4]", "http://[fe80::1%25eth0]",
				"http://[v1.a:b]", "http://a:", "http://%c3%a4/", "http://a/%ff", "a:b?c?d/e", "file:///x",
				"http://?a", "http://#a",
			},
			[]string{
				"", "a", "1a:b", ":b", "//a", "http://a b", "http://a/ä", "http://a/%f", "http://a:b", "http://[::1",
				"http://[fe80::1%eth0]", "http://[v.a]", "http://[v1.]", "http://%ff/", "http://a@b@c", "a:b#c#d", "a://[::1]x",
				"http://a]", "a:b\x00",
			},
		},
		{
			"IsURIRef", IsURIRef,
			[]string{"", "a", "/a", "/a:b", "./a:b", "a/b:c", "?q", "#f", "//a/b", "a:b", "?a#b", "//"},
			[]string{"1a:b", "a b", "a#b#c", "//a b", ":a", "%"},
		},
		{
			"IsUUID", IsUUID,
			[]string{"550e8400-e29b-41d4-a716-446655440000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"},
			[]string{
				"", "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000g",
				"550e8400-e29b-41d4-a7160446655440000",
			},
		},
		{
			"IsTUUID", IsTUUID,
			[]string{strings.Repeat("aF09", 8)}, []string{"", strings.Repeat("a", 31), strings.Repeat("g", 32)},
		},
		{
			"IsULID", IsULID,
			[]string{"01ARZ3NDEKTSV4RRFFQ69G5FAV", "7zzzzzzzzzzzzzzzzzzzzzzzzz"},
			[]string{
				"", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FA",
				"01ARZ3NDEKTSV4RRFFQ69G5FA-",
			},
		},
		{"IsFullName", IsFullName, []string{"a", "_a.b1._"}, []string{"", ".a", "a.", "a..b", "1a", "a.1", "a-b", "ä"}},
		{"IsDottedFullName", IsDottedFullName, []string{".a.b"}, []string{"", ".", "a", "..a"}},
		{
			"IsHeaderName", IsHeaderName,
			[]string{"content-type", ":path", "X!#$%&'*+.^_|~`1"},
			[]string{"", ":", "::a", "a b", "a,b", "a:b", "a\n", "ä"},
		},
		{"IsHeaderValue", IsHeaderValue, []string{"", "a b\tc", "ä"}, []string{"a\nb", "a\rb", "a\x00", "a\x7f", "\x0b"}},
		{"IsHeaderSafe", IsHeaderSafe, []string{"", "a\x01b"}, []string{"a\nb", "a\rb", "a\x00"}},
	}
	for _, tt := range tests {
		for _, s := range tt.right {
			if !tt.is(s) {
				t.Errorf("%s(%q) is false", tt.name, s)
			}
		}
		for _, s := range tt.wrong {
			if tt.is(s) {
				t.Errorf("%s(%q) is true", tt.name, s)
			}
		}
	}
}

func TestUnique(t *testing.T) {
	t.Parallel()
	many := make([]int, 100)
	texts := make([][]byte, 100)
	for i := range many {
		many[i] = i
		texts[i] = []byte{byte(i)}
	}
	for n := range len(many) + 1 {
		if !Unique(many[:n]) || !UniqueBytes(texts[:n]) {
			t.Errorf("%d items are not unique", n)
		}
	}
	for _, n := range []int{2, fewItems, fewItems + 1, 100} {
		again := append(append([]int(nil), many[:n-1]...), 0)
		againBytes := append(append([][]byte(nil), texts[:n-1]...), []byte{0})
		if Unique(again) || UniqueBytes(againBytes) {
			t.Errorf("%d items with one twice are unique", n)
		}
	}
	for n, want := range []bool{true, true, true, false} {
		if got := UniqueBools([]bool{true, false, true}[:n]); got != want {
			t.Errorf("UniqueBools of %d is %v", n, got)
		}
	}
	if UniqueBools([]bool{true, true}) {
		t.Error("true is not true")
	}
	nan := make([]float64, 40)
	zero := 0.0
	for i := range nan {
		nan[i] = zero / zero
	}
	if !Unique(nan) || !Unique(nan[:3]) {
		t.Error("NaN is the same as NaN")
	}
}

func TestMasks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		paths           []string
		within, without bool
	}{
		{nil, true, true},
		{[]string{"a", "b.c", "b.c.d"}, true, false},
		{[]string{"a.x"}, true, false},
		{[]string{"ab", "b"}, false, true},
		{[]string{"a", "x"}, false, false},
	}
	for _, tt := range tests {
		if got := MaskWithin(tt.paths, "a", "b.c"); got != tt.within {
			t.Errorf("MaskWithin(%q) = %v", tt.paths, got)
		}
		if got := MaskWithout(tt.paths, "a", "b.c"); got != tt.without {
			t.Errorf("MaskWithout(%q) = %v", tt.paths, got)
		}
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	p := Pattern{Expr: "^a+$"}
	if !p.Match("aa") || p.Match("b") || !p.MatchBytes([]byte("a")) || p.MatchBytes(nil) {
		t.Error("it matches the wrong strings")
	}
	bad := Pattern{Expr: "("}
	if bad.Match("(") || bad.MatchBytes([]byte("(")) {
		t.Error("an expression that does not compile matches")
	}
}

// FuzzFormats sees that no input makes them panic, and that those that build on one another agree.
func FuzzFormats(f *testing.F) {
	for _, s := range []string{"", "a@b", "http://[::1%25a]:1/%ff?#", "[::1]:80", "1.2.3.4/8", "%", "a:%c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, is := range []func(string) bool{
			IsEmail, IsUUID, IsTUUID, IsULID, IsFullName, IsDottedFullName, IsHeaderName, IsHeaderValue, IsHeaderSafe,
		} {
			is(s)
		}
		if IsURI(s) && !IsURIRef(s) {
			t.Errorf("%q is a URI and no reference", s)
		}
		if IsIPPrefix(s) && !IsIPWithPrefixLen(s) {
			t.Errorf("%q is a prefix and has no length", s)
		}
		if (IsIP(s) || IsHostname(s)) != IsAddress(s) {
			t.Errorf("%q: IsAddress is %v", s, IsAddress(s))
		}
		if IsHostAndPort(s, true) && !IsHostAndPort(s, false) {
			t.Errorf("%q has a port only if it must", s)
		}
	})
}

func TestFormatAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	p := Pattern{Expr: "^[a-z]+$"}
	in := []string{"a", "b"}
	assert.Allocs(t, 0, func() {
		ok := IsEmail("a.b@example.com") && IsHostname("example.com") && IsIP("1.2.3.4") && IsIPv6("fe80::1%eth0") &&
			IsIPPrefix("10.0.0.0/8") && IsURI("http://u@example.com:80/a?b#c") &&
			IsUUID("550e8400-e29b-41d4-a716-446655440000") &&
			IsHostAndPort("[::1]:80", true) && p.Match("abc") && Unique(in) && MaskWithin(in, "a", "b")
		if !ok {
			t.Error("one of them is false")
		}
	})
}
