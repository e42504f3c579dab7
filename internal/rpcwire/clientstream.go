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

// ClientStream is a streaming call on a client, a fairlead.Stream and a fairlead.Driver. As long as the server has not
// answered, it can resume on another connection (protocol.Resumable). Protocols embed it in their ClientCall.
//
// There are three locks. A goroutine that holds one may take those below it, and none above:
//
//   - receiving is held by the goroutine that reads the response, also while it waits for a part of it;
//   - sending is held while something is sent, also while there is no room for it, and during a resumption, so that
//     what is sent meanwhile waits and goes to the new exchange;
//   - mu guards the state that all share. Nothing is waited for while it is held, and no code of users or codecs runs.
type ClientStream struct {
	p        ClientCall
	call     *fairlead.Call
	kind     fairlead.Kind
	ctx      context.Context //nolint:containedctx // the stream lives in the context that it was opened with
	msgs     *Messages
	accepted *Compressors

	receiving sync.Mutex
	rd        Reader
	opened    bool // the response's head is there and was read
	ended     bool // by a frame of the protocol's own
	received  int
	final     error // what Recv returns from now on

	sending sync.Mutex
	out     Outgoing
	msg     protocol.Message
	closed  bool // no more messages follow
	resumed int  // how often the stream has resumed

	// keeping is true while what is sent is kept: until something arrives, it gets too long, or the stream is over. It
	// is set to false with mu held.
	keeping atomic.Bool

	mu       sync.Mutex
	x        protocol.ClientExchange
	next     protocol.ClientExchange // takes the place of x once it was sent what was kept
	draining <-chan struct{}         // of the connection
	cause    error                   // what Reset was given; nil: it was not called
	kept     *buffer.Buf             // messages in their envelopes, written by who holds sending; nil: none
	busy     bool                    // kept is in use by who holds sending, and not to be put back
	again    protocol.Resumer        // finds another connection; nil: the stream cannot resume
	cancel   context.CancelFunc      // of the resumption in progress; nil: there is none
	resuming chan struct{}           // closed at the end of the resumption in progress; nil: there is none
	headRead bool
	headErr  error // the response is refused for its head
	page     *Page // with headErr: gets the beginning of the body; nil: it is of no use
	lapsed   bool  // the context or the deadline has ended the stream
	notify   func()

	// The watch is set up before anybody else knows the stream, and only stopped afterwards.
	timer *time.Timer // nil: no deadline that the context does not have
	stop  func() bool // nil: the context does not end
	until time.Time   // the deadline; zero: none
}

// Open opens the stream on a connection, and sets the call's peer, driver and stream. The stream ends with ctx and with
// the call's deadline. Open is called once.
func (st *ClientStream) Open(ctx context.Context, hc protocol.HTTPConn, o *Opening) error {
	if ctx.Err() != nil {
		return NotSent(ContextError(ctx))
	}
	c := o.Call
	st.p, st.call, st.kind, st.ctx = o.Stream, c, c.Method().Kind, ctx
	st.msgs, st.accepted, st.out = o.Messages, o.Accepted, o.Outgoing
	st.rd = Reader{Source: (*clientSource)(st), Limit: o.Recv, Own: o.Own, OwnLimit: o.OwnLimit}
	req := new(request)
	if err := st.p.Request(&req.Request, req.timeout[:0]); err != nil {
		return err
	}
	st.keeping.Store(true)
	var held *buffer.Buf
	kept := false
	if !st.kind.ClientStreams() {
		var err error
		if _, kept, held, err = st.prepare(c.Request()); err != nil {
			st.forget()
			return NotSent(err)
		}
		req.Message, req.Last, st.closed = &st.msg, true, true
	}
	x, err := hc.Open(&req.Request)
	buffer.Put(held)
	st.msg = protocol.Message{}
	if kept {
		st.unuse()
	}
	if err != nil {
		st.forget()
		return DoError(err)
	}
	st.begin(x, hc.Closed())
	st.watch()
	w := c.Wire()
	w.SetPeer(hc.Peer())
	w.SetDriver(st.p)
	w.SetStream(st.p)
	return nil
}

// begin sets the exchange.
func (st *ClientStream) begin(x protocol.ClientExchange, draining <-chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.x, st.draining = x, draining
}

