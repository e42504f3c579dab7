package http1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// state is what a server's connection is waiting for.
type state uint8

const (
	atHead   state = iota // a request
	atBody                // its body
	atAnswer              // the end of its response
	atEnd                 // nothing: all was sent that will be, and what comes is dropped
)

// reader is the parse state. It belongs to the goroutine that holds the reading role.
type reader struct {
	state state
	in    []byte // what the transport has buffered
	off   int    // how much of it was processed
	turn  *protocol.Turn

	sc    *scratch // nil while the connection waits for a request
	lines lines    // of the head that arrives
	blank int      // empty lines before it

	x        *stream // the exchange under way; nil: none
	body     body
	length   int64       // of the body, -1 if it is not known
	taken    int64       // bytes of the body
	gathered *buffer.Buf // a chunked body that its protocol wants whole, as far as it is there
	mode     protocol.Mode

	by      time.Time // the transport's read deadline, for what was begun; zero: there is none
	dropped int       // bytes at the end
	parser  parser    // of trailers

	woken time.Time // when the role was woken, and how often since then
	wakes int
}

// maxBlank is how many empty lines may come before a request (RFC 9112, section 2.2).
const maxBlank = 8

// Serve reads until the connection ends or the reading role goes to another goroutine: see protocol.ServerConn.
func (c ServerConn) Serve() error {
	t := c.lease.Begin()
	c.r.turn = t
	returned := false
	defer func() {
		if !returned && !t.Lost() {
			c.lease.Pass() // a protocol has called runtime.Goexit; a panic ends the connection further up
		}
	}()
	err := c.serve(t)
	returned = true
	if err == nil {
		return nil
	}
	return c.ended(err)
}

// serve is Serve for one turn.
func (c *Conn) serve(t *protocol.Turn) error {
	c.adopt()
	for {
		need, err := c.batch(t)
		if t.Lost() {
			return nil
		}
		if f, ok := err.(*fault); ok { //nolint:errorlint // the parser returns it bare
			c.refuse(f)
			need, err = 1, nil
		}
		if err != nil {
			return err
		}
		in, err := c.await(need)
		if err != nil {
			return err
		}
		c.r.in = in
	}
}

// adopt continues where the last holder of the role was interrupted: its handler may still run.
func (c *Conn) adopt() {
	if s := c.r.x; s != nil && s.p == nil {
		c.enter(s)
	}
	c.flush()
}

// enter makes s known as the exchange under way, so that the end of the connection reaches it.
func (c *Conn) enter(s *stream) {
	c.w.Lock()
	defer c.w.Unlock()
	if s.over.Load() {
		return
	}
	s.entered = true
	c.cur = s
	if c.err != nil {
		s.fail(c.err)
		if s.call != nil {
			go s.call.Wire().Cancel(context.Canceled)
		}
	}
}

// ended turns the error that ended reading into that of the connection, and gives back what belongs to the role.
func (c *Conn) ended(err error) error {
	buffer.Put(c.r.gathered)
	c.r.gathered = nil
	if s := c.r.x; s == nil || s.p != nil || s.over.Load() {
		c.r.sc.release()
	}
	c.r.sc = nil
	if isEOF(err) && c.r.state == atHead || err == errDone { //nolint:errorlint // it is bare
		return io.EOF
	}
	return &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
}

// flush writes what a batch has given rise to. It reports whether no more requests are to be read.
func (c *Conn) flush() (final bool) {
	c.w.Lock()
	_ = c.w.Wait(unreadMax) // an error ends the connection, and what is written is dropped
	final = c.final
	c.w.UnlockFlush(combine.Now)
	return final
}

// batch handles what is buffered, and returns how many bytes are needed to go on.
func (c *Conn) batch(t *protocol.Turn) (need int, err error) {
	for {
		switch c.r.state {
		case atHead:
			need, err = c.onHead()
		case atBody:
			need, err = c.onBody()
		case atAnswer:
			need = c.onAnswer()
		case atEnd:
			need, err = c.onEnd()
		}
		if t.Lost() || need > 0 || err != nil {
			return need, err
		}
	}
}

