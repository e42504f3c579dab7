package http2

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// stream is one exchange, in either role. A pulled stream is read by a goroutine of its own through Read; others get
// what they receive from the reading goroutine, and are pooled.
//
// Who may touch a pooled stream that is found in the table: whoever holds the stream lock (smu), as long as it is
// held, since a stream is removed under that lock before it is recycled. A server's is recycled by the goroutine that
// answers, a client's by the reading goroutine, and one that was cancelled, or had DATA waiting for window, by
// nobody.
type stream struct {
	c  *Conn
	id uint32
	// entered says that s was once put in the table. Until then only one goroutine at a time has it.
	entered bool

	// Under smu.
	inTable    bool
	localDone  bool // nothing more will be sent: END_STREAM or a reset was
	remoteDone bool // nothing more will arrive
	over       bool // both, and no longer counted
	orphan     bool // over, and its handler has not returned yet: counted in streams.orphans
	call       *fairlead.Call

	// Under wmu.
	headSent    bool
	noBody      bool  // the response has none, whatever its protocol sends: it is one to HEAD, or has no content
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
	length   int64         // content-length, -1: none given
	arrived  int64         // bytes of DATA
	due      time.Duration // server: when the request has to be complete, after epoch; 0: it is, or has no limit
	uncredit int64         // of them not yet given back to the peer; for pulled streams under mu

	// Server: what the request is and who answers it.
	app  Responder
	head *protocol.Head
	// after is the request's trailer, of a stream that is not pulled; it is set before anybody else has the stream.
	after *protocol.Head

	mu   sync.Mutex
	recv protocol.Receiver // client, not pulled; nil when it is not to be called
	body *buffer.Buf       // server, not pulled: a body that came in several frames, as far as it is there

	p *pulled
}

// pulled is what a stream needs that is read by a goroutine of its own.
type pulled struct {
	// Under the stream's mu.
	canRead     sync.Cond
	parts       []*buffer.Buf // what has arrived and nobody has taken
	reading     *buffer.Buf   // what Read returned last
	spare       *buffer.Buf   // for the next part, while the reader is behind
	held        int64         // bytes in parts and reading
	behind      bool          // Read has not had to wait lately
	rest        bool          // the reader expects the rest of something: see exchange.Expect
	serial      uint32        // counts what it expected
	got         int64         // bytes that have arrived for it, in all
	readErr     error         // io.EOF or a failure, behind parts
	interrupted error
	respHead    *protocol.Head // client
	headEnds    bool
	respTrailer *protocol.Head
	headReady   chan struct{}
	headClosed  bool

	// Under wmu.
	canSend       sync.Cond
	sendWaits     bool // for window
	roomWaits     bool // for room in the write buffer: in writer.forRoom
	sendInterrupt error
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
		return // it has no connection any more, so whoever still uses it panics
	}
	streamPool.Put(s)
}

// pull makes s a pulled stream. The stream lock is held if others can reach s.
func (s *stream) pull() {
	p := new(pulled)
	p.canRead.L = &s.mu
	p.canSend.L = &s.c.wmu
	s.mu.Lock()
	if s.body != nil {
		p.parts, p.held = append(p.parts, s.body), int64(len(s.body.B))
		s.body = nil
	}
	s.mu.Unlock()
	s.p = p
}

// isLengthWrong reports whether a complete body is not as long as its content-length says (RFC 9113, section 8.1.1).
func (s *stream) isLengthWrong() bool { return s.length >= 0 && s.length != s.arrived }

const reasonLength = "body is not as long as its content-length says"

// partSize is the size of a buffer for a reader that is behind.
const partSize = 32 << 10