// current returns the exchange.
func (st *ClientStream) current() protocol.ClientExchange {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.x
}

// Reset ends the exchange, and a resumption if one is in progress.
func (st *ClientStream) Reset(code protocol.ResetCode, cause error) {
	st.mu.Lock()
	if st.cause == nil {
		st.cause = cause
	}
	x, next, cancel := st.x, st.next, st.cancel
	st.forgetLocked()
	st.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	x.Reset(code, cause)
	if next != nil {
		next.Reset(code, cause)
	}
}

// giveUp resets the exchange because of what arrived.
func (st *ClientStream) giveUp(err error) error {
	st.Reset(protocol.ResetCancel, err)
	return err
}

// over returns what Reset was given, nil if it was not called.
func (st *ClientStream) over() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.cause
}

// Send implements fairlead.Stream.
func (st *ClientStream) Send(msg any) error {
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
		st.unuse()
		if err != nil && st.saved(x, err) {
			return nil // it is sent again, or Recv returns an error
		}
	}
	return clientSendError(err)
}

// prepare makes st.msg of v, to be sent on x. When that was done, what it kept is to be followed by unuse, and held,
// which may be nil, to be put back. The caller holds sending.
func (st *ClientStream) prepare(v any) (x protocol.ClientExchange, kept bool, held *buffer.Buf, err error) {
	if st.keeping.Load() {
		if kept, err = st.keep(v); kept || err != nil {
			return st.current(), kept, nil, err
		}
	}
	held, err = st.msgs.Encode(&st.msg, v, &st.out)
	return st.current(), false, held, err
}

// clientSendError returns the client's error for what Pipe.Send returned.
func clientSendError(err error) error {
	switch err.(type) { //nolint:errorlint // Pipe returns them bare
	case nil:
		return nil
	case *protocol.Failure:
		return io.EOF // Recv returns the reason
	}
	if err == io.EOF { //nolint:errorlint // as above
		return err
	}
	return AsInternal(err, "cannot encode a message")
}

// CloseSend implements fairlead.Stream. It returns nil after the peer has ended the call, and the error that ended it
// after this side has.
func (st *ClientStream) CloseSend() error {
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.closed {
		return nil
	}
	st.closed = true
	x := st.current()
	err := x.Send(nil, true)
	if err == nil || st.saved(x, err) {
		return nil // as in Send
	}
	if over := st.over(); over != nil {
		return over
	}
	if err = clientSendError(err); err == io.EOF { //nolint:errorlint // clientSendError returns it bare
		return nil // Recv returns the reason
	}
	return err
}

// Recv implements fairlead.Stream.
func (st *ClientStream) Recv(msg any) error {
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

// settle makes err what Recv returns from now on. The caller holds receiving.
func (st *ClientStream) settle(err error) {
	st.final = err
	st.unwatch()
}

// receive is Recv while the stream is not over. An error is the last one; the exchange is over with it.
func (st *ClientStream) receive(msg any) error {
	if !st.opened {
		if _, err := st.awaitHead(context.Background()); err != nil { // the end of st.ctx resets the exchange
			return err
		}
		if err := st.readHead(); err != nil {
			return st.refuse(err)
		}
		st.opened = true
	}
	for {
		payload, flags, err := st.rd.Next()
		if err != nil {
			return st.readError(err)
		}
		if st.ended {
			return st.giveUp(fairlead.Errorf(fairlead.Internal, "the server sent more behind the end of the response"))
		}
		own := flags&st.rd.Own != 0
		if own {
			st.ended = true
			err = st.take(payload, flags, nil)
		} else if st.received++; st.received > 1 && !st.kind.ServerStreams() {
			err = ErrManyResponses()
		} else {
			err = st.take(payload, flags, msg)
		}
		st.rd.Release()
		if err != nil {
			return st.giveUp(err)
		}
		if !own {
			return nil
		}
	}
}

// take decodes a message into msg, or gives a frame of the protocol's own to it.
func (st *ClientStream) take(payload []byte, flags uint8, msg any) error {
	own := flags&st.rd.Own != 0
	if flags&FlagCompressed != 0 {
		lim := &st.rd.Limit
		if own {
			lim = &st.rd.OwnLimit
		}
		data, b, err := st.accepted.Plain(payload, flags, st.p.Encoding(), lim)
		if err != nil {
			return err
		}
		defer buffer.Put(b)
		payload = data
	}
	if own {
		return st.p.Frame(payload, flags)
	}
	st.call.Wire().SetReceivedCompressed(flags&FlagCompressed != 0)
	return st.msgs.Decode(payload, msg)
}

// readError returns the stream's last error for what the reader returned.
func (st *ClientStream) readError(err error) error {
	switch e := err.(type) { //nolint:errorlint // Reader returns them bare
	case *fairlead.Error:
		return st.giveUp(e)
	default:
		if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // Reader returns them bare
			return st.end(err)
		}
	}
	if over := st.over(); over != nil && isUnprocessed(err) {
		return over // it would have gone on elsewhere
	}
	return FailureError(err, isLate(st.call))
}

