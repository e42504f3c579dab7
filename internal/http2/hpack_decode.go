package http2

import (
	"errors"

	"github.com/fairlead-go/fairlead/protocol"
)

// entry is a line of a header table with what its name means and, for a path, its route.
type entry struct {
	name, value string
	kind        fieldKind
	bad         bool // the name or the value is malformed
	unresolved  bool // a path of the static table, whose route is not known
	route       *protocol.Route
}

func (e *entry) size() int { return len(e.name) + len(e.value) + entryOverhead }

const (
	entryOverhead    = 32 // RFC 7541, section 4.1
	decoderTableSize = 4096
	// keptString bounds the memory in bytes that is kept for the next string.
	keptString = 1 << 10
	// maxNames bounds the names that a connection remembers, which spares an allocation for each repetition.
	maxNames = 16
)

var errHPACK = errors.New("malformed header block")

// decoder decodes header blocks (RFC 7541). Its dynamic table grows with use, so that an idle connection holds none.
// What x/net's decoder lacks is the meaning of a field kept in the table: paths are resolved once, when they enter
// it.
type decoder struct {
	ring  []entry // a power of two of lines; ring[(newest-i)&mask] is line i of the table
	newst int
	n     int
	size  int
	max   int     // as the peer's encoder has set it
	gen   uint32  // changes when a line of the dynamic table does
	names []entry // names that came as literals; few
	huff  []byte  // the string decoded last, if it was encoded
	lit   entry   // the literal being read; here, since a local one would be an allocation
}

func newDecoder() decoder { return decoder{max: decoderTableSize} }

// fieldSink gets the fields of a block in their order.
type fieldSink interface {
	// field gets a line of a table.
	field(e *entry)
	// transient gets a timeout that was not indexed; its value is valid during the call.
	transient(name string, value []byte)
	// resolve returns a path as a string, and its route, nil if it has none.
	resolve(path []byte) (string, *protocol.Route)
	// again is asked about the fields that a block begins with if they are all indexed, while the table is that of gen.
	// It returns true if the sink has them from an earlier block and needs no calls of field.
	again(indices []byte, gen uint32) bool
	// came is called after the calls of field for them otherwise.
	came(indices []byte, gen uint32)
}

// minRun is how many indexed fields a block must begin with to be worth asking the sink for.
const minRun = 4

// decode decodes one complete block. An error is one of compression (RFC 7541, section 2.3): the connection cannot go
// on.
func (d *decoder) decode(b []byte, sink fieldSink) error {
	first := true
	if n := indexedRun(b); n >= minRun {
		if !sink.again(b[:n], d.gen) {
			for _, c := range b[:n] {
				e := d.line(uint64(c & 0x7f))
				if e == nil {
					return errHPACK
				}
				sink.field(e)
			}
			sink.came(b[:n], d.gen)
		}
		b, first = b[n:], false
	}
	for len(b) > 0 {
		c := b[0]
		if c&0x80 != 0 { // indexed (6.1)
			var e *entry
			if c != 0xff {
				e, b = d.line(uint64(c&0x7f)), b[1:]
			} else {
				i, rest, ok := readInt(b, 7)
				if !ok {
					return errHPACK
				}
				e, b = d.line(i), rest
			}
			if e == nil {
				return errHPACK
			}
			sink.field(e)
			first = false
			continue
		}
		if c&0xe0 == 0x20 { // size update (6.3), at the beginning only (4.2)
			n, rest, ok := readInt(b, 5)
			if !ok || !first || n > decoderTableSize {
				return errHPACK
			}
			d.max, b = int(n), rest
			d.evict(0)
			continue
		}
		first = false
		var err error
		if b, err = d.literal(b, sink); err != nil {
			return err
		}
	}
	return nil
}

// indexedRun returns how many bytes b begins with that are an indexed field each.
func indexedRun(b []byte) int {
	for i, c := range b {
		if c <= 0x80 || c == 0xff {
			return i
		}
	}
	return len(b)
}

// literal decodes a literal field (RFC 7541, sections 6.2.1 to 6.2.3).
func (d *decoder) literal(b []byte, sink fieldSink) (rest []byte, err error) {
	bits := uint(4)
	indexed := b[0]&0xc0 == 0x40
	if indexed {
		bits = 6
	}
	i, b, ok := readInt(b, bits)
	if !ok {
		return nil, errHPACK
	}
	e := &d.lit
	*e = entry{}
	if i == 0 {
		raw, more, err := d.str(b)
		if err != nil {
			return nil, err
		}
		*e, b = d.name(raw), more
	} else {
		line := d.line(i)
		if line == nil {
			return nil, errHPACK
		}
		e.name, e.kind = line.name, line.kind
		e.bad = line.bad && !validName(line.name)
	}
	raw, b, err := d.str(b)
	if err != nil {
		return nil, err
	}
	if e.kind == kindTimeout && !indexed {
		sink.transient(e.name, raw)
		return b, nil
	}
	if e.kind == kindPath {
		e.value, e.route = sink.resolve(raw)
	} else {
		e.value = string(raw)
	}
	e.bad = e.bad || !e.validValue()
	if indexed {
		d.insert(e)
	}
	sink.field(e)
	return b, nil
}

// name returns an entry for a literal name, with the string of an earlier one if there was one.
func (d *decoder) name(raw []byte) entry {
	if e, ok := commonNames[string(raw)]; ok {
		return e
	}
	for i := range d.names {
		if d.names[i].name == string(raw) {
			return d.names[i]
		}
	}
	name := string(raw)
	e := entry{name: name, kind: kindOf(name), bad: !validName(name)}
	if len(d.names) < maxNames && len(name) <= 64 {
		d.names = append(d.names, e)
	}
	return e
}

