package http2

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
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
		turn := c.r.turn
		if !s.inTable {
			c.s.running = s // the role's until the handler answers; whoever takes the role over puts s in the table
		}
		if !c.lease.Run(t) {
			turn.lost = true
		}
		return
	}
	c.enter(s)
	go t.Run()
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
		if c.s.running == s { // its response waits for window; whoever has it before it enters has the reading role
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
	c.wmu.Lock()
	if err := x.mayNotSend(); err != nil {
		c.wmu.Unlock()
		return err
	}
	if hasNoContent(h.Status) {
		x.noBody = true
	}
	c.appendHeaders(x.stream, &h, -1, false)
	c.unlockFlush(bySpawn)
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
	c.wmu.Lock()
	err := x.mayNotSend()
	if err == nil && x.headSent {
		err = fairlead.Errorf(fairlead.Internal, "interim response after the response's head")
	}
	if err != nil {
		c.wmu.Unlock()
		return err
	}
	c.appendHeaders(x.stream, &protocol.Section{Status: status, Extra: fields, NoDate: true}, -1, false)
	x.headSent = false
	c.unlockFlush(bySpawn)
	return nil
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
	beside, err := encodeBeside(&r.Message)
	c.wmu.Lock()
	if c.gone(s) {
		c.wmu.Unlock()
		buffer.Put(beside)
		s.recycle()
		return nil
	}
	last := r.Trailer.Empty()
	if !r.Head.Empty() {
		none := hasNoContent(r.Head.Status)
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
		c.appendHeaders(s, &r.Head, length, false)
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
		c.unlockFlush(byCaller)
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
	c.wmu.Lock()
	if c.gone(s) {
		c.wmu.Unlock()
		s.leave()
		return
	}
	c.endResponse(s, &t)
	c.answered(s)
}

// gone says whether there is nobody to answer any more. The write lock is held.
func (c *Conn) gone(s *stream) bool {
	c.smu.Lock()
	defer c.smu.Unlock()
	if c.w.err != nil {
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
	c.unlockFlush(byCaller)
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
	x := exchange{s}
	defer func() {
		c.wmu.Lock()
		ending := s.endAfterOut
		c.wmu.Unlock()
		if !ending {
			x.Reset(protocol.ResetInternal, errAbandoned) // nothing, if it was ended as it should
		}
	}()
	s.app.Stream(x)
}

var errAbandoned = fairlead.Errorf(fairlead.Internal, "the protocol left the exchange without an answer")
