package grpc

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// maxKept is the number of bytes that a stream keeps of what it has sent, so that it can begin anew on another
// connection. It is what fits into a stream's window before the peer enlarges it (RFC 9113, section 6.9.2), so that a
// resumption does not have to wait for a server that has yet to read.
const maxKept = 64<<10 - 1

// maxResumed is the number of times that a stream begins anew.
const maxResumed = 3

// resumable is the exchange of a client's stream, of which its reader sees Read. As long as the server has not
// answered, what was sent is kept; should it turn out that the server did not process the request, because it shut down
// or refused the stream, another connection's exchange takes the place and gets all that was kept (RFC 9113, section
// 8.7; for gRPC the transparent retries of proposal A6). The goroutines that wait for the response do that.
type resumable struct {
	// keeping says that what is sent is kept: nothing has arrived, it is not too long, and the stream is not over.
	keeping atomic.Bool

	// mu guards what follows. It is held for the whole of a resumption; what is sent meanwhile waits and goes to the new
	// exchange. Those who wait for the response take it for a resumption only after claim, so that they can give up.
	mu      sync.Mutex
	kept    *buffer.Buf // messages in their envelopes; nil: none yet, or not keeping
	busy    bool        // a message is being sent out of kept, so that it cannot be put back yet
	closed  bool        // no more messages follow
	resumed int
	again   protocol.Resumer // nil: there is nobody who would find another connection

	// at guards what follows. It is never held while something is waited for.
	at       sync.Mutex
	x        protocol.ClientExchange
	next     protocol.ClientExchange // takes the place of x as soon as it has been sent what was kept
	draining <-chan struct{}         // of the connection
	cancel   context.CancelFunc      // of a resumption under way
	resuming chan struct{}           // closed at the end of a resumption under way; nil: there is none
	cause    error                   // what Reset was given; nil: it was not called
}

// begin sets the first exchange.
func (e *resumable) begin(x protocol.ClientExchange, draining <-chan struct{}) {
	e.at.Lock()
	defer e.at.Unlock()
	e.x, e.draining = x, draining
}

func (e *resumable) current() protocol.ClientExchange {
	e.at.Lock()
	defer e.at.Unlock()
	return e.x
}

// over returns what Reset was given, nil if it was not called.
func (e *resumable) over() error {
	e.at.Lock()
	defer e.at.Unlock()
	return e.cause
}

// drains returns the channel that is closed when the connection's server wants it to come to an end.
func (e *resumable) drains() <-chan struct{} {
	e.at.Lock()
	defer e.at.Unlock()
	return e.draining
}

// close notes that no more messages follow, and returns the exchange to say so on.
func (e *resumable) close() protocol.ClientExchange {
	if e.keeping.Load() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.closed = true
	}
	return e.current()
}

// Read implements protocol.Pipe.
func (e *resumable) Read() ([]byte, error) { return e.current().Read() }

// Reset ends the exchange, and a resumption if one is under way.
func (e *resumable) Reset(code protocol.ResetCode, cause error) {
	e.at.Lock()
	if e.cause == nil {
		e.cause = cause
	}
	x, next, cancel := e.x, e.next, e.cancel
	e.at.Unlock()
	if cancel != nil {
		cancel()
	}
	x.Reset(code, cause)
	if next != nil {
		next.Reset(code, cause)
	}
	e.forget()
}

// forget keeps nothing from now on.
func (e *resumable) forget() {
	if !e.keeping.Load() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forgetLocked()
}

func (e *resumable) forgetLocked() {
	e.keeping.Store(false)
	if !e.busy {
		buffer.Put(e.kept)
		e.kept = nil
	}
}