// commonNames are the names that every connection would otherwise remember for itself.
var commonNames = func() map[string]entry { //nolint:gochecknoglobals // a constant
	m := make(map[string]entry)
	for i := 1; i < len(staticTable); i++ {
		name := staticTable[i].name
		m[name] = entry{name: name, kind: kindOf(name)}
	}
	for _, name := range []string{
		"connect-timeout-ms",
		"grpc-accept-encoding", "grpc-encoding", "grpc-message", "grpc-previous-rpc-attempts", "grpc-status",
		"grpc-status-details-bin", "grpc-timeout", "te", "traceparent", "tracestate", "baggage", "x-request-id",
	} {
		m[name] = entry{name: name, kind: kindOf(name)}
	}
	return m
}()

// str reads a string literal (RFC 7541, section 5.2). The result is valid until the next call.
func (d *decoder) str(b []byte) (raw, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errHPACK
	}
	huffman := b[0]&0x80 != 0
	n, b, ok := readInt(b, 7)
	if !ok || uint64(len(b)) < n {
		return nil, nil, errHPACK
	}
	raw, rest = b[:n], b[n:]
	if !huffman {
		return raw, rest, nil
	}
	if cap(d.huff) > keptString {
		d.huff = nil
	}
	if d.huff, ok = huffmanCode.decode(d.huff[:0], raw); !ok {
		return nil, nil, errHPACK
	}
	return d.huff, rest, nil
}

// line returns line i of static and dynamic table together, nil when there is none (RFC 7541, section 2.3.3).
func (d *decoder) line(i uint64) *entry {
	if i < uint64(len(staticTable)) {
		if i == 0 {
			return nil
		}
		return &staticTable[i]
	}
	i -= uint64(len(staticTable))
	n := int(i)
	if n >= d.n {
		return nil
	}
	return &d.ring[(d.newst-n)&(len(d.ring)-1)]
}

// insert adds a line to the dynamic table (RFC 7541, section 4.4).
func (d *decoder) insert(e *entry) {
	size := e.size()
	d.evict(size)
	if size > d.max {
		return
	}
	if d.n == len(d.ring) {
		ring := make([]entry, max(8, 2*len(d.ring)))
		for i := range d.n {
			ring[d.n-1-i] = d.ring[(d.newst-i)&(len(d.ring)-1)]
		}
		d.ring, d.newst = ring, d.n-1
	}
	d.newst = (d.newst + 1) & (len(d.ring) - 1)
	d.ring[d.newst] = *e
	d.n++
	d.gen++
	d.size += size
}

// evict drops the oldest lines until there is room for size bytes.
func (d *decoder) evict(size int) {
	for d.n > 0 && d.size+size > d.max {
		old := &d.ring[(d.newst-d.n+1)&(len(d.ring)-1)]
		d.size -= old.size()
		*old = entry{}
		d.n--
		d.gen++
	}
}

// readInt reads an integer with a prefix of n bits (RFC 7541, section 5.1); more than 32 bits are refused.
func readInt(b []byte, n uint) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	limit := uint64(1)<<n - 1
	v, b = uint64(b[0])&limit, b[1:]
	if v < limit {
		return v, b, true
	}
	for shift := uint(0); shift <= 28; shift += 7 {
		if len(b) == 0 {
			return 0, nil, false
		}
		c := b[0]
		b = b[1:]
		v += uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, b, true
		}
	}
	return 0, nil, false
}

// staticTable is RFC 7541's appendix A; line 0 is not used.
var staticTable = func() (t [62]entry) { //nolint:gochecknoglobals // a constant
	for i, f := range [...][2]string{
		{":authority", ""},
		{":method", "GET"},
		{":method", "POST"},
		{":path", "/"},
		{":path", "/index.html"},
		{":scheme", "http"},
		{":scheme", "https"},
		{":status", "200"},
		{":status", "204"},
		{":status", "206"},
		{":status", "304"},
		{":status", "400"},
		{":status", "404"},
		{":status", "500"},
		{"accept-charset", ""},
		{"accept-encoding", "gzip, deflate"},
		{"accept-language", ""},
		{"accept-ranges", ""},
		{"accept", ""},
		{"access-control-allow-origin", ""},
		{"age", ""},
		{"allow", ""},
		{"authorization", ""},
		{"cache-control", ""},
		{"content-disposition", ""},
		{"content-encoding", ""},
		{"content-language", ""},
		{"content-length", ""},
		{"content-location", ""},
		{"content-range", ""},
		{"content-type", ""},
		{"cookie", ""},
		{"date", ""},
		{"etag", ""},
		{"expect", ""},
		{"expires", ""},
		{"from", ""},
		{"host", ""},
		{"if-match", ""},
		{"if-modified-since", ""},
		{"if-none-match", ""},
		{"if-range", ""},
		{"if-unmodified-since", ""},
		{"last-modified", ""},
		{"link", ""},
		{"location", ""},
		{"max-forwards", ""},
		{"proxy-authenticate", ""},
		{"proxy-authorization", ""},
		{"range", ""},
		{"referer", ""},
		{"refresh", ""},
		{"retry-after", ""},
		{"server", ""},
		{"set-cookie", ""},
		{"strict-transport-security", ""},
		{"transfer-encoding", ""},
		{"user-agent", ""},
		{"vary", ""},
		{"via", ""},
		{"www-authenticate", ""},
	} {
		t[i+1] = entry{name: f[0], value: f[1], kind: kindOf(f[0]), unresolved: f[0] == ":path"}
	}
	return t
}()
