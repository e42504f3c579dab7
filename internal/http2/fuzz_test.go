package http2

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// tape is a fuzzer's input as a sequence of choices; when it has run out, all choices are zero.
type tape []byte

// pick returns a number below n, which is at most 256.
func (tp *tape) pick(n int) int { return int(tp.next()) % n }

func (tp *tape) next() byte {
	if len(*tp) == 0 {
		return 0
	}
	b := (*tp)[0]
	*tp = (*tp)[1:]
	return b
}

// take returns the next n bytes, or as many as there are.
func (tp *tape) take(n int) []byte {
	n = min(n, len(*tp))
	b := (*tp)[:n:n]
	*tp = (*tp)[n:]
	return b
}

// part returns a part of the input that is as long as its first byte says.
func (tp *tape) part() []byte { return tp.take(int(tp.next())) }

// checked is a collector that looks at what the decoder says of each field.
type checked struct {
	collector

	t testing.TB
}

// What a host and a path that leads nowhere must not have: what others may take for the end of it, white space and
// control characters (RFC 3986, section 3).
var (
	notInHost = regexp.MustCompile(`[\x00-\x20\x7f@/?#\\]`)
	notInPath = regexp.MustCompile(`[\x00-\x20\x7f#]`)
)

func (c *checked) field(e *entry) {
	c.collector.field(e)
	if e.kind != kindOf(e.name) {
		c.t.Errorf("field %q is of kind %d, want %d", e.name, e.kind, kindOf(e.name))
	}
	want := !validName(e.name) || !validValue(e.value)
	switch {
	case e.name == ":authority" || e.name == "host":
		want = want || notInHost.MatchString(e.value)
	case e.kind == kindPath:
		want = want || notInPath.MatchString(e.value)
	}
	if e.bad != want {
		c.t.Errorf("field %q: %q: bad is %v, want %v", e.name, e.value, e.bad, want)
	}
	if e.unresolved != (e.kind == kindPath && e == staticLineOf(e)) {
		c.t.Errorf("field %q: %q: unresolved is %v", e.name, e.value, e.unresolved)
	}
}

// staticLineOf returns e if it is a line of the static table, whose paths are resolved later.
func staticLineOf(e *entry) *entry {
	for i := range staticTable {
		if e == &staticTable[i] {
			return e
		}
	}
	return nil
}

// check compares the decoder's account of its table with what is in it.
func (d *decoder) check(t testing.TB) {
	t.Helper()
	size, lines := 0, 0
	for i := range d.ring {
		if d.ring[i] != (entry{}) {
			size += d.ring[i].size()
			lines++
		}
	}
	// A line of two empty strings looks like none.
	if size > d.size || lines > d.n || d.size-size != (d.n-lines)*entryOverhead {
		t.Fatalf("the table has %d lines of %d bytes, the account says %d of %d", lines, size, d.n, d.size)
	}
	if d.size > d.max || d.max > decoderTableSize || len(d.names) > maxNames {
		t.Fatalf("a table of %d bytes with a limit of %d; %d names are kept", d.size, d.max, len(d.names))
	}
	if len(d.ring) > 2*decoderTableSize/entryOverhead {
		t.Fatalf("the table has room for %d lines", len(d.ring))
	}
}

// longInt says whether a block may have an integer that one decoder refuses and the other takes: this one stops at 32
// bits, x/net's at 63 (RFC 7541, section 5.1, leaves limits to the implementation). It finds a prefix of ones with five
// bytes or more behind it that go on.
func longInt(block []byte) bool {
	run := 0
	for _, b := range block {
		if b < 0x80 {
			run = 0
			continue
		}
		if run++; run >= 4 {
			return true
		}
	}
	return false
}

// lateUpdate says whether a block may have a size update behind its first field, where RFC 7541, section 4.2, forbids
// it. x/net's decoder takes one there while its table is empty.
func lateUpdate(block []byte) bool {
	return len(block) > 1 && slices.ContainsFunc(block[1:], func(b byte) bool { return b&0xe0 == 0x20 })
}

// twoUpdates says whether a block begins with more than one size update, which RFC 7541, section 4.2, allows. x/net's
// decoder takes the second one only while its table is empty.
func twoUpdates(block []byte) bool {
	return lateUpdate(block) && block[0]&0xe0 == 0x20
}

