package http2

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

const refused = fairlead.Refused

// headBuilder makes a Head of the fields of a block, and judges it (RFC 9113, section 8).
type headBuilder struct {
	c       *Conn
	h       protocol.Head // its Path has the query, too, until requestHead parts them
	length  int64         // content-length, -1: none
	host    string
	size    int
	seen    uint16 // pseudo-fields, by kind
	timeout [16]byte

	bad      string // why the message is malformed
	regular  bool   // a field that is not a pseudo-field was seen
	tooLarge bool

	repeat repeat
}

// repeat is what the indexed fields at the beginning of a header block come to. The calls of a batch mostly begin with
// the same ones, which are taken from here from the third on: 10,570 instead of 11,100 instructions for a call of 1 KiB
// (callgrind). It lasts as long as the builder stays with its connection.
type repeat struct {
	indices [24]byte
	n       int // of indices
	gen     uint32
	known   bool // what follows is filled

	h       protocol.Head
	fields  fairlead.Metadata
	length  int64
	host    string
	size    int
	seen    uint16
	regular bool
}

var headPool = sync.Pool{New: func() any { return new(headBuilder) }}

// release gives the builder back. What it points to must not be needed any more.
func (hb *headBuilder) release() {
	if buffer.Poisoning {
		// The next one is another; code that still reads this one finds a request that nobody sent.
		hb.h = protocol.Head{Verb: "RELEASED", Path: "released", ContentType: "released", Status: -1}
		hb.c = nil
		return
	}
	hb.reset(nil)
	if hb.repeat.n > 0 {
		hb.repeat = repeat{}
	}
	headPool.Put(hb)
}

func (hb *headBuilder) reset(c *Conn) {
	fields := hb.h.Fields
	fields.Reset()
	hb.h = protocol.Head{Version: 2, Fields: fields}
	hb.c, hb.length, hb.size, hb.seen = c, -1, 0, 0
	hb.bad, hb.host, hb.regular, hb.tooLarge = "", "", false, false
}

// resolve implements fieldSink. A path that has a route, and no query, is the string of its method.
func (hb *headBuilder) resolve(path []byte) (string, *protocol.Route) {
	if hb.c.selector == nil {
		return string(path), nil // a client's peer has no business with it
	}
	if r := hb.c.selector.Route(path); r != nil {
		return r.Method.Path, r
	}
	if bare, _, found := bytes.Cut(path, []byte("?")); found {
		return string(path), hb.c.selector.Route(bare)
	}
	return string(path), nil
}

// again implements fieldSink.
func (hb *headBuilder) again(indices []byte, gen uint32) bool {
	r := &hb.repeat
	if !r.known || gen != r.gen || string(indices) != string(r.indices[:r.n]) {
		return false
	}
	fields := hb.h.Fields
	hb.h = r.h
	hb.h.Fields = fields
	for i := range r.fields.Len() {
		hb.h.Fields.Append(r.fields.At(i))
	}
	hb.length, hb.host, hb.size, hb.seen, hb.regular = r.length, r.host, r.size, r.seen, r.regular
	return true
}

// came implements fieldSink. What came twice in a row is kept.
func (hb *headBuilder) came(indices []byte, gen uint32) {
	r := &hb.repeat
	if gen != r.gen || string(indices) != string(r.indices[:r.n]) {
		*r = repeat{gen: gen}
		if len(indices) <= len(r.indices) {
			r.n = copy(r.indices[:], indices)
		}
		return
	}
	if hb.bad != "" || hb.tooLarge || hb.h.Timeout != nil { // whose bytes are the next block's
		return
	}
	r.known = true
	r.h, r.fields = hb.h, hb.h.Fields.Clone()
	r.h.Fields = fairlead.Metadata{}
	r.length, r.host, r.size, r.seen, r.regular = hb.length, hb.host, hb.size, hb.seen, hb.regular
}

