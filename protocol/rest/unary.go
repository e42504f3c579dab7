package rest

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// unaryCall is the state of one unary call. It is the protocol.Task that runs the call, and the Driver of the Call. It
// is pooled: methods of the Driver check that the Call is the current one, since users may keep a Call.
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

// whatDecoding names, in reports of panics, the decoding of a request.
const whatDecoding = "decoding the request"

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
		err = u.decodeRequest(body)
	}
	decoded = true
	if err != nil {
		u.fail(err)
		u.release()
		return nil
	}
	return u
}

// openUnary serves the requests that are not given to Whole: those whose bodies are large or late.
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
func (in *incoming) readRequest() (err error) {
	b, err := in.readBody()
	if err != nil {
		return err
	}
	decoded := false
	defer func() {
		if decoded {
			buffer.Put(b)
			return
		}
		buffer.Drop(b) // whatever has panicked may still hold it
		p := recover()
		err = in.caught(whatDecoding, p)
		if p == nil { // runtime.Goexit
			in.fail(err)
		}
	}()
	err = in.decodeRequest(b.B)
	decoded = true
	return err
}

// decodeRequest makes the call's request.
func (in *incoming) decodeRequest(body []byte) error {
	body, b, err := in.plain(body)
	if err != nil {
		return err
	}
	req := in.route.Method.NewRequest()
	err = in.fill(req, body)
	buffer.Put(b)
	if err == nil {
		in.call.SetRequest(req)
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
	defer func() { u.problem(err) }()
	_ = u.call.Wire().End(u.call.Context(), err) // it is err
}

// answer ends the call with what its handler returned.
func (u *unaryCall) answer(ctx context.Context, err error) {
	var held *buffer.Buf
	if err == nil {
		var body encoded
		if body, err = u.encode(u.call.Response()); err == nil {
			held, err = u.respond(&u.reply, body)
		}
	}
	if end := u.call.Wire().End(ctx, err); end != nil && err == nil {
		buffer.Put(held)
		err = end
	}
	if err != nil {
		u.problem(err)
		return
	}
	u.send(&u.reply)
	buffer.Put(held)
}

// send sends a whole response.
func (in *incoming) send(r *protocol.Reply) {
	if in.headSent {
		r.Head = protocol.Section{}
	}
	if len(r.Message.Bytes) == 0 && !in.headSent {
		in.x.Finish(r.Head)
		return
	}
	// Bytes need no codec, so Reply cannot fail.
	_ = in.x.Reply(r)
}

// release returns the state to the pool.
func (u *unaryCall) release() {
	if buffer.Poisoning {
		u.unaryState = unaryState{} // full of nil pointers, and not used again
		return
	}
	pairs, texts := u.pairs[:0], u.texts[:0]
	clear(pairs[:cap(pairs)])
	clear(texts[:cap(texts)])
	if cap(pairs) > maxKept {
		pairs, texts = nil, nil
	}
	u.unaryState = unaryState{incoming: incoming{s: u.server, pairs: pairs, texts: texts}}
	u.server.calls.Put(u)
}

// maxKept is the number of parameters for which a pooled call keeps memory.
const maxKept = 16

// Protocol implements fairlead.Driver.
func (*unaryCall) Protocol() string { return name }

// SendHeader implements fairlead.Driver. It needs no lock to see whether the state belongs to another call by now,
// since only the handler's goroutine may call it.
func (u *unaryCall) SendHeader(c *fairlead.Call) error {
	if u.call != c {
		return rpcwire.ErrOver()
	}
	return u.sendHead(jsonBlock)
}

// sendHead sends the head of a success, once.
func (in *incoming) sendHead(b *protocol.Block) error {
	if in.headSent {
		return nil
	}
	h := section(in.success(), b, in.header(false))
	if err := in.fits(&h); err != nil {
		return err
	}
	if err := in.x.SendHead(h); err != nil {
		return rpcwire.PeerError(err)
	}
	in.headSent = true
	return nil
}

// success returns the status of a success.
func (in *incoming) success() int {
	if status := in.call.HTTPStatus(); status != 0 {
		return status
	}
	return in.status
}

// WaitHeader implements fairlead.Driver; it is for clients.
func (*unaryCall) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (u *unaryCall) Draining() <-chan struct{} { return u.server.d.Draining() }
