package http2

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// Writing. Frames are appended to one buffer under the write lock, and whoever finds no flusher becomes it. Before it
// writes, a flusher that has little to write yields once, so that others that are ready to run append their frames
// first: in the prototype that preceded this engine, with 100 callers, that took the client from 240k to 444k calls a
// second and the server from 143k to 328k. A stream's sender must not do that itself (one that sends alone would make
// a system call for each message): it starts a goroutine that flushes and goes on.

// flushBy is who flushes.
type flushBy uint8

const (
	byCaller flushBy = iota // the calling goroutine, after a yield
	bySpawn                 // a goroutine of its own
	byReader                // the calling goroutine, at once
)

const (
	minWriteBuffer = 1 << 10
	maxWriteBuffer = 256 << 10
	// yieldBelow is the amount of waiting bytes below which a flusher yields before it writes.
	yieldBelow = 32 << 10
	// bufferSoftMax is the amount of waiting bytes above which DATA waits with its stream instead of in the buffer.
	bufferSoftMax = 256 << 10
	// roomAbove is the amount of waiting bytes above which a stream's sender waits for a write that is under way.
	roomAbove = 128 << 10
	// corkMax is the amount of waiting bytes above which a corked buffer is flushed all the same.
	corkMax = 64 << 10
	// refillMax is how much DATA of waiting streams is moved to the buffer at once.
	refillMax = 64 << 10
	// writeTimeout is how long a peer may leave this side's writes stuck; the deadline is renewed when a quarter of it
	// has passed.
	writeTimeout = 30 * time.Second
)

// writer is what the write lock guards.
type writer struct {
	buf        *buffer.Buf // nil: nothing waits
	flushing   bool
	corked     bool   // the reading goroutine will flush at the end of its batch
	closeAfter bool   // close the transport when all is written
	parting    bool   // a server's: all is written, and the client may hang up
	answered   bool   // HEADERS or DATA were sent since the last PING came
	frames     uint32 // HEADERS and DATA sent, for guard.settle
	err        error
	spare      *buffer.Buf // for the next buffer, while streams are open
	hint       int         // how long the buffer got lately
	deadline   time.Time   // the transport's write deadline

	enc      encoder
	window   int64 // what may be sent on the connection
	initial  int64 // a stream's window at its beginning
	maxFrame int
	nextID   uint32 // client
	handed   uint32 // client: streams below this have had their HEADERS given to the transport

	waiting streamQueue // streams with DATA to send and window to send it
	forRoom []*stream   // senders that wait for the buffer to be written
	unread  *sync.Cond  // waitUnread's, once it was needed
}

func (w *writer) init() {
	w.enc = newEncoder()
	w.window, w.initial, w.maxFrame = defaultWindow, defaultWindow, defaultFrameSize
}

// fail ends all sending.
func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	for s := w.waiting.pop(); s != nil; s = w.waiting.pop() {
		s.dropOut()
	}
	w.corked = false
	if !w.flushing { // otherwise the flusher drops it
		buffer.Put(w.buf)
		w.buf = nil
	}
	w.dropSpare()
	w.wakeForRoom()
}

// dropSpare gives the spare buffer back. The write lock is held.
func (w *writer) dropSpare() {
	buffer.Put(w.spare)
	w.spare = nil
}

// waitForRoom has s woken when the buffer has been written. The write lock is held.
func (w *writer) waitForRoom(s *stream) {
	if !s.p.roomWaits {
		s.p.roomWaits = true
		w.forRoom = append(w.forRoom, s)
	}
}

func (w *writer) wakeForRoom() {
	for i, s := range w.forRoom {
		s.p.roomWaits = false
		s.p.canSend.Broadcast()
		w.forRoom[i] = nil
	}
	w.forRoom = w.forRoom[:0]
	if w.unread != nil {
		w.unread.Broadcast()
	}
}

// writeBuf returns the buffer to append to. The write lock is held.
func (c *Conn) writeBuf() *buffer.Buf {
	if c.w.buf == nil {
		if c.w.buf = c.w.spare; c.w.buf != nil {
			c.w.spare = nil
			return c.w.buf
		}
		c.w.buf = buffer.Get(max(c.w.hint, minWriteBuffer))
	}
	return c.w.buf
}

