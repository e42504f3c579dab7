package connect

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// unaryCall is the state of one unary call on the server. It is the protocol.Task that runs the call, and the Driver
// of the Call. It is pooled: methods of the Driver check that the Call is the current one, since users may keep a
// Call.
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
	err := u.begin(x, u, len(body))
	if err == nil {
		err = u.decodeWhole(body)
	}
	decoded = true
	if err != nil {
		u.fail(err)
		u.release()
		return nil
	}
	return u
}

// decodeWhole makes the call's request from a complete body, or from the query with GET.
func (u *unaryCall) decodeWhole(body []byte) (err error) {
	if u.answers.get {
		if body, err = u.query.plain(); err != nil {
			return err
		}
	}
	if len(body) > u.s.recv.Bytes {
		return u.s.recv.Received(int64(len(body)))
	}
	return u.decodeRequest(body)
}

// decodeRequest makes the call's request from its message. An empty one is not compressed, whatever the head says.
func (u *unaryCall) decodeRequest(payload []byte) error {
	m := u.route.Method
	if m.NewRequest != nil && u.comp.Encoding == "" {
		req := m.NewRequest()
		if err := u.bound.Req.Unmarshal(payload, req); err != nil {
			if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // a wrapped one says more as a whole
				return e
			}
			return rpcwire.Because(fairlead.InvalidArgument, err, "cannot decode the request")
		}
		u.call.SetRequest(req)
		return nil
	}
	var flags uint8
	if u.comp.Encoding != "" && u.comp.Encoding != rpcwire.Identity && len(payload) > 0 {
		flags = rpcwire.FlagCompressed
	}
	var req any = new(fairlead.Raw)
	if m.NewRequest != nil {
		req = m.NewRequest()
	}
	if err := u.decode(u.s.messages[u.bound], payload, flags, req); err != nil {
		return err
	}
	u.call.SetRequest(req)
	return nil
}

// whatDecoding names, in reports of panics, the decoding of a request: by a codec, a compressor or a message's
// constructor.
const whatDecoding = "decoding the request"

// openUnary serves the requests that are not given to Whole: those with bodies that are large or late.
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
	body := rpcwire.Body{Source: u.x, Limit: u.s.recv, Announced: u.length, Reserver: u.s.d, Expecter: u.x}
	defer rpcwire.InterruptLate(u.x, u.call)()
	decoded := false
	defer func() {
		u.size += body.Reserved()
		if !decoded {
			err = u.escaped(recover())
		}
		body.Close()
	}()
	b, err := body.Read()
	if err == nil {
		err = u.decodeWhole(b)
	}
	decoded = true
	return err
}

// escaped returns the error of a call whose request could not be decoded because of a panic with p. If p is nil,
// runtime.Goexit was called, and escaped ends the call, since its caller does not return.
func (u *unaryCall) escaped(p any) error {
	err := u.caught(whatDecoding, p)
	if p == nil {
		u.fail(err)
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
			u.fail(u.caught(what, recover()))
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

// fail answers a call with an error, and ends it. It is for calls whose handler has not run, has panicked or has
// called runtime.Goexit; the state does not return to the pool then, since something may still refer to it.
func (u *unaryCall) fail(err error) {
	// Deferred, since an end function may call runtime.Goexit.
	defer u.done()
	defer func() { u.refuse(fairlead.ErrorOf(err)) }()
	if u.call != nil {
		_ = u.call.Wire().End(u.call.Context(), err) // it is err
	}
}

// answer ends the call with what its handler returned.
func (u *unaryCall) answer(ctx context.Context, err error) {
	var held *buffer.Buf
	var extra *fairlead.Metadata
	if err == nil {
		held, err = u.encode()
	}
	if err == nil {
		if extra = u.metadata(); extra != nil {
			if err = u.fits(u.reply.Head.Block, extra); err != nil {
				buffer.Put(held)
			}
		}
	}
	if end := u.call.Wire().End(ctx, err); end != nil && err == nil {
		buffer.Put(held)
		err = end
	}
	if err == nil {
		u.reply.Head = section(u.reply.Head.Block, extra)
		err = u.x.Reply(&u.reply)
		buffer.Put(held)
		if err == nil {
			return
		}
		err = rpcwire.AsInternal(err, "cannot encode the response") // and nothing was sent
	}
	u.refuse(fairlead.ErrorOf(err))
}

// encode sets the message and the block of u.reply. The caller puts the returned buffer, which may be nil, back once
// the reply is sent.
func (u *unaryCall) encode() (*buffer.Buf, error) {
	resp := u.call.Response()
	u.reply.Head.Block = u.answers.head
	sizer := u.bound.RespSizer
	if _, raw := resp.(*fairlead.Raw); sizer != nil && resp != nil && !raw && u.comp.Encoding == "" && !u.comp.Chosen() &&
		u.route.Method.NewResponse != nil {
		size := sizer.Size(resp)
		if size > u.s.send.Bytes {
			return nil, u.s.send.Sent(size)
		}
		m := &u.reply.Message
		m.Value, m.Sizer, m.Size = resp, sizer, size
		return nil, nil //nolint:nilnil // no buffer is needed
	}
	out, head := u.outgoing()
	held, err := u.s.messages[u.bound].Encode(&u.reply.Message, resp, &out)
	if u.reply.Message.Flags != 0 {
		u.reply.Head.Block = head
	}
	u.reply.Message.Envelope, u.reply.Message.Flags = false, 0
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
func (u *unaryCall) Protocol() string { return name }

// SendHeader implements fairlead.Driver. The header goes with the response, since the status that comes before it
// depends on how the call ends.
func (u *unaryCall) SendHeader(c *fairlead.Call) error {
	if u.call != c {
		return rpcwire.ErrOver()
	}
	return nil
}

// SetSendCompressor implements fairlead.SendCompressor.
func (u *unaryCall) SetSendCompressor(c *fairlead.Call, name string) error {
	if u.call != c {
		return rpcwire.ErrOver()
	}
	return u.comp.Choose(u.accepted, name)
}

// WaitHeader implements fairlead.Driver; it is for clients.
func (u *unaryCall) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (u *unaryCall) Draining() <-chan struct{} { return u.server.d.Draining() }
