package rpcwire

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// ServerCall is a streaming call of a server in one protocol: a type that embeds ServerStream, which has the methods of
// a stream and of a driver except Protocol and Draining, and adds what the protocol does in its own way.
type ServerCall interface {
	fairlead.Stream
	fairlead.Driver

	// SendHead sends the response's head. It is called once, or again after an error, before the first message.
	SendHead() error
	// Decode decodes a message of the request into msg.
	Decode(payload []byte, flags uint8, msg any) error
	// Finish ends the exchange, with the status of e, nil for success. The head may not have been sent: see Begun.
	Finish(e *fairlead.Error)
}

// ServerStream is a streaming call on a server, a fairlead.Stream and a fairlead.Driver. It may be used after the
// exchange has ended, by goroutines that a handler has started, and does not touch the exchange then. Protocols
// embed it in their ServerCall.
//
// There are two locks. Receiving is held while the exchange is read, and sending while something is sent on it; End
// takes both, in this order.
type ServerStream struct {
	p    ServerCall
	x    protocol.Exchange
	call *fairlead.Call
	kind fairlead.Kind
	msgs *Messages

	receiving sync.Mutex
	rd        Reader

	sending sync.Mutex
	out     Outgoing
	msg     protocol.Message
	sent    int

	over  bool        // set with both locks held
	begun atomic.Bool // the head was sent

	watched atomic.Bool
	unwatch func() bool // set with watched, with watchMu held
	watchMu sync.Mutex
}

// Serving is what a protocol begins a ServerStream with.
type Serving struct {
	Call     *fairlead.Call
	Exchange protocol.Exchange
	// Stream is what embeds the ServerStream: it becomes the call's stream.
	Stream   ServerCall
	Messages *Messages
	Outgoing Outgoing
	Recv     Limit
	Reserver Reserver
}

// Begin sets the stream up. It is called once, before the call's stream is set.
func (st *ServerStream) Begin(o *Serving) {
	st.p, st.x, st.call, st.kind = o.Stream, o.Exchange, o.Call, o.Call.Method().Kind
	st.msgs, st.out = o.Messages, o.Outgoing
	st.rd = Reader{Source: o.Exchange, Limit: o.Recv, Reserver: o.Reserver, Expecter: o.Exchange}
}

// Begun reports whether the response's head was sent.
func (st *ServerStream) Begun() bool { return st.begun.Load() }

// Reserved returns the number of bytes that were reserved for the messages of the request.
func (st *ServerStream) Reserved() int { return st.rd.Reserved() }

// ReadRequest reads the one request of a server-streaming call, before there is a handler.
func (st *ServerStream) ReadRequest() error {
	var req any = new(fairlead.Raw)
	if f := st.call.Method().NewRequest; f != nil {
		req = f()
	}
	err := st.rd.ReadOne(func(payload []byte, flags uint8) error { return st.p.Decode(payload, flags, req) })
	if err == nil {
		st.call.SetRequest(req)
	}
	return err
}

// Discard gives back the memory of a request whose decoding has panicked.
func (st *ServerStream) Discard() { st.rd.Close() }

// Respond sends the one response of a client-streaming call whose handler has succeeded, unless the handler has sent
// it.
func (st *ServerStream) Respond() error {
	resp := st.call.Response()
	if resp == nil {
		st.sending.Lock()
		sent := st.sent
		st.sending.Unlock()
		if sent == 1 {
			return nil
		}
	}
	return st.p.Send(resp)
}

// End ends the exchange by Finish, after other goroutines have left it. The stream must not be watched any more.
func (st *ServerStream) End(err error) {
	if !st.receiving.TryLock() {
		st.x.Interrupt(ErrOver())
		st.receiving.Lock()
	}
	defer st.receiving.Unlock()
	if !st.sending.TryLock() {
		st.x.Interrupt(ErrOver())
		st.sending.Lock()
	}
	defer st.sending.Unlock()
	st.over = true
	st.rd.Close()
	st.p.Finish(fairlead.ErrorOf(err))
}

// Send implements fairlead.Stream.
func (st *ServerStream) Send(msg any) error {
	st.watch()
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.over {
		return ErrOver()
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
		err = SendError(st.x.Send(&st.msg, false))
	}
	buffer.Put(held)
	st.msg = protocol.Message{}
	if err == nil {
		st.sent++
	}
	return err
}

// sendHead sends the response's head, once. The caller holds sending.
func (st *ServerStream) sendHead() error {
	if st.begun.Load() {
		return nil
	}
	if err := st.p.SendHead(); err != nil {
		return err
	}
	st.begun.Store(true)
	return nil
}

// Recv implements fairlead.Stream.
func (st *ServerStream) Recv(msg any) error {
	st.watch()
	st.receiving.Lock()
	defer st.receiving.Unlock()
	switch {
	case st.over:
		return ErrOver()
	case !st.kind.ClientStreams():
		return io.EOF
	}
	payload, flags, err := st.rd.Next()
	if err == io.EOF { //nolint:errorlint // Reader returns it bare
		return err
	}
	if err != nil {
		return PeerError(err)
	}
	err = st.p.Decode(payload, flags, msg)
	st.rd.Release()
	return err
}

// CloseSend implements fairlead.Stream; a server ends the call by returning.
func (st *ServerStream) CloseSend() error { return nil }

// Close implements fairlead.Stream; a server ends the call by returning.
func (st *ServerStream) Close() error { return nil }

// SendHeader implements fairlead.Driver.
func (st *ServerStream) SendHeader(*fairlead.Call) error {
	if st.begun.Load() {
		return nil
	}
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.over {
		return ErrOver()
	}
	return st.sendHead()
}

// Change calls change, which may change how messages are sent, if the response's head was not sent yet.
func (st *ServerStream) Change(change func(*Outgoing) error) error {
	st.sending.Lock()
	defer st.sending.Unlock()
	switch {
	case st.over:
		return ErrOver()
	case st.begun.Load():
		return ErrHeadSent()
	}
	return change(&st.out)
}

// WaitHeader implements fairlead.Driver; it is for clients.
func (st *ServerStream) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// watch interrupts the exchange when the call's context ends before the call does, so that Send and Recv return. It is
// called when the stream is first used, which is after middleware has tightened the deadline.
func (st *ServerStream) watch() {
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
			x.Interrupt(ErrDeadline())
		} else {
			x.Interrupt(ErrCanceled())
		}
	})
}

// StopWatch stops the watch of the call's context for good. It is called when the handler has returned.
func (st *ServerStream) StopWatch() {
	st.watchMu.Lock()
	defer st.watchMu.Unlock()
	st.watched.Store(true)
	if st.unwatch != nil {
		st.unwatch()
	}
}

// InterruptLate interrupts an exchange when the call's deadline passes, until stop is called. It is for reading a
// request, before there is a handler that uses the context.
func InterruptLate(x protocol.Exchange, c *fairlead.Call) (stop func()) {
	at, ok := c.Deadline()
	if !ok {
		return func() {}
	}
	t := time.AfterFunc(time.Until(at), func() { x.Interrupt(ErrDeadline()) })
	return func() { t.Stop() }
}
