package rest

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// stream is a streaming call, a fairlead.Stream and a fairlead.Driver. It may be used after the exchange has ended, by
// goroutines that a handler has started, and does not touch the exchange then.
//
// There are two locks. Receiving is held while the exchange is read, and sending while something is sent on it; end
// takes both, in this order.
type stream struct {
	incoming

	kind fairlead.Kind

	receiving sync.Mutex
	source    source

	sending sync.Mutex
	format  format
	sent    int
	single  encoded   // the one response
	eventID string    // of the next event
	lastAt  time.Time // when something was sent last
	beat    *time.Timer

	over  bool        // set with both locks held
	begun atomic.Bool // the head was sent

	watched atomic.Bool
	unwatch func() bool // set with watched, with watchMu held
	watchMu sync.Mutex
}

// source is where a client's messages come from.
type source interface {
	// recv fills what the body holds of the next message, and sets its parameters. It returns io.EOF after the last one.
	recv(msg any) error
	close()
}

// openStream serves a streaming call.
func (s *Server) openStream(x protocol.Exchange) {
	st := &stream{incoming: incoming{s: s}}
	st.kind = x.Head().Matched.(*matched).route.Method.Kind //nolint:forcetypeassert // Stream has seen it
	if st.isOver(x) {
		x.Finish(protocol.Section{Status: 204})
		return
	}
	if err := st.begin(x, st, 0); err != nil {
		st.fail(err)
		return
	}
	st.format = chooseFormat(st.accept)
	var err error
	if st.kind == fairlead.ServerStreaming {
		err = st.readRequest()
	} else {
		st.source, err = st.newSource()
	}
	if err != nil {
		st.fail(err)
		return
	}
	if st.head && st.kind.ServerStreams() { // the head is all that is wanted, and what would follow it may never end
		st.headOnly()
		return
	}
	st.call.Wire().SetStream(st)
	st.startBeat()
	st.run()
}

// isOver reports whether an EventSource comes back to a stream that it has received to the end.
func (st *stream) isOver(x protocol.Exchange) bool {
	h := x.Head()
	return st.kind.ServerStreams() && rpcwire.Field(&h.Fields, fieldLastEventID) == endID &&
		chooseFormat(rpcwire.Field(&h.Fields, fieldAccept)) == events
}

// headOnly answers a HEAD.
func (st *stream) headOnly() {
	defer st.done()
	defer st.x.Finish(section(st.success(), st.block(), nil))
	_ = st.call.Wire().End(st.call.Context(), nil)
}

// run runs the handler and ends the call.
func (st *stream) run() {
	var err error
	returned := false
	ctx := st.call.Context()
	// Deferred one by one, since the handler may panic or leave its goroutine, and so may end functions.
	defer st.done()
	defer func() { st.end(err) }()
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
	if err == nil && !st.kind.ServerStreams() {
		err = st.prepare()
	}
	returned = true
}

// prepare keeps the one response of a client-streaming call, unless the handler has sent it.
func (st *stream) prepare() error {
	st.sending.Lock()
	defer st.sending.Unlock()
	resp := st.call.Response()
	if resp == nil && st.sent == 1 {
		return nil
	}
	return st.keep(resp)
}

// keep encodes the one response, which is sent when the call ends. The caller holds sending.
func (st *stream) keep(msg any) error {
	if st.sent > 0 {
		return fairlead.Errorf(fairlead.Internal, "the method has one response, and it was sent")
	}
	var err error
	if st.single, err = st.encode(msg); err != nil {
		return err
	}
	if st.single.held == nil {
		st.single.bytes = append([]byte(nil), st.single.bytes...) // the message is the handler's again
	}
	st.sent++
	return nil
}

// end ends the exchange, after other goroutines have left it. The stream must not be watched any more.
func (st *stream) end(err error) {
	if !st.receiving.TryLock() {
		st.x.Interrupt(rpcwire.ErrOver())
		st.receiving.Lock()
	}
	defer st.receiving.Unlock()
	if !st.sending.TryLock() {
		st.x.Interrupt(rpcwire.ErrOver())
		st.sending.Lock()
	}
	defer st.sending.Unlock()
	st.over = true
	if st.beat != nil {
		st.beat.Stop()
	}
	if st.source != nil {
		st.source.close()
	}
	st.headSent = st.begun.Load()
	switch {
	case !st.kind.ServerStreams():
		st.endSingle(err)
	case err != nil && !st.headSent:
		st.problem(err)
	default:
		st.endMany(err)
	}
}

// endSingle answers with the one response, or an error.
func (st *stream) endSingle(err error) {
	if err != nil {
		buffer.Put(st.single.held)
		st.problem(err)
		return
	}
	var r protocol.Reply
	held, err := st.respond(&r, st.single)
	st.single = encoded{}
	if err != nil {
		st.problem(err)
		return
	}
	st.send(&r)
	buffer.Put(held)
}

// endMany ends a stream of responses: with an error, which is the last of them, or without.
func (st *stream) endMany(err error) {
	b := buffer.Get(0)
	defer buffer.Put(b)
	if err != nil {
		b.B = st.appendError(b.B, err)
	} else {
		b.B = st.appendEnd(b.B)
	}
	if st.rule.RawResult != nil {
		if err != nil { // bytes have no place for it
			st.x.Reset(protocol.ResetInternal, err)
			return
		}
		b.B = b.B[:0]
	}
	r := protocol.Reply{Message: protocol.Message{Bytes: b.B}, Trailer: section(0, nil, st.trailer())}
	if !st.headSent {
		r.Head = st.streamHead()
	}
	switch {
	case len(b.B) > 0:
		_ = st.x.Reply(&r) // bytes need no codec
	case st.headSent:
		st.x.Finish(r.Trailer)
	default:
		st.x.Finish(r.Head)
	}
}