// FuzzDecode gives header blocks to the decoder and to golang.org/x/net's: the same verdict on each block, the same
// fields, and a table that is what its account says.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x82, 0x86, 0x84})
	f.Add([]byte{0x40, 1, 'a', 1, 'b', 0xbe})
	f.Add([]byte{0x20, 0x3f, 0xe1, 0x1f, 0x41, 0x8a, 0xa0, 0xe4, 0x1d, 0x13, 0x9d, 9})
	f.Add([]byte{4, 0x40, 1, 'a', 1, 1, 0xbe, 2, 0x20, 0x82, 1, 0xbe})
	f.Add([]byte{3, 0x40, 0, 0, 1, 0xbe})
	f.Add([]byte{3, 0xff, 0x80, 0x01, 7, 0x7f, 0x81, 0, 0, 0x1f, 1, 'x'})
	f.Add([]byte("\x0d\x00\x0cgrpc-timeout\x021S\x0d\x40\x0cgrpc-timeout\x021S"))
	f.Add([]byte("\x08\x44\x06/a/b?c\x02\x3f\x00\x01\xbe"))
	f.Add([]byte("\x04\x40\x01a\x00\x03\x3f\x3f\x30"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDecoder()
		var want [][2]string
		x := hpack.NewDecoder(decoderTableSize, func(f hpack.HeaderField) { want = append(want, [2]string{f.Name, f.Value}) })
		for tp := tape(b); len(tp) > 0; {
			block := tp.part()
			got := checked{t: t}
			want = nil
			err := d.decode(slices.Clone(block), &got)
			_, xerr := x.Write(block)
			if xerr == nil {
				xerr = x.Close()
			}
			d.check(t)
			if (err == nil) != (xerr == nil) {
				if longInt(block) || err != nil && d.n == 0 && lateUpdate(block) || err == nil && twoUpdates(block) {
					return
				}
				t.Fatalf("block %x: got error %v, x/net's decoder %v", block, err, xerr)
			}
			if err != nil {
				return // the connection is over
			}
			if !slices.Equal(got.fields, want) {
				t.Fatalf("block %x: got %q, want %q", block, got.fields, want)
			}
		}
	})
}

// FuzzEncode encodes preset blocks and metadata, with table sizes that change, for golang.org/x/net's decoder and for
// our own.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("\x00\x01a\x01b\x00\x00\x00\x01a\x01b\x00"), uint16(4096))
	f.Add([]byte("\x01\x03a-b\x05\x00\x01\x02\x03\xff\x02\x04\x00"), uint16(0))
	f.Add(bytes.Repeat([]byte("\x03\x05value\x00"), 60), uint16(100))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		e := newEncoder()
		var want, got [][2]string
		x := hpack.NewDecoder(decoderTableSize, func(f hpack.HeaderField) { got = append(got, [2]string{f.Name, f.Value}) })
		own := newDecoder()
		blocks := make(map[byte]*protocol.Block)
		for tp := tape(b); len(tp) > 0; {
			want, got = nil, nil
			out := e.begin(nil)
			for more := true; more && len(tp) > 0; {
				op := tp.next()
				name, value := string(tp.part()), string(tp.part())
				switch {
				case op == 0xff:
					// The peer's SETTINGS come between two blocks.
					more = false
				case op < 0x40:
					value = strings.ReplaceAll(value, "\x00", "0") // the encoder has a use of its own for NUL
					blk := blocks[op]
					if blk == nil {
						blk = protocol.NewBlock(":method", "POST", ":path", name, name, value)
						blocks[op] = blk
					}
					out = e.block(out, blk)
					for i := 0; i < len(blk.Fields()); i += 2 {
						want = append(want, [2]string{blk.Fields()[i], blk.Fields()[i+1]})
					}
				case op < 0x60:
					out = e.transient(out, "grpc-timeout", []byte(value))
					want = append(want, [2]string{"grpc-timeout", value})
				default:
					var md fairlead.Metadata
					md.Append(name, value)
					out = e.metadata(out, &md, op%2 == 0)
					if op%2 == 0 && strings.HasSuffix(name, "-bin") {
						value = base64.RawStdEncoding.EncodeToString([]byte(value))
					}
					want = append(want, [2]string{name, value})
				}
			}
			if _, err := x.Write(out); err != nil {
				t.Fatalf("x/net cannot decode %x: %v", out, err)
			}
			if err := x.Close(); err != nil {
				t.Fatalf("x/net cannot decode %x: %v", out, err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("block %x: x/net reads %q, want %q", out, got, want)
			}
			var mine collector
			if err := own.decode(out, &mine); err != nil || !slices.Equal(mine.fields, want) {
				t.Fatalf("block %x: reads as %q, %v, want %q", out, mine.fields, err, want)
			}
			own.check(t)
			if e.size > e.max {
				t.Fatalf("the encoder's table has %d bytes, its limit is %d", e.size, e.max)
			}
			if size > 0 {
				// As SETTINGS_HEADER_TABLE_SIZE does, which the connection bounds by the same constant.
				e.limit(int(min(size, decoderTableSize)))
				x.SetAllowedMaxDynamicTableSize(uint32(e.max)) //nolint:gosec // at most decoderTableSize
				size /= 2
			}
		}
	})
}

