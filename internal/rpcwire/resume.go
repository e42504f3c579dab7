package rpcwire

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// A client's stream whose server did not process the request, because it shut down or refused the stream, resumes on
// another connection (RFC 9113, section 8.7; for gRPC the transparent retries of proposal A6). As long as the server
// has not answered, what was sent is kept for that. The goroutines that wait for the response find the connection.

// maxKept is the number of bytes that a stream keeps of what it has sent, so that it can resume on another
// connection. It is what fits into a stream's window before the peer enlarges it (RFC 9113, section 6.9.2), so that a
// resumption does not have to wait for a server that has yet to read.
const maxKept = 64<<10 - 1

// maxResumed is the number of times that a stream resumes at most.
const maxResumed = 3

// forget drops what is kept, and nothing is kept from now on.
func (st *ClientStream) forget() {
	if !st.keeping.Load() {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.forgetLocked()
}

// forgetLocked is forget with mu held.
func (st *ClientStream) forgetLocked() {
	st.keeping.Store(false)
	if !st.busy {
		buffer.Put(st.kept)
		st.kept = nil
	}
}

// use keeps kept from being put back until unuse is called. It returns false if nothing is kept any more. The caller
// holds sending.
func (st *ClientStream) use() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.busy = st.keeping.Load()
	return st.busy
}

// unuse ends what use began.
func (st *ClientStream) unuse() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.busy = false
	if !st.keeping.Load() {
		st.forgetLocked()
	}
}

// keep makes st.msg of v and keeps it. When it returns true, unuse must be called once st.msg was sent; otherwise
// st.msg is not to be used. The caller holds sending.
func (st *ClientStream) keep(v any) (kept bool, err error) {
	if !st.use() {
		return false, nil
	}
	defer func() {
		if !kept {
			st.unuse() // deferred because a codec may leave the goroutine
		}
	}()
	held, err := st.msgs.Encode(&st.msg, v, &st.out)
	if err == nil {
		kept, err = st.keepMessage()
		buffer.Put(held)
	}
	return kept, err
}

// keepMessage appends st.msg to what is kept and makes it refer to that. It returns false if there is no room for it;
// then nothing is kept any more.
func (st *ClientStream) keepMessage() (bool, error) {
	m := &st.msg
	size := len(m.Bytes)
	if m.Value != nil {
		size = m.Size
	}
	if st.kept == nil {
		st.kept = buffer.Get(PrefixSize + size)
	}
	from := len(st.kept.B)
	if from+PrefixSize+size > maxKept {
		st.forget()
		return false, nil
	}
	st.kept.Grow(PrefixSize + size)
	b := st.kept.B
	b = append(b, m.Flags)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	if m.Value == nil {
		b = append(b, m.Bytes...)
	} else {
		var err error
		if b, err = st.msgs.AppendSized(b, m); err != nil {
			return false, err
		}
	}
	if n := len(b) - from - PrefixSize; n != size {
		return false, fairlead.Errorf(fairlead.Internal,
			"%s encoded a message to %d bytes and had promised %d", st.msgs.Name, n, size)
	}
	st.kept.B = b
	*m = protocol.Message{Bytes: b[from+PrefixSize:], Envelope: true, Flags: m.Flags}
	return true, nil
}

// saved reports whether what could not be sent on x because of err will be sent on another exchange. If not, the stream
// does not resume any more: its sender may take what is returned for the end, and send no more. The caller holds
// sending, so that x is the exchange.
func (st *ClientStream) saved(x protocol.ClientExchange, err error) bool {
	ended := err == io.EOF //nolint:errorlint // Pipe returns it bare
	if ended {
		<-x.HeadReady() // how it ended may show a moment later: a connection breaks for writers first
	}
	if !st.keeping.Load() {
		return false
	}
	st.mu.Lock()
	again := st.again
	st.mu.Unlock()
	if again != nil {
		if isUnprocessed(err) {
			return true
		}
		if h, _ := x.Head(); ended && h == nil && st.unprocessed(x) != nil {
			return true
		}
	}
	st.forget()
	return false
}

// isUnprocessed reports whether err means that the server certainly did not process the request.
func isUnprocessed(err error) bool {
	f, ok := err.(*protocol.Failure) //nolint:errorlint // Pipe returns it bare
	return ok && f.Reach != fairlead.Unknowable
}

// unprocessed returns why an exchange that ended without a response failed, if the server certainly did not process it.
func (st *ClientStream) unprocessed(x protocol.ClientExchange) error {
	_, err := x.Read()
	if isUnprocessed(err) {
		return FailureError(err, isLate(st.call))
	}
	return nil
}

// SetResumer implements protocol.Resumable.
func (st *ClientStream) SetResumer(r protocol.Resumer) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.again = r
}

