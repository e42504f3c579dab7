package grpc

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// serverStream is a streaming call on the server: its Stream and its Driver. It outlives the exchange, since a handler
// may leave goroutines behind that use it, and keeps them off the exchange then.
type serverStream struct {
	incoming

	msgs *rpcwire.Messages
	kind fairlead.Kind

	// receiving is held while the exchange is read and sending while something is sent on it; finishing takes both.
	receiving sync.Mutex
	rd        rpcwire.Reader
	sending   sync.Mutex
	out       rpcwire.Outgoing
	head      *protocol.Block
	msg       protocol.Message
	sent      int
	over      bool // both locks are held to set it, one to read it

	begun   atomic.Bool // the head was sent
	watched atomic.Bool
	unwatch func() bool // set by whoever sets watched, with watchMu held
	watchMu sync.Mutex
}

// openStream serves a streaming call.
func (s *Server) openStream(x protocol.Exchange) {
	st := &serverStream{incoming: incoming{s: s}}
	if err := st.begin(x, st, 0); err != nil {
		st.fail(err)
		return
	}
	st.kind = st.route.Method.Kind
	st.msgs = st.messages()
	st.out, st.head = st.outgoing()
	st.rd = rpcwire.Reader{Source: x, Limit: s.recv, Reserver: s.d, Expecter: x}
	if st.kind == fairlead.ServerStreaming {
		if err := st.readRequest(); err != nil {
			st.fail(err)
			return
		}
	}
	st.call.Wire().SetStream(st)
	st.run()
}

// readRequest makes the request of a server-streaming call.
func (st *serverStream) readRequest() (err error) {
	defer st.interruptLate()()
	decoded := false
	defer func() {
		if !decoded {
			st.rd.Close()
		}
		if !decoded || err != nil {
			st.size += st.rd.Reserved()
		}
		if !decoded {
			err = st.escaped(recover())
		}
	}()
	var req any = new(fairlead.Raw)
	if f := st.route.Method.NewRequest; f != nil {
		req = f()
	}
	err = readOne(&st.rd, func(payload []byte, flags uint8) error {
		return st.decode(st.msgs, payload, flags, req)
	})
	if err == nil {
		st.call.SetRequest(req)
	}
	decoded = true
	return err
}

// run runs the handler and ends the call.
func (st *serverStream) run() {
	var err error
	returned := false
	ctx := st.call.Context()
	// Deferred one by one, since the handler may panic or leave its goroutine, and so may end functions.
	defer st.done()
	defer func() { st.finishStream(err) }()
	defer func() {
		final := err
		if err == nil {
			err = fairlead.Errorf(fairlead.Internal, "ending the call did not return")
		}
		err = st.call.Wire().End(ctx, final)
	}()
	defer func() {
		if !returned {
			err = st.caught("the handler", recover())
		}
		st.stopWatch()
	}()
	err = st.route.Handler(ctx, st.call)
	if err == nil && st.kind == fairlead.ClientStreaming {
		err = st.respond()
	}
	if err == nil {
		st.headSent = st.begun.Load()
		err = st.metadataFits(st.answers.head)
	}
	returned = true
}

// respond sends the one response of a client-streaming call, unless the handler has sent it by itself.
func (st *serverStream) respond() error {
	resp := st.call.Response()
	if resp == nil {
		st.sending.Lock()
		sent := st.sent
		st.sending.Unlock()
		if sent == 1 {
			return nil
		}
	}
	return st.Send(resp)
}

// finishStream ends the exchange. Goroutines that are still in it are sent out first.
func (st *serverStream) finishStream(err error) {
	if !st.receiving.TryLock() {
		st.x.Interrupt(errOver())
		st.receiving.Lock()
	}
	if !st.sending.TryLock() {
		st.x.Interrupt(errOver())
		st.sending.Lock()
	}
	st.over = true
	st.rd.Close()
	st.size += st.rd.Reserved()
	st.headSent = st.begun.Load()
	st.finish(fairlead.ErrorOf(err))
	st.sending.Unlock()
	st.receiving.Unlock()
}