// push adds what has arrived. The stream's lock is held.
func (p *pulled) push(b []byte) {
	p.held += int64(len(b))
	p.got += int64(len(b))
	size := len(b)
	if n := len(p.parts); n > 0 {
		if last := p.parts[n-1]; cap(last.B)-len(last.B) >= len(b) {
			last.B = append(last.B, b...)
			return
		}
		size = max(size, partSize)
	} else if p.behind {
		size = max(size, partSize)
	}
	buf := p.spare
	p.spare = nil
	if buf == nil || cap(buf.B) < size {
		buffer.Put(buf)
		buf = buffer.Get(size)
	}
	buf.B = append(buf.B[:0], b...)
	p.parts = append(p.parts, buf)
}

// pop takes the first part. The stream's lock is held.
func (p *pulled) pop() *buffer.Buf {
	b := p.parts[0]
	n := copy(p.parts, p.parts[1:])
	p.parts[n] = nil
	p.parts = p.parts[:n]
	return b
}

// inPlaceMax is the longest message in bytes that is encoded under the write lock.
const inPlaceMax = 64 << 10

// sendQuota is how many bytes of a stream may wait for window before Send blocks.
const sendQuota = 64 << 10

// Read implements protocol.Pipe.
func (s *stream) Read() ([]byte, error) {
	p := s.p
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := p.reading; last != nil {
		p.reading = nil
		n := int64(len(last.B))
		p.held -= n
		s.uncredit += n
		if p.spare == nil {
			p.spare = last
		} else {
			buffer.Put(last)
		}
		s.consumed(n)
	}
	p.behind = true
	for {
		switch {
		case p.interrupted != nil:
			p.drop()
			return nil, p.interrupted
		case len(p.parts) > 0:
			p.reading = p.pop()
			return p.reading.B, nil
		case p.readErr != nil:
			p.drop()
			return nil, p.readErr
		}
		p.behind = false
		p.drop()
		p.canRead.Wait()
	}
}

// drop gives the spare buffer back. The stream's lock is held.
func (p *pulled) drop() {
	buffer.Put(p.spare)
	p.spare = nil
}

// consumed gives back the window of n bytes that were read, if it is time. The stream's lock is held; it is released
// while that goes into the write buffer.
func (s *stream) consumed(n int64) {
	credit := int64(0)
	if s.uncredit >= s.c.est.window.Load()/4 && s.p.readErr == nil {
		credit, s.uncredit = s.uncredit, 0
	}
	low := s.c.queued.Add(-n) < int64(s.c.cfg.QueuedBytes)/2 && s.c.withheld.Load() > 0
	if credit == 0 && !low {
		return
	}
	s.mu.Unlock()
	if low {
		s.c.giveBackWithheld()
	}
	if credit > 0 {
		s.c.creditStream(s.id, credit)
	}
	s.mu.Lock()
}

// Send implements protocol.Pipe.
func (s *stream) Send(m *protocol.Message, last bool) error {
	c := s.c
	var beside *buffer.Buf
	if m != nil {
		var err error
		if beside, err = encodeBeside(m); err != nil {
			return err
		}
	}
	c.wmu.Lock()
	if m != nil && s.noBody && !c.client {
		buffer.Put(beside)
		beside, m = nil, nil
		if !last {
			err := s.mayNotSend()
			c.wmu.Unlock()
			return err
		}
	}
	for {
		if err := s.mayNotSend(); err != nil {
			c.wmu.Unlock()
			buffer.Put(beside)
			return err
		}
		if !c.mustWait(s) {
			break
		}
		s.p.canSend.Wait()
	}
	if m != nil {
		if err := c.appendMessage(s, m, beside, last); err != nil {
			c.wmu.Unlock()
			return err
		}
	}
	if last {
		c.endBody(s, m == nil)
	}
	c.unlockFlush(bySpawn)
	return nil
}

// mustWait says whether s must wait before it sends more, and has it woken. The write lock is held.
func (c *Conn) mustWait(s *stream) bool {
	switch {
	case s.out != nil && len(s.out.B)-s.outAt >= sendQuota:
		s.p.sendWaits = true
	case c.w.flushing && c.w.waitingBytes() >= roomAbove:
		c.w.waitForRoom(s)
	default:
		return false
	}
	return true
}

