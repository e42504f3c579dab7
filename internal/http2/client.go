package http2

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
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
	if c.s.away == nil {
		return c.s.err
	}
	// A Failure does not unwrap to io.EOF.
	if f, ok := errors.AsType[*protocol.Failure](c.s.err); c.s.err == nil || ok && errors.Is(f.Cause, io.EOF) {
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

// signalFreed wakes a goroutine that waits for a stream. The stream lock is held.
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
	case st.draining || st.err != nil || c.w.Err() != nil || c.w.nextID > maxWindow-2:
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
	c.w.UnlockFlush(combine.Yield)
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
	how := combine.Spawn
	if req.Last {
		how = combine.Yield
	}
	c.w.UnlockFlush(how)
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
		if beside, err = c.encodeBeside(m); err != nil {
			s.recycle()
			return err
		}
	}
	s.noBody, s.inform = req.Verb == "HEAD", req.Inform
	c.w.Lock()
	c.smu.Lock()
	if !c.admit(s) {
		c.smu.Unlock()
		c.w.Unlock()
		buffer.Put(beside)
		s.recycle()
		return protocol.ErrFull
	}
	c.smu.Unlock()
	buf := c.w.Buf()
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
			c.w.UnlockFlush(combine.Spawn)
			return err
		}
	}
	if last {
		c.endBody(s, false)
	}
	return nil
}

// listTooLong is tooLong for the head of a request.
func (c *Conn) listTooLong(req *protocol.Request) error {
	if c.peerList.Load() == 0 {
		return nil
	}
	return c.tooLong(requestSize(req))
}

// tooLong returns an error for a request's head or trailer of n bytes, if that is more than the server said it takes.
func (c *Conn) tooLong(n int) error {
	limit := int(c.peerList.Load())
	if limit == 0 || n <= limit {
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

// sectionSize is requestSize for a trailer.
func sectionSize(t *protocol.Section) (n int) {
	if t.Block != nil {
		n = t.Block.Size()
	}
	if t.Extra != nil {
		n += protocol.FieldsSize(t.Extra, t.Base64)
	}
	return n
}

// Finish implements protocol.ClientExchange.
func (x clientExchange) Finish(t protocol.Section) error {
	c := x.c
	if err := c.tooLong(sectionSize(&t)); err != nil {
		return err
	}
	c.w.Lock()
	if err := x.mayNotSend(); err != nil {
		c.w.Unlock()
		return err
	}
	c.endResponse(x.stream, &t)
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// Cancel implements protocol.HTTPConn.
func (c ClientConn) Cancel(t protocol.Ticket, code protocol.ResetCode) bool {
	s := c.resetID(uint32(t), code)
	if s == nil {
		return false
	}
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

// serverGoaway takes the server's GOAWAY: no new streams, and those above its last id were not taken (RFC 9113,
// section 6.8).
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
