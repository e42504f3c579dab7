package http2

import (
	"context"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// stream is one exchange, in either role. A pulled stream is read by a goroutine of its own through Read; others get
// what they receive from the reading goroutine, and are pooled.
//
// A pooled stream that is found in the table may be touched only while the stream lock (smu) is held, since a
// stream is removed under that lock before it is recycled. A server's is recycled by the goroutine that
// answers, a client's by the reading goroutine, and one that was cancelled, or had DATA waiting for window, by
// nobody.
type stream struct {
	c  *Conn
	id uint32
	// entered says that s was once put in the table. Until then only one goroutine at a time has it.
	entered bool

	// Under the stream lock.
	inTable    bool
	localDone  bool // nothing more will be sent: END_STREAM or a reset was
	remoteDone bool // nothing more will arrive
	over       bool // both, and no longer counted
	orphan     bool // over, and its handler has not returned yet: counted in streams.orphans
	call       *fairlead.Call

	// Under the write lock.
	headSent    bool
	noBody      bool  // the response has none, whatever its protocol sends: it is one to HEAD, or has no content
	tunnel      bool  // server: a CONNECT was accepted, and bytes are all there is
	awaits100   bool  // server: the client waits for the status 100 before it sends the body
	sendDelta   int64 // the window is the connection's initial one and this
	out         *buffer.Buf
	outAt       int  // what of out has been sent
	endAfterOut bool // END_STREAM follows out, on its last frame or with the trailer
	trailer     *protocol.Section
	isWaiting   bool // in writer.waiting
	nextWaiting *stream
	sendErr     error
	replied     bool // server: the response is one message, and complete

	// The reading role's.
	headSeen bool
	interims uint8                // client: interim responses that came
	inform   func(*protocol.Head) // client: gets them; nil: nobody does
	length   int64                // content-length, -1: none given
	arrived  int64                // bytes of DATA
	due      time.Duration        // server: when the request has to be complete, after epoch; 0: it is, or has no limit
	uncredit int64                // of them not yet given back to the peer; for pulled streams under mu

	// Server: what the request is and who answers it.
	app    protocol.Responder
	head   *protocol.Head
	answer *fairlead.Metadata // more fields for the response's head; nil: none
	// connect says that the method is CONNECT.
	connect bool
	// after is the request's trailer, of a stream that is not pulled; it is set before anybody else has the stream.
	after *protocol.Head

	mu   sync.Mutex
	recv protocol.Receiver // client, not pulled; nil when it is not to be called
	body *buffer.Buf       // server, not pulled: a body that came in several frames, as far as it is there

	p *pulled
}

var streamPool = sync.Pool{New: func() any { return new(stream) }}

func newStream(c *Conn, id uint32) *stream {
	s, _ := streamPool.Get().(*stream)
	s.c, s.id, s.length = c, id, -1
	return s
}

// recycle puts back a stream that nobody else can reach.
func (s *stream) recycle() {
	if s.p != nil || s.out != nil || s.isWaiting {
		return
	}
	buffer.Put(s.body)
	*s = stream{}
	if buffer.Poisoning {
		return // it has no connection any more, so a goroutine that still uses it panics
	}
	streamPool.Put(s)
}

// isLengthWrong reports whether a complete body is not as long as its content-length says (RFC 9113, section 8.1.1).
func (s *stream) isLengthWrong() bool { return s.length >= 0 && s.length != s.arrived }

const reasonLength = "body is not as long as its content-length says"

// inPlaceMax is the longest message in bytes that is encoded under the write lock.
const inPlaceMax = 64 << 10

// Reset implements protocol.Pipe.
func (s *stream) Reset(code protocol.ResetCode, cause error) {
	c := s.c
	c.w.Lock()
	c.smu.Lock()
	if s.over {
		c.returned(s)
		c.smu.Unlock()
		c.w.Unlock()
		s.dropUnread(cause)
		return
	}
	if !c.client {
		c.s.reset.add(s.id)
	}
	c.finish(s)
	c.smu.Unlock()
	s.dropOut()
	s.sendErr = cause
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendReset(b.B, s.id, code)
	}
	if s.p == nil {
		c.w.UnlockFlush(combine.Spawn)
		s.recycle()
		return
	}
	s.p.canSend.Broadcast()
	c.w.UnlockFlush(combine.Spawn)
	s.endRead(cause, nil)
	s.dropBody(!c.client)
}