// awaitHead waits until the response's head is there or the exchange has ended, and returns true; it returns false when
// waiter ends first. When the server did not process the request, the stream resumes. An error is the stream's last.
func (st *ClientStream) awaitHead(waiter context.Context) (bool, error) {
	for waiter.Err() == nil {
		x := st.current()
		select {
		case <-x.HeadReady():
		default:
			if st.ctx.Err() != nil { // the watch may be late
				return true, st.giveUp(ContextError(st.ctx))
			}
			select {
			case <-x.HeadReady():
			case <-waiter.Done():
				return false, nil
			}
		}
		if !st.keeping.Load() {
			return true, nil
		}
		if h, _ := x.Head(); h != nil {
			st.forget()
			return true, nil
		}
		if resumed, err := st.resume(waiter, x); !resumed {
			return true, err
		}
	}
	return false, nil
}

// claim makes the caller the goroutine that resumes the stream. If another one is resuming it, claim waits for that, or
// for the end of waiter, and returns false.
func (st *ClientStream) claim(waiter context.Context) bool {
	st.mu.Lock()
	other := st.resuming
	if other == nil {
		st.resuming = make(chan struct{})
	}
	st.mu.Unlock()
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
func (st *ClientStream) release() {
	st.mu.Lock()
	defer st.mu.Unlock()
	close(st.resuming)
	st.resuming = nil
}

// resume starts the stream again on another connection after failed has ended without a response. It returns true if
// the caller is to look again, and false if the stream does not resume, with the error if one occurred. When waiter
// ends before another connection is found, nothing has changed.
func (st *ClientStream) resume(waiter context.Context, failed protocol.ClientExchange) (bool, error) {
	if !st.claim(waiter) {
		return true, nil
	}
	defer st.release()
	st.sending.Lock() // a sender that has it finds out as well that the exchange has ended
	defer st.sending.Unlock()
	if st.current() != failed {
		return true, nil // another goroutine has resumed the stream
	}
	if !st.use() {
		return false, nil
	}
	defer st.unuse()
	cause := st.unprocessed(failed)
	if cause == nil || st.resumed == maxResumed {
		st.forget()
		return false, nil
	}
	ctx, cancel := context.WithCancel(st.ctx)
	defer cancel()
	defer context.AfterFunc(waiter, cancel)()
	st.mu.Lock()
	again, over := st.again, st.cause
	if again == nil {
		st.forgetLocked()
		st.mu.Unlock()
		return false, nil
	}
	st.cancel = cancel
	st.mu.Unlock()
	st.resumed++
	var err error
	if over == nil {
		err = again.Resume(ctx, st.call, cause, st.reopen)
	}
	st.mu.Lock()
	st.cancel, st.next = nil, nil
	over = st.cause
	st.mu.Unlock()
	switch {
	case over != nil: // the deadline, the context's end or Close, whatever it led to
		err = over
	case err == nil:
		return true, nil
	case st.ctx.Err() != nil:
		err = ContextError(st.ctx)
	case isLate(st.call):
		err = ErrDeadline()
	case waiter.Err() != nil:
		st.resumed--
		return true, nil
	}
	st.forget()
	return false, err
}

// reopen opens the stream on another connection and sends what was kept. It is called within a resumption.
func (st *ClientStream) reopen(conn protocol.ClientConn) error {
	cc, ok := conn.(carrier)
	if !ok {
		return NotSent(fairlead.Errorf(fairlead.Internal, "a stream of %s cannot go on over %T", st.p.Protocol(), conn))
	}
	if st.ctx.Err() != nil {
		return NotSent(ContextError(st.ctx))
	}
	hc := cc.http()
	req := new(request)
	if err := st.p.Request(&req.Request, req.timeout[:0]); err != nil {
		return err
	}
	var m protocol.Message
	if st.kept != nil {
		m.Bytes = st.kept.B
	}
	if !st.kind.ClientStreams() {
		req.Message, req.Last = &m, true
	}
	x, err := hc.Open(&req.Request)
	if err != nil {
		return DoError(err)
	}
	st.mu.Lock()
	st.next = x
	over := st.cause
	st.mu.Unlock()
	if over == nil && st.ctx.Err() != nil {
		over = ContextError(st.ctx) // the watch of the context is late
	}
	if over != nil {
		x.Reset(protocol.ResetCancel, over) // so that nothing is sent below, least of all that there is no more
	}
	if st.kind.ClientStreams() && (len(m.Bytes) > 0 || st.closed) {
		// An error shows when the response is awaited.
		if len(m.Bytes) > 0 {
			_ = x.Send(&m, st.closed)
		} else {
			_ = x.Send(nil, true)
		}
	}
	st.call.Wire().SetPeer(hc.Peer())
	st.begin(x, hc.Closed())
	return nil
}
