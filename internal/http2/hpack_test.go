package http2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// collector is a fieldSink that keeps everything.
type collector struct{ fields [][2]string }

func (c *collector) field(e *entry)            { c.fields = append(c.fields, [2]string{e.name, e.value}) }
func (c *collector) again([]byte, uint32) bool { return false }

func (c *collector) came([]byte, uint32) {}

func (c *collector) transient(name string, v []byte) {
	c.fields = append(c.fields, [2]string{name, string(v)})
}
func (*collector) resolve(p []byte) (string, *protocol.Route) { return string(p), nil }

// randomFields makes fields that repeat now and then, so that tables are used.
func randomFields(r *rand.Rand) []hpack.HeaderField {
	fs := make([]hpack.HeaderField, r.IntN(12))
	for i := range fs {
		switch r.IntN(5) {
		case 0:
			fs[i] = hpack.HeaderField{Name: ":path", Value: fmt.Sprintf("/svc/method%d", r.IntN(20))}
		case 1:
			fs[i] = hpack.HeaderField{Name: "grpc-timeout", Value: fmt.Sprintf("%dm", r.IntN(1000))}
		case 2:
			fs[i] = hpack.HeaderField{Name: ":method", Value: "POST"}
		case 3:
			name, value := fmt.Sprintf("x-%d", r.IntN(30)), strings.Repeat("v", r.IntN(300))
			fs[i] = hpack.HeaderField{Name: name, Value: value, Sensitive: r.IntN(4) == 0}
		default:
			b := make([]byte, r.IntN(40))
			for j := range b {
				b[j] = byte(r.Uint32())
			}
			fs[i] = hpack.HeaderField{Name: "x-bytes", Value: string(b)}
		}
	}
	return fs
}

func pairs(fs []hpack.HeaderField) [][2]string {
	var ps [][2]string
	for _, f := range fs {
		ps = append(ps, [2]string{f.Name, f.Value})
	}
	return ps
}

// What another implementation encodes must decode to the same fields, across evictions and size updates.
func TestDecodeForeign(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var buf bytes.Buffer
	enc := hpack.NewEncoder(&buf)
	d := newDecoder()
	for i := range 5000 {
		if i%97 == 0 {
			enc.SetMaxDynamicTableSize(uint32(r.IntN(decoderTableSize + 1)))
		}
		fs := randomFields(r)
		buf.Reset()
		for _, f := range fs {
			if err := enc.WriteField(f); err != nil {
				t.Fatal(err)
			}
		}
		var got collector
		if err := d.decode(buf.Bytes(), &got); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if want := pairs(fs); fmt.Sprint(got.fields) != fmt.Sprint(want) {
			t.Fatalf("block %d: got %q, want %q", i, got.fields, want)
		}
	}
}

// What the encoder writes another implementation must read, also after the peer has shrunk the table.
func TestEncodeForForeign(t *testing.T) {
	t.Parallel()
	var got [][2]string
	dec := hpack.NewDecoder(decoderTableSize, func(f hpack.HeaderField) { got = append(got, [2]string{f.Name, f.Value}) })
	e := newEncoder()
	var blocks []*protocol.Block
	for i := range 100 {
		path := fmt.Sprintf("/service/method-%d", i)
		blocks = append(blocks, protocol.NewBlock(":method", "POST", ":scheme", "http", ":path", path,
			"content-type", "application/grpc", "te", "trailers"))
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		if i == 1500 {
			e.limit(100)
			dec.SetAllowedMaxDynamicTableSize(100)
		}
		if i == 2000 {
			e.limit(0)
		}
		blk := blocks[r.IntN(len(blocks))]
		var md fairlead.Metadata
		md.Add("x-id", fmt.Sprint(i))
		md.Add("authorization", "secret")
		md.Add("x-data-bin", "\x00\xff")
		b := e.block(e.begin(nil), blk)
		b = e.transient(b, "grpc-timeout", []byte("1S"))
		binary := map[bool]string{true: "AP8", false: "\x00\xff"}[i%2 == 0]
		b = e.metadata(b, &md, i%2 == 0)
		var want [][2]string
		for j := 0; j < len(blk.Fields()); j += 2 {
			want = append(want, [2]string{blk.Fields()[j], blk.Fields()[j+1]})
		}
		want = append(want, [2]string{"grpc-timeout", "1S"}, [2]string{"x-id", fmt.Sprint(i)},
			[2]string{"authorization", "secret"}, [2]string{"x-data-bin", binary})
		got = nil
		if _, err := dec.Write(b); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if err := dec.Close(); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("block %d: got %q, want %q", i, got, want)
		}
	}
}