// mayNotSend returns why Send fails, nil if it does not. The write lock is held.
func (s *stream) mayNotSend() error {
	switch {
	case s.p != nil && s.p.sendInterrupt != nil:
		return s.p.sendInterrupt
	case s.sendErr != nil:
		// A client is told here only that the peer did not process the stream.
		f, failed := s.sendErr.(*protocol.Failure) //nolint:errorlint // it is kept bare
		if s.c.client && (!failed || f.Reach == fairlead.Unknowable) {
			return io.EOF
		}
		return s.sendErr
	case s.c.w.err != nil:
		if s.c.client {
			return io.EOF
		}
		return s.c.w.err
	}
	s.c.smu.Lock()
	done := s.localDone || s.endAfterOut
	s.c.smu.Unlock()
	if done {
		return errSendAfterEnd
	}
	return nil
}

var errSendAfterEnd = fairlead.Errorf(fairlead.Internal, "message sent after the end of the body")

// Interrupt implements protocol.Pipe.
func (s *stream) Interrupt(cause error) {
	s.c.wmu.Lock()
	if s.p.sendInterrupt == nil {
		s.p.sendInterrupt = cause
	}
	s.p.canSend.Broadcast()
	s.c.wmu.Unlock()
	s.mu.Lock()
	if s.p.interrupted == nil {
		s.p.interrupted = cause
	}
	s.p.canRead.Broadcast()
	s.mu.Unlock()
}

// Reset implements protocol.Pipe.
func (s *stream) Reset(code protocol.ResetCode, cause error) {
	c := s.c
	c.wmu.Lock()
	c.smu.Lock()
	if s.over {
		c.returned(s)
		c.smu.Unlock()
		c.wmu.Unlock()
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
	if c.w.err == nil {
		b := c.writeBuf()
		b.B = appendReset(b.B, s.id, code)
	}
	if s.p == nil {
		c.unlockFlush(bySpawn)
		s.recycle()
		return
	}
	s.p.canSend.Broadcast()
	c.unlockFlush(bySpawn)
	s.endRead(cause, nil)
	s.dropBody(!c.client)
}

// dropUnread gives up what has arrived on a stream that is over and that nobody will read: a client's that stops before
// the end of a response that is complete here. Until then it counts as held. Read returns cause if anything is lost.
func (s *stream) dropUnread(cause error) {
	p := s.p
	if p == nil {
		return
	}
	s.mu.Lock()
	if len(p.parts) > 0 {
		p.readErr = cause
		p.canRead.Broadcast()
		p.announceHead()
	}
	s.mu.Unlock()
	s.dropBody(!s.c.client)
}

// endRead says that nothing more will arrive: cause is io.EOF at the body's proper end.
func (s *stream) endRead(cause error, trailer *protocol.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.p
	if p.readErr != nil {
		return
	}
	p.readErr, p.respTrailer = cause, trailer
	p.canRead.Broadcast()
	p.announceHead()
}

// announceHead closes headReady.
func (p *pulled) announceHead() {
	if p.headReady != nil && !p.headClosed {
		p.headClosed = true
		close(p.headReady)
	}
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
	b := c.writeBuf()
	b.B = appendReset(b.B, s.id, protocol.ResetNoError)
	c.s.reset.add(s.id)
	c.finish(s)
}

// endStream ends the stream with that id because the peer reset it or the connection ended. Lookup and change are one
// step, since a server's stream may be recycled as soon as it can be answered.
func (c *Conn) endStream(id uint32, err error) {
	c.wmu.Lock()
	c.smu.Lock()
	s := c.s.table.get(id)
	if s == nil {
		c.smu.Unlock()
		c.wmu.Unlock()
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
	c.wmu.Unlock()
	if client && s.headSeen {
		err = answeredAlready(err)
	}
	if call != nil {
		call.Cancel(context.Canceled) // first: a handler that reads the error finds its context over
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
