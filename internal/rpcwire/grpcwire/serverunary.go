package grpcwire

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// unaryCall is the state of one unary call on the server. It is the protocol.Task that runs the call, and the Driver of
// the Call. It is pooled: methods of the Driver check that the Call is the current one, since users may keep a Call.
type unaryCall struct {
	unaryState

	server *Server // not reset, since Draining may be called at any time
}

// unaryState is what is reset between two uses.
type unaryState struct {
	incoming

	reply protocol.Reply
}

func (s *Server) newUnaryCall() *unaryCall {
	u := &unaryCall{server: s}
	u.s = s
	return u
}

// Whole implements protocol.HTTP.
func (s *Server) Whole(x protocol.Exchange, body []byte) protocol.Task {
	u, _ := s.calls.Get().(*unaryCall)
	decoded := false
	defer func() {
		if !decoded {
			u.fail(u.caught(whatDecoding, recover()))
		}
	}()
	err := u.decodeWhole(x, body)
	decoded = true
	if err != nil {
		u.fail(err)
		u.release()
		return nil
	}
	return u
}

// decodeWhole makes the call and its request from a complete body.
func (u *unaryCall) decodeWhole(x protocol.Exchange, body []byte) error {
	if err := u.begin(x, u, len(body)); err != nil {
		return err
	}
	if len(body) < rpcwire.PrefixSize {
		if len(body) == 0 {
			return rpcwire.ErrNoRequest()
		}
		return rpcwire.ErrCutOff()
	}
	flags, n, err := rpcwire.ParsePrefix(body, &u.s.recv)
	if err != nil {
		return err
	}
	switch body = body[rpcwire.PrefixSize:]; {
	case n > len(body):
		return rpcwire.ErrCutOff()
	case n < len(body):
		return rpcwire.ErrManyRequests()
	}
	return u.decodeRequest(body, flags)
}

// decodeRequest makes the call's request from its message.
func (u *unaryCall) decodeRequest(payload []byte, flags uint8) error {
	m := u.route.Method
	if m.NewRequest != nil && flags == 0 {
		req := m.NewRequest()
		if err := u.bound.Req.Unmarshal(payload, req); err != nil {
			return rpcwire.AsInternal(err, "cannot decode the request")
		}
		u.call.SetRequest(req)
		return nil
	}
	var req any = new(fairlead.Raw)
	if m.NewRequest != nil {
		req = m.NewRequest()
	}
	if err := u.decode(u.messages(), payload, flags, req); err != nil {
		return err
	}
	u.call.SetRequest(req)
	return nil
}

// whatDecoding names, in reports of panics, the decoding of a request: by a codec, a compressor or a message's
// constructor.
const whatDecoding = "decoding the request"

// openUnary serves the requests that are not given to Whole: those with large bodies, and those of unknown methods.
func (s *Server) openUnary(x protocol.Exchange) {
	u, _ := s.calls.Get().(*unaryCall)
	err := u.begin(x, u, 0)
	if err == nil {
		err = u.readRequest()
	}
	if err != nil {
		u.fail(err)
		u.release()
		return
	}
	u.Run()
}

// readRequest reads the body as it arrives, and makes the call's request from it.
func (u *unaryCall) readRequest() (err error) {
	rd := rpcwire.Reader{Source: u.x, Limit: u.s.recv, Reserver: u.s.d, Expecter: u.x}
	defer rpcwire.InterruptLate(u.x, u.call)()
	decoded := false
	defer func() {
		u.size += rd.Reserved()
		if !decoded {
			rd.Close()
			err = u.escaped(recover())
		}
	}()
	err = rd.ReadOne(u.decodeRequest)
	decoded = true
	return err
}

// escaped returns the error of a call whose request could not be decoded because of a panic with p. If p is nil,
// runtime.Goexit was called, and escaped ends the call, since its caller does not return.
func (in *incoming) escaped(p any) error {
	err := in.caught(whatDecoding, p)
	if p == nil {
		in.fail(err)
	}
	return err
}

// Cost implements protocol.Task.
func (u *unaryCall) Cost() *protocol.Cost { return &u.route.Cost }

// Run implements protocol.Task: the handler, and the response.
func (u *unaryCall) Run() {
	over, what := false, "the handler"
	defer func() {
		if !over {
			u.abandon(u.caught(what, recover()))
		}
	}()
	ctx := u.call.Context()
	began := u.route.Cost.Begin()
	err := u.route.Handler(ctx, u.call)
	u.route.Cost.End(began)
	what = "ending the call"
	u.answer(ctx, err)
	over = true
	u.done()
	u.release()
}