// onHead looks for the head of a request.
func (c *Conn) onHead() (need int, err error) {
	r := &c.r
	b := r.in[r.off:]
	if len(b) == 0 {
		return 1, nil
	}
	if r.sc == nil {
		if r.sc = c.kept.Swap(nil); r.sc == nil {
			r.sc, _ = scratchPool.Get().(*scratch)
		}
	}
	hd := &r.sc.head
	var n int
	if k := len(hd.raw); k > 0 && r.lines.scanned == 0 && len(b) >= k && string(b[:k]) == string(hd.raw) {
		n = k // a complete head that is equal to the last
	} else {
		n, err = c.findHead(b)
		b = r.in[r.off:] // without the empty lines before it
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return len(b) + 1, nil
		}
	}
	r.lines, r.blank = lines{}, 0
	c.clearBy()
	if f := hd.parse(b[:n], c); f != nil {
		hd.forget()
		return 0, f
	}
	r.off += n
	return 0, c.request()
}

// findHead returns the length of the head that b begins with, 0 if it is not complete. It skips empty lines.
func (c *Conn) findHead(b []byte) (n int, err error) {
	r := &c.r
	for r.lines.n == 0 && b[0] == '\r' && r.lines.begun == 0 {
		// RFC 9112, section 2.2.
		if len(b) < 2 {
			return 0, nil
		}
		if r.blank++; b[1] != '\n' || r.blank > maxBlank {
			return 0, malformed("no request line")
		}
		r.off += 2
		b = b[2:]
		r.lines = lines{}
		if len(b) == 0 {
			return 0, nil
		}
	}
	n = r.lines.end(b)
	switch l := &r.lines; {
	case l.n == 0 && n > 0:
		return 0, malformed("no request line")
	case l.n == 0 && l.scanned > c.cfg.Line, l.n > 0 && requestLineLen(b) > c.cfg.Line:
		return 0, &fault{414, "the request line is longer than the limit", protocol.HeaderListLimit}
	case l.scanned > c.cfg.HeaderList || l.n-1 > c.cfg.Fields:
		return 0, &fault{431, "the head is longer than the limit, or has too many fields", protocol.HeaderListLimit}
	}
	return n, nil
}

// request takes a request whose head has arrived.
func (c *Conn) request() error {
	r := &c.r
	hd := &r.sc.head
	h := &hd.h
	x := &r.sc.x
	if buffer.Poisoning {
		x = new(stream)
	}
	*x = stream{c: c, head: h, old: hd.old, connect: h.Verb == "CONNECT", bare: h.Verb == "HEAD", left: -1}
	x.awaits100 = h.Expect100
	n := c.requests.Add(1)
	x.last = !hd.persists() || c.cfg.Requests > 0 && int(n) >= c.cfg.Requests
	r.x, r.length, r.taken = x, hd.sec.length, 0
	r.body = body{limit: trailerLimit{c.cfg.HeaderList, c.cfg.Fields}}
	switch {
	case hd.sec.chunked:
		r.body.kind = bodyChunked
	case r.length > 0:
		r.body.kind, r.body.left = bodyLength, r.length
	}
	if c.cfg.Body > 0 && r.length > c.cfg.Body {
		return errTooLarge()
	}
	x.app, r.mode = c.selector.Select(h)
	x.answer = h.Answer
	switch {
	case r.mode != protocol.Complete || r.length > protocol.MaxWhole:
		c.open()
	case r.body.kind == bodyNone:
		c.whole(nil)
	default:
		r.state = atBody
	}
	return nil
}

func errTooLarge() *fault {
	return &fault{413, "the body is longer than the limit", protocol.MalformedRequest}
}

// whole gives a complete request to its protocol, and runs what that returns.
func (c *Conn) whole(b []byte) {
	x := c.r.x
	x.remoteDone = true
	c.r.state = atAnswer // before: another goroutine may have the role when the handler returns
	t := x.app.Whole(exchange{x}, b)
	buffer.Put(c.r.gathered)
	c.r.gathered = nil
	if t == nil {
		return
	}
	if t.Cost().Inline() {
		c.lease.Run(t) // if that loses the role, the turn says so
		return
	}
	c.enter(x)
	go c.runTask(t)
}

