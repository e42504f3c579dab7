package http2

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// ServerConn is a Conn in the server's role.
type ServerConn struct{ *Conn }

var (
	_ protocol.ServerConn = ServerConn{}
	_ protocol.CallLister = ServerConn{}
)

// Drain implements protocol.ServerConn.
func (c ServerConn) Drain(final bool) { c.drain(final) }

// Calls implements protocol.CallLister. The call of a handler that runs in the reading goroutine is among them only
// once the watch has seen that it takes long.
func (c ServerConn) Calls() []*fairlead.Call {
	c.smu.Lock()
	defer c.smu.Unlock()
	var calls []*fairlead.Call
	for _, s := range c.s.table.all() {
		if s.call != nil {
			calls = append(calls, s.call)
		}
	}
	return calls
}

// exchange is a stream as a server's protocols see it. It is one pointer, so that it fits an interface without an
// allocation.
type exchange struct{ *stream }

var _ protocol.Exchange = exchange{}

// Head implements protocol.Exchange.
func (x exchange) Head() *protocol.Head { return x.head }

// Peer implements protocol.Exchange.
func (x exchange) Peer() *fairlead.Peer { return x.c.peer }

// SetCall implements protocol.Exchange.
func (x exchange) SetCall(call *fairlead.Call) {
	c := x.c
	if !x.entered { // nobody else can reach the stream yet
		x.call = call
		return
	}
	c.smu.Lock()
	x.call = call
	over := x.over
	c.smu.Unlock()
	if over {
		call.Wire().Cancel(context.Canceled)
	}
}

// whole gives a complete request to its protocol, and runs what that returns.
func (c *Conn) whole(s *stream, body []byte) {
	if t := s.app.Whole(exchange{s}, body); t != nil {
		c.run(s, t)
	}
}

// run runs a task: here, in the reading goroutine, or in a goroutine of its own.
func (c *Conn) run(s *stream, t protocol.Task) {
	if t.Cost().Inline() {
		if !s.inTable {
			c.s.running = s // the role's until the handler answers; the goroutine that takes the role over puts s in the table
		}
		c.lease.Run(t) // if that loses the role, the turn says so to those who called
		return
	}
	c.enter(s)
	go c.runTask(t)
}

// runTask runs a task in a goroutine of its own.
func (c *Conn) runTask(t protocol.Task) {
	defer c.contain()
	t.Run()
}

// enter puts s in the table, so that what the peer says of it, and the end of the connection, reach it. If the
// connection has ended already, so has s.
func (c *Conn) enter(s *stream) {
	c.smu.Lock()
	c.enterLocked(s)
	id, err := s.id, c.s.err
	c.smu.Unlock()
	if err != nil {
		c.endStream(id, err)
	}
}

// enterLocked puts s in the table. The stream lock is held.
func (c *Conn) enterLocked(s *stream) {
	if !s.over && !s.inTable {
		s.inTable, s.entered = true, true
		c.s.table.put(s)
		if c.s.running == s { // its response waits for window; the goroutine that has s before it enters has the reading role
			c.s.running = nil
		}
	}
}

// Expect implements protocol.Exchange.
func (x exchange) Expect(rest bool) {
	if x.p == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.p.rest = rest; rest {
		x.p.serial++
	}
}

// HeaderLimit implements protocol.Exchange.
func (x exchange) HeaderLimit() int { return int(x.c.peerList.Load()) }