// dropBody gives up what has arrived and was not read. With all, nobody is using what Read returned last either;
// otherwise that part is left to the garbage collector, since a Read in another goroutine may still be decoding it.
func (s *stream) dropBody(all bool) {
	s.mu.Lock()
	n := int64(0)
	if s.body != nil {
		n = int64(len(s.body.B))
		buffer.Put(s.body)
		s.body = nil
	}
	if p := s.p; p != nil {
		n += p.held
		p.held = 0
		for len(p.parts) > 0 {
			buffer.Put(p.pop())
		}
		p.drop()
		if all {
			buffer.Put(p.reading)
		} else if p.reading != nil {
			buffer.Drop(p.reading)
		}
		p.reading = nil
	}
	s.mu.Unlock()
	if n > 0 {
		s.c.release(n)
	}
}

// dropOut gives up what waits to be sent. The write lock is held.
func (s *stream) dropOut() {
	buffer.Put(s.out)
	s.out, s.outAt, s.endAfterOut, s.trailer = nil, 0, false, nil
}

// finish takes s out of the account of streams. The stream lock is held.
func (c *Conn) finish(s *stream) {
	if s.over {
		return
	}
	s.over, s.localDone, s.remoteDone = true, true, true
	c.s.open--
	switch { // running is the reading role's: it may be looked at for a stream that no other goroutine has
	case s.inTable:
		s.inTable = false
		c.s.table.remove(s)
	case c.s.running == s:
		c.s.running = nil
	}
	if c.s.full {
		c.signalFreed()
	}
	if c.s.draining && c.s.open == 0 {
		go c.finishIfDrained()
	}
}

// localEnd notes that END_STREAM was sent. The write lock is held.
func (c *Conn) localEnd(s *stream) {
	c.smu.Lock()
	defer c.smu.Unlock()
	s.localDone = true
	if s.over {
		return
	}
	if s.remoteDone {
		c.finish(s)
		return
	}
	if c.client {
		return
	}
	// The response is complete and the request is not: the rest of it is not wanted (RFC 9113, section 8.1).
	b := c.w.Buf()
	b.B = appendReset(b.B, s.id, protocol.ResetNoError)
	c.s.reset.add(s.id)
	c.finish(s)
}

// lockStream takes the write lock and the stream lock and returns the stream with that id from the table. If there is
// none it returns nil and holds neither lock.
func (c *Conn) lockStream(id uint32) *stream {
	c.w.Lock()
	c.smu.Lock()
	s := c.s.table.get(id)
	if s == nil {
		c.smu.Unlock()
		c.w.Unlock()
	}
	return s
}

// resetID ends the stream with that id from this side, sends RST_STREAM and returns the stream; nil if it is not in the
// table. The stream is not recycled afterwards. Goroutines that wait on it are not woken: the caller does that.
func (c *Conn) resetID(id uint32, code protocol.ResetCode) *stream {
	s := c.lockStream(id)
	if s == nil {
		return nil
	}
	if !c.client {
		c.s.reset.add(id)
	}
	c.finish(s)
	c.smu.Unlock()
	s.dropOut()
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendReset(b.B, id, code)
	}
	c.w.UnlockFlush(combine.Spawn)
	return s
}

// endStream ends the stream with that id because the peer reset it or the connection ended. Lookup and change are one
// step, since a server's stream may be recycled as soon as it can be answered.
func (c *Conn) endStream(id uint32, err error) {
	s := c.lockStream(id)
	if s == nil {
		return
	}
	// A server's stream whose request is not complete was given to nobody yet, if it is not pulled.
	gathering := !c.client && s.p == nil && !s.remoteDone
	if !c.client && !gathering && !s.localDone && !s.endAfterOut {
		c.orphan(s)
	}
	c.finish(s)
	call, p := s.call, s.p
	s.dropOut()
	if s.sendErr == nil {
		s.sendErr = err
	}
	if p != nil {
		p.canSend.Broadcast()
	}
	client := c.client
	c.smu.Unlock()
	c.w.Unlock()
	if client && s.headSeen {
		err = answeredAlready(err)
	}
	if call != nil {
		call.Wire().Cancel(context.Canceled) // first: a handler that reads the error finds its context over
	}
	switch {
	case p != nil:
		s.endRead(err, nil)
	case client:
		s.endPush(nil, err)
	case gathering:
		s.dropBody(true)
	}
}
