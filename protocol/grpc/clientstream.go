package grpc

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// clientStream is a streaming call on the client: its Stream and its Driver.
type clientStream struct {
	b    *binding
	call *fairlead.Call
	x    resumable
	kind fairlead.Kind
	ctx  context.Context //nolint:containedctx // the stream lives in the context that it was opened with

	// sending is held while something is sent.
	sending sync.Mutex
	out     rpcwire.Outgoing
	msg     protocol.Message
	closed  bool // no more messages follow

	// receiving is held while the exchange is read.
	receiving sync.Mutex
	rd        rpcwire.Reader
	received  int
	final     error // what Recv returns from now on

	headMu   sync.Mutex
	headRead bool
	head     responseHead
	headEnds bool
	headErr  error

	stopMu sync.Mutex
	timer  *time.Timer // nil: no deadline
	stop   func() bool // nil: the context does not end
}

// Open implements protocol.ClientConn.
func (cc *clientConn) Open(ctx context.Context, bind protocol.Binding, c *fairlead.Call) error {
	b, err := bindingOf(bind, c)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return rpcwire.NotSent(rpcwire.ContextError(ctx))
	}
	out, head, recv, err := b.options(c)
	if err != nil {
		return err
	}
	var buf [16]byte
	var req protocol.Request
	left, timed, err := b.request(&req, c, head, buf[:0])
	if err != nil {
		return err
	}
	st := &clientStream{b: b, call: c, kind: b.method.Kind, ctx: ctx, out: out}
	st.x.keeping.Store(true)
	var held *buffer.Buf
	kept := false
	if !st.kind.ClientStreams() {
		if _, kept, held, err = st.prepare(c.Request()); err != nil {
			st.x.forget()
			return rpcwire.NotSent(err)
		}
		req.Message, req.Last, st.closed = &st.msg, true, true
	}
	x, err := cc.hc.Open(&req)
	buffer.Put(held)
	st.msg = protocol.Message{}
	if kept {
		st.x.sent()
	}
	if err != nil {
		st.x.forget()
		return rpcwire.DoError(err)
	}
	st.x.begin(x, cc.hc.Closed())
	st.rd = rpcwire.Reader{Source: &st.x, Limit: recv}
	st.watch(ctx, left, timed)
	c.Wire().SetPeer(cc.hc.Peer())
	c.Wire().SetDriver(st)
	c.Wire().SetStream(st)
	return nil
}

// watch has the stream end with its context and its deadline.
func (st *clientStream) watch(ctx context.Context, left time.Duration, timed bool) {
	st.stopMu.Lock()
	defer st.stopMu.Unlock()
	if timed {
		st.timer = time.AfterFunc(left, func() { st.x.Reset(protocol.ResetCancel, rpcwire.ErrDeadline()) })
	}
	if ctx.Done() != nil {
		st.stop = context.AfterFunc(ctx, func() { st.x.Reset(protocol.ResetCancel, rpcwire.ContextError(ctx)) })
	}
}

// unwatch stops what watch began.
func (st *clientStream) unwatch() {
	st.stopMu.Lock()
	defer st.stopMu.Unlock()
	if st.timer != nil {
		st.timer.Stop()
	}
	if st.stop != nil {
		st.stop()
	}
}

// Send implements fairlead.Stream.
func (st *clientStream) Send(msg any) error {
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.closed {
		return fairlead.Errorf(fairlead.Internal, "no messages can be sent any more")
	}
	st.out.Plain = !st.call.Wire().Compresses()
	x, kept, held, err := st.prepare(msg)
	if err != nil {
		return err
	}
	err = x.Send(&st.msg, false)
	buffer.Put(held)
	st.msg = protocol.Message{}
	if kept {
		st.x.sent()
		if err != nil && st.saved(x, err) {
			return nil // Recv says whether it came to anything
		}
	}
	return st.sendError(err)
}

// prepare makes st.msg of v, to be sent on x. When that was done, what it kept is to be followed by st.x.sent, and
// held, which may be nil, to be put back.
func (st *clientStream) prepare(v any) (x protocol.ClientExchange, kept bool, held *buffer.Buf, err error) {
	if st.x.keeping.Load() {
		if x, kept, err = st.x.keep(&st.msg, v, st.b.msgs, &st.out); kept || err != nil {
			return x, kept, nil, err
		}
	}
	held, err = st.b.msgs.Encode(&st.msg, v, &st.out)
	return st.x.current(), false, held, err
}

// sendError is the error for what Pipe.Send returned.
func (st *clientStream) sendError(err error) error {
	switch err.(type) { //nolint:errorlint // Pipe returns them bare
	case nil:
		return nil
	case *protocol.Failure:
		return io.EOF // Recv says why
	}
	if err == io.EOF { //nolint:errorlint // as above
		return err
	}
	return rpcwire.AsInternal(err, "cannot encode a message")
}

// CloseSend implements fairlead.Stream. It returns nil after the peer has ended the call, and the error that ended it
// after this side has.
func (st *clientStream) CloseSend() error {
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.closed {
		return nil
	}
	st.closed = true
	x := st.x.close()
	err := x.Send(nil, true)
	if err == nil || st.saved(x, err) {
		return nil // as in Send
	}
	if over := st.x.over(); over != nil {
		return over
	}
	if err = st.sendError(err); err == io.EOF { //nolint:errorlint // sendError returns it bare
		return nil // Recv says why
	}
	return err
}