// SendHead implements protocol.Exchange.
func (x exchange) SendHead(h protocol.Section) error {
	c := x.c
	c.w.Lock()
	if err := x.mayNotSend(); err != nil {
		c.w.Unlock()
		return err
	}
	switch status := h.StatusCode(); {
	case status >= 100 && status < 200:
		c.w.Unlock()
		return fairlead.Errorf(fairlead.Internal, "a response's head cannot have the status %d", status)
	case hasNoContent(status):
		x.noBody = true
	case status < 300 && x.awaits100:
		c.appendContinue(x.stream) // the body is wanted, or the protocol would have sent the whole response
	}
	c.appendHeaders(x.stream, &h, -1, false)
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// hasNoContent reports whether responses with a status have no body (RFC 9110, section 6.4.1).
func hasNoContent(status int) bool { return status == 204 || status == 304 }

// Inform implements protocol.Exchange.
func (x exchange) Inform(status int, fields *fairlead.Metadata) error {
	c := x.c
	if status < 100 || status > 199 || status == 101 {
		return fairlead.Errorf(fairlead.Internal, "%d is not the status of an interim response", status)
	}
	c.w.Lock()
	err := x.mayNotSend()
	if err == nil && x.headSent {
		err = fairlead.Errorf(fairlead.Internal, "interim response after the response's head")
	}
	if err != nil {
		c.w.Unlock()
		return err
	}
	if status == 100 {
		x.awaits100 = false
	}
	c.appendHeaders(x.stream, &protocol.Section{Status: status, Extra: fields}, -1, false)
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// proceed tells a client that waits for it to send the body of its request (RFC 9110, section 10.1.1), unless the
// response has begun.
func (c *Conn) proceed(s *stream) {
	c.w.Lock()
	if !s.awaits100 || s.headSent || s.mayNotSend() != nil {
		c.w.Unlock()
		return
	}
	c.appendContinue(s)
	c.w.UnlockFlush(combine.Spawn)
}

// appendContinue appends the status 100. The write lock is held.
func (c *Conn) appendContinue(s *stream) {
	s.awaits100 = false
	c.appendHeaders(s, &protocol.Section{Status: 100}, -1, false)
}

// Trailer implements protocol.Exchange.
func (x exchange) Trailer() *protocol.Head {
	if x.p == nil {
		return x.after
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.p.respTrailer
}

// Reply implements protocol.Exchange.
func (x exchange) Reply(r *protocol.Reply) error {
	s, c := x.stream, x.c
	last := r.Trailer.Empty()
	var beside *buffer.Buf
	var err error
	if last && !r.Head.Empty() {
		// The head has the length of the body. So the message is encoded first: behind the head an error could not be
		// reported.
		if beside, err = c.encodeFirst(&r.Message); err != nil {
			return err
		}
	} else {
		beside, err = c.encodeBeside(&r.Message)
	}
	c.w.Lock()
	if c.gone(s) {
		c.w.Unlock()
		buffer.Put(beside)
		s.leave()
		return nil
	}
	if !r.Head.Empty() {
		none := hasNoContent(r.Head.StatusCode())
		s.noBody = s.noBody || none
		length := -1
		if last && !none {
			length = len(r.Tail)
			if beside != nil {
				length += len(beside.B)
			} else {
				length += bodyLen(&r.Message)
			}
		}
		alone := s.noBody || last && length == 0
		c.appendHeaders(s, &r.Head, length, alone)
		if alone {
			buffer.Put(beside)
			c.localEnd(s)
			c.answered(s)
			return nil
		}
	}
	if s.noBody {
		buffer.Put(beside)
		c.endBody(s, true)
		c.answered(s)
		return nil
	}
	if err == nil {
		err = c.appendMessage(s, &r.Message, beside, last && len(r.Tail) == 0)
	}
	if err == nil && len(r.Tail) > 0 {
		err = c.appendMessage(s, &protocol.Message{Bytes: r.Tail}, nil, last)
	}
	if err != nil {
		c.w.UnlockFlush(combine.Yield)
		return err
	}
	s.replied = true
	if last {
		c.endBody(s, false)
	} else {
		c.endResponse(s, &r.Trailer)
	}
	c.answered(s)
	return nil
}

// Finish implements protocol.Exchange.
func (x exchange) Finish(t protocol.Section) {
	s, c := x.stream, x.c
	c.w.Lock()
	if c.gone(s) {
		c.w.Unlock()
		s.leave()
		return
	}
	c.endResponse(s, &t)
	c.answered(s)
}

// gone reports whether there is nobody left to answer. The write lock is held.
func (c *Conn) gone(s *stream) bool {
	c.smu.Lock()
	defer c.smu.Unlock()
	if c.w.Err() != nil {
		c.finish(s) // out of the table, where the connection's end would have found it
		s.dropOut()
	}
	c.returned(s)
	return s.over
}

// answered flushes a complete response and lets go of the stream. The write lock is held, and released.
func (c *Conn) answered(s *stream) {
	waiting := s.out != nil
	if waiting {
		c.smu.Lock()
		c.enterLocked(s) // WINDOW_UPDATEs must find it
		c.smu.Unlock()
	}
	pulled := s.p != nil // what waits may be sent and s be recycled as soon as the lock is released
	c.w.UnlockFlush(combine.Yield)
	if pulled || !waiting {
		s.leave()
	}
}

// leave is the end of a stream for the goroutine that answered it.
func (s *stream) leave() {
	if s.p == nil {
		s.recycle()
		return
	}
	s.endRead(errSendAfterEnd, nil)
	s.dropBody(true)
}

// serveOpen runs a protocol's Stream.
func (c *Conn) serveOpen(s *stream) {
	defer c.contain()
	x := exchange{s}
	defer func() {
		c.w.Lock()
		ending := s.endAfterOut
		c.w.Unlock()
		if !ending {
			x.Reset(protocol.ResetInternal, errAbandoned) // nothing, if it was ended as it should
		}
	}()
	s.app.Stream(x)
}

var errAbandoned = fairlead.Errorf(fairlead.Internal, "the protocol left the exchange without an answer")
