package http2

import (
	"encoding/base64"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// encoder encodes header blocks (RFC 7541). Only the fields of preset blocks enter the dynamic table, and nothing is ever
// evicted from it: when it is full, further fields stay literal. So the indices of a block change only when another one
// adds lines, and its encoding can be kept.
type encoder struct {
	max    int // the table's size, at most what the peer allows
	size   int
	lines  map[field]int // the number of the insertion, from 1
	count  int           // insertions so far
	shrunk bool          // the peer's decoder is to be told of a new max
	blocks map[*protocol.Block]*encodedBlock
}

type field struct{ name, value string }

// encodedBlock is a block's encoding, good as long as the table has had count insertions.
type encodedBlock struct {
	count int
	bytes []byte
}

func newEncoder() encoder { return encoder{max: decoderTableSize} }

// limit obeys the peer's SETTINGS_HEADER_TABLE_SIZE (RFC 7541, section 4.2). A smaller table starts empty.
func (e *encoder) limit(n int) {
	if n >= e.max {
		return
	}
	e.max, e.size, e.count, e.shrunk = n, 0, 0, true
	clear(e.lines)
	clear(e.blocks)
}

// begin appends what must stand at the beginning of a header block.
func (e *encoder) begin(b []byte) []byte {
	if !e.shrunk {
		return b
	}
	e.shrunk = false
	b = appendInt(b, 0x20, 5, 0)
	return appendInt(b, 0x20, 5, uint64(e.max)) //nolint:gosec // not negative
}

// block appends a preset block.
func (e *encoder) block(b []byte, blk *protocol.Block) []byte {
	if kept := e.blocks[blk]; kept != nil && kept.count == e.count {
		return append(b, kept.bytes...)
	}
	start, before := len(b), e.count
	b = e.fields(b, blk)
	if e.blocks == nil {
		e.blocks = make(map[*protocol.Block]*encodedBlock)
	}
	if e.count == before {
		e.blocks[blk] = &encodedBlock{e.count, append([]byte(nil), b[start:]...)}
	}
	return b
}

func (e *encoder) fields(b []byte, blk *protocol.Block) []byte {
	kv := blk.Fields()
	for i := 0; i+1 < len(kv); i += 2 {
		b = e.indexed(b, field{kv[i], kv[i+1]})
	}
	return b
}

// indexed appends a field by its index, or as a literal that is added to the table if there is room.
func (e *encoder) indexed(b []byte, f field) []byte {
	if i := staticLine[f]; i != 0 {
		return appendInt(b, 0x80, 7, i)
	}
	if n := e.lines[f]; n != 0 {
		return appendInt(b, 0x80, 7, uint64(len(staticTable)+e.count-n)) //nolint:gosec // not negative
	}
	size := len(f.name) + len(f.value) + entryOverhead
	if e.size+size > e.max {
		return appendLiteral(b, 0, f.name, f.value)
	}
	if e.lines == nil {
		e.lines = make(map[field]int)
	}
	e.size += size
	e.count++
	e.lines[f] = e.count
	b = append(b, 0x40)
	b = appendString(b, f.name)
	return appendString(b, f.value)
}

// metadata appends fields that change from call to call, as literals outside the table; values of names that end in
// "-bin" go in base64.
func (e *encoder) metadata(b []byte, md *fairlead.Metadata) []byte {
	for i := range md.Len() {
		name, value := md.At(i)
		var first byte
		switch {
		case strings.HasSuffix(name, "-bin"):
			b = append(b, 0)
			b = appendString(b, name)
			b = appendInt(b, 0, 7, uint64(base64.RawStdEncoding.EncodedLen(len(value)))) //nolint:gosec // not negative
			b = base64.RawStdEncoding.AppendEncode(b, []byte(value))
			continue
		case name == "authorization" || name == "cookie" || name == "proxy-authorization":
			first = 0x10 // never to be indexed by anybody on the way (RFC 7541, section 7.1.3)
		}
		b = appendLiteral(b, first, name, value)
	}
	return b
}

func appendLiteral(b []byte, first byte, name, value string) []byte {
	b = append(b, first)
	b = appendString(b, name)
	return appendString(b, value)
}

// appendTransient appends a literal field whose value is bytes.
func appendTransient(b []byte, name string, value []byte) []byte {
	b = append(b, 0)
	b = appendString(b, name)
	b = appendInt(b, 0, 7, uint64(len(value)))
	return append(b, value...)
}

func appendString(b []byte, s string) []byte {
	b = appendInt(b, 0, 7, uint64(len(s)))
	return append(b, s...)
}

// appendInt appends an integer with a prefix of n bits, the other bits of the first byte being first's (RFC 7541, section
// 5.1).
func appendInt(b []byte, first byte, n uint, v uint64) []byte {
	limit := uint64(1)<<n - 1
	if v < limit {
		return append(b, first|byte(v))
	}
	b = append(b, first|byte(limit))
	for v -= limit; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

var staticLine = func() map[field]uint64 {
	m := make(map[field]uint64)
	for i := 1; i < len(staticTable); i++ {
		if e := &staticTable[i]; e.value != "" {
			m[field{e.name, e.value}] = uint64(i)
		}
	}
	return m
}()