// streamHead returns the head of a stream of responses.
func (st *stream) streamHead() protocol.Section {
	h := section(st.success(), st.block(), st.header(false))
	if h.Block == nil {
		h.Extra = withType(h.Extra, "")
	}
	return h
}

// block returns the fixed part of the head of a stream of responses; nil: its content type is the first message's.
func (st *stream) block() *protocol.Block {
	switch {
	case !st.kind.ServerStreams():
		return jsonBlock
	case st.rule.RawResult != nil:
		return nil
	case st.format == array:
		return arrayBlock
	case st.format == events:
		return eventsBlock
	}
	return linesBlock
}

// Send implements fairlead.Stream.
func (st *stream) Send(msg any) error {
	st.watch()
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.over {
		return rpcwire.ErrOver()
	}
	if !st.kind.ServerStreams() {
		return st.keep(msg)
	}
	if st.rule.RawResult != nil {
		return st.sendRaw(msg)
	}
	b := buffer.Get(0)
	defer func() { buffer.Put(b) }()
	before := st.beforeMessage()
	b.B = append(b.B, before...)
	var err error
	if b.B, err = st.append(b.B, msg); err != nil {
		return err
	}
	if n := len(b.B) - len(before); n > st.s.send {
		return fairlead.Errorf(fairlead.ResourceExhausted,
			"the message has %d bytes and exceeds the server's limit of %d (server.MaxSendMessage)", n, st.s.send)
	}
	b.B = append(b.B, st.afterMessage()...)
	if err := st.sendStreamHead(); err != nil {
		return err
	}
	if err := st.sendBytes(b.B); err != nil {
		return err
	}
	st.sent++
	st.eventID = ""
	return nil
}

// sendRaw sends a part of a body that is not encoded.
func (st *stream) sendRaw(msg any) error {
	contentType, data := st.rule.RawResult(msg)
	if !st.begun.Load() {
		h := section(st.success(), nil, withType(st.header(false), contentType))
		if err := st.sendSection(&h); err != nil {
			return err
		}
	}
	st.sent++
	if len(data) == 0 {
		return nil
	}
	return st.sendBytes(data)
}

func (st *stream) sendBytes(b []byte) error {
	st.lastAt = time.Now()
	return rpcwire.SendError(st.x.Send(&protocol.Message{Bytes: b}, false))
}

// sendStreamHead sends the head of a stream of responses, once. The caller holds sending.
func (st *stream) sendStreamHead() error {
	if st.begun.Load() {
		return nil
	}
	h := st.streamHead()
	return st.sendSection(&h)
}

func (st *stream) sendSection(h *protocol.Section) error {
	if err := st.fits(h); err != nil {
		return err
	}
	if err := st.x.SendHead(*h); err != nil {
		return rpcwire.PeerError(err)
	}
	st.begun.Store(true)
	if st.format == events && st.kind.ServerStreams() && st.rule.RawResult == nil && st.s.opts.retry > 0 {
		return st.sendBytes(appendRetry(nil, st.s.opts.retry))
	}
	return nil
}

// Recv implements fairlead.Stream.
func (st *stream) Recv(msg any) error {
	st.watch()
	st.receiving.Lock()
	defer st.receiving.Unlock()
	switch {
	case st.over:
		return rpcwire.ErrOver()
	case st.source == nil:
		return io.EOF
	}
	if r, ok := msg.(interface{ Reset() }); ok {
		r.Reset()
	}
	return st.recv(msg)
}

// recv fails for a codec that panics.
func (st *stream) recv(msg any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = st.s.panics.Caught(st.route.Method, whatDecoding, p)
		}
	}()
	return st.source.recv(msg)
}

// CloseSend implements fairlead.Stream; a server ends the call by returning.
func (*stream) CloseSend() error { return nil }

// Close implements fairlead.Stream; a server ends the call by returning.
func (*stream) Close() error { return nil }

// Protocol implements fairlead.Driver.
func (*stream) Protocol() string { return name }

// Draining implements fairlead.Driver.
func (st *stream) Draining() <-chan struct{} { return st.s.d.Draining() }

// WaitHeader implements fairlead.Driver; it is for clients.
func (*stream) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// SendHeader implements fairlead.Driver.
func (st *stream) SendHeader(*fairlead.Call) error {
	if st.begun.Load() {
		return nil
	}
	st.sending.Lock()
	defer st.sending.Unlock()
	switch {
	case st.over:
		return rpcwire.ErrOver()
	case st.rule.RawResult != nil:
		return nil // the head has the content type of the first message
	}
	return st.sendStreamHead()
}

// watch interrupts the exchange when the call's context ends before the call does, so that Send and Recv return. It is
// called when the stream is first used, which is after middleware has tightened the deadline.
func (st *stream) watch() {
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

// stopWatch stops the watch of the call's context for good. It is called when the handler has returned.
func (st *stream) stopWatch() {
	st.watchMu.Lock()
	defer st.watchMu.Unlock()
	st.watched.Store(true)
	if st.unwatch != nil {
		st.unwatch()
	}
}