// transient implements fieldSink.
func (hb *headBuilder) transient(name string, value []byte) {
	hb.regular = true
	hb.size += len(name) + len(value) + entryOverhead
	if hb.h.Timeout != nil && hb.h.TimeoutName != name {
		if hb.size > hb.c.cfg.HeaderList {
			hb.tooLarge = true
			return
		}
		hb.h.Fields.Append(name, string(value)) // of two protocols; one of them will take the request
		return
	}
	// A value too long to be one is cut and stays malformed.
	hb.h.Timeout, hb.h.TimeoutName = hb.timeout[:copy(hb.timeout[:], value)], name
}

// field implements fieldSink.
func (hb *headBuilder) field(e *entry) {
	hb.size += e.size()
	if hb.size > hb.c.cfg.HeaderList {
		hb.tooLarge = true
		return
	}
	if e.bad {
		hb.malformed("bad field " + strconv.Quote(e.name))
		return
	}
	if e.kind.pseudo() {
		hb.pseudo(e)
		return
	}
	hb.regular = true
	h := &hb.h
	switch e.kind {
	case kindContentType:
		h.ContentType = e.value
	case kindUserAgent:
		h.UserAgent = e.value
	case kindTimeout:
		if h.Timeout != nil && h.TimeoutName != e.name {
			h.Fields.Append(e.name, e.value)
			return
		}
		h.Timeout, h.TimeoutName = hb.timeout[:copy(hb.timeout[:], e.value)], e.name
	case kindExpect:
		if strings.EqualFold(e.value, "100-continue") {
			h.Expect100 = true
			return
		}
		h.Fields.Append(e.name, e.value)
	case kindForbidden:
		hb.malformed("connection-specific field " + e.name)
	case kindTE:
		if e.value != "trailers" {
			hb.malformed("te other than trailers")
		}
	case kindContentLength:
		// Digits and nothing else (RFC 9110, section 8.6): ParseUint takes no sign.
		u, err := strconv.ParseUint(e.value, 10, 63)
		n := int64(u)
		if err != nil || hb.length >= 0 && hb.length != n {
			hb.malformed("bad content-length")
			return
		}
		hb.length = n
		h.Fields.Append(e.name, e.value)
	case kindHost:
		if hb.host != "" {
			hb.malformed("more than one host")
		}
		hb.host = e.value // for judge; it is not for those above
	default:
		h.Fields.Append(e.name, e.value)
	}
}

func (hb *headBuilder) pseudo(e *entry) {
	bit := uint16(1) << e.kind
	unknown := e.kind == kindUnknownPseudo || e.kind == kindProtocol && !hb.c.cfg.ExtendedConnect
	if hb.regular || hb.seen&bit != 0 || unknown || (e.kind == kindStatus) != hb.c.client {
		hb.malformed("misplaced pseudo-field " + strconv.Quote(e.name))
		return
	}
	hb.seen |= bit
	h := &hb.h
	switch e.kind { //nolint:exhaustive // pseudo-fields only
	case kindMethod:
		h.Verb = e.value
	case kindScheme:
		h.Scheme = e.value
	case kindAuthority:
		h.Authority = e.value
	case kindPath:
		h.Path, h.Route = e.value, e.route
		if e.unresolved {
			h.Path, h.Route = hb.resolve([]byte(e.value))
		}
	case kindProtocol:
		h.Protocol = e.value
	case kindStatus:
		if len(e.value) == 3 {
			h.Status, _ = strconv.Atoi(e.value)
		}
		if h.Status < 100 {
			hb.malformed("bad :status")
		}
	}
}

func (hb *headBuilder) malformed(why string) {
	if hb.bad == "" {
		hb.bad = why
	}
}