// runTask runs a task in a goroutine of its own.
func (c *Conn) runTask(t protocol.Task) {
	defer c.contain()
	t.Run()
}

// open gives a request to its protocol in a goroutine of its own.
func (c *Conn) open() {
	r := &c.r
	was := r.x
	h := *was.head
	h.Fields = h.Fields.Clone()
	if h.Timeout != nil {
		h.Timeout = append([]byte(nil), h.Timeout...)
	}
	s := &stream{
		c: c, app: was.app, head: &h, answer: was.answer, old: was.old, connect: was.connect, bare: was.bare,
		last: was.last, awaits100: was.awaits100, left: -1,
	}
	s.pull()
	if r.gathered != nil {
		s.p.parts, s.p.held = append(s.p.parts, r.gathered), int64(len(r.gathered.B))
		r.gathered = nil
	}
	r.x, r.state, r.mode = s, atBody, protocol.Streamed
	if r.body.kind == bodyNone {
		s.remoteDone, s.p.readErr = true, io.EOF
		r.state = atAnswer
	}
	c.enter(s)
	go c.serveOpen(s)
}

// onBody decodes the body of a request.
func (c *Conn) onBody() (need int, err error) {
	r := &c.r
	b := r.in[r.off:]
	whole := r.mode == protocol.Complete
	if whole && r.body.kind == bodyLength {
		// The usual case: the body is decoded where it was read.
		n := int(r.length)
		if len(b) < n {
			return n, nil
		}
		c.clearBy()
		r.off += n
		c.whole(b[:n:n])
		return 0, nil
	}
	if len(b) == 0 {
		return 1, nil
	}
	p, f := r.body.next(b)
	if f != nil {
		return 0, f
	}
	r.off += p.n
	r.taken += int64(len(p.data))
	if c.cfg.Body > 0 && r.taken > c.cfg.Body {
		return 0, errTooLarge()
	}
	if len(p.data) > 0 {
		if whole {
			c.gather(p.data)
			if r.taken > protocol.MaxWhole {
				c.open()
			}
		} else if c.push(p.data) {
			return c.fed(p)
		}
	}
	if !p.done {
		return p.need, nil
	}
	return 0, c.bodyDone(p.trailer)
}

// fed goes on after a part of a body went to nobody: its exchange is over.
func (c *Conn) fed(p part) (need int, err error) {
	if c.r.dropped += p.n; c.r.dropped > lastBytes || c.r.x.last {
		c.end()
		return 0, nil
	}
	if !p.done {
		return p.need, nil
	}
	return 0, c.bodyDone(p.trailer)
}

// gather keeps a part of a chunked body until it is complete.
func (c *Conn) gather(b []byte) {
	r := &c.r
	if r.gathered == nil {
		r.gathered = buffer.Get(len(b))
	}
	r.gathered.Grow(len(b))
	r.gathered.B = append(r.gathered.B, b...)
}

// push gives a part of a body to its reader, and waits if that is behind. It reports whether the exchange is over.
func (c *Conn) push(b []byte) (over bool) {
	s := c.r.x
	c.w.Lock()
	defer c.w.Unlock()
	for s.p.held >= heldMax && !s.over.Load() && s.p.readErr == nil && c.err == nil {
		c.roomWaits = true
		c.changed.Wait()
		c.roomWaits = false
	}
	if s.over.Load() || s.p.readErr != nil {
		return s.over.Load()
	}
	s.p.asks = false // the client has not waited, or not in vain
	s.p.push(b)
	s.p.canRead.Signal()
	return false
}

// bodyDone is the end of a body.
func (c *Conn) bodyDone(trailer []byte) error {
	r := &c.r
	var after *protocol.Head
	if len(trailer) > 0 {
		h, f := r.parser.trailer(trailer)
		r.parser = parser{}
		if f != nil {
			return f
		}
		after = h
	}
	s := r.x
	if s.p == nil {
		s.after = after
		var b []byte
		if r.gathered != nil {
			b = r.gathered.B
		}
		c.clearBy()
		c.whole(b)
		return nil
	}
	c.w.Lock()
	s.remoteDone, s.after = true, after
	s.endRead(io.EOF)
	late := s.discards
	c.w.Unlock()
	if late {
		_ = c.tc.SetReadDeadline(zeroTime) // it was for the rest of the body
	}
	r.state, r.dropped = atAnswer, 0
	return nil
}

