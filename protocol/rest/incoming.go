package rest

import (
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// The fields that REST itself reads or sets.
const (
	fieldAccept          = "accept"
	fieldAcceptEncoding  = "accept-encoding"
	fieldContentEncoding = "content-encoding"
	fieldContentType     = "content-type"
	fieldETag            = "etag"
	fieldIfNoneMatch     = "if-none-match"
	fieldLastEventID     = "last-event-id"
	fieldRetryAfter      = "retry-after"
	fieldVary            = "vary"
)

// trailerPrefix is what metadata of a trailer has before its name where it travels in a head.
const trailerPrefix = "trailer-"

// incoming is a call: the head of its request, and what the response depends on.
type incoming struct {
	s *Server
	x protocol.Exchange
	*matched

	call        *fairlead.Call
	accept      string
	encodings   string // that the client accepts
	encoding    string // of the request's body
	ifNoneMatch string
	reads       bool // the request's method is GET or HEAD
	head        bool // it is HEAD
	contentType string
	rawQuery    string
	size        int // bytes admitted and reserved
	admitted    bool
	headSent    bool

	pairs []pair   // of the query; for decode alone
	texts []string // likewise
}

// isReserved reports whether a field of a request is none of the user's metadata.
func isReserved(field string) bool {
	switch field {
	case fieldAcceptEncoding, fieldContentEncoding, fieldTimeout, "expect":
		return true
	}
	return rpcwire.ReservedByHTTP(field)
}

// isReservedOut reports whether a handler cannot set a field of the response.
func isReservedOut(field string) bool {
	switch field {
	case fieldContentEncoding, "date", "allow", "expect":
		return true
	case "user-agent", "host", "te":
		return false // they mean nothing in a response
	}
	return rpcwire.ReservedByHTTP(field)
}

// begin reads the head, makes the call and asks the server to admit it, with size bytes of memory. After an error the
// caller must call fail.
func (in *incoming) begin(x protocol.Exchange, driver fairlead.Driver, size int) error {
	h := x.Head()
	in.x = x
	m, ok := h.Matched.(*matched)
	if !ok {
		return fairlead.Errorf(fairlead.Internal, "the request has no rule")
	}
	in.matched, in.contentType, in.rawQuery = m, h.ContentType, h.Query
	in.head = h.Verb == "HEAD"
	in.reads = in.head || h.Verb == "GET"
	p := fairlead.ServerCall{
		Method:    m.route.Method,
		Peer:      x.Peer(),
		Authority: h.Authority,
		UserAgent: h.UserAgent,
		Driver:    driver,
	}
	if key, ok := in.fields(&h.Fields, &p.Header); !ok {
		return fairlead.Errorf(fairlead.InvalidArgument, "malformed binary metadata in header %q", key)
	}
	if v := h.TimeoutIn(fieldTimeout); v != nil {
		d, ok := rpcwire.ParseTimeout(v)
		switch {
		case !ok:
			return fairlead.Errorf(fairlead.InvalidArgument, "malformed %s: %q", fieldTimeout, v)
		case d == 0:
			return rpcwire.ErrDeadline()
		}
		p.Deadline = time.Now().Add(d)
	}
	if !h.Came.IsZero() { // the body arrived after the head, and the deadline counts from that
		p.Deadline = in.s.Deadline(h)
		if !p.Deadline.IsZero() && !time.Now().Before(p.Deadline) {
			return rpcwire.ErrDeadline()
		}
	}
	in.call = fairlead.NewServerCall(&p)
	x.SetCall(in.call)
	if err := in.s.d.Admit(in.call, size); err != nil {
		return err
	}
	in.size, in.admitted = size, true
	return m.err
}

// fields reads the protocol's fields, and adds the user's to header. If a value is malformed, it returns the field's
// name and false.
func (in *incoming) fields(fields, header *fairlead.Metadata) (malformed string, ok bool) {
	users := false
	for i := range fields.Len() {
		k, v := fields.At(i)
		switch k {
		case fieldAccept:
			in.accept = join(in.accept, v)
		case fieldAcceptEncoding:
			in.encodings = join(in.encodings, v)
		case fieldContentEncoding:
			in.encoding = join(in.encoding, v)
		case fieldIfNoneMatch:
			in.ifNoneMatch = join(in.ifNoneMatch, v)
		}
		users = users || !isReserved(k)
	}
	if !users {
		return "", true
	}
	return rpcwire.Receive(header, fields, isReserved)
}

// join joins the values of a field that is a list (RFC 9110, section 5.3).
func join(list, v string) string {
	if list == "" {
		return v
	}
	return list + ", " + v
}

// plain returns a body without its encoding. The caller puts the returned buffer, which may be nil, back.
func (in *incoming) plain(body []byte) ([]byte, *buffer.Buf, error) {
	if len(body) > in.s.recv {
		return nil, nil, errTooLarge(in.s.recv)
	}
	encoding := strings.ToLower(strings.TrimSpace(in.encoding))
	if encoding == "" || encoding == rpcwire.Identity || len(body) == 0 {
		return body, nil, nil
	}
	c := in.s.compressor(encoding)
	if c == nil {
		return nil, nil, withStatus(statusUnsupported, fairlead.Errorf(fairlead.InvalidArgument,
			"%s %q is not supported; supported are %s", fieldContentEncoding, in.encoding, in.s.encodings))
	}
	b, err := in.decompress(c, body)
	if err != nil {
		return nil, nil, err
	}
	in.call.Wire().SetReceivedCompressed(true)
	if err := in.reserve(len(b.B)); err != nil {
		buffer.Put(b)
		return nil, nil, err
	}
	return b.B, b, nil
}

// compressor returns the server's compressor of that name, nil if there is none.
func (s *Server) compressor(encoding string) compress.Compressor {
	for _, c := range s.compressors {
		if c.Name() == encoding || encoding == "x-gzip" && c.Name() == "gzip" { // RFC 9110, section 8.4.1.3
			return c
		}
	}
	return nil
}

// decompress fails for a compressor that panics.
func (in *incoming) decompress(c compress.Compressor, body []byte) (b *buffer.Buf, err error) {
	b = buffer.Get(4 * len(body))
	returned := false
	defer func() {
		switch {
		case !returned:
			buffer.Drop(b) // the compressor may still hold it
			if p := recover(); p != nil {
				b, err = nil, in.s.panics.Caught(in.route.Method, "decompressing with "+c.Name(), p)
			}
		case err != nil:
			buffer.Put(b)
			b = nil
		}
	}()
	b.B, err = c.AppendDecompress(b.B, body, in.s.recv)
	returned = true
	if err != nil {
		return b, in.badEncoding(c.Name(), err)
	}
	return b, nil
}

// reserve accounts for n more bytes of the request.
func (in *incoming) reserve(n int) error {
	if err := in.s.d.Reserve(n); err != nil {
		return err
	}
	in.size += n
	return nil
}

// readBody reads a whole body as it arrives. The caller puts the returned buffer back.
func (in *incoming) readBody() (b *buffer.Buf, err error) {
	defer rpcwire.InterruptLate(in.x, in.call)()
	b = buffer.Get(0)
	defer func() {
		in.x.Expect(false)
		if err != nil {
			buffer.Put(b)
			b = nil
		}
	}()
	in.x.Expect(true)
	for {
		part, err := in.x.Read()
		if isEnd(err) {
			return b, nil
		}
		if err != nil {
			return b, rpcwire.PeerError(err)
		}
		if len(part) > in.s.recv-len(b.B) {
			return b, errTooLarge(in.s.recv)
		}
		if err := in.reserve(len(part)); err != nil {
			return b, err
		}
		b.B = append(b.B, part...)
	}
}

// caught reports a panic with value, and returns the error of its call. The value is nil after runtime.Goexit.
func (in *incoming) caught(what string, value any) error {
	var m *fairlead.Method
	if in.matched != nil {
		m = in.route.Method
	}
	err := in.s.panics.Caught(m, what, value)
	if value == nil {
		err = fairlead.Errorf(fairlead.Internal, "%s did not return", what)
	}
	return err
}

// ReportPanic implements fairlead.PanicReporter.
func (in *incoming) ReportPanic(c *fairlead.Call, what string, value any) *fairlead.Error {
	return in.s.panics.Caught(c.Method(), what, value)
}

// fail answers a call whose handler has not run with an error, and ends the call.
func (in *incoming) fail(err error) {
	// Deferred, since an end function may call runtime.Goexit.
	defer in.done()
	defer func() { in.problem(err) }()
	if in.call != nil {
		_ = in.call.Wire().End(in.call.Context(), err) // it is err
	}
}

// done tells the server that the call is over.
func (in *incoming) done() {
	if in.admitted {
		in.s.d.Done(in.call, in.size)
	}
}

// dropped logs that metadata of a handler cannot be sent. The call continues without it.
func (in *incoming) dropped(key, why string) {
	in.s.d.Logger().Warn("rest: response metadata dropped", "method", in.route.Method.Path, "key", key, "why", why)
}

// header returns the user's metadata for the response's head, nil if there is none. With both, it has that of the
// trailer as well.
func (in *incoming) header(both bool) *fairlead.Metadata {
	if in.call == nil {
		return nil
	}
	md := rpcwire.Sendable(in.call.ResponseHeader(), isReservedOut, in.dropped)
	if !both || in.call.ResponseTrailer().Len() == 0 {
		return md
	}
	all := cloned(md)
	if t := in.trailer(); t != nil {
		for k, v := range t.All() {
			all.Append(trailerPrefix+k, v)
		}
	}
	return all
}

// trailer returns the user's metadata for the end of the response, nil if there is none.
func (in *incoming) trailer() *fairlead.Metadata {
	if in.call == nil {
		return nil
	}
	return rpcwire.Sendable(in.call.ResponseTrailer(), isReservedOut, in.dropped)
}

// cloned returns a copy of md that may be added to; md may be nil.
func cloned(md *fairlead.Metadata) *fairlead.Metadata {
	c := new(fairlead.Metadata)
	if md != nil {
		*c = md.Clone()
	}
	return c
}

// section returns a head or a trailer. Binary values are sent in base64.
func section(status int, b *protocol.Block, extra *fairlead.Metadata) protocol.Section {
	return protocol.Section{Status: status, Block: b, Extra: extra, Base64: true}
}

// fits returns an error if the head is longer than the client accepts.
func (in *incoming) fits(h *protocol.Section) error {
	limit := in.x.HeaderLimit()
	if limit == 0 || h.Extra == nil {
		return nil
	}
	n := protocol.FieldsSize(h.Extra, true)
	if h.Block != nil {
		n += h.Block.Size()
	}
	if n > limit {
		return fairlead.Errorf(fairlead.Internal, "the response's fields have %d bytes, and the client accepts %d", n, limit)
	}
	return nil
}
