package http1

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// stream is one exchange, in either role. A pulled stream is read by a goroutine of its own through Read, and is never
// used again; others get what they receive from the reading goroutine, and a connection uses one for many exchanges.
// All fields are guarded by the connection's lock, except those that are set before others have the stream.
type stream struct {
	c *Conn

	// Set before others have it.
	app     protocol.Responder
	head    *protocol.Head
	answer  *fairlead.Metadata // more fields for the response's head; nil: none
	old     bool               // the peer speaks HTTP/1.0
	connect bool               // the method is CONNECT

	call       *fairlead.Call
	entered    bool        // the connection knows it as current: see Conn.enter
	over       atomic.Bool // nothing more is done with it
	last       bool        // the connection ends with it
	bare       bool        // the method is HEAD: the response has no body
	noBody     bool        // there is none, whatever is sent
	awaits100  bool        // server: the client waits for the status 100 before it sends the body
	headSent   bool
	out        bodyKind // how the body that is sent is delimited
	left       int64    // of a body with a length
	localDone  bool     // this side has sent everything
	remoteDone bool     // the peer has
	discards   bool     // server: the response is complete, and the rest of the request is dropped
	sendErr    error
	after      *protocol.Head // the peer's trailer

	// Client.
	ticket   protocol.Ticket
	recv     protocol.Receiver
	inform   func(*protocol.Head)
	tunnels  bool // the request asks for a stream of bytes
	headSeen bool
	interims int

	p *pulled
}

// pulled is what a stream needs that is read by a goroutine of its own. The connection's lock guards it.
type pulled struct {
	canRead, canSend sync.Cond
	parts            []*buffer.Buf // what has arrived and nobody has taken
	reading          *buffer.Buf   // what Read returned last
	spare            *buffer.Buf   // for the next part, while the reader is behind
	held             int64         // bytes in parts and reading
	asks             bool          // Read is to ask for the body before it waits
	behind           bool          // Read has not had to wait lately
	rest             bool          // the reader expects the rest of something: see exchange.Expect
	serial           uint32        // counts what it expected
	got              int64         // bytes that have arrived, in all
	readErr          error         // io.EOF or a failure, behind parts
	interrupted      error

	// Client.
	head       *protocol.Head
	headEnds   bool
	headReady  chan struct{}
	headClosed bool
}

const (
	// heldMax is how many bytes wait for a slow reader until the peer has to wait.
	heldMax = 256 << 10
	// partSize is the size of a buffer for a reader that is behind.
	partSize = 32 << 10
)

// pull makes s a pulled stream.
func (s *stream) pull() {
	p := new(pulled)
	p.canRead.L, p.canSend.L = &s.c.w, &s.c.w
	p.asks = s.awaits100
	s.p = p
}

// push adds what has arrived. The lock is held.
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

// pop takes the first part. The lock is held.
func (p *pulled) pop() *buffer.Buf {
	b := p.parts[0]
	n := copy(p.parts, p.parts[1:])
	p.parts[n] = nil
	p.parts = p.parts[:n]
	return b
}

// drop gives the spare buffer back. The lock is held.
func (p *pulled) drop() {
	buffer.Put(p.spare)
	p.spare = nil
}

// Read implements protocol.Pipe.
func (s *stream) Read() ([]byte, error) {
	p, c := s.p, s.c
	c.w.Lock()
	defer c.w.Unlock()
	if last := p.reading; last != nil {
		p.reading = nil
		p.held -= int64(len(last.B))
		if p.spare == nil {
			p.spare = last
		} else {
			buffer.Put(last)
		}
		if c.roomWaits && p.held < heldMax/2 {
			c.changed.Broadcast()
		}
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
			s.proceed()
			continue
		}
		p.behind = false
		p.drop()
		p.canRead.Wait()
	}
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
	for {
		if err := s.mayNotSend(); err != nil {
			c.w.Unlock()
			buffer.Put(beside)
			return err
		}
		if s.tunnels && !s.headSeen && s.p != nil { // nothing may be sent before the server has agreed
			s.p.canSend.Wait()
			continue
		}
		if s.p == nil || !c.w.Writing() || c.w.Len() < roomAbove {
			break
		}
		s.p.canSend.Wait()
	}
	if m != nil {
		if err := s.appendPart(m, beside); err != nil {
			c.w.Unlock()
			return err
		}
	}
	if last {
		s.endBody(nil)
	}
	c.w.UnlockFlush(combine.Spawn)
	return nil
}

// endBody sends the end of the body, with a trailer or, if it is nil, without. The lock is held.
func (s *stream) endBody(t *protocol.Section) {
	if s.localDone {
		return
	}
	s.localDone = true
	switch s.out {
	case bodyChunked:
		b := s.c.w.Buf()
		b.B = appendTrailer(b.B, t)
	case bodyLength:
		if s.left > 0 {
			s.last = true // the peer finds the body cut off
		}
	case bodyRaw:
		s.c.w.FinishWritten() // ends this half of the connection
		s.c.changed.Broadcast()
	case bodyClose:
		s.last = true
	case bodyNone:
	}
}

// mayNotSend returns why nothing can be sent, nil if it can. The lock is held.
func (s *stream) mayNotSend() error {
	switch {
	case s.p != nil && s.p.interrupted != nil:
		return s.p.interrupted
	case s.sendErr != nil:
		if s.c.client && !notSent(s.sendErr) {
			return io.EOF
		}
		return s.sendErr
	case s.c.w.Err() != nil:
		if s.c.client {
			return io.EOF
		}
		return s.c.w.Err()
	case s.localDone || s.over.Load():
		return errSendAfterEnd
	}
	return nil
}

// notSent reports whether err says that the peer did not process the exchange.
func notSent(err error) bool {
	f, ok := err.(*protocol.Failure) //nolint:errorlint // it is kept bare
	return ok && f.Reach != fairlead.Unknowable
}

var errSendAfterEnd = fairlead.Errorf(fairlead.Internal, "message sent after the end of the body")

// Interrupt implements protocol.Pipe.
func (s *stream) Interrupt(cause error) {
	s.c.w.Lock()
	defer s.c.w.Unlock()
	if s.p == nil {
		return
	}
	if s.p.interrupted == nil {
		s.p.interrupted = cause
	}
	s.p.canSend.Broadcast()
	s.p.canRead.Broadcast()
}

// endRead notes that nothing more will arrive: cause is io.EOF at the body's proper end. The lock is held.
func (s *stream) endRead(cause error) {
	p := s.p
	if p == nil || p.readErr != nil {
		return
	}
	p.readErr = cause
	p.canRead.Broadcast()
	p.announce()
}

// announce closes headReady.
func (p *pulled) announce() {
	if p.headReady != nil && !p.headClosed {
		p.headClosed = true
		close(p.headReady)
	}
}

// dropBody gives up what has arrived and was not read. With all, nobody is using what Read returned last either;
// otherwise that part is left to the garbage collector. The lock is held.
func (s *stream) dropBody(all bool) {
	p := s.p
	if p == nil {
		return
	}
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
	s.c.changed.Broadcast()
}