// judge checks what must be there (RFC 9113, sections 8.3.1 and 8.3.2).
func (hb *headBuilder) judge(trailer bool) {
	const request = 1<<kindMethod | 1<<kindScheme | 1<<kindPath
	switch {
	case trailer:
		if hb.seen != 0 {
			hb.malformed("pseudo-field in a trailer")
		}
	case hb.c.client:
		if hb.seen&(1<<kindStatus) == 0 {
			hb.malformed("response without :status")
		}
	case hb.h.Verb == "CONNECT" && hb.seen&(1<<kindProtocol) == 0:
		// A plain one has a host and nothing else (RFC 9113, section 8.5).
		if hb.seen&(1<<kindScheme|1<<kindPath) != 0 || hb.h.Authority == "" {
			hb.malformed("CONNECT with :scheme or :path, or without :authority")
		}
	case hb.h.Verb != "CONNECT" && hb.seen&(1<<kindProtocol) != 0:
		hb.malformed(":protocol in a request that is not CONNECT") // RFC 8441, section 4
	case hb.seen&(1<<kindProtocol) != 0 && hb.h.Protocol == "":
		hb.malformed("empty :protocol")
	case hb.seen&request != request:
		hb.malformed("request without :method, :scheme or :path")
	case hb.h.Path == "" || hb.h.Path[0] != '/' && (hb.h.Path != "*" || hb.h.Verb != "OPTIONS"):
		hb.malformed("bad :path")
	case hb.h.Authority == "":
		// A request that was one of HTTP/1 may have its host here (RFC 9113, section 8.3.1). Beside :authority the field
		// is dropped, whatever it says, as gRPC has it (https://github.com/grpc/proposal/blob/master, A41): proxies set
		// it to names of their own.
		hb.h.Authority = hb.host
	}
}

// trailer returns a copy of what was read of a trailer, nil if it has no fields.
func (hb *headBuilder) trailer() *protocol.Head {
	if !hb.regular {
		return nil
	}
	own := hb.h
	own.Fields = own.Fields.Clone()
	own.Timeout, own.TimeoutName = nil, "" // it means nothing there
	return &own
}

func (c *Conn) onHeaders(id uint32, flags uint8, p []byte) error {
	if id == 0 {
		return violation(protocol.ResetProtocolError, "HEADERS on stream 0")
	}
	p, err := unpad(p, flags)
	if err != nil {
		return err
	}
	if flags&flagPriority != 0 {
		if len(p) < 5 {
			return violation(codeFrameSize, "HEADERS too short for its priority")
		}
		if binary.BigEndian.Uint32(p)&maxWindow == id {
			// A stream error, but the block must be decoded all the same; ending the connection is allowed (5.4.2).
			return violation(protocol.ResetProtocolError, "stream that depends on itself")
		}
		p = p[5:]
	}
	if flags&flagEndHeaders == 0 {
		c.r.block = buffer.Get(len(p))
		c.r.block.B = append(c.r.block.B, p...)
		c.r.blockID, c.r.blockFlags = id, flags
		return nil
	}
	return c.onBlock(id, flags, p)
}

func (c *Conn) onContinuation(id uint32, flags uint8, p []byte) error {
	b := c.r.block
	if b == nil {
		return violation(protocol.ResetProtocolError, "CONTINUATION without HEADERS")
	}
	if len(b.B)+len(p) > 2*c.cfg.HeaderList+defaultFrameSize || len(p) == 0 && flags&flagEndHeaders == 0 {
		c.cfg.Guard.Note(protocol.FloodContinuation)
		return violation(protocol.ResetEnhanceCalm, "header block that does not come to an end")
	}
	b.B = append(b.B, p...)
	if flags&flagEndHeaders == 0 {
		if len(p) < smallContinuation {
			c.r.guard.draw(protocol.FloodContinuation, 1)
		}
		return nil
	}
	c.r.block = nil
	err := c.onBlock(id, c.r.blockFlags, b.B)
	buffer.Put(b)
	return err
}

