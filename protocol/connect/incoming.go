package connect

import (
	"strconv"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// incoming is a call on a server: the head of its request, and what the response depends on.
type incoming struct {
	s        *Server
	x        protocol.Exchange
	answers  *answers
	accepted *rpcwire.Compressors
	route    *protocol.Route
	bound    *protocol.MethodCodec
	call     *fairlead.Call
	comp     rpcwire.Negotiation
	version  string // of the protocol, as the client says
	query    query  // with GET
	size     int    // bytes admitted and reserved
	inflated int    // of these, for the longest message that was decompressed
	length   int64  // of the body, as its head says; 0: it does not
	admitted bool
	offer    bool // the response has the list of encodings that the server accepts
}

// begin reads the head, makes the call and asks the server to admit it, with size bytes of memory. After an error the
// caller must call fail.
func (in *incoming) begin(x protocol.Exchange, driver fairlead.Driver, size int) error {
	h := x.Head()
	in.x, in.route, in.accepted = x, h.Route, in.s.unary
	in.answers, _ = h.Matched.(*answers) // as Match left it
	if in.answers.stream {
		in.accepted = in.s.streams
	}
	in.bound = in.route.Codec(in.answers.codec)
	if in.route.Method.OneWay {
		return fairlead.Errorf(fairlead.Unimplemented, "%s is one-way, and Connect answers each call", h.Path)
	}
	p := fairlead.ServerCall{
		Method:    in.route.Method,
		Peer:      x.Peer(),
		Authority: h.Authority,
		UserAgent: h.UserAgent,
		Driver:    driver,
	}
	if key, ok := in.fields(&h.Fields, &p.Header); !ok {
		return fairlead.Errorf(fairlead.InvalidArgument, "malformed binary metadata in header %q", key)
	}
	if in.answers.get {
		if err := in.readQuery(h.Query); err != nil {
			return err
		}
	}
	if in.version != "" && in.version != version {
		return fairlead.Errorf(fairlead.InvalidArgument, "%s is %q, and not %q", fieldVersion, in.version, version)
	}
	if in.accepted.Unknown(in.comp.Encoding) {
		in.offer = true
		return in.accepted.Unsupported(fairlead.Unimplemented, in.comp.Encoding)
	}
	if err := in.deadline(h, &p); err != nil {
		return err
	}
	in.call = fairlead.NewServerCall(&p)
	x.SetCall(in.call)
	if err := in.s.d.Admit(in.call, size); err != nil {
		return err
	}
	in.size, in.admitted = size, true
	return nil
}

// readQuery reads the query of a call with GET.
func (in *incoming) readQuery(raw string) (err error) {
	if in.query, err = parseQuery(raw); err != nil {
		return err
	}
	if v := in.query.version; v != "" && v != queryVersion {
		return fairlead.Errorf(fairlead.InvalidArgument,
			"query parameter %s is %q, and not %q", paramVersion, v, queryVersion)
	}
	in.comp.Encoding = in.query.compression
	return nil
}

// deadline sets the deadline that the head has.
func (in *incoming) deadline(h *protocol.Head, p *fairlead.ServerCall) error {
	if v := h.TimeoutIn(fieldTimeout); v != nil {
		d, ok := parseTimeout(v)
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
	return nil
}

// fields reads the protocol's fields, and adds the user's to header. If a value is malformed, it returns the field's
// name and false.
func (in *incoming) fields(fields, header *fairlead.Metadata) (malformed string, ok bool) {
	encoding, accept := fieldEncoding, fieldAcceptEncoding
	if in.answers.stream {
		encoding, accept = fieldStreamEncoding, fieldStreamAcceptEncoding
	}
	users, accepts := false, false
	for i := range fields.Len() {
		switch k, v := fields.At(i); k {
		case encoding:
			in.comp.Encoding = v
		case accept:
			if accepts {
				v = in.comp.Accept + "," + v
			}
			in.comp.Accept, accepts = v, true
		case fieldVersion:
			in.version = v
		case "content-length":
			in.length, _ = strconv.ParseInt(v, 10, 64) // the engine has checked it
		default:
			users = users || !isReserved(k)
		}
	}
	if accepts {
		in.comp.Accept = acceptable(in.comp.Accept)
	} else {
		in.comp.Accept = in.comp.Encoding // the client can read what it writes
	}
	if !users {
		return "", true
	}
	return rpcwire.Receive(header, fields, isReserved)
}

// decode decodes a message of the request into msg.
func (in *incoming) decode(m *rpcwire.Messages, payload []byte, flags uint8, msg any) error {
	data, b, err := in.accepted.Plain(payload, flags, in.comp.Encoding, &in.s.recv)
	if err != nil {
		return err
	}
	if b != nil {
		err = in.reserve(len(data))
	}
	if err == nil {
		in.call.Wire().SetReceivedCompressed(flags&rpcwire.FlagCompressed != 0)
		err = m.Decode(data, msg)
	}
	buffer.Put(b)
	return err
}

// reserve accounts for a message of n bytes that was decompressed. Like rpcwire.Reader it counts the longest message
// and not the sum of all.
func (in *incoming) reserve(n int) error {
	more := n - in.inflated
	if more <= 0 {
		return nil
	}
	if err := in.s.d.Reserve(more); err != nil {
		return err
	}
	in.size, in.inflated = in.size+more, n
	return nil
}

// outgoing returns how responses are sent, and the head that names their encoding.
func (in *incoming) outgoing() (rpcwire.Outgoing, *protocol.Block) {
	o := rpcwire.Outgoing{Limit: in.s.send, CompressMin: in.s.compressMin, Plain: !in.call.Wire().Compresses()}
	if i := in.comp.Compressor(in.accepted); i >= 0 {
		o.Compressor = in.accepted.List[i]
		return o, in.answers.compressed[i]
	}
	return o, in.answers.head
}

// section returns a section of a block and more fields, nil for none. Binary fields are sent in base64.
func section(b *protocol.Block, extra *fairlead.Metadata) protocol.Section {
	return protocol.Section{Block: b, Extra: extra, Base64: true}
}

// refuse answers a unary call with an error. The call's metadata is left out if the client does not take it.
func (in *incoming) refuse(e *fairlead.Error) {
	b := in.s.failures[named(e.Code)]
	extra := in.metadata()
	if extra != nil && in.fits(b, extra) != nil {
		extra = nil
	}
	if in.offer {
		md := new(fairlead.Metadata)
		md.Append(fieldAcceptEncoding, in.accepted.Names)
		extra = md
	}
	body := buffer.Get(len(e.Message) + 64)
	body.B = appendError(body.B, e)
	_ = in.x.Reply(&protocol.Reply{ // bytes need no codec, so it cannot fail
		Head: section(b, extra), Message: protocol.Message{Bytes: body.B},
	})
	buffer.Put(body)
}

// metadata returns what the head of a unary response has of the user: the header, and the trailer with its prefix; nil
// if there is neither.
func (in *incoming) metadata() *fairlead.Metadata {
	if in.call == nil {
		return nil
	}
	header := in.header()
	trailer := in.trailer()
	if trailer == nil {
		return header
	}
	md := new(fairlead.Metadata)
	md.Grow(in.call.ResponseHeader().Len() + trailer.Len())
	if header != nil {
		for k, v := range header.All() {
			md.Append(k, v)
		}
	}
	for k, v := range trailer.All() {
		md.Append(trailerPrefix+k, v)
	}
	return md
}

// header returns the user's metadata for the response's head, nil if there is none.
func (in *incoming) header() *fairlead.Metadata {
	reserved := isReservedInHead
	if in.answers.stream {
		reserved = isReserved
	}
	return rpcwire.Sendable(in.call.ResponseHeader(), reserved, in.dropped)
}

// trailer returns the user's metadata for the end of the response, nil if there is none.
func (in *incoming) trailer() *fairlead.Metadata {
	return rpcwire.Sendable(in.call.ResponseTrailer(), isReserved, in.dropped)
}

// dropped logs that metadata of a handler cannot be sent. The call continues without it.
func (in *incoming) dropped(key, why string) {
	in.s.d.Logger().Warn("connect: response metadata dropped", "method", in.route.Method.Path, "key", key, "why", why)
}

// fits returns an error if metadata is too long for what the client takes beside a block. It would take nothing of a
// longer header list, not even the status.
func (in *incoming) fits(b *protocol.Block, md *fairlead.Metadata) error {
	limit := in.x.HeaderLimit()
	if md.Len() == 0 || limit <= 0 {
		return nil
	}
	n := b.Size() + protocol.FieldsSize(md, true) + engineFields
	if n <= limit {
		return nil
	}
	in.s.d.Limits().Guard.Note(protocol.PeerHeaderLimit)
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"the response's metadata makes a header list of %d bytes, and the client takes %d (SETTINGS_MAX_HEADER_LIST_SIZE)",
		n, limit)
}

// engineFields is the length of the fields that the engine adds to a head, date and content-length.
const engineFields = 2*protocol.FieldOverhead + len("date") + len("Mon, 02 Jan 2006 15:04:05 GMT") +
	len("content-length") + 10

// caught reports a panic with value, and returns the error of its call. The value is nil after runtime.Goexit.
func (in *incoming) caught(what string, value any) error {
	err := in.s.panics.Caught(in.route.Method, what, value)
	if value == nil {
		err = fairlead.Errorf(fairlead.Internal, "%s did not return", what)
	}
	return err
}

// ReportPanic implements fairlead.PanicReporter.
func (in *incoming) ReportPanic(c *fairlead.Call, what string, value any) *fairlead.Error {
	return in.s.panics.Caught(c.Method(), what, value)
}

// done tells the server that the call is over.
func (in *incoming) done() {
	if in.admitted {
		in.s.d.Done(in.call, in.size)
	}
}