// onAnswer looks whether the response is complete. Until then it has more read, to notice when the client leaves.
func (c *Conn) onAnswer() (need int) {
	r := &c.r
	x := r.x
	if !x.over.Load() {
		if !x.entered {
			c.enter(x)
		}
		c.w.Lock()
		raw := x.out == bodyRaw && x.headSent
		c.w.Unlock()
		switch {
		case raw:
			r.state, r.body = atBody, body{kind: bodyRaw}
			return 0
		case !x.over.Load():
			return len(r.in) - r.off + 1
		}
	}
	if x.entered { // whoever has ended it may still be about to leave it
		c.w.Lock()
		c.w.Unlock() //nolint:staticcheck // it waits for that goroutine, and then the stream may be used again
	}
	r.x = nil
	if x.last {
		c.end()
		return 0
	}
	r.state = atHead
	return 0
}

// end drops what comes from now on.
func (c *Conn) end() {
	c.w.Lock()
	c.ending = true
	if c.parting { // its deadline may have woken this goroutine
		_ = c.tc.SetReadDeadline(time.Now().Add(lastWords))
	}
	c.w.FinishWritten()
	c.w.UnlockFlush(combine.Now)
	c.r.state, c.r.x, c.r.dropped = atEnd, nil, 0
}

// onEnd drops what comes behind the last response, until the client hangs up.
func (c *Conn) onEnd() (need int, err error) {
	r := &c.r
	r.dropped += len(r.in) - r.off
	r.off = len(r.in)
	if r.dropped <= lastBytes {
		return 1, nil
	}
	c.w.Lock()
	defer c.w.Unlock()
	for !c.parting && c.err == nil && c.w.Err() == nil {
		c.changed.Wait()
	}
	return 0, errDone
}

// refuse answers a request that is malformed, or too long, and ends the connection.
func (c *Conn) refuse(f *fault) {
	c.debug("request refused", "reason", f.reason, "status", f.status)
	c.cfg.Guard.Note(f.abuse)
	s := c.r.x
	buffer.Put(c.r.gathered)
	c.r.gathered = nil
	failure := &protocol.Failure{Kind: protocol.FailedViolation, Code: protocol.ResetProtocolError, Cause: f}
	var call *fairlead.Call
	c.w.Lock()
	answer := f.status != silent
	if s != nil && s.p != nil {
		answer = answer && !s.headSent && !s.over.Load()
		s.last = true
		s.fail(failure)
		if !s.over.Load() {
			call = s.call
			s.remoteDone = true
			s.done(false)
		}
	}
	if answer && c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendRefusal(b.B, f)
	}
	c.w.Unlock()
	if call != nil {
		call.Wire().Cancel(context.Canceled)
	}
	c.end()
	c.r.off = len(c.r.in)
}

// appendRefusal appends the response to a request that no protocol sees.
func appendRefusal(b []byte, f *fault) []byte {
	b = appendStatus(b, f.status)
	b = appendDate(b)
	b = append(b, "content-type: text/plain; charset=utf-8\r\n"...)
	b = appendLength(b, int64(len(f.reason)+1))
	b = append(b, "connection: close\r\n\r\n"...)
	return append(append(b, f.reason...), '\n')
}

// timeBy sets the transport's read deadline.
func (c *Conn) timeBy(t time.Time) {
	c.r.by = t
	_ = c.tc.SetReadDeadline(t) // if it fails, so will reading
}

// clearBy ends the time that timeBy has begun.
func (c *Conn) clearBy() {
	if !c.r.by.IsZero() {
		c.timeBy(zeroTime)
	}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// requestLineLen returns the length of the first line of b.
func requestLineLen(b []byte) int { return bytes.IndexByte(b, '\n') + 1 }
