package http2

import (
	"io"
	"strings"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// requestHead takes a request whose head has arrived.
func (c *Conn) requestHead(id uint32, end bool) {
	h := c.r.head
	c.smu.Lock()
	c.s.lastPeer = id
	drained, over := c.s.draining, c.s.open+c.s.orphans >= c.cfg.MaxStreams
	if !drained && !over {
		c.s.open++
	}
	c.smu.Unlock()
	switch {
	case drained:
		return // above the last id of our GOAWAY: the client knows that it was not taken
	case over:
		c.sendReset(id, protocol.ResetRefused)
		return
	}
	s := newStream(c, id)
	s.length, s.head, s.remoteDone, s.noBody = h.length, &h.h, end, h.h.Verb == "HEAD"
	s.connect = h.h.Verb == "CONNECT"
	s.awaits100 = h.h.Expect100 && !end && !s.connect
	if r := h.h.Route; r == nil || len(r.Method.Path) != len(h.h.Path) {
		h.h.Path, h.h.Query, _ = strings.Cut(h.h.Path, "?")
	}
	h.h.TooLarge, h.h.NoBody = h.tooLarge, end
	app, mode := c.selector.Select(&h.h)
	s.app, s.answer = app, h.h.Answer
	switch {
	case h.tooLarge:
		c.cfg.Guard.Note(protocol.HeaderListLimit)
		c.open(s, end) // what follows the head is not worth waiting for
	case mode == protocol.Complete && !end:
		c.r.cur = s
	case mode == protocol.Complete:
		if c.lengthWrong(s) {
			return
		}
		c.whole(s, nil)
	default:
		c.open(s, end)
	}
}

// open gives a request to its protocol in a goroutine of its own.
func (c *Conn) open(s *stream, end bool) {
	c.own(s)
	c.smu.Lock()
	s.pull()
	s.remoteDone = end
	over := s.over
	c.smu.Unlock()
	if over {
		s.dropBody(true) // the connection was closed
		return
	}
	if end {
		s.p.readErr = io.EOF
	}
	c.enter(s)
	go c.serveOpen(s)
}

// own gives s a head of its own instead of the connection's scratch.
func (c *Conn) own(s *stream) {
	if c.r.head == nil || s.head != &c.r.head.h {
		return
	}
	h := *s.head
	h.Fields = h.Fields.Clone()
	if h.Timeout != nil {
		h.Timeout = append([]byte(nil), h.Timeout...)
	}
	s.head = &h
}

// park puts the stream whose head came last in the table, because something else comes before its body is complete.
func (c *Conn) park() {
	s := c.r.cur
	if s == nil || c.client {
		return
	}
	c.r.cur = nil
	c.own(s)
	c.unfinished(s)
	c.enter(s)
}

// requestData takes a part of a request's body.
func (c *Conn) requestData(id uint32, p []byte, padded int, end bool) error {
	if s := c.r.cur; s != nil && s.id == id && end && s.body == nil {
		// The usual case: the body is this one frame, and is decoded where it was read.
		c.r.cur = nil
		s.arrived = int64(len(p))
		s.remoteDone = true
		if c.lengthWrong(s) {
			return nil
		}
		c.whole(s, p)
		return nil
	}
	if c.r.cur != nil && c.r.cur.id == id {
		c.r.cur.awaits100 = false // it has not waited
		c.park()
	}
	c.smu.Lock()
	s := c.s.table.get(id)
	if s == nil || s.remoteDone {
		c.smu.Unlock()
		return c.strayData(id)
	}
	pulled := s.p != nil
	c.smu.Unlock()
	// A stream that is not complete has not been given to anybody who could recycle it, and pulled ones never are.
	s.arrived += int64(len(p))
	c.count(s, int64(len(p)))
	if pulled {
		return c.pulledData(s, p, padded, end)
	}
	s.take(p)
	switch {
	case end:
		if s.isLengthWrong() {
			c.failOne(s, protocol.ResetProtocolError, reasonLength)
			return nil
		}
		c.gathered(s)
	case s.arrived > protocol.MaxWhole:
		c.open(s, false)
	}
	return nil
}

// gathered gives a request to its protocol whose body came in several frames.
func (c *Conn) gathered(s *stream) {
	c.smu.Lock()
	s.remoteDone = true // from here on endStream leaves its body alone
	over := s.over
	c.smu.Unlock()
	if over {
		return // the connection was closed
	}
	body := s.body
	s.body = nil
	if body == nil {
		c.whole(s, nil)
		return
	}
	n := int64(len(body.B))
	t := s.app.Whole(exchange{s}, body.B)
	buffer.Put(body)
	c.release(n)
	if t != nil {
		c.run(s, t)
	}
}

// lengthWrong resets a stream that nobody has yet and whose body is not as long as its content-length said (RFC 9113,
// section 8.1.1).
func (c *Conn) lengthWrong(s *stream) bool {
	if !s.isLengthWrong() {
		return false
	}
	c.drawReset(protocol.ResetProtocolError)
	c.cfg.Guard.Note(protocol.MalformedRequest)
	exchange{s}.Reset(protocol.ResetProtocolError, nil)
	return true
}

// requestReset takes the peer's RST_STREAM.
func (c *Conn) requestReset(id uint32, code protocol.ResetCode) {
	c.park()
	c.endStream(id, &protocol.Failure{Kind: protocol.FailedReset, Code: code})
}
