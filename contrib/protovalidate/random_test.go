package protovalidate

import (
	"math"
	"math/rand/v2"
	"regexp"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// present is the time at which everything is validated.
var present = time.Unix(1_700_000_000, 5).UTC()

var (
	wholes = []int64{
		0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 50, 100, -1, -2, -3, -4, -5, -6, -10, -11,
		math.MinInt32, math.MaxInt32, math.MinInt64, math.MaxInt64,
	}
	reals = []float64{
		0, math.Copysign(0, -1), 0.1, 0.25, 0.3, 0.5, 0.99, 1, 1.25, 1.5, 2, 5, 6, 1e9, 1e10, 1e11, -1, -1.5, -2,
		math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, math.SmallestNonzeroFloat32,
	}
	words = []string{
		"", "", "a", "b", "c", "ab", "abc", "abcd", "bad", "xa", "x", "abX", "ab3", "AB", "ABC", "aä", "ä", "äöü", "a\nb",
		"a\"b\\c\n", "\x00", "type.googleapis.com/a.B", "type.googleapis.com/c.D", "a.b", "b.c", "b.c.d", "b", "abb",
		"😀", "😀😀", "a b",
	}
	// formats are values that are of one of the well-known formats, or nearly.
	formats = []string{
		"a@example.com", "a.b+c@x", "a@-x", "a@x-.com", "@x", "a@", "a@b@c", "A_{}~@1.2", "a@x..y", "ä@x", "a b@x",
		"example.com", "example.com.", "a.1", "1.a", "127.0.0.1", "x_y", "-a", "a-", "a..b", ".", "a-b.c-d",
		"127.0.0.01", "256.1.1.1", "1.2.3", "1.2.3.4.5", "0.0.0.0", "255.255.255.255", "1.2.3.4 ", " 1.2.3.4",
		"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1::2::3", ":::",
		"fe80::1%eth0", "fe80::1%", "fe80::1%%", "::ffff:1.2.3.4", "::ffff:1.2.3.4%1", "1:2:3:4:5:6:1.2.3.4", "::1.2.3",
		"::ffff:256.2.3.4", "12345::", "g::", "1:2:", ":1:2", "2001:DB8::A",
		"10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "/8", "0.0.0.0/0", "1.2.3.4/32",
		"2001:db8::/32", "2001:db8::1/32", "::/0", "::1/128", "::/129", "::1%eth0/64", "::ffff:1.2.3.4/96", "::/+1",
		"http://example.com", "http://example.com/a/b?c=d&e#f", "http://", "http:", "http:/a", "http:a", "a:b:c", "1a:b",
		"//example.com/x", "//", "/a", "/a:b", "a:b", "./a:b", "a/b:c", "?q", "#f", "##", "?#", "http://a@b@c", "mailto:a@b",
		"http://[::1]:80/", "http://[::1]", "http://[::1", "http://[fe80::1%25eth0]", "http://[fe80::1%eth0]",
		"http://[v1.a:b]", "http://[v.a]", "http://[vF.]", "http://a:80:80", "http://a:/x", "http://u:p@h:1",
		"http://%c3%a4/",
		"http://%ff/", "http://a/%ff", "http://a/%f", "http://a b", "http://a/ä", "urn:x:y", "//a:b@/",
		"http://[fe80::1%25%ff]",
		"a?b?c/d", "a#b?c/d", "http://a%zz", "http://?a", "http://#a", "[::1]", "http://a]",
		"550e8400-e29b-41d4-a716-446655440000", "550E8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000",
		"550e8400-e29b-41d4-a716-44665544000g", "550e8400ae29b-41d4-a716-446655440000",
		"01ARZ3NDEKTSV4RRFFQ69G5FAV", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI",
		"01arz3ndektsv4rrffq69g5fav",
		"example.com:80", "example.com:", ":80", "example.com:65536", "example.com:080", "[::1]:80", "[::1]80", "[::1]:",
		"1.2.3.4:0", "::1:80", "[1.2.3.4]:80", "a:b:1", "[::1]:65535", "example.com:+1", "[fe80::1%a]:1", "[a]:1",
		"shop.v1.Order", ".shop.v1.Order", "..a", "a.", "a.1", "_a._1", "a-b", ".", "A", "ä.b",
		"content-type", ":path", "::path", ":", "x y", "x:y", "x\ty", "x\r\n", "x\x7f", "!#$%&'*+-.^_`|~", "",
	}
	spans = []time.Duration{
		0, 1, 5, 6, time.Second - 1, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second, -time.Second,
		-2 * time.Second, -3 * time.Second, time.Hour,
	}
	moments = []time.Time{
		time.Unix(0, 0), time.Unix(999, 0), time.Unix(1000, 0), time.Unix(1000, 1), time.Unix(1000, 2), time.Unix(1001, 0),
		time.Unix(1002, 0), present, present.Add(1), present.Add(-1), present.Add(time.Minute), present.Add(-time.Minute),
		present.Add(time.Minute + 1), present.Add(-time.Minute - 1), present.Add(time.Hour), present.Add(-30 * time.Second),
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
)

// source fills messages at random.
type source struct {
	*rand.Rand
}

func pick[T any](r source, from []T) T { return from[r.IntN(len(from))] }

// fill sets some fields of m to values that are likely to be near the edges of rules.
func (r source) fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if r.IntN(4) > 0 {
			r.set(m, fields.Get(i), depth)
		}
	}
}