// Recv implements fairlead.Stream.
func (st *clientStream) Recv(msg any) error {
	st.receiving.Lock()
	defer st.receiving.Unlock()
	if st.final != nil {
		return st.final
	}
	err := st.receive(msg)
	if err != nil {
		st.settle(err)
	}
	return err
}

// settle makes err what Recv returns from now on; receiving is held.
func (st *clientStream) settle(err error) {
	st.final = err
	st.unwatch()
}

// receive is Recv while the stream is not over. An error is the last one; the exchange is over with it.
func (st *clientStream) receive(msg any) error {
	if _, err := st.awaitHead(context.Background()); err != nil { // the end of st.ctx resets the exchange
		return err
	}
	if err := st.readHead(); err != nil {
		return st.refuse(err)
	}
	payload, flags, err := st.rd.Next()
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF: //nolint:errorlint // reader returns them bare
		return st.end(err)
	default:
		if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // reader returns it bare
			return st.giveUp(e)
		}
		if over := st.x.over(); over != nil && isUnprocessed(err) {
			return over // it would have gone on elsewhere
		}
		return rpcwire.FailureError(err, isLate(st.call))
	}
	if st.received++; st.received > 1 && !st.kind.ServerStreams() {
		st.rd.Release()
		return st.giveUp(rpcwire.ErrManyResponses())
	}
	data, b, err := st.b.accepted.Plain(payload, flags, st.head.encoding, &st.rd.Limit)
	if err == nil {
		st.call.Wire().SetReceivedCompressed(flags&rpcwire.FlagCompressed != 0)
		err = st.b.msgs.Decode(data, msg)
		buffer.Put(b)
	}
	st.rd.Release()
	if err != nil {
		return st.giveUp(err)
	}
	return nil
}

// readHead reads the response's head, once, if there is one, and puts its metadata on the call. It is called by those
// of the user's goroutines that wait for it.
func (st *clientStream) readHead() error {
	st.headMu.Lock()
	defer st.headMu.Unlock()
	if st.headRead {
		return st.headErr
	}
	h, ends := st.x.current().Head()
	if h == nil {
		return nil // the exchange has ended without; Read says why
	}
	st.headRead, st.headEnds = true, ends
	st.head.parse(h, st.b.msgs.Name)
	if st.head.err != nil {
		st.headErr = st.head.err
	} else if !ends {
		if key, ok := rpcwire.Receive(st.call.ResponseHeader(), &h.Fields, isReserved); !ok {
			st.headErr = errMalformedHeader(key)
		}
	}
	return st.headErr
}

// refuse gives the call up for err, which readHead returned, and returns it with the first words of a response that is
// not gRPC's, as far as they have come within pageTime; receiving is held.
func (st *clientStream) refuse(err error) error {
	page := st.head.page
	if page == nil {
		return st.giveUp(err)
	}
	x := st.x.current()
	enough := time.AfterFunc(rpcwire.PageTime, func() { x.Interrupt(err) })
	defer enough.Stop()
	for {
		part, failed := x.Read()
		if failed != nil || !page.Add(part) {
			return st.giveUp(st.head.failure())
		}
	}
}

// end settles the call at the end of the body: io.EOF, or io.ErrUnexpectedEOF within a message.
func (st *clientStream) end(err error) error {
	trailer := st.x.current().Trailer()
	if st.headEnds {
		trailer, _ = st.x.current().Head()
	}
	if e := st.head.outcome(trailer, st.call); e != nil {
		return e
	}
	switch {
	case err == io.ErrUnexpectedEOF: //nolint:errorlint // reader returns it bare
		return rpcwire.ErrCutOff()
	case st.received == 0 && !st.kind.ServerStreams():
		return rpcwire.ErrNoResponse()
	}
	return io.EOF
}

// giveUp resets the exchange because of what arrived.
func (st *clientStream) giveUp(err error) error {
	st.x.Reset(protocol.ResetCancel, err)
	return err
}

// Close implements fairlead.Stream.
func (st *clientStream) Close() error {
	// Of an exchange that is over there is nothing to reset; of one that is not, this ends Send and Recv.
	st.x.Reset(protocol.ResetCancel, fairlead.Errorf(fairlead.Canceled, "the stream was closed"))
	st.unwatch()
	return nil
}

// Protocol implements fairlead.Driver.
func (st *clientStream) Protocol() string { return name }

// SendHeader implements fairlead.Driver; it is for servers.
func (st *clientStream) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver.
func (st *clientStream) WaitHeader(ctx context.Context, _ *fairlead.Call) error {
	there, err := st.awaitHead(ctx)
	switch {
	case err != nil:
		return err
	case !there:
		return rpcwire.ContextError(ctx)
	}
	if err := st.readHead(); err != nil {
		// The call is over. Recv finds that out as well, and says the same.
		st.receiving.Lock()
		defer st.receiving.Unlock()
		if st.final == nil {
			st.settle(st.refuse(err))
		}
		return st.final
	}
	return nil
}

// Draining implements fairlead.Driver: the connection says when its server wants it to come to an end.
func (st *clientStream) Draining() <-chan struct{} { return st.x.drains() }