// TestDecodeFarLines has the dynamic table hold so many lines that an index takes more than its first byte.
func TestDecodeFarLines(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	enc := hpack.NewEncoder(&buf)
	d := newDecoder()
	const lines = 4096 / (entryOverhead + 3)
	for range 2 {
		for i := range lines {
			f := hpack.HeaderField{Name: "x", Value: fmt.Sprintf("%02x", i)}
			buf.Reset()
			if err := enc.WriteField(f); err != nil {
				t.Fatal(err)
			}
			var got collector
			if err := d.decode(buf.Bytes(), &got); err != nil {
				t.Fatalf("line %d: %v", i, err)
			}
			if want := [][2]string{{f.Name, f.Value}}; fmt.Sprint(got.fields) != fmt.Sprint(want) {
				t.Fatalf("line %d: got %q, want %q", i, got.fields, want)
			}
		}
	}
}

// TestDecodeRest has something behind fields that are treated in a way of their own, and sees that it counts.
func TestDecodeRest(t *testing.T) {
	t.Parallel()
	path := func(b []byte) []byte { return append(b, 0x84) } // ":path /" of the static table
	update := func(b []byte, size uint64) []byte { return appendInt(b, 0x20, 5, size) }
	tests := []struct {
		name  string
		block []byte
		want  int // fields; -1: malformed
	}{
		{"behind a timeout", path(appendLiteral(nil, "grpc-timeout", "1S")), 2},
		{"behind two size updates", path(update(update(nil, 0), 4096)), 1},
		{"a size update behind a field", update(path(nil), 0), -1},
		{"a size update between fields", path(update(path(nil), 0)), -1},
		{"a size update behind a literal", update(appendLiteral(nil, "a", "b"), 0), -1},
		{"a size update that is too large", path(update(nil, 4097)), -1},
		{"a size update that is cut", []byte{0x3f}, -1},
		{"a line that is not there", []byte{0x80 | 62}, -1},
		{"a far line that is not there", appendInt(nil, 0x80, 7, 200), -1},
		{"an index that is cut", []byte{0xff}, -1},
		{"line 0", path([]byte{0x80}), -1},
		{"a value that is cut", appendLiteral(nil, "a", "bcd")[:5], -1},
	}
	for _, tt := range tests {
		var got collector
		d := newDecoder()
		err := d.decode(tt.block, &got)
		if (err != nil) != (tt.want < 0) || err == nil && len(got.fields) != tt.want {
			t.Errorf("%s: got %q, %v, want %d fields (-1: malformed)", tt.name, got.fields, err, tt.want)
		}
	}
}

// TestEncoderFindsBlocks sends many blocks again and again: the encoder keeps one encoding of each.
func TestEncoderFindsBlocks(t *testing.T) {
	t.Parallel()
	e := newEncoder()
	var blocks []*protocol.Block
	for i := range 3 * scanMax {
		blocks = append(blocks, protocol.NewBlock(":path", fmt.Sprintf("/service/method-%d", i)))
	}
	for range 5 {
		for _, b := range blocks {
			e.block(nil, b)
		}
	}
	if len(e.blocks) != len(blocks) {
		t.Errorf("got %d encodings of %d blocks", len(e.blocks), len(blocks))
	}
}

// TestSecretsAreNeverIndexed has fields that nobody on the way may keep in a table, again and again (RFC 7541, section
// 7.1.3).
func TestSecretsAreNeverIndexed(t *testing.T) {
	t.Parallel()
	never := map[string]bool{"authorization": true, "cookie": true, "proxy-authorization": true, "x-id": false}
	dec := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Sensitive != never[f.Name] {
			t.Errorf("%s: never indexed is %v, want %v", f.Name, f.Sensitive, never[f.Name])
		}
	})
	e := newEncoder()
	for range 3 {
		var md fairlead.Metadata
		for name := range never {
			md.Add(name, "secret")
		}
		if _, err := dec.Write(e.metadata(e.begin(nil), &md, false)); err != nil {
			t.Fatal(err)
		}
		if err := dec.Close(); err != nil {
			t.Fatal(err)
		}
		for _, f := range append(e.lines, field{}) {
			if never[f.name] || f.value == "secret" {
				t.Errorf("the table has %q", f)
			}
		}
	}
}

func TestDecodeAllocs(t *testing.T) { //nolint:paralleltest // counts allocations
	if raceEnabled {
		t.Skip("allocations are not the program's own under the race detector")
	}
	e := newEncoder()
	blk := protocol.NewBlock(":method", "POST", ":scheme", "http", ":path", "/a.B/C",
		"content-type", "application/grpc", "user-agent", "x")
	d := newDecoder()
	var sink nothing
	var b []byte
	f := func() {
		b = e.block(b[:0], blk)
		b = e.transient(b, "grpc-timeout", []byte("999m"))
		if err := d.decode(b, &sink); err != nil {
			t.Fatal(err)
		}
	}
	f()
	f()
	if n := testing.AllocsPerRun(1000, f); n != 0 {
		t.Errorf("a repeated head costs %v allocations, want 0", n)
	}
}

type nothing struct{}

func (*nothing) field(*entry)                               {}
func (*nothing) transient(string, []byte)                   {}
func (*nothing) again([]byte, uint32) bool                  { return false }
func (*nothing) came([]byte, uint32)                        {}
func (*nothing) resolve(p []byte) (string, *protocol.Route) { return string(p), nil }
