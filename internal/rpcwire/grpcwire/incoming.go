package grpcwire

import (
	"strings"
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
	route    *protocol.Route
	bound    *protocol.MethodCodec
	call     *fairlead.Call
	comp     rpcwire.Negotiation
	size     int // bytes admitted and reserved
	inflated int // of these, for the longest message that was decompressed
	admitted bool
	headSent bool
	offer    bool // the response has the list of encodings that the server accepts
}

// begin reads the head, makes the call and asks the server to admit it, with size bytes of memory. After an error the
// caller must call fail.
func (in *incoming) begin(x protocol.Exchange, driver fairlead.Driver, size int) error {
	h := x.Head()
	in.x = x
	ct := h.ContentType
	if answer := in.s.dialect.Answer; answer != nil {
		ct = answer(h)
	}
	in.answers = in.s.answersTo(ct)
	if in.answers == nil {
		in.answers = in.s.answers[0]
		if h.Route != nil {
			codecName, _ := in.s.dialect.subtype(h.ContentType)
			return noCodec(h.Route, codecName)
		}
	}
	if h.Verb != "POST" {
		return fairlead.Errorf(fairlead.Internal, "the request's method is %s, not POST", h.Verb)
	}
	in.route = h.Route
	p := fairlead.ServerCall{
		Peer:      x.Peer(),
		Authority: h.Authority,
		UserAgent: h.UserAgent,
		Driver:    driver,
	}
	if in.route == nil {
		m, err := in.s.unknown(h.Path)
		if err != nil {
			return err
		}
		in.route, p.Method = in.s.fallback, m
	} else {
		p.Method = in.route.Method
	}
	if p.Method.OneWay {
		return fairlead.Errorf(fairlead.Unimplemented, "%s is one-way, and %s answers each call", h.Path,
			in.s.dialect.Title)
	}
	in.bound = in.route.Codec(in.answers.codec)
	if in.bound == nil {
		return noCodec(in.route, in.answers.codec)
	}
	if key, ok := in.fields(&h.Fields, &p.Header); !ok {
		return fairlead.Errorf(fairlead.Internal, "malformed binary metadata in header %q", key)
	}
	if in.s.accepted.Unknown(in.comp.Encoding) {
		// It does not matter whether a message is compressed. The specification requires that the request be refused,
		// with the list of encodings that are supported (https://github.com/grpc/grpc/blob/master/doc/compression.md).
		in.offer = true
		return in.s.accepted.Unsupported(fairlead.Unimplemented, in.comp.Encoding)
	}
	if v := h.TimeoutIn(fieldTimeout); v != nil {
		d, ok := rpcwire.ParseTimeout(v)
		switch {
		case !ok:
			return fairlead.Errorf(fairlead.Internal, "malformed %s: %q", fieldTimeout, v)
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
	return nil
}

// fields reads the protocol's fields, and adds the user's to header. If a value is malformed, it returns the field's
// name and false.
func (in *incoming) fields(fields, header *fairlead.Metadata) (malformed string, ok bool) {
	users := false
	for i := range fields.Len() {
		switch k, v := fields.At(i); k {
		case fieldEncoding:
			in.comp.Encoding = v
		case fieldAcceptEncoding:
			if in.comp.Accept != "" {
				v = in.comp.Accept + "," + v
			}
			in.comp.Accept = v
		default:
			users = users || !isReserved(k)
		}
	}
	if !users {
		return "", true
	}
	return rpcwire.Receive(header, fields, isReserved)
}

// noCodec returns the error for a content type that names a codec that the method does not have.
func noCodec(r *protocol.Route, codecName string) error {
	names := make([]string, len(r.Codecs))
	for i := range r.Codecs {
		names[i] = r.Codecs[i].Name
	}
	return fairlead.Errorf(fairlead.Unimplemented, "codec %q is not supported; %s takes %s",
		codecName, r.Method.Path, strings.Join(names, ","))
}

// decode decodes a message of the request into msg.
func (in *incoming) decode(m *rpcwire.Messages, payload []byte, flags uint8, msg any) error {
	data, b, err := in.s.accepted.Plain(payload, flags, in.comp.Encoding, &in.s.recv)
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

// reserve accounts for a message of n bytes that was decompressed. Like rpcwire.Reader it
// counts the longest message and not the sum of all.
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

// messages returns the codec of the call's messages.
func (in *incoming) messages() *rpcwire.Messages {
	if m := in.s.messages[in.bound]; m != nil {
		return m
	}
	return in.s.newMessages(in.route.Method, in.bound)
}

// outgoing returns how responses are sent, and the head that names their encoding.
func (in *incoming) outgoing() (rpcwire.Outgoing, *protocol.Block) {
	o := rpcwire.Outgoing{Limit: in.s.send, CompressMin: in.s.compressMin, Plain: !in.call.Wire().Compresses()}
	if i := in.comp.Compressor(in.s.accepted); i >= 0 {
		o.Compressor = in.s.accepted.List[i]
		return o, in.answers.compressed[i]
	}
	return o, in.answers.head
}

// finish ends the exchange with a status, nil for OK, and the call's metadata. If no head was sent, the response
// consists of the status alone, unless the user has metadata for the head.
func (in *incoming) finish(e *fairlead.Error) {
	var extra *fairlead.Metadata
	if in.call != nil {
		if header := in.header(); header != nil && !in.headSent && in.fits(in.answers.head, header) == nil {
			in.headSent = in.x.SendHead(section(in.answers.head, header)) == nil
		}
		extra = rpcwire.Sendable(in.call.ResponseTrailer(), isReserved, in.dropped)
	}
	code := 0
	if e != nil {
		code = int(e.Code)
	}
	blk := in.status(code)
	if extra != nil && in.fits(blk, extra) != nil {
		extra = nil
	}
	if e != nil {
		md := new(fairlead.Metadata)
		if in.offer {
			md.Append(fieldAcceptEncoding, in.s.accepted.Names)
		}
		in.addStatus(md, e, blk, extra)
		if extra != nil {
			for k, v := range extra.All() {
				md.Append(k, v)
			}
		}
		extra = md
	}
	in.x.Finish(section(blk, extra))
}

// section returns a section of a block and more fields, nil for none. Binary fields are sent in base64.
func section(b *protocol.Block, extra *fairlead.Metadata) protocol.Section {
	return protocol.Section{Block: b, Extra: extra, Base64: true, Bare: true}
}

// addStatus adds e to md, shortened to what the client accepts beside a block and more metadata, nil for none.
func (in *incoming) addStatus(md *fairlead.Metadata, e *fairlead.Error, b *protocol.Block, more *fairlead.Metadata) {
	limit := in.headerLimit()
	room := limit - b.Size() - protocol.FieldsSize(md, true)
	if more != nil {
		room -= protocol.FieldsSize(more, true)
	}
	if !rpcwire.AddStatus(md, e, room, limit) {
		in.noteCut()
	}
}

// status returns the block for a code: a trailer if the head was sent, otherwise a head that is also the trailer.
func (in *incoming) status(code int) *protocol.Block {
	named := code < rpcwire.NamedCodes
	switch {
	case in.headSent && named:
		return in.s.trailers[code]
	case in.headSent:
		return in.s.bare
	case named:
		return in.answers.only[code]
	default:
		return in.answers.head
	}
}

// fail answers a call whose handler has not run with an error, and ends the call.
func (in *incoming) fail(err error) {
	// Deferred, since an end function may call runtime.Goexit.
	defer in.done()
	defer func() {
		e := fairlead.ErrorOf(err)
		if h := in.x.Head(); h.Verb != "POST" {
			md := new(fairlead.Metadata)
			in.addStatus(md, e, in.answers.wrongVerb, nil)
			in.x.Finish(section(in.answers.wrongVerb, md))
		} else {
			in.finish(e)
		}
	}()
	if in.call != nil {
		_ = in.call.Wire().End(in.call.Context(), err) // it is err
	}
}

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

// header returns the user's metadata for the response's head, nil if there is none.
func (in *incoming) header() *fairlead.Metadata {
	return rpcwire.Sendable(in.call.ResponseHeader(), isReserved, in.dropped)
}

// dropped logs that metadata of a handler cannot be sent. The call continues without it.
func (in *incoming) dropped(key, why string) {
	in.s.d.Logger().Warn(in.s.dialect.Name+": response metadata dropped",
		"method", in.route.Method.Path, "key", key, "why", why)
}
