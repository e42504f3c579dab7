package http2

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// encoder encodes header blocks (RFC 7541). The fields of preset blocks enter the dynamic table, and fields whose value
// changes from call to call once, for the sake of their name. Nothing is ever evicted from it: when it is full, further
// fields stay literal. So the indices of a block change only when another one adds lines, and its encoding can be kept.
type encoder struct {
	max    int // the table's size, at most what the peer allows
	size   int
	lines  []field // in the order of their insertion
	shrunk bool    // the peer's decoder is to be told of a new max
	names  []namedLine
	blocks []encodedBlock
	date   []byte                  // the field date as it is encoded
	dated  int64                   // the time of date in seconds
	places map[*protocol.Block]int // of blocks in blocks, once there are many
}

type field struct{ name, value string }

// namedLine is a name that a line of a table has: of the dynamic one, or of the static one if it is negative.
type namedLine struct {
	name string
	line int
}

// The limits of what the dynamic table is used for names: how many, and how long a field.
const (
	maxIndexedNames = 16
	maxIndexedField = 128
)

// encodedBlock is a block's encoding, good as long as the table has as many lines.
type encodedBlock struct {
	block *protocol.Block
	lines int
	bytes []byte
}

// maxBlocks is the number of blocks of which the encoding is kept. Protocols make one for each method or kind of
// answer, which are fewer. Those beyond it are encoded each time, and add nothing to the table.
const maxBlocks = 1 << 10

// scanMax is the number of blocks up to which they are looked for one by one. A server sends few; a client one for each
// method.
const scanMax = 12

func newEncoder() encoder { return encoder{max: decoderTableSize} }

// limit applies the peer's SETTINGS_HEADER_TABLE_SIZE (RFC 7541, section 4.2). A smaller table starts empty.
func (e *encoder) limit(n int) {
	if n >= e.max {
		return
	}
	e.max, e.size, e.lines, e.shrunk = n, 0, nil, true
	e.blocks, e.places, e.names = nil, nil, nil
}

// begin appends what must stand at the beginning of a header block.
func (e *encoder) begin(b []byte) []byte {
	if !e.shrunk {
		return b
	}
	e.shrunk = false
	b = appendInt(b, 0x20, 5, 0)
	return appendInt(b, 0x20, 5, uint64(e.max))
}

// block appends a preset block.
func (e *encoder) block(b []byte, blk *protocol.Block) []byte {
	i := e.place(blk)
	if i >= 0 && e.blocks[i].lines == len(e.lines) {
		return append(b, e.blocks[i].bytes...)
	}
	if i < 0 && len(e.blocks) == maxBlocks {
		return e.unkept(b, blk)
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

// unkept appends a block of which nothing is kept.
func (e *encoder) unkept(b []byte, blk *protocol.Block) []byte {
	kv := blk.Fields()
	for i := 0; i+1 < len(kv); i += 2 {
		b = e.literal(b, kv[i], kv[i+1])
	}
	return b
}

// literal appends a field that does not enter the table, its name by its index in the static table if it is there.
func (e *encoder) literal(b []byte, name, value string) []byte {
	if i := staticLine[field{name, value}]; i != 0 {
		return appendInt(b, 0x80, 7, i)
	}
	if i := staticName[name]; i != 0 {
		return appendString(appendInt(b, 0, 4, i), value)
	}
	return appendLiteral(b, name, value)
}

// status appends the status of a response.
func (e *encoder) status(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, 0x88) // its line in the static table
	case 204:
		return append(b, 0x89)
	case 304:
		return append(b, 0x8b)
	}
	return strconv.AppendInt(append(b, 0x08, 3), int64(status), 10)
}

// target appends the method and the path of a request. They do not enter the table: there may be any number of them.
func (e *encoder) target(b []byte, verb, path, query string) []byte {
	if verb != "" {
		b = e.literal(b, ":method", verb)
	}
	if path == "" {
		return b
	}
	if query == "" {
		return e.literal(b, ":path", path)
	}
	b = appendInt(b, 0, 4, staticName[":path"])
	b = appendInt(b, 0, 7, uint64(len(path)+1+len(query)))
	return append(append(append(b, path...), '?'), query...)
}

// now appends the field date (RFC 9110, section 6.6.1), whose text is made once a second.
func (e *encoder) now(b []byte) []byte {
	t := time.Now()
	if s := t.Unix(); s != e.dated {
		e.dated = s
		e.date = appendString(appendInt(e.date[:0], 0, 4, staticName["date"]), t.UTC().Format(dateFormat))
	}
	return append(b, e.date...)
}

