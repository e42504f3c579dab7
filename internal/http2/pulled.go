package http2

import (
	"io"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// pulled is what a stream needs that is read by a goroutine of its own.
type pulled struct {
	// Under stream.mu.
	canRead     sync.Cond
	parts       []*buffer.Buf // what has arrived and nobody has taken
	reading     *buffer.Buf   // what Read returned last
	spare       *buffer.Buf   // for the next part, while the reader is behind
	held        int64         // bytes in parts and reading
	asks        bool          // Read is to say so before it waits, if the client waits for that: see proceed
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

	// Under the write lock.
	canSend       sync.Cond
	sendWaits     bool // for window
	roomWaits     bool // for room in the write buffer: in writer.forRoom
	sendInterrupt error
}

// pull makes s a pulled stream. The stream lock is held if others can reach s.
func (s *stream) pull() {
	p := new(pulled)
	p.canRead.L = &s.mu
	p.canSend.L = &s.c.w
	p.asks = s.awaits100
	s.mu.Lock()
	if s.body != nil {
		p.parts, p.held = append(p.parts, s.body), int64(len(s.body.B))
		s.body = nil
	}
	s.mu.Unlock()
	s.p = p
}

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
		if p.asks {
			p.asks = false
			s.mu.Unlock()
			s.c.proceed(s)
			s.mu.Lock()
			continue
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
		if beside, err = c.encodeBeside(m); err != nil {
			return err
		}
	}
	c.w.Lock()
	if m != nil && s.noBody && !c.client {
		buffer.Put(beside)
		beside, m = nil, nil
		if !last {
			err := s.mayNotSend()
			c.w.Unlock()
			return err
		}
	}
	for {
		if err := s.mayNotSend(); err != nil {
			c.w.Unlock()
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
			c.w.Unlock()
			return err
		}
	}
	if last {
		c.endBody(s, m == nil)
	}
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// mustWait reports whether s must wait before it sends more; s is woken then. The write lock is held.
func (c *Conn) mustWait(s *stream) bool {
	switch {
	case s.out != nil && len(s.out.B)-s.outAt >= sendQuota:
		s.p.sendWaits = true
	case c.w.Writing() && c.w.Len() >= roomAbove:
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
	case s.c.w.Err() != nil:
		if s.c.client {
			return io.EOF
		}
		return s.c.w.Err()
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
	s.c.w.Lock()
	if s.p.sendInterrupt == nil {
		s.p.sendInterrupt = cause
	}
	s.p.canSend.Broadcast()
	s.c.w.Unlock()
	s.mu.Lock()
	if s.p.interrupted == nil {
		s.p.interrupted = cause
	}
	s.p.canRead.Broadcast()
	s.mu.Unlock()
}

// dropUnread gives up what has arrived on a stream that is over and will not be read: that of a client that stops
// before the end of a response that is complete here. Until then it counts as held. Read returns cause if anything is
// lost.
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

// endRead records that nothing more will arrive: cause is io.EOF at the body's proper end.
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