// clientSource is a ClientStream as the source of its Reader.
type clientSource ClientStream

// Read implements Source. It may have to wait, and so checks the context first: the watch of that may be late.
func (s *clientSource) Read() ([]byte, error) {
	st := (*ClientStream)(s)
	if st.ctx.Err() != nil {
		return nil, ContextError(st.ctx)
	}
	return st.current().Read()
}

// readHead reads the response's head, once, if there is one. It is called by those of the user's goroutines that wait
// for it.
func (st *ClientStream) readHead() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.headRead {
		return st.headErr
	}
	h, ends := st.x.Head()
	if h == nil {
		return nil // the exchange has ended without; Read returns the reason
	}
	st.headRead = true
	st.page, st.headErr = st.p.Head(h, ends)
	return st.headErr
}

// refuse gives the call up because of err, which readHead returned, and returns err with the first words of the page,
// if there is one, as far as they arrive within PageTime. The caller holds receiving.
func (st *ClientStream) refuse(err error) error {
	st.mu.Lock()
	page, x := st.page, st.x
	st.mu.Unlock()
	if page == nil {
		return st.giveUp(err)
	}
	enough := time.AfterFunc(PageTime, func() { x.Interrupt(err) })
	defer enough.Stop()
	for {
		part, failed := x.Read()
		if failed != nil || !page.Add(part) {
			return st.giveUp(page.Tell(fairlead.ErrorOf(err)))
		}
	}
}

// end settles the call at the end of the body: io.EOF, or io.ErrUnexpectedEOF within a message.
func (st *ClientStream) end(err error) error {
	x := st.current()
	trailer := x.Trailer()
	if h, ends := x.Head(); ends {
		trailer = h
	}
	if e := st.p.End(trailer); e != nil {
		return e
	}
	switch {
	case err == io.ErrUnexpectedEOF: //nolint:errorlint // Reader returns it bare
		return ErrCutOff()
	case st.received == 0 && !st.kind.ServerStreams():
		return ErrNoResponse()
	}
	return io.EOF
}

// Close implements fairlead.Stream.
func (st *ClientStream) Close() error {
	// Of an exchange that is over there is nothing to reset; of one that is not, this ends Send and Recv.
	st.Reset(protocol.ResetCancel, fairlead.Errorf(fairlead.Canceled, "the stream was closed"))
	st.unwatch()
	return nil
}

// SendHeader implements fairlead.Driver; it is for servers.
func (st *ClientStream) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver.
func (st *ClientStream) WaitHeader(ctx context.Context, _ *fairlead.Call) error {
	there, err := st.awaitHead(ctx)
	switch {
	case err != nil:
		return err
	case !there:
		return ContextError(ctx)
	}
	if err := st.readHead(); err != nil {
		// The call is over, and Recv returns the same error.
		st.receiving.Lock()
		defer st.receiving.Unlock()
		if st.final == nil {
			st.settle(st.refuse(err))
		}
		return st.final
	}
	return nil
}

// Draining implements fairlead.Driver. The channel is closed when the connection takes no more calls.
func (st *ClientStream) Draining() <-chan struct{} {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.draining
}

// isLate reports whether the call's deadline has passed.
func isLate(c *fairlead.Call) bool {
	at, ok := c.Deadline()
	return ok && !time.Now().Before(at)
}