// dateFormat is IMF-fixdate (RFC 9110, section 5.6.7).
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// length appends the field content-length.
func (e *encoder) length(b []byte, n int) []byte {
	var digits [20]byte
	v := strconv.AppendInt(digits[:0], int64(n), 10)
	b = appendInt(b, 0, 4, staticName["content-length"])
	return append(append(b, byte(len(v))), v...)
}

// section appends the fields of a section.
func (e *encoder) section(b []byte, s *protocol.Section) []byte {
	if s.Status != 0 {
		b = e.status(b, s.Status)
	}
	if s.Block != nil {
		b = e.block(b, s.Block)
	}
	if s.Extra != nil && s.Extra.Len() > 0 {
		b = e.metadata(b, s.Extra, s.Base64)
	}
	return b
}

// indexed appends a field by its index, or as a literal that is added to the table if there is room.
func (e *encoder) indexed(b []byte, f field) []byte {
	if i := staticLine[f]; i != 0 {
		return appendInt(b, 0x80, 7, i)
	}
	if i := slices.Index(e.lines, f); i >= 0 {
		return appendInt(b, 0x80, 7, uint64(len(staticTable)+len(e.lines)-1-i))
	}
	size := len(f.name) + len(f.value) + entryOverhead
	if e.size+size > e.max {
		return appendLiteral(b, f.name, f.value)
	}
	e.size += size
	e.lines = append(e.lines, f)
	b = append(b, 0x40)
	b = appendString(b, f.name)
	return appendString(b, f.value)
}

// metadata appends fields whose values change from call to call. With inBase64, values of names that end in "-bin" go
// in base64.
func (e *encoder) metadata(b []byte, md *fairlead.Metadata, inBase64 bool) []byte {
	for i := range md.Len() {
		name, value := md.At(i)
		if !inBase64 || !strings.HasSuffix(name, "-bin") {
			b = e.name(b, name, len(value))
			b = appendString(b, value)
			continue
		}
		n := base64.RawStdEncoding.EncodedLen(len(value))
		b = e.name(b, name, n)
		b = appendInt(b, 0, 7, uint64(n))
		b = base64.RawStdEncoding.AppendEncode(b, []byte(value))
	}
	return b
}

// transient appends a field whose value is bytes.
func (e *encoder) transient(b []byte, name string, value []byte) []byte {
	b = e.name(b, name, len(value))
	b = appendInt(b, 0, 7, uint64(len(value)))
	return append(b, value...)
}

// name begins a literal field, whose value of n bytes must follow: by the index of its name if a table has it,
// otherwise with the name, and so that the field enters the table if there is room. The name of every later one is an
// index then, which is shorter and spares the peer looking at the name.
func (e *encoder) name(b []byte, name string, n int) []byte {
	for i := range e.names {
		if l := &e.names[i]; l.name == name {
			return e.byName(b, l)
		}
	}
	switch name {
	case "authorization", "cookie", "proxy-authorization":
		// Never to be indexed by anybody on the way (RFC 7541, section 7.1.3).
		return appendInt(b, 0x10, 4, staticName[name])
	}
	size := len(name) + n + entryOverhead
	line := len(e.lines)
	if i := staticName[name]; i != 0 {
		line = -int(i)
	}
	if len(e.names) == maxIndexedNames || line >= 0 && (size > maxIndexedField || e.size+size > e.max) {
		return appendString(append(b, 0), name)
	}
	e.names = append(e.names, namedLine{name, line})
	if line < 0 {
		return e.byName(b, &e.names[len(e.names)-1])
	}
	e.size += size
	e.lines = append(e.lines, field{name, "\x00"}) // no field is found there, only the name
	return appendString(append(b, 0x40), name)
}

// byName begins a literal field that does not enter the table and whose name a table has.
func (e *encoder) byName(b []byte, l *namedLine) []byte {
	if l.line < 0 {
		return appendInt(b, 0, 4, uint64(-l.line))
	}
	return appendInt(b, 0, 4, uint64(len(staticTable)+len(e.lines)-1-l.line))
}

func appendLiteral(b []byte, name, value string) []byte {
	b = appendString(append(b, 0), name)
	return appendString(b, value)
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
		return append(b, first|byte(v))
	}
	b = append(b, first|byte(limit))
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

// staticName is the first line of the static table that has a name.
var staticName = func() map[string]uint64 { //nolint:gochecknoglobals // a constant
	m := make(map[string]uint64)
	for i := len(staticTable) - 1; i > 0; i-- {
		m[staticTable[i].name] = uint64(i)
	}
	return m
}()
