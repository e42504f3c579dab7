package http2

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// ClientConn is a Conn in the client's role.
type ClientConn struct{ *Conn }

var _ protocol.HTTPConn = ClientConn{}

// Ready waits for the server's first SETTINGS: before them a client does not know how many streams it may open, nor
// whether anybody is there who speaks HTTP/2. It closes the connection when ctx ends first.
func (c ClientConn) Ready(ctx context.Context) error {
	select {
	case <-c.cl.ready:
		return nil
	case <-c.cl.failed:
		return c.Err()
	case <-ctx.Done():
		c.Close(ctx.Err())
		return fmt.Errorf("no answer to HTTP/2's preface: %w", ctx.Err())
	}
}

// Drain implements protocol.HTTPConn.
func (c ClientConn) Drain() {
	c.smu.Lock()
	c.s.draining = true
	idle := c.s.open == 0
	c.smu.Unlock()
	c.stopTaking()
	if idle {
		c.finishIfDrained()
	}
}

// Close implements protocol.HTTPConn; it waits for the reading goroutine, which fails the calls under way.
func (c ClientConn) Close(cause error) {
	c.Conn.Close(cause)
	<-c.cl.failed
}

// Freed implements protocol.HTTPConn.
func (c ClientConn) Freed() <-chan struct{} { return c.cl.freed }

// Closed implements protocol.HTTPConn.
func (c ClientConn) Closed() <-chan struct{} { return c.cl.closing }

// Done implements protocol.HTTPConn.
func (c ClientConn) Done() <-chan struct{} { return c.cl.failed }

// Err implements protocol.HTTPConn.
func (c ClientConn) Err() error {
	c.smu.Lock()
	defer c.smu.Unlock()
	if c.s.away != nil && (c.s.err == nil || errors.Is(c.s.err, io.EOF)) {
		return c.s.away
	}
	return c.s.err
}

// Limit implements protocol.Limited.
func (c ClientConn) Limit() int {
	c.smu.Lock()
	defer c.smu.Unlock()
	return c.s.peerMax
}

// Free implements protocol.HTTPConn.
func (c ClientConn) Free() int {
	c.smu.Lock()
	defer c.smu.Unlock()
	if c.s.draining || c.s.err != nil {
		return 0
	}
	return max(0, c.s.peerMax-c.s.open)
}

// signalFreed tells one who waits for a stream. The stream lock is held.
func (c *Conn) signalFreed() {
	select {
	case c.cl.freed <- struct{}{}:
	default:
	}
}

// admit takes a place for a new stream and gives it its id. Write lock and stream lock are held.
func (c *Conn) admit(s *stream) bool {
	st := &c.s
	switch {
	case st.draining || st.err != nil || c.w.err != nil || c.w.nextID > maxWindow-2:
		return false
	case st.open >= st.peerMax:
		st.full = true
		return false
	}
	s.id = c.w.nextID
	c.w.nextID += 2
	st.open++
	s.inTable = true
	st.table.put(s)
	if st.full && st.open < st.peerMax {
		c.signalFreed() // there is room for one more of those who may wait
	}
	return true
}

// Do implements protocol.HTTPConn.
func (c ClientConn) Do(req *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	s := newStream(c.Conn, 0)
	s.recv = r
	if err := c.begin(s, req, true); err != nil {
		return 0, err
	}
	id := s.id
	c.unlockFlush(byCaller)
	return protocol.Ticket(id), nil
}

// Open implements protocol.HTTPConn.
func (c ClientConn) Open(req *protocol.Request) (protocol.ClientExchange, error) {
	s := newStream(c.Conn, 0)
	s.pull()
	s.p.headReady = make(chan struct{})
	if err := c.begin(s, req, req.Last); err != nil {
		return nil, err
	}
	by := bySpawn
	if req.Last {
		by = byCaller
	}
	c.unlockFlush(by)
	return clientExchange{s}, nil
}