// keep prepares v to be sent as m and keeps it. When it says that it did, m is to be sent on the exchange that it
// returns, nil before there is one, and sent must be called afterwards; otherwise m is not prepared.
func (e *resumable) keep(
	m *protocol.Message, v any, msgs *rpcwire.Messages, out *rpcwire.Outgoing,
) (x protocol.ClientExchange, kept bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.keeping.Load() {
		return nil, false, nil
	}
	held, err := msgs.Encode(m, v, out)
	if err != nil {
		return nil, false, err
	}
	defer buffer.Put(held)
	size := len(m.Bytes)
	if m.Value != nil {
		size = m.Size
	}
	if e.kept == nil {
		e.kept = buffer.Get(rpcwire.PrefixSize + size)
	}
	from := len(e.kept.B)
	if from+rpcwire.PrefixSize+size > maxKept {
		e.forgetLocked()
		return nil, false, nil
	}
	e.kept.Grow(rpcwire.PrefixSize + size)
	b := e.kept.B
	b = append(b, m.Flags)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	if m.Value == nil {
		b = append(b, m.Bytes...)
	} else if b, err = m.Sizer.AppendSized(b, m.Value, size); err != nil {
		return nil, false, rpcwire.AsInternal(err, "cannot encode a message with "+msgs.Name)
	}
	if n := len(b) - from - rpcwire.PrefixSize; n != size {
		return nil, false, fairlead.Errorf(fairlead.Internal,
			"%s encoded a message to %d bytes and had promised %d", msgs.Name, n, size)
	}
	e.kept.B, e.busy = b, true
	*m = protocol.Message{Bytes: b[from+rpcwire.PrefixSize:], Envelope: true, Flags: m.Flags}
	return e.current(), true, nil
}

// sent notes that the message that was kept last is on its way.
func (e *resumable) sent() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = false
	if !e.keeping.Load() {
		buffer.Put(e.kept)
		e.kept = nil
	}
}

// saved says whether what could not be sent on x because of err has been sent on another exchange since, or will be. If
// not, the stream does not begin anew any more: its sender may take what is returned for the end, and send no more.
func (st *clientStream) saved(x protocol.ClientExchange, err error) bool {
	e := &st.x
	ended := err == io.EOF //nolint:errorlint // Pipe returns it bare
	if ended {
		<-x.HeadReady() // how it ended may show a moment later: a connection breaks for writers first
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.current() != x:
		return true
	case !e.keeping.Load():
		return false
	}
	if e.again != nil {
		if isUnprocessed(err) {
			return true
		}
		if h, _ := x.Head(); ended && h == nil && st.unprocessed(x) != nil {
			return true
		}
	}
	e.forgetLocked()
	return false
}

func isUnprocessed(err error) bool {
	f, ok := err.(*protocol.Failure) //nolint:errorlint // Pipe returns it bare
	return ok && f.Reach != fairlead.Unknowable
}

// SetResumer implements protocol.Resumable.
func (st *clientStream) SetResumer(r protocol.Resumer) {
	st.x.mu.Lock()
	defer st.x.mu.Unlock()
	st.x.again = r
}

// awaitHead waits until the response's head is there, the exchange has ended, or waiter ends, which is false. When the
// server did not process the request, the stream begins anew. An error is the stream's last.
func (st *clientStream) awaitHead(waiter context.Context) (bool, error) {
	for waiter.Err() == nil {
		x := st.x.current()
		select {
		case <-x.HeadReady():
		case <-waiter.Done():
			return false, nil
		}
		if !st.x.keeping.Load() {
			return true, nil
		}
		if h, _ := x.Head(); h != nil {
			st.x.forget()
			return true, nil
		}
		if resumed, err := st.resume(waiter, x); !resumed {
			return true, err
		}
	}
	return false, nil
}

// claim makes the caller the one that resumes. False: another did until now, or waiter has ended.
func (e *resumable) claim(waiter context.Context) bool {
	e.at.Lock()
	other := e.resuming
	if other == nil {
		e.resuming = make(chan struct{})
	}
	e.at.Unlock()
	if other == nil {
		return true
	}
	select {
	case <-other:
	case <-waiter.Done():
	}
	return false
}

