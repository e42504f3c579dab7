package http2

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// encoder encodes header blocks (RFC 7541). Only the fields of preset blocks enter the dynamic table, and nothing is
// ever evicted from it: when it is full, further fields stay literal. So the indices of a block change only when
// another one adds lines, and its encoding can be kept.
type encoder struct {
	max    int // the table's size, at most what the peer allows
	size   int
	lines  []field // in the order of their insertion
	shrunk bool    // the peer's decoder is to be told of a new max
	blocks []encodedBlock
	places map[*protocol.Block]int // of blocks in blocks, once there are many
}

type field struct{ name, value string }

// encodedBlock is a block's encoding, good as long as the table has as many lines.
type encodedBlock struct {
	block *protocol.Block
	lines int
	bytes []byte
}

// scanMax is the number of blocks up to which they are looked for one by one. A server sends few; a client one for each
// method.
const scanMax = 12

func newEncoder() encoder { return encoder{max: decoderTableSize} }

// limit obeys the peer's SETTINGS_HEADER_TABLE_SIZE (RFC 7541, section 4.2). A smaller table starts empty.
func (e *encoder) limit(n int) {
	if n >= e.max {
		return
	}
	e.max, e.size, e.lines, e.shrunk = n, 0, nil, true
	e.blocks, e.places = nil, nil
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
	i := e.place(blk)
	if i >= 0 && e.blocks[i].lines == len(e.lines) {
		return append(b, e.blocks[i].bytes...)
	}
	start, before := len(b), len(e.lines)
	b = e.fields(b, blk)
	if len(e.lines) != before {
		return b // it will be shorter the next time
	}
	kept := encodedBlock{blk, before, bytes.Clone(b[start:])}
	if i >= 0 {
		e.blocks[i] = kept
		return b
	}
	e.blocks = append(e.blocks, kept)
	if len(e.blocks) > scanMax {
		if e.places == nil {
			e.places = make(map[*protocol.Block]int)
			for i := range e.blocks {
				e.places[e.blocks[i].block] = i
			}
		}
		e.places[blk] = len(e.blocks) - 1
	}
	return b
}

// place returns where blk stands in blocks, -1 for nowhere.
func (e *encoder) place(blk *protocol.Block) int {
	if e.places != nil {
		if i, ok := e.places[blk]; ok {
			return i
		}
		return -1
	}
	for i := range e.blocks {
		if e.blocks[i].block == blk {
			return i
		}
	}
	return -1
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
	if i := slices.Index(e.lines, f); i >= 0 {
		return appendInt(b, 0x80, 7, uint64(len(staticTable)+len(e.lines)-1-i)) //nolint:gosec // not negative
	}
	size := len(f.name) + len(f.value) + entryOverhead
	if e.size+size > e.max {
		return appendLiteral(b, 0, f.name, f.value)
	}
	e.size += size
	e.lines = append(e.lines, f)
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

// appendInt appends an integer with a prefix of n bits, the other bits of the first byte being first's (RFC 7541,
// section 5.1).
func appendInt(b []byte, first byte, n uint, v uint64) []byte {
	limit := uint64(1)<<n - 1
	if v < limit {
		return append(b, first|byte(v)) //nolint:gosec // less than 256
	}
	b = append(b, first|byte(limit)) //nolint:gosec // n is at most 7
	for v -= limit; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

var staticLine = func() map[field]uint64 { //nolint:gochecknoglobals // a constant
	m := make(map[field]uint64)
	for i := 1; i < len(staticTable); i++ {
		if e := &staticTable[i]; e.value != "" {
			m[field{e.name, e.value}] = uint64(i)
		}
	}
	return m
}()