// begin sends the head of a request and its message. On success the write lock is held when it returns.
func (c *Conn) begin(s *stream, req *protocol.Request, last bool) error {
	if err := c.listTooLong(req); err != nil {
		s.recycle()
		return err
	}
	m := req.Message
	var beside *buffer.Buf
	if m != nil {
		var err error
		if beside, err = encodeBeside(m); err != nil {
			s.recycle()
			return err
		}
	}
	s.noBody = req.Verb == "HEAD"
	c.wmu.Lock()
	c.smu.Lock()
	if !c.admit(s) {
		c.smu.Unlock()
		c.wmu.Unlock()
		buffer.Put(beside)
		s.recycle()
		return protocol.ErrFull
	}
	c.smu.Unlock()
	buf := c.writeBuf()
	at := c.beginHeaders(buf, s, last && m == nil)
	if req.Verb != "" || req.Path != "" {
		buf.B = c.w.enc.target(buf.B, req.Verb, req.Path, req.Query)
	}
	if req.Head != nil {
		buf.B = c.w.enc.block(buf.B, req.Head)
	}
	if req.Name != "" {
		buf.B = c.w.enc.transient(buf.B, req.Name, req.Value)
	}
	if req.Extra != nil && req.Extra.Len() > 0 {
		buf.B = c.w.enc.metadata(buf.B, req.Extra, req.Base64)
	}
	c.endHeaders(buf, at, s.id)
	if m != nil {
		if err := c.appendMessage(s, m, beside, last); err != nil {
			// The head has changed HPACK's table and cannot be taken back.
			buf.B = appendReset(buf.B, s.id, protocol.ResetCancel)
			c.smu.Lock()
			c.finish(s)
			c.smu.Unlock()
			c.unlockFlush(bySpawn)
			return err
		}
	}
	if last {
		c.endBody(s, false)
	}
	return nil
}

// listTooLong returns an error for a request whose header list is longer than the server said it takes.
func (c *Conn) listTooLong(req *protocol.Request) error {
	limit := int(c.peerList.Load())
	if limit == 0 {
		return nil
	}
	n := requestSize(req)
	if n <= limit {
		return nil
	}
	c.cfg.Guard.Note(protocol.PeerHeaderLimit)
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"the request's metadata makes a header list of %d bytes, and the server takes %d (SETTINGS_MAX_HEADER_LIST_SIZE)",
		n, limit)
}

// requestSize returns the length of a request's header list, in bytes as RFC 9113 counts them in section 6.5.2.
func requestSize(req *protocol.Request) (n int) {
	if req.Head != nil {
		n = req.Head.Size()
	}
	if req.Verb != "" {
		n += len(":method") + len(req.Verb) + protocol.FieldOverhead
	}
	if req.Path != "" {
		n += len(":path") + len(req.Path) + protocol.FieldOverhead
		if req.Query != "" {
			n += 1 + len(req.Query)
		}
	}
	if req.Name != "" {
		n += len(req.Name) + len(req.Value) + protocol.FieldOverhead
	}
	if req.Extra != nil {
		n += protocol.FieldsSize(req.Extra, req.Base64)
	}
	return n
}

// Cancel implements protocol.HTTPConn.
func (c ClientConn) Cancel(t protocol.Ticket, code protocol.ResetCode) bool {
	id := uint32(t)
	c.wmu.Lock()
	c.smu.Lock()
	s := c.s.table.get(id)
	if s == nil || s.over {
		c.smu.Unlock()
		c.wmu.Unlock()
		return false
	}
	c.finish(s)
	c.smu.Unlock()
	s.dropOut()
	if c.w.err == nil {
		b := c.writeBuf()
		b.B = appendReset(b.B, id, code)
	}
	c.unlockFlush(bySpawn)
	s.mu.Lock() // waits for the reading goroutine, if it is in the receiver
	s.recv = nil
	s.mu.Unlock()
	return true
}

// clientExchange is a pulled stream as a client's protocols see it.
type clientExchange struct{ *stream }

var _ protocol.ClientExchange = clientExchange{}