// onBlock handles a complete header block.
func (c *Conn) onBlock(id uint32, flags uint8, block []byte) error {
	if !c.client {
		c.park() // its head is in the scratch that is about to be used again
	}
	hb := c.r.head
	if hb == nil {
		hb, _ = headPool.Get().(*headBuilder)
		c.r.head = hb
	}
	hb.reset(c)
	if err := c.r.dec.decode(block, hb); err != nil {
		return violation(protocol.ResetCompression, "%v", err)
	}
	end := flags&flagEndStream != 0
	if c.client {
		return c.onResponse(id, end)
	}
	return c.onRequest(id, end)
}

func (c *Conn) onResponse(id uint32, end bool) error {
	s, err := c.lookup(id)
	if s == nil {
		c.r.guard.draw(protocol.FloodHeaders, 1)
		return err
	}
	hb := c.r.head
	hb.judge(s.headSeen)
	switch {
	case hb.tooLarge:
		c.cfg.Guard.Note(protocol.HeaderListLimit)
		c.failOne(s, protocol.ResetCancel,
			"header list longer than the limit of "+strconv.Itoa(c.cfg.HeaderList)+" bytes (client.MaxHeaderList)")
		return nil
	case hb.bad != "":
		c.failOne(s, protocol.ResetProtocolError, hb.bad)
		return nil
	}
	return c.responseHead(id, end)
}

func (c *Conn) onRequest(id uint32, end bool) error {
	hb := c.r.head
	if id%2 == 0 {
		return violation(protocol.ResetProtocolError, "request on stream %d", id)
	}
	if id <= c.s.lastPeer {
		return c.requestTrailer(id, end)
	}
	if next := (c.s.lastPeer + 1) | 1; id > next {
		c.r.skipped = [2]uint32{next, id}
	}
	hb.judge(false)
	if hb.bad != "" && !hb.tooLarge {
		c.smu.Lock()
		c.s.lastPeer = id
		c.smu.Unlock()
		c.debug("malformed request", "stream", id, "reason", hb.bad)
		c.cfg.Guard.Note(protocol.MalformedRequest)
		c.sendReset(id, protocol.ResetProtocolError)
		return nil
	}
	c.requestHead(id, end)
	return nil
}

// requestTrailer takes a header block on a stream that was opened before.
func (c *Conn) requestTrailer(id uint32, end bool) error {
	c.smu.Lock()
	if c.s.reset.has(id) {
		c.smu.Unlock()
		c.r.guard.draw(protocol.FloodHeaders, 1)
		return nil
	}
	s := c.s.table.get(id)
	if s == nil || s.remoteDone {
		c.smu.Unlock()
		if id >= c.r.skipped[0] && id < c.r.skipped[1] {
			// An identifier that was never used is not that of a new stream either (RFC 9113, section 5.1.1).
			return violation(protocol.ResetProtocolError, "HEADERS on stream %d, which was passed over", id)
		}
		return violation(codeStreamClosed, "HEADERS on stream %d, which is closed", id)
	}
	c.smu.Unlock()
	hb := c.r.head
	hb.judge(true)
	switch {
	case s.connect:
		// Nothing but DATA, and what manages the stream (RFC 9113, section 8.5).
		c.failOne(s, protocol.ResetProtocolError, "HEADERS in a tunnel")
	case !end:
		c.failOne(s, protocol.ResetProtocolError, "trailer that does not end the stream")
	case hb.bad != "":
		c.failOne(s, protocol.ResetProtocolError, hb.bad)
	case hb.tooLarge:
		c.cfg.Guard.Note(protocol.HeaderListLimit)
		c.failOne(s, protocol.ResetEnhanceCalm, "trailer longer than the limit of header lists")
	case s.isLengthWrong():
		c.failOne(s, protocol.ResetProtocolError, reasonLength)
	case s.p != nil:
		c.requestEnd(s, hb.trailer())
	default:
		s.after = hb.trailer()
		c.gathered(s)
	}
	return nil
}