// FuzzInt has numbers written and read, and arbitrary bytes read as numbers.
func FuzzInt(f *testing.F) {
	f.Add([]byte{0x1f, 0x9a, 0x0a}, uint8(5), uint32(1337))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}, uint8(7), uint32(1<<32-1))
	f.Add([]byte{0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, uint8(7), uint32(127))
	f.Fuzz(func(t *testing.T, b []byte, prefix uint8, v uint32) {
		n := uint(prefix)%7 + 1
		if got, rest, ok := readInt(b, n); ok && (len(b)-len(rest) > 6 || len(b) == len(rest) || got > 1<<36) {
			t.Errorf("readInt(%x, %d): got %d of %d bytes", b, n, got, len(b)-len(rest))
		}
		out := append(appendInt(nil, 0, n, uint64(v)), 'x')
		got, rest, ok := readInt(out, n)
		if !ok || got != uint64(v) || string(rest) != "x" {
			t.Errorf("%d with a prefix of %d bits: %x reads as %d, %v", v, n, out, got, ok)
		}
	})
}

// FuzzField compares the rules for fields with the grammars of RFC 9110: a name is a token (section 5.6.2) in lower
// case, with a colon before it if it is a pseudo-field's, and a value has no NUL, CR or LF (section 5.5).
func FuzzField(f *testing.F) {
	for _, s := range []string{"a", "", ":", ":path", "A", "a b", "a\x00", "a\tb", " a", "é", "a:b", "\x7f", "\xff"} {
		f.Add(s)
	}
	name := regexp.MustCompile("^:?[-!#$%&'*+.^_`|~0-9a-z]+$")
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := validName(s), name.MatchString(s); got != want {
			t.Errorf("validName(%q): got %v, want %v", s, got, want)
		}
		if got, want := validValue(s), !strings.ContainsAny(s, "\x00\r\n"); got != want {
			t.Errorf("validValue(%q): got %v, want %v", s, got, want)
		}
		if kindOf(s).pseudo() != strings.HasPrefix(s, ":") {
			t.Errorf("%q is of kind %d", s, kindOf(s))
		}
	})
}

// FuzzTable compares the table of streams with a map, under ids that come and go in any order.
func FuzzTable(f *testing.F) {
	f.Add([]byte{1, 3, 5, 7, 9, 11, 13, 3, 5, 9, 15, 17})
	f.Add([]byte{1, 17, 33, 65, 129, 1, 255, 17, 33})
	f.Fuzz(func(t *testing.T, b []byte) {
		var tb table
		want := make(map[uint32]*stream)
		for i, c := range b {
			// Far apart now and then, so that ids meet in the ring at any of its sizes.
			id := uint32(c&0x0f) + uint32(c>>4)<<12
			if s := want[id]; s != nil {
				tb.remove(s)
				tb.remove(s)
				delete(want, id)
			} else {
				s := &stream{id: id, length: int64(i)}
				tb.put(s)
				want[id] = s
			}
			if tb.n != len(want) || len(tb.all()) != len(want) {
				t.Fatalf("after %x: got %d streams and %d listed, want %d", b[:i+1], tb.n, len(tb.all()), len(want))
			}
			for id := range uint32(16) {
				for high := range uint32(16) {
					if id := id + high<<12; tb.get(id) != want[id] {
						t.Fatalf("after %x: get(%d) gives %p, want %p", b[:i+1], id, tb.get(id), want[id])
					}
				}
			}
		}
	})
}