// HeadReady implements protocol.ClientExchange.
func (x clientExchange) HeadReady() <-chan struct{} { return x.p.headReady }

// Head implements protocol.ClientExchange.
func (x clientExchange) Head() (h *protocol.Head, headEnds bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.p.respHead, x.p.headEnds
}

// Trailer implements protocol.ClientExchange.
func (x clientExchange) Trailer() *protocol.Head {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.p.respTrailer
}

// lookup finds the stream of a response. A nil stream is one that was given up.
func (c *Conn) lookup(id uint32) (*stream, error) {
	if s := c.r.cur; s != nil && s.id == id {
		return s, nil
	}
	c.smu.Lock()
	s := c.s.table.get(id)
	c.smu.Unlock()
	if s == nil {
		return nil, c.checkOpened(id)
	}
	c.r.cur = s
	return s, nil
}

// responseHead takes the head or the trailer of a response.
func (c *Conn) responseHead(id uint32, end bool) error {
	s, err := c.lookup(id)
	if s == nil {
		return err
	}
	h := &c.r.head.h
	switch {
	case !s.headSeen && h.Status >= 100 && h.Status < 200:
		if end {
			c.failOne(s, protocol.ResetProtocolError, "interim response that ends the stream")
		}
		c.r.guard.draw(protocol.FloodHeaders, 1)
		return nil // interim, of no use to anybody here (RFC 9110, section 15.2)
	case s.headSeen && !end:
		c.failOne(s, protocol.ResetProtocolError, "trailer that does not end the stream")
		return nil
	case !s.headSeen:
		s.headSeen = true
		s.length = c.r.head.length
		if s.noBody || hasNoContent(h.Status) {
			s.length = -1 // what it says is about a body that is not sent (RFC 9110, section 8.6)
		}
		if end && s.isLengthWrong() {
			c.failOne(s, protocol.ResetProtocolError, reasonLength)
			return nil
		}
		if s.p != nil {
			own := *h
			own.Fields = own.Fields.Clone()
			s.mu.Lock()
			s.p.respHead, s.p.headEnds = &own, end
			s.p.announceHead()
			s.mu.Unlock()
		} else {
			s.mu.Lock()
			if s.recv != nil {
				s.recv.Head(h, end)
			}
			s.mu.Unlock()
		}
		if end {
			c.responseEnd(s, nil)
		}
	case s.isLengthWrong():
		c.failOne(s, protocol.ResetProtocolError, reasonLength)
	default:
		c.responseEnd(s, h)
	}
	return nil
}

// responseEnd is the proper end of a response.
func (c *Conn) responseEnd(s *stream, trailer *protocol.Head) {
	c.r.cur = nil
	c.smu.Lock()
	if s.over {
		c.smu.Unlock()
		return // given up
	}
	s.remoteDone = true
	sent := s.localDone
	if sent {
		c.finish(s)
	}
	c.smu.Unlock()
	if !sent {
		// The server has answered without the rest of the request: it will not be sent (RFC 9113, section 8.1).
		c.wmu.Lock()
		c.smu.Lock()
		if s.over {
			c.smu.Unlock()
			c.wmu.Unlock()
			return
		}
		sent = s.localDone
		c.finish(s)
		c.smu.Unlock()
		s.dropOut()
		s.sendErr = io.EOF
		if s.p != nil {
			s.p.canSend.Broadcast()
		}
		if !sent && c.w.err == nil {
			b := c.writeBuf()
			b.B = appendReset(b.B, s.id, protocol.ResetCancel)
		}
		c.unlockFlush(bySpawn)
	}
	if s.p == nil {
		s.endPush(trailer, nil)
		s.recycle()
		return
	}
	if trailer != nil {
		own := *trailer
		own.Fields = own.Fields.Clone()
		trailer = &own
	}
	s.endRead(io.EOF, trailer)
}

// endPush calls the receiver's End, once.
func (s *stream) endPush(trailer *protocol.Head, err error) {
	s.mu.Lock()
	r := s.recv
	s.recv = nil
	s.mu.Unlock()
	if r != nil {
		r.End(trailer, err)
	}
}