// Send implements fairlead.Stream.
func (st *serverStream) Send(msg any) error {
	st.watch()
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.over {
		return errOver()
	}
	if !st.kind.ServerStreams() && st.sent > 0 {
		return fairlead.Errorf(fairlead.Internal, "the method has one response, and it was sent")
	}
	st.out.Plain = !st.call.Wire().Compresses()
	held, err := st.msgs.Encode(&st.msg, msg, &st.out)
	if err != nil {
		return err
	}
	if err = st.sendHead(); err == nil {
		err = rpcwire.SendError(st.x.Send(&st.msg, false))
	}
	buffer.Put(held)
	st.msg = protocol.Message{}
	if err == nil {
		st.sent++
	}
	return err
}

// sendHead sends the response's head if that was not done; sending is held.
func (st *serverStream) sendHead() error {
	if st.begun.Load() {
		return nil
	}
	if err := st.fits(st.head, st.call.ResponseHeader()); err != nil {
		return err
	}
	if err := st.x.SendHead(section(st.head, st.header())); err != nil {
		return rpcwire.PeerError(err)
	}
	st.begun.Store(true)
	return nil
}

// Recv implements fairlead.Stream.
func (st *serverStream) Recv(msg any) error {
	st.watch()
	st.receiving.Lock()
	defer st.receiving.Unlock()
	switch {
	case st.over:
		return errOver()
	case !st.kind.ClientStreams():
		return io.EOF
	}
	payload, flags, err := st.rd.Next()
	if err == io.EOF { //nolint:errorlint // reader returns it bare
		return err
	}
	if err != nil {
		return rpcwire.PeerError(err)
	}
	err = st.decode(st.msgs, payload, flags, msg)
	st.rd.Release()
	return err
}

// CloseSend implements fairlead.Stream; a server ends the call by returning.
func (st *serverStream) CloseSend() error { return nil }

// Close implements fairlead.Stream; a server ends the call by returning.
func (st *serverStream) Close() error { return nil }

// Protocol implements fairlead.Driver.
func (st *serverStream) Protocol() string { return name }

// SendHeader implements fairlead.Driver.
func (st *serverStream) SendHeader(*fairlead.Call) error {
	if st.begun.Load() {
		return nil
	}
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.over {
		return errOver()
	}
	return st.sendHead()
}

// SetSendCompressor implements fairlead.SendCompressor.
func (st *serverStream) SetSendCompressor(_ *fairlead.Call, name string) error {
	st.sending.Lock()
	defer st.sending.Unlock()
	switch {
	case st.over:
		return errOver()
	case st.begun.Load():
		return errHeadSent()
	}
	if err := st.comp.Choose(st.s.accepted, name); err != nil {
		return err
	}
	st.out, st.head = st.outgoing()
	return nil
}

// WaitHeader implements fairlead.Driver; it is for clients.
func (st *serverStream) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (st *serverStream) Draining() <-chan struct{} { return st.s.d.Draining() }

// watch has the exchange interrupted when the call's context ends before the call does, so that Send and Recv return.
// It is set up when the stream is first used, which is after middleware has tightened the deadline.
func (st *serverStream) watch() {
	if st.watched.Load() {
		return
	}
	st.watchMu.Lock()
	defer st.watchMu.Unlock()
	if st.watched.Swap(true) {
		return
	}
	if _, ok := st.call.Deadline(); !ok {
		return
	}
	ctx, x := st.call.Context(), st.x
	st.unwatch = context.AfterFunc(ctx, func() {
		if fairlead.CodeOf(ctx.Err()) == fairlead.DeadlineExceeded {
			x.Interrupt(rpcwire.ErrDeadline())
		} else {
			x.Interrupt(rpcwire.ErrCanceled())
		}
	})
}

// stopWatch ends watch for good.
func (st *serverStream) stopWatch() {
	st.watchMu.Lock()
	defer st.watchMu.Unlock()
	st.watched.Store(true)
	if st.unwatch != nil {
		st.unwatch()
	}
}
