package http1

import "github.com/fairlead-go/fairlead/protocol"

// bodyKind is how a body is delimited (RFC 9112, section 6.3).
type bodyKind uint8

const (
	bodyNone    bodyKind = iota
	bodyLength           // by content-length
	bodyChunked          // by chunks
	bodyClose            // by the end of the connection
	bodyRaw              // not at all: what follows is not HTTP
)

// body decodes a body while it arrives. It belongs to the reading role.
type body struct {
	kind  bodyKind
	phase chunkPhase
	left  int64 // of the body or the chunk
	spent int   // bytes for chunks' lines, less what the chunks have brought
	lines lines // of the trailer
	limit trailerLimit
}

// trailerLimit limits a trailer section.
type trailerLimit struct{ bytes, fields int }

// chunkPhase is what comes next of a chunked body.
type chunkPhase uint8

const (
	chunkSize chunkPhase = iota
	chunkData
	chunkEnd // CRLF behind the data
	chunkTrailer
)

const (
	// maxChunkLine is the length of the longest line with the size of a chunk and its extensions.
	maxChunkLine = 256
	// maxSpent is how many bytes of a body's chunk lines may come beyond those that the data pays for.
	maxSpent = 16 << 10
)

// part is what body.next found.
type part struct {
	n    int    // bytes used up
	data []byte // of the body
	need int    // nothing is complete before so many bytes are there; 0: go on
	done bool   // the body is complete

	trailer []byte // with done: the trailer section, nil for none
}

// next decodes what it can of b.
func (d *body) next(b []byte) (p part, f *fault) {
	switch d.kind {
	case bodyNone:
		return part{done: true}, nil
	case bodyLength:
		n := int(min(int64(len(b)), d.left))
		d.left -= int64(n)
		p = part{n: n, data: b[:n], done: d.left == 0}
	case bodyClose, bodyRaw:
		p = part{n: len(b), data: b}
	case bodyChunked:
		return d.chunk(b)
	}
	if p.n == 0 && !p.done {
		p.need = 1
	}
	return p, nil
}

// chunk decodes what it can of a chunked body (RFC 9112, section 7.1).
func (d *body) chunk(b []byte) (p part, f *fault) {
	switch d.phase {
	case chunkSize:
		return d.size(b)
	case chunkData:
		n := int(min(int64(len(b)), d.left))
		if n == 0 {
			return part{need: 1}, nil
		}
		if d.left -= int64(n); d.left == 0 {
			d.phase = chunkEnd
		}
		d.spent = max(0, d.spent-n)
		return part{n: n, data: b[:n]}, nil
	case chunkEnd:
		if len(b) > 0 && b[0] != '\r' || len(b) > 1 && b[1] != '\n' {
			return p, malformed("a chunk that is longer than its size")
		}
		if len(b) < 2 {
			return part{need: 2}, nil
		}
		d.phase = chunkSize
		return part{n: 2}, nil
	case chunkTrailer:
	}
	n := d.lines.end(b)
	if d.lines.scanned > d.limit.bytes || d.lines.n > d.limit.fields {
		return p, &fault{431, "a trailer that is longer than the limit of heads", protocol.HeaderListLimit}
	}
	if n == 0 {
		return part{need: len(b) + 1}, nil
	}
	return part{n: n, trailer: b[:n], done: true}, nil
}

// size reads the line with the size of a chunk. Extensions are skipped.
func (d *body) size(b []byte) (p part, f *fault) {
	line := b[:min(len(b), maxChunkLine)]
	n := 0
	for n < len(line) && isHex(line[n]) {
		n++
	}
	if n == 0 && len(line) > 0 || n > 16 {
		return p, malformed("a bad size of a chunk")
	}
	i := n
	if i < len(line) && line[i] == ';' {
		for i++; i < len(line) && (line[i] >= ' ' && line[i] != 0x7f || line[i] == '\t'); {
			i++
		}
	}
	switch {
	case i < len(line) && line[i] != '\r' || i+1 < len(line) && line[i+1] != '\n':
		return p, malformed("a bad line with the size of a chunk")
	case i+1 < len(line):
	case len(b) >= maxChunkLine:
		return p, malformed("a line with the size of a chunk that is too long")
	default:
		return part{need: len(b) + 1}, nil
	}
	size, ok := digits(line[:n], 16)
	if !ok {
		return p, malformed("a bad size of a chunk")
	}
	if d.spent += i + 2; d.spent > maxSpent {
		return p, &fault{400, "chunks with hardly anything in them", protocol.FloodData}
	}
	if d.left, d.phase = size, chunkData; size == 0 {
		d.phase, d.lines = chunkTrailer, lines{}
	}
	return part{n: i + 2}, nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
