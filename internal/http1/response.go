package http1

import (
	"bytes"
	"io"
	"strconv"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// responseReader is what a client's reading goroutine needs.
type responseReader struct {
	parser parser
	sec    section
	h      protocol.Head
	lines  lines
	body   body
	old    bool
}

// readClient is a client's reading goroutine.
func (c *Conn) readClient() {
	var err error
	returned := false
	defer func() {
		if !returned { // a receiver has panicked or left its goroutine
			p := recover()
			if p != nil && !c.contains() {
				panic(p)
			}
			err = c.cfg.Panics.Caught(nil, "receiving a response", p)
		}
		c.Close(c.clientEnded(err))
		c.failExchange()
		close(c.cl.failed)
	}()
	err = c.responses()
	returned = true
}

// clientEnded turns the error that ended reading into that of the connection.
func (c *Conn) clientEnded(err error) error {
	if f, ok := err.(*fault); ok { //nolint:errorlint // it is bare
		c.debug("bad response", "reason", f.reason)
		c.cfg.Guard.Note(protocol.ConnectionError)
		return &protocol.Failure{Kind: protocol.FailedViolation, Code: protocol.ResetProtocolError, Cause: f}
	}
	c.w.Lock()
	idle := c.cur == nil
	c.draining = true // no request may begin on a connection that was found closed
	c.w.Unlock()
	if err == errDone || idle && isEOF(err) { //nolint:errorlint // it is bare
		return io.EOF
	}
	return &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
}

// failExchange ends the exchange under way with the connection's error.
func (c *Conn) failExchange() {
	c.w.Lock()
	s, err := c.cur, c.err
	c.cur = nil
	if s == nil {
		c.w.Unlock()
		return
	}
	f, ok := err.(*protocol.Failure) //nolint:errorlint // the connection's own error is bare
	if !ok {
		f = &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
	}
	if s.ticket > c.cl.handed {
		g := *f
		g.Reach = fairlead.NotSent // it never left this process
		f = &g
	}
	given := s.over.Swap(true)
	s.fail(f)
	c.w.Unlock()
	if r := c.receiver(s); r != nil && !given {
		r.End(nil, f)
	}
}

// responses reads responses until the connection ends.
func (c *Conn) responses() error {
	r := new(responseReader)
	for {
		in, err := c.tc.Peek(1)
		if err != nil {
			return err
		}
		s := c.current()
		if s == nil {
			return malformed("bytes that are no response to anything")
		}
		if err := c.response(r, s, in); err != nil {
			return err
		}
	}
}

// current returns the exchange under way.
func (c *Conn) current() *stream {
	c.w.Lock()
	defer c.w.Unlock()
	return c.cur
}

// response reads one response.
func (c *Conn) response(r *responseReader, s *stream, in []byte) error {
	for {
		n, err := c.responseHead(r, in)
		if err != nil {
			return err
		}
		c.tc.Discard(n)
		if !interim(&r.h, s) {
			break
		}
		if err := c.informed(s, &r.h); err != nil {
			return err
		}
		if in, err = c.tc.Peek(1); err != nil {
			return err
		}
	}
	if f := r.framing(s, c.cfg); f != nil {
		return f
	}
	return c.responseBody(r, s)
}

// responseHead waits for a head and parses it. It returns its length.
func (c *Conn) responseHead(r *responseReader, in []byte) (n int, err error) {
	r.lines = lines{}
	timed := false
	for {
		n = r.lines.end(in)
		if l := &r.lines; l.scanned > c.cfg.HeaderList || l.n-1 > c.cfg.Fields {
			c.cfg.Guard.Note(protocol.HeaderListLimit)
			return 0, &fault{431, "a head that is longer than the limit of " + strconv.Itoa(c.cfg.HeaderList) +
				" bytes (client.MaxHeaderList), or has too many fields", protocol.HeaderListLimit}
		}
		if n > 0 {
			break
		}
		if limit := c.cfg.FrameTimeout; limit > 0 && !timed {
			timed = true
			_ = c.tc.SetReadDeadline(time.Now().Add(limit))
		}
		if in, err = c.tc.Peek(len(in) + 1); err != nil {
			return 0, err
		}
	}
	if timed {
		_ = c.tc.SetReadDeadline(zeroTime)
	}
	if f := r.parse(in[:n], c); f != nil {
		return 0, f
	}
	return n, nil
}

// parse parses a complete head (RFC 9112, section 4).
func (r *responseReader) parse(b []byte, c *Conn) *fault {
	n := bytes.IndexByte(b, '\n') + 1
	if len(b) < n+2 || b[len(b)-2] != '\r' || n < len("HTTP/1.1 200\r\n") || b[n-2] != '\r' {
		return malformed("a bad status line")
	}
	line := b[:n-2]
	if string(line[:7]) != "HTTP/1." || line[7] < '0' || line[7] > '9' || line[8] != ' ' ||
		len(line) > 12 && line[12] != ' ' || !validValue(line) {
		return malformed("a bad status line")
	}
	status, ok := digits(line[9:12], 10)
	if !ok || status < 100 {
		return malformed("a bad status")
	}
	r.old = line[7] == '0'
	r.sec.reset()
	r.parser.text, r.parser.lines = r.parser.text[:0], r.parser.lines[:0]
	if f := r.parser.parse(b[n : len(b)-2]); f != nil {
		return f
	}
	if f := r.parser.collect(&r.sec, string(r.parser.text)); f != nil {
		return f
	}
	s := &r.sec
	r.h = protocol.Head{
		Version: 1, Scheme: c.scheme, Status: int(status), ContentType: s.contentType, UserAgent: s.userAgent,
		Fields: s.fields,
	}
	if s.upgrades {
		r.h.Protocol = s.upgrade
	}
	return nil
}

// interim reports whether a head is that of an interim response.
func interim(h *protocol.Head, s *stream) bool {
	return h.Status < 200 && (h.Status != 101 || !s.tunnels)
}

// informed takes an interim response (RFC 9110, section 15.2).
func (c *Conn) informed(s *stream, h *protocol.Head) error {
	s.interims++
	switch {
	case h.Status == 101:
		return malformed("a switch of protocols that was not asked for")
	case s.interims > protocol.MaxInterim:
		return malformed("too many interim responses")
	case s.inform != nil:
		c.cl.recvMu.Lock()
		defer c.cl.recvMu.Unlock()
		if s.recv != nil || s.p != nil && !s.over.Load() { // it was not given up
			s.inform(h)
		}
	}
	return nil
}

// framing finds out how long the body is (RFC 9112, section 6.3).
func (r *responseReader) framing(s *stream, cfg *Config) *fault {
	sec := &r.sec
	r.body = body{limit: trailerLimit{cfg.HeaderList, cfg.Fields}}
	switch {
	case r.h.Status == 101, s.connect && r.h.Status < 300:
		r.body.kind = bodyRaw
	case s.bare || hasNoContent(r.h.Status):
	case sec.chunked && (sec.length >= 0 || r.old):
		return malformed("both transfer-encoding and content-length, or a transfer-encoding in HTTP/1.0")
	case sec.chunked:
		r.body.kind = bodyChunked
	case sec.length > 0:
		r.body.kind, r.body.left = bodyLength, sec.length
	case sec.length < 0:
		r.body.kind = bodyClose
	}
	return nil
}

// responseBody gives a head and the body behind it to whoever made the request.
func (c *Conn) responseBody(r *responseReader, s *stream) error {
	end := r.body.kind == bodyNone
	persists := !r.sec.closes && (!r.old || r.sec.keepAlive) && r.body.kind != bodyClose && r.body.kind != bodyRaw
	if s.p != nil {
		own := r.h
		own.Fields = own.Fields.Clone()
		c.w.Lock()
		s.headSeen = true
		s.p.head, s.p.headEnds = &own, end
		if s.tunnels {
			if s.out = bodyRaw; r.body.kind != bodyRaw {
				s.sendErr = io.EOF // the server does not speak what was asked for
				s.localDone = true
			}
			s.p.canSend.Broadcast()
		}
		s.p.announce()
		c.w.Unlock()
	} else {
		c.pushHead(s, &r.h, end)
	}
	if end {
		return c.responseEnd(s, nil, persists)
	}
	need := 1
	for {
		in, err := c.tc.Peek(need)
		if err != nil {
			if (r.body.kind == bodyClose || r.body.kind == bodyRaw) && isEOF(err) && len(in) == 0 {
				return c.responseEnd(s, nil, false)
			}
			return err
		}
		p, f := r.body.next(in)
		if f != nil {
			return f
		}
		if len(p.data) > 0 && !c.deliver(s, p.data) {
			return errDone
		}
		c.tc.Discard(p.n)
		if p.done {
			var trailer *protocol.Head
			if len(p.trailer) > 0 {
				// Its bytes stay where they are until the next Peek.
				if trailer, f = r.parser.trailer(p.trailer); f != nil {
					return f
				}
			}
			return c.responseEnd(s, trailer, persists)
		}
		need = max(1, p.need)
	}
}

// pushHead gives the head of a response to its receiver, if there is one.
func (c *Conn) pushHead(s *stream, h *protocol.Head, end bool) {
	c.cl.recvMu.Lock()
	defer c.cl.recvMu.Unlock() // whatever becomes of the receiver
	if s.recv != nil {
		s.recv.Head(h, end)
	}
}

// deliver gives a part of a response's body to whoever made the request. It returns false if nobody wants more.
func (c *Conn) deliver(s *stream, b []byte) bool {
	if s.p != nil {
		c.w.Lock()
		defer c.w.Unlock()
		for s.p.held >= heldMax && !s.over.Load() && c.err == nil {
			c.roomWaits = true
			c.changed.Wait()
			c.roomWaits = false
		}
		if s.over.Load() || s.p.readErr != nil {
			return false
		}
		s.p.push(b)
		s.p.canRead.Signal()
		return true
	}
	c.cl.recvMu.Lock()
	more := s.recv != nil && s.recv.Data(b)
	c.cl.recvMu.Unlock()
	if more {
		return true
	}
	if r := c.receiver(s); r != nil && c.leave(s) {
		r.End(nil, nil)
	}
	return false
}

// leave takes an exchange away whose receiver wants no more. It reports whether it was still there.
func (c *Conn) leave(s *stream) bool {
	c.w.Lock()
	defer c.w.Unlock()
	if c.cur != s || s.over.Load() {
		return false
	}
	s.over.Store(true)
	c.cur, c.draining = nil, true
	return true
}

// responseEnd is the proper end of a response. It returns an error if the connection ends with it.
func (c *Conn) responseEnd(s *stream, trailer *protocol.Head, persists bool) error {
	recv := c.receiver(s) // now: when the connection is free, the stream may be the next exchange's
	c.w.Lock()
	if c.cur != s || s.over.Load() {
		c.w.Unlock()
		return errDone // given up
	}
	if !s.localDone {
		// The server has answered without the rest of the request: it will not be sent.
		if s.sendErr = io.EOF; s.out != bodyRaw {
			persists = false
		}
	}
	s.remoteDone = true
	half := s.out == bodyRaw && !s.localDone // a tunnel whose other half is open
	if !persists || s.last {
		c.draining = true
	}
	if half {
		s.sendErr = nil
	} else {
		s.over.Store(true)
		c.cur = nil
	}
	s.after = trailer
	done := c.draining
	if s.p != nil {
		s.p.canSend.Broadcast()
		s.endRead(io.EOF)
	}
	c.w.Unlock()
	if done {
		c.stopTaking()
	} else {
		select {
		case c.cl.freed <- struct{}{}:
		default:
		}
	}
	if recv != nil {
		recv.End(trailer, nil)
	}
	if half {
		c.awaitHalf(s)
	}
	if done {
		return errDone
	}
	return nil
}

// awaitHalf waits until this side's half of a tunnel has ended as well.
func (c *Conn) awaitHalf(s *stream) {
	c.w.Lock()
	defer c.w.Unlock()
	for !c.shut && !s.over.Load() && c.err == nil && c.w.Err() == nil {
		c.changed.Wait()
	}
	if c.cur == s {
		c.cur = nil
	}
	s.over.Store(true)
}

// receiver takes the receiver of an exchange, to call its End; nil: there is none, or it was taken.
func (c *Conn) receiver(s *stream) protocol.Receiver {
	c.cl.recvMu.Lock()
	defer c.cl.recvMu.Unlock()
	r := s.recv
	s.recv = nil
	return r
}