// waitingBytes returns how much is in the buffer. The write lock is held.
func (w *writer) waitingBytes() int {
	if w.buf == nil {
		return 0
	}
	return len(w.buf.B)
}

// unlockFlush releases the write lock and sees to it that what waits is written.
func (c *Conn) unlockFlush(by flushBy) {
	w := &c.w
	if w.flushing || w.corked && w.waitingBytes() < corkMax || w.waitingBytes() == 0 && !w.sendable() && !w.closeAfter {
		c.wmu.Unlock()
		return
	}
	w.flushing = true
	switch by {
	case bySpawn:
		c.wmu.Unlock()
		go c.flush()
		return
	case byCaller:
		if w.waitingBytes() < yieldBelow {
			c.wmu.Unlock()
			runtime.Gosched()
			c.wmu.Lock()
		}
	case byReader:
	}
	c.writeOut()
	c.wmu.Unlock()
}

// flush is the body of a flushing goroutine.
func (c *Conn) flush() {
	runtime.Gosched()
	c.wmu.Lock()
	c.writeOut()
	c.wmu.Unlock()
}

// writeOut writes until nothing waits. The write lock is held, and released while writing; flushing is set, and cleared
// at the end.
func (c *Conn) writeOut() {
	w := &c.w
	for w.err == nil {
		c.refill()
		b := w.buf
		if b == nil {
			break
		}
		w.buf = nil
		w.handed = w.nextID
		w.hint = min(max(len(b.B), w.hint-w.hint/8), maxWriteBuffer)
		c.renewDeadline()
		c.wmu.Unlock()
		err := c.tc.Write(b.B)
		c.wmu.Lock()
		if w.spare == nil && cap(b.B) <= maxWriteBuffer {
			b.B = b.B[:0]
			w.spare = b
		} else {
			buffer.Put(b)
		}
		w.wakeForRoom()
		if err != nil {
			w.fail(&protocol.Failure{Kind: protocol.FailedLost, Cause: err})
			c.hangUp(err)
		}
	}
	w.flushing = false
	if w.spare != nil {
		c.smu.Lock()
		idle := c.s.open == 0
		c.smu.Unlock()
		if idle {
			w.dropSpare()
		}
	}
	if w.err != nil {
		buffer.Put(w.buf)
		w.buf = nil
		w.dropSpare()
	}
	if w.closeAfter {
		c.part()
	}
}

// hangUp closes the transport after a write has failed: that wakes the reading goroutine, which ends the connection.
// A client takes no more calls and first reads what the server had to say, such as a GOAWAY with the reason. The write
// lock is held.
func (c *Conn) hangUp(err error) {
	if !c.client || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.tc.Close()
		return
	}
	c.smu.Lock()
	c.s.draining = true
	if c.s.err == nil {
		c.s.err = c.w.err
	}
	c.smu.Unlock()
	c.stopTaking()
	time.AfterFunc(parting, func() { _ = c.tc.Close() })
}

// parting is the time for what a server sent before it closed the connection.
const parting = 100 * time.Millisecond

// renewDeadline bounds the next write. Setting a deadline costs a lock of the poller, so it is not done for each.
func (c *Conn) renewDeadline() {
	now := time.Now()
	if c.w.deadline.Sub(now) > writeTimeout*3/4 {
		return
	}
	c.w.deadline = now.Add(writeTimeout)
	_ = c.tc.SetWriteDeadline(c.w.deadline)
}

// cork holds flushing back while the reading goroutine works through a batch.
func (c *Conn) cork() {
	c.wmu.Lock()
	c.w.corked = c.w.err == nil // nobody would uncork it any more
	c.wmu.Unlock()
}

// uncork ends a batch: a server's reading goroutine writes itself, a client's must not wait for the peer.
func (c *Conn) uncork() {
	c.wmu.Lock()
	c.w.corked = false
	if c.client {
		c.unlockFlush(bySpawn)
		return
	}
	if c.w.flushing {
		c.waitUnread()
	}
	c.unlockFlush(byReader)
}