// forget drops the stream that the reading role keeps at hand, if it is that one.
func (c *Conn) forget(id uint32) {
	if c.r.cur != nil && c.r.cur.id == id {
		c.r.cur = nil
	}
}

// failOne ends one stream because of what the peer did on it (RFC 9113, section 5.4.2).
func (c *Conn) failOne(s *stream, code protocol.ResetCode, reason string) {
	c.forget(s.id)
	c.smu.Lock()
	over := s.over
	c.smu.Unlock()
	if over {
		return // a client's user has given it up meanwhile, and it was reset then
	}
	c.debug("stream error", "stream", s.id, "reason", reason)
	c.sendReset(s.id, code)
	cause := fairlead.Errorf(fairlead.Internal, "%s", reason)
	c.endStream(s.id, &protocol.Failure{Kind: protocol.FailedViolation, Code: code, Cause: cause})
}

// responseData takes a part of a response's body.
func (c *Conn) responseData(id uint32, p []byte, padded int, end bool) error {
	s, err := c.lookup(id)
	if s == nil {
		return err
	}
	if !s.headSeen {
		c.failOne(s, protocol.ResetProtocolError, "DATA before HEADERS")
		return nil
	}
	s.arrived += int64(len(p))
	c.count(s, int64(len(p)))
	if s.p != nil {
		return c.pulledData(s, p, padded, end)
	}
	if s.overWindow(len(p) + padded) {
		c.failOne(s, codeWindow, reasonWindow)
		return nil
	}
	s.mu.Lock()
	if s.recv == nil {
		s.mu.Unlock()
		c.r.cur = nil
		return nil
	}
	if s.length >= 0 && (s.arrived > s.length || end && s.arrived < s.length) {
		s.mu.Unlock()
		c.failOne(s, protocol.ResetProtocolError, reasonLength)
		return nil
	}
	ok := s.recv.Data(p)
	s.mu.Unlock()
	if !ok {
		c.r.cur = nil
		if c.cancelPush(id) {
			s.endPush(nil, nil)
		}
		return nil
	}
	if end {
		c.responseEnd(s, nil)
		return nil
	}
	// What was pushed is consumed.
	if s.uncredit += int64(len(p) + padded); s.uncredit >= c.est.window.Load()/4 {
		c.creditStream(id, s.uncredit)
		s.uncredit = 0
	}
	return nil
}

// cancelPush gives up a stream whose receiver wants no more.
func (c *Conn) cancelPush(id uint32) bool {
	c.wmu.Lock()
	c.smu.Lock()
	s := c.s.table.get(id)
	if s == nil {
		c.smu.Unlock()
		c.wmu.Unlock()
		return false
	}
	c.finish(s)
	c.smu.Unlock()
	s.dropOut()
	b := c.writeBuf()
	b.B = appendReset(b.B, id, protocol.ResetCancel)
	c.unlockFlush(bySpawn)
	return true
}

// goaway takes the server's GOAWAY: no new streams, and those above its last id were not taken (RFC 9113, section 6.8).
func (c *Conn) serverGoaway(last uint32, code protocol.ResetCode, debug string) {
	f := &protocol.Failure{Kind: protocol.FailedGoaway, Code: code, Reach: fairlead.Refused}
	if debug != "" {
		f.Cause = fmt.Errorf("%q", debug)
	}
	c.smu.Lock()
	c.s.draining, c.s.away = true, f
	if code == protocol.ResetEnhanceCalm && debug == tooManyPings {
		c.s.complained = true
	}
	var refused []uint32
	for _, s := range c.s.table.all() {
		if s.id > last {
			refused = append(refused, s.id)
		}
	}
	idle := c.s.open == 0
	c.smu.Unlock()
	c.debug("GOAWAY received", "code", code, "last", last, "debug", debug)
	c.stopTaking()
	c.r.cur = nil
	for _, id := range refused {
		c.endStream(id, f)
	}
	if idle {
		c.finishIfDrained()
	}
}