// release ends what claim began.
func (e *resumable) release() {
	e.at.Lock()
	defer e.at.Unlock()
	close(e.resuming)
	e.resuming = nil
}

// resume has the stream begin anew after failed has ended without a response. It returns false when that must not be,
// or with the error that came in the way; true: look again. When waiter ends before another connection is found, all is
// as before.
func (st *clientStream) resume(waiter context.Context, failed protocol.ClientExchange) (bool, error) {
	e := &st.x
	if !e.claim(waiter) {
		return true, nil
	}
	defer e.release()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current() != failed {
		return true, nil // somebody else has
	}
	if !e.keeping.Load() {
		return false, nil
	}
	cause := st.unprocessed(failed)
	if cause == nil || e.again == nil || e.resumed == maxResumed {
		e.forgetLocked()
		return false, nil
	}
	e.resumed++
	ctx, cancel := context.WithCancel(st.ctx)
	defer cancel()
	defer context.AfterFunc(waiter, cancel)()
	e.at.Lock()
	over := e.cause
	e.cancel = cancel
	e.at.Unlock()
	var err error
	if over == nil {
		err = e.again.Resume(ctx, st.call, cause, st.reopen)
	}
	e.at.Lock()
	e.cancel, e.next = nil, nil
	over = e.cause
	e.at.Unlock()
	switch {
	case over != nil: // the deadline, the context's end or Close, whatever it led to
		err = over
	case err == nil:
		return true, nil
	case st.ctx.Err() != nil:
		err = rpcwire.ContextError(st.ctx)
	case isLate(st.call):
		err = rpcwire.ErrDeadline()
	case waiter.Err() != nil:
		e.resumed--
		return true, nil
	}
	e.forgetLocked()
	return false, err
}

// unprocessed returns why an exchange that ended without a response failed, if the server surely did not process it.
func (st *clientStream) unprocessed(x protocol.ClientExchange) error {
	_, err := x.Read()
	if isUnprocessed(err) {
		return rpcwire.FailureError(err, isLate(st.call))
	}
	return nil
}

// reopen opens the stream on another connection and sends what was kept. It is called within a resumption.
func (st *clientStream) reopen(conn protocol.ClientConn) error {
	cc, ok := conn.(*clientConn)
	if !ok {
		return rpcwire.NotSent(fairlead.Errorf(fairlead.Internal, "a stream of gRPC cannot go on over %T", conn))
	}
	if st.ctx.Err() != nil {
		return rpcwire.NotSent(rpcwire.ContextError(st.ctx))
	}
	_, head, _, err := st.b.options(st.call)
	if err != nil {
		return err
	}
	var buf [16]byte
	var req protocol.Request
	if _, _, err = st.b.request(&req, st.call, head, buf[:0]); err != nil {
		return err
	}
	e := &st.x
	var m protocol.Message
	if e.kept != nil {
		m.Bytes = e.kept.B
	}
	if !st.kind.ClientStreams() {
		req.Message, req.Last = &m, true
	}
	x, err := cc.hc.Open(&req)
	if err != nil {
		return rpcwire.DoError(err)
	}
	e.at.Lock()
	e.next = x
	over := e.cause
	e.at.Unlock()
	if over == nil && st.ctx.Err() != nil {
		over = rpcwire.ContextError(st.ctx) // what watches the context has yet to say so
	}
	if over != nil {
		x.Reset(protocol.ResetCancel, over) // so that nothing is sent below, least of all that there is no more
	}
	if st.kind.ClientStreams() && (len(m.Bytes) > 0 || e.closed) {
		// An error shows when the response is awaited.
		if len(m.Bytes) > 0 {
			_ = x.Send(&m, e.closed)
		} else {
			_ = x.Send(nil, true)
		}
	}
	st.call.Wire().SetPeer(cc.hc.Peer())
	e.begin(x, cc.hc.Closed())
	return nil
}