// set gives one field another value.
func (r source) set(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	m.Clear(f)
	switch {
	case f.IsMap():
		if f.MapValue().Message() != nil && depth == 0 {
			return
		}
		entries := m.Mutable(f).Map()
		for range r.IntN(4) {
			key := r.scalar(f.MapKey()).MapKey()
			if f.MapValue().Message() == nil {
				entries.Set(key, r.scalar(f.MapValue()))
				continue
			}
			r.message(entries.Mutable(key).Message(), depth-1)
		}
	case f.IsList():
		if f.Message() != nil && depth == 0 {
			return
		}
		list := m.Mutable(f).List()
		for range r.IntN(5) {
			if f.Message() == nil {
				list.Append(r.scalar(f))
				continue
			}
			r.message(list.AppendMutable().Message(), depth-1)
		}
	case f.Message() != nil:
		if depth > 0 {
			r.message(m.Mutable(f).Message(), depth-1)
		}
	default:
		m.Set(f, r.scalar(f))
	}
}

// message fills a message in a field.
func (r source) message(m protoreflect.Message, depth int) {
	switch into := m.Interface().(type) {
	case *durationpb.Duration:
		proto.Merge(into, durationpb.New(pick(r, spans)))
	case *timestamppb.Timestamp:
		proto.Merge(into, timestamppb.New(pick(r, moments)))
	default:
		if r.IntN(5) > 0 {
			r.fill(m, depth)
		}
	}
}

// scalar returns a value for a field, or for an item of a list.
func (r source) scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	whole := pick(r, wholes)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(pick(r, []protoreflect.EnumNumber{0, 1, 1, 2, 2, 3, -1, 5, 7}))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(whole))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(whole)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(whole))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(whole))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(pick(r, reals)))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(pick(r, reals))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(r.bytes(f))
	default:
		return protoreflect.ValueOfString(r.text(f))
	}
}

func (r source) bytes(f protoreflect.FieldDescriptor) []byte {
	letters := "aabbc\x00\xff"
	if f.Name() == "pattern" {
		letters = "aabbcd" // protovalidate gives up where patterns meet what is not UTF-8
	}
	b := make([]byte, pick(r, []int{0, 0, 1, 2, 3, 4, 5, 16, 17}))
	for i := range b {
		b[i] = pick(r, []byte(letters))
	}
	return b
}

// text returns a string; those for messages called Formats are of a well-known format or nearly so.
func (r source) text(f protoreflect.FieldDescriptor) string {
	if f.ContainingMessage().Name() != "Formats" {
		return pick(r, words)
	}
	s := pick(r, formats)
	if len(s) == 0 || r.IntN(3) > 0 {
		return s
	}
	// A byte more, less or other.
	i := r.IntN(len(s))
	c := string(pick(r, []byte("aF19.:-/%[]@?# _\n~")))
	switch r.IntN(3) {
	case 0:
		s = s[:i] + c + s[i:]
	case 1:
		s = s[:i] + s[i+1:]
	default:
		s = s[:i] + c + s[i+1:]
	}
	if !utf8.ValidString(s) || looseColon.MatchString(s) {
		return c
	}
	return s
}

// looseColon is in what protovalidate takes for an IPv6 address and RFC 4291 does not: a colon without digits behind.
var looseColon = regexp.MustCompile(`^[0-9a-fA-F:.]*[0-9a-fA-F]:[/%]`)
