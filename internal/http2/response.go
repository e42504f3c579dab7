package http2

import (
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

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
		c.interim(s, h, end)
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
			s.pushHead(h, end)
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

// interim takes an interim response (RFC 9110, section 15.2).
func (c *Conn) interim(s *stream, h *protocol.Head, end bool) {
	c.r.guard.draw(protocol.FloodHeaders, 1)
	s.interims++
	switch {
	case end:
		c.failOne(s, protocol.ResetProtocolError, "interim response that ends the stream")
	case h.Status == 101:
		c.failOne(s, protocol.ResetProtocolError, "response with the status 101, which HTTP/2 does not know")
	case s.interims > protocol.MaxInterim:
		c.failOne(s, protocol.ResetEnhanceCalm, "too many interim responses")
	case s.inform != nil:
		s.mu.Lock()
		if s.recv != nil || s.p != nil && s.p.readErr == nil { // it was not given up
			s.inform(h)
		}
		s.mu.Unlock()
	}
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
		c.w.Lock()
		c.smu.Lock()
		if s.over {
			c.smu.Unlock()
			c.w.Unlock()
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
		if !sent && c.w.Err() == nil {
			b := c.w.Buf()
			b.B = appendReset(b.B, s.id, protocol.ResetCancel)
		}
		c.w.UnlockFlush(combine.Spawn)
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

// pushHead gives the head of a response to its receiver, if there is one.
func (s *stream) pushHead(h *protocol.Head, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock() // whatever becomes of the receiver
	if s.recv != nil {
		s.recv.Head(h, end)
	}
}

// pushed is what became of a part of a response's body.
type pushed uint8

const (
	pushTaken  pushed = iota
	pushNobody        // there is no receiver any more
	pushLength        // the body is not as long as its content-length says
	pushEnough        // the receiver wants no more
)

// pushData gives a part of a response's body to its receiver.
func (s *stream) pushData(p []byte, end bool) pushed {
	s.mu.Lock()
	defer s.mu.Unlock() // as above
	switch {
	case s.recv == nil:
		return pushNobody
	case s.length >= 0 && (s.arrived > s.length || end && s.arrived < s.length):
		return pushLength
	case !s.recv.Data(p):
		return pushEnough
	}
	return pushTaken
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
	switch s.pushData(p, end) {
	case pushTaken:
	case pushNobody:
		c.r.cur = nil
		return nil
	case pushLength:
		c.failOne(s, protocol.ResetProtocolError, reasonLength)
		return nil
	case pushEnough:
		c.r.cur = nil
		if c.resetID(id, protocol.ResetCancel) != nil {
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