// abandon ends a call whose handler panicked or called runtime.Goexit. The state does not return to the pool, since
// something may still refer to it.
func (u *unaryCall) abandon(err error) {
	// Deferred, since an end function may call runtime.Goexit.
	defer u.done()
	defer func() { u.finish(fairlead.ErrorOf(err)) }()
	_ = u.call.Wire().End(u.call.Context(), err) // it is err
}

// answer ends the call with what its handler returned.
func (u *unaryCall) answer(ctx context.Context, err error) {
	var held *buffer.Buf
	if err == nil {
		held, err = u.encode()
	}
	if err == nil {
		if err = u.metadataFits(u.reply.Head.Block); err != nil {
			buffer.Put(held)
		}
	}
	if end := u.call.Wire().End(ctx, err); end != nil && err == nil {
		buffer.Put(held)
		err = end
	}
	if err == nil {
		if u.headSent {
			u.reply.Head = protocol.Section{}
		} else {
			u.reply.Head = section(u.reply.Head.Block, u.header())
		}
		u.reply.Trailer = section(u.s.trailers[fairlead.OK],
			rpcwire.Sendable(u.call.ResponseTrailer(), isReserved, u.dropped))
		err = u.x.Reply(&u.reply)
		buffer.Put(held)
		if err == nil {
			return
		}
		u.headSent = true
		err = rpcwire.AsInternal(err, "cannot encode the response")
	}
	u.finish(fairlead.ErrorOf(err))
}

// encode sets the message and the block of u.reply. The caller puts the returned buffer, which may be nil, back once
// the reply is sent.
func (u *unaryCall) encode() (*buffer.Buf, error) {
	resp := u.call.Response()
	sizer := u.bound.RespSizer
	if _, raw := resp.(*fairlead.Raw); sizer != nil && resp != nil && !raw && u.comp.Encoding == "" && !u.comp.Chosen() &&
		u.route.Method.NewResponse != nil {
		size := sizer.Size(resp)
		if size > u.s.send.Bytes {
			return nil, u.s.send.Sent(size)
		}
		u.reply.Head.Block = u.answers.head
		m := &u.reply.Message
		m.Value, m.Sizer, m.Size, m.Envelope = resp, sizer, size, true
		return nil, nil //nolint:nilnil // no buffer is needed
	}
	out, head := u.outgoing()
	held, err := u.messages().Encode(&u.reply.Message, resp, &out)
	u.reply.Head.Block = head
	if u.reply.Message.Flags == 0 {
		u.reply.Head.Block = u.answers.head
	}
	return held, err
}

// release returns the state to the pool.
func (u *unaryCall) release() {
	if buffer.Poisoning {
		u.unaryState = unaryState{} // full of nil pointers, and not used again
		return
	}
	u.unaryState = unaryState{incoming: incoming{s: u.server}}
	u.server.calls.Put(u)
}

// Protocol implements fairlead.Driver.
func (u *unaryCall) Protocol() string { return u.server.dialect.Name }

// SendHeader implements fairlead.Driver. It needs no lock to see whether the state belongs to another call by now,
// since only the handler's goroutine may call it.
func (u *unaryCall) SendHeader(c *fairlead.Call) error {
	if u.call != c {
		return rpcwire.ErrOver()
	}
	if u.headSent {
		return nil
	}
	_, head := u.outgoing()
	if err := u.fits(head, u.call.ResponseHeader()); err != nil {
		return err
	}
	if err := u.x.SendHead(section(head, u.header())); err != nil {
		return rpcwire.PeerError(err)
	}
	u.headSent = true
	return nil
}

// SetSendCompressor implements fairlead.SendCompressor.
func (u *unaryCall) SetSendCompressor(c *fairlead.Call, name string) error {
	switch {
	case u.call != c:
		return rpcwire.ErrOver()
	case u.headSent:
		return rpcwire.ErrHeadSent()
	}
	return u.comp.Choose(u.s.accepted, name)
}

// WaitHeader implements fairlead.Driver; it is for clients.
func (u *unaryCall) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (u *unaryCall) Draining() <-chan struct{} { return u.server.d.Draining() }
