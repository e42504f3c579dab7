package http1

import (
	"context"
	"io"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// errEOF is the proper end of a body.
var errEOF = io.EOF

// ServerConn is a Conn in the server's role.
type ServerConn struct{ *Conn }

var (
	_ protocol.ServerConn = ServerConn{}
	_ protocol.CallLister = ServerConn{}
)

// Drain implements protocol.ServerConn. HTTP/1 cannot ask a client to open no more exchanges on a connection but in a
// response, so an idle connection goes on until the drain is final.
func (c ServerConn) Drain(final bool) {
	c.w.Lock()
	defer c.w.Unlock()
	c.draining = true
	if final && !c.final && c.hijacked == nil {
		c.final = true
		_ = c.tc.SetReadDeadline(past) // wakes the reading role, which ends the connection if it is idle
	}
}

// Calls implements protocol.CallLister. The call of a handler that runs in the reading goroutine is among them only
// once the watch has seen that it takes long.
func (c ServerConn) Calls() []*fairlead.Call {
	c.w.Lock()
	defer c.w.Unlock()
	if c.cur == nil || c.cur.call == nil {
		return nil
	}
	return []*fairlead.Call{c.cur.call}
}

// exchange is a stream as a server's protocols see it. It is one pointer, so that it fits an interface without an
// allocation.
type exchange struct{ *stream }

var (
	_ protocol.Exchange = exchange{}
	_ protocol.Hijacker = exchange{}
)

// Head implements protocol.Exchange.
func (x exchange) Head() *protocol.Head { return x.head }

// Peer implements protocol.Exchange.
func (x exchange) Peer() *fairlead.Peer { return x.c.peer }

// HeaderLimit implements protocol.Exchange: HTTP/1 has no means to say it.
func (x exchange) HeaderLimit() int { return 0 }

// SetCall implements protocol.Exchange.
func (x exchange) SetCall(call *fairlead.Call) {
	if !x.entered { // nobody else can reach the stream yet
		x.call = call
		return
	}
	c := x.c
	c.w.Lock()
	x.call = call
	gone := c.gone || c.err != nil
	c.w.Unlock()
	if gone {
		call.Wire().Cancel(context.Canceled)
	}
}

// Expect implements protocol.Exchange.
func (x exchange) Expect(rest bool) {
	if x.p == nil {
		return
	}
	x.c.w.Lock()
	defer x.c.w.Unlock()
	if x.p.rest = rest; rest {
		x.p.serial++
	}
}

// Trailer implements protocol.Exchange.
func (x exchange) Trailer() *protocol.Head {
	if x.p == nil {
		return x.after
	}
	x.c.w.Lock()
	defer x.c.w.Unlock()
	return x.after
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
	if err != nil || x.old { // RFC 9110, section 15.2
		c.w.Unlock()
		return err
	}
	if status == 100 {
		x.awaits100 = false
	}
	b := c.w.Buf()
	b.B = appendSection(b.B, &protocol.Section{Status: status, Extra: fields})
	b.B = append(b.B, "\r\n"...)
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// proceed tells a client that waits for it to send the body of its request (RFC 9110, section 10.1.1), unless the
// response has begun. The lock is held.
func (s *stream) proceed() {
	c := s.c
	if !s.awaits100 || s.headSent || s.mayNotSend() != nil {
		return
	}
	s.awaits100 = false
	b := c.w.Buf()
	b.B = append(b.B, "HTTP/1.1 100 Continue\r\n\r\n"...)
	c.w.UnlockFlush(combine.Spawn)
	c.w.Lock()
}

// SendHead implements protocol.Exchange.
func (x exchange) SendHead(h protocol.Section) error {
	c := x.c
	c.w.Lock()
	err := x.mayNotSend()
	status := h.StatusCode()
	switch {
	case err != nil:
	case x.headSent:
		err = fairlead.Errorf(fairlead.Internal, "the response's head was sent before")
	case status == 101 && (x.head.Protocol == "" || x.old || !x.remoteDone),
		status >= 100 && status < 200 && status != 101:
		err = fairlead.Errorf(fairlead.Internal, "a response's head cannot have the status %d here", status)
	}
	if err != nil {
		c.w.Unlock()
		return err
	}
	if status < 300 && x.awaits100 && x.p != nil && x.p.got == 0 && status != 101 && !hasNoContent(status) {
		x.proceed() // the body is wanted, or the protocol would have sent the whole response
	}
	x.appendHead(&h, -1, false)
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// appendHead appends the head of a response. With complete, the body has length bytes, or is chunked if length is -1,
// and what follows is all of it. The lock is held.
func (s *stream) appendHead(sec *protocol.Section, length int64, complete bool) {
	c := s.c
	status := sec.StatusCode()
	s.headSent = true
	switched := status == 101 || s.connect && status >= 200 && status < 300
	s.noBody = s.bare || hasNoContent(status)
	declared := declaredLength(sec)
	switch {
	case switched:
		s.out, s.last = bodyRaw, true
		s.remoteDone = false
		if s.p != nil && s.p.readErr == errEOF { //nolint:errorlint // it is bare
			s.p.readErr = nil
		}
		if c.peeks {
			c.wake()
		}
		c.changed.Broadcast()
	case hasNoContent(status):
		s.out, length = bodyNone, -1
	case declared >= 0 && (s.bare || !complete): // HEAD: the length that GET would have (RFC 9110, section 8.6)
		s.out, s.left, length = bodyLength, declared, declared
	case length >= 0:
		s.out, s.left = bodyLength, length
	case s.bare && complete:
		s.out = bodyNone
	case s.old:
		s.out, s.last = bodyClose, true
	default:
		s.out = bodyChunked
	}
	s.last = s.last || c.draining || closing(sec) || s.connect
	if !s.remoteDone && (s.awaits100 || complete && c.unread(s)) && !switched {
		s.last = true
	}
	buf := c.w.Buf()
	b := appendSection(buf.B, sec)
	if !sec.Bare {
		b = appendDate(b)
	}
	if s.answer != nil {
		b = appendMetadata(b, s.answer, false)
	}
	switch {
	case status == 101:
		b = appendField(append(b, "connection: upgrade\r\n"...), "upgrade", s.head.Protocol)
	case switched:
	case s.out == bodyChunked:
		b = append(b, "transfer-encoding: chunked\r\n"...)
	case length >= 0:
		b = appendLength(b, length)
	}
	switch {
	case switched:
	case s.last:
		b = append(b, "connection: close\r\n"...)
	case s.old:
		b = append(b, "connection: keep-alive\r\n"...)
	}
	b = append(b, "\r\n"...)
	buf.B = b
	if s.noBody {
		s.out = bodyNone
	}
}

// unread reports whether so much of a request is still to come, when it is answered, that the connection is better
// closed.
func (c *Conn) unread(s *stream) bool {
	if n := declaredRequest(s.head); n >= 0 {
		return n > lastBytes
	}
	return false
}

// declaredRequest returns the content-length of a request, -1 for none.
func declaredRequest(h *protocol.Head) int64 {
	v := h.Fields.Get("content-length")
	if v == "" {
		return -1
	}
	n, _ := digits([]byte(v), 10)
	return n
}

// Reply implements protocol.Exchange.
func (x exchange) Reply(r *protocol.Reply) error {
	s, c := x.stream, x.c
	beside, err := c.encodeBeside(&r.Message)
	if err != nil && !r.Head.Empty() && r.Trailer.Empty() {
		return err
	}
	c.w.Lock()
	if s.leftBehind() {
		buffer.Put(beside)
		return nil
	}
	last := r.Trailer.Empty()
	buf := c.w.Buf()
	at := len(buf.B)
	if !r.Head.Empty() {
		length := int64(-1)
		if last || s.old {
			length = int64(len(r.Tail))
			if beside != nil {
				length += int64(len(beside.B))
			} else {
				length += int64(bodyLen(&r.Message))
			}
		}
		s.appendHead(&r.Head, length, true)
	}
	if err == nil {
		err = s.appendReply(r, beside)
	} else {
		buffer.Put(beside)
	}
	if err != nil {
		if last && !r.Head.Empty() {
			buf.B = buf.B[:at] // nothing was sent
			s.headSent, s.out, s.left = false, bodyNone, -1
			c.w.Unlock()
			return err
		}
		s.flush()
		return err
	}
	s.end(&r.Trailer)
	return nil
}

// appendReply appends the body of a reply. The lock is held.
func (s *stream) appendReply(r *protocol.Reply, beside *buffer.Buf) error {
	if s.out == bodyNone {
		buffer.Put(beside)
		return nil
	}
	if err := s.appendPart(&r.Message, beside); err != nil {
		return err
	}
	if len(r.Tail) > 0 {
		return s.appendPart(&protocol.Message{Bytes: r.Tail}, nil)
	}
	return nil
}

// Finish implements protocol.Exchange.
func (x exchange) Finish(t protocol.Section) {
	x.c.w.Lock()
	if x.leftBehind() {
		return
	}
	if !x.headSent {
		x.appendHead(&t, x.emptyLength(t.StatusCode()), true)
		t = protocol.Section{}
	}
	x.end(&t)
}

// emptyLength is the length of a response that is a head alone, -1 if it does not say.
func (s *stream) emptyLength(status int) int64 {
	if s.bare || hasNoContent(status) {
		return -1
	}
	return 0
}

// leftBehind reports whether there is nobody left to answer, and then releases the lock, which is held.
func (s *stream) leftBehind() bool {
	c := s.c
	if !s.over.Load() && c.w.Err() == nil {
		return false
	}
	s.done(true)
	c.w.Unlock()
	return true
}

// end ends the response, and releases the lock, which is held.
func (s *stream) end(t *protocol.Section) {
	if !t.Empty() {
		s.endBody(t)
	} else {
		s.endBody(nil)
	}
	s.done(true)
	s.flush()
}

// flush writes what was appended, and releases the lock, which is held. What the reading goroutine appends it writes
// itself, at the end of its batch. The stream may be in use again when flush returns.
func (s *stream) flush() {
	c := s.c
	if !s.entered && c.w.Len() < flushAbove {
		c.w.Unlock()
		return
	}
	c.w.UnlockFlush(combine.Now)
}

// flushAbove is the amount of waiting bytes at which a batch is written before its end.
const flushAbove = 64 << 10

// done ends the exchange. With own, it is the protocol that ends it, and nobody uses what Read returned. The lock is
// held.
func (s *stream) done(own bool) {
	c := s.c
	if s.over.Load() {
		return
	}
	s.localDone = true
	s.last = s.last || c.draining
	if !s.remoteDone && !s.last {
		s.discards = true
		_ = c.tc.SetReadDeadline(time.Now().Add(lastWords)) // for the rest of the request
	}
	if s.last {
		c.ending = true
		c.w.FinishWritten()
	}
	if c.cur == s {
		c.cur = nil
	}
	s.over.Store(true)
	if s.p != nil {
		s.endRead(errSendAfterEnd)
		s.dropBody(own)
	}
	if c.peeks {
		c.wake()
	}
	c.changed.Broadcast()
}

// wake wakes the reading goroutine, which waits for the transport. The lock is held.
func (c *Conn) wake() {
	c.peeks = false
	_ = c.tc.SetReadDeadline(past)
}

// Reset implements protocol.Pipe. HTTP/1 can only end the connection: what was sent of the response is cut off.
func (s *stream) Reset(_ protocol.ResetCode, cause error) {
	c := s.c
	c.w.Lock()
	if s.over.Load() {
		if c.client {
			s.dropUnread(cause)
		}
		c.w.Unlock()
		return
	}
	if c.client {
		s.giveUp(cause)
		return
	}
	s.sendErr, s.last = cause, true
	s.endRead(cause)
	s.done(true)
	c.w.UnlockFlush(combine.Spawn)
}

// serveOpen runs a protocol's Stream.
func (c *Conn) serveOpen(s *stream) {
	defer c.contain()
	x := exchange{s}
	defer func() {
		x.Reset(protocol.ResetInternal, errAbandoned) // nothing, if it was ended as it should
	}()
	s.app.Stream(x)
}

var errAbandoned = fairlead.Errorf(fairlead.Internal, "the protocol left the exchange without an answer")
