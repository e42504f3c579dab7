package http2

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// Writing. Frames are appended to the buffer of a combine.Writer, under its lock, and written with their neighbours.
// What is special to HTTP/2 is here and in flow.go: DATA that waits for window, senders that wait for the buffer, and
// what a failed write means.

const (
	// bufferSoftMax is the amount of waiting bytes above which DATA waits with its stream instead of in the buffer.
	bufferSoftMax = 256 << 10
	// roomAbove is the amount of waiting bytes above which a stream's sender waits for a write that is under way.
	roomAbove = 128 << 10
	// refillMax is how much DATA of waiting streams is moved to the buffer at once.
	refillMax = 64 << 10
)

// writer is what sends, and what its lock guards.
type writer struct {
	combine.Writer

	parting  bool   // a server's: all is written, and the client may hang up
	answered bool   // HEADERS or DATA were sent since the last PING came
	frames   uint32 // HEADERS and DATA sent, for guard.settle

	enc      encoder
	window   int64 // what may be sent on the connection
	initial  int64 // a stream's window at its beginning
	maxFrame int
	nextID   uint32 // client
	handed   uint32 // client: streams below this have had their HEADERS given to the transport

	waiting streamQueue // streams with DATA to send and window to send it
	forRoom []*stream   // senders that wait for the buffer to be written
}

func (w *writer) init(c *Conn) {
	w.Init(c.tc, sender{c})
	w.enc = newEncoder()
	w.window, w.initial, w.maxFrame = defaultWindow, defaultWindow, defaultFrameSize
}

// fail ends all sending. The write lock is held.
func (w *writer) fail(err error) {
	w.Fail(err)
	for s := w.waiting.pop(); s != nil; s = w.waiting.pop() {
		s.dropOut()
	}
	w.wakeForRoom()
}

// waitForRoom arranges for s to be woken when the buffer has been written. The write lock is held.
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
}

// sender is a Conn as its combine.Writer sees it. It is one pointer, so that it fits an interface without an
// allocation.
type sender struct{ *Conn }

var _ combine.Source = sender{}

// Pending implements combine.Source.
func (c sender) Pending() bool { return c.w.sendable() }

// Refill implements combine.Source: it moves DATA of waiting streams to the buffer, in turns of one frame.
func (c sender) Refill() {
	w := &c.w
	for w.sendable() && w.Len() < refillMax {
		c.sendSome(w.waiting.pop())
	}
	w.handed = w.nextID
}

// Written implements combine.Owner. When a write has failed it closes the transport: that wakes the reading goroutine,
// which ends the connection. A client takes no more calls and first reads what the server had to say, such as a GOAWAY
// with the reason.
func (c sender) Written(err error) {
	c.w.wakeForRoom()
	if err == nil {
		return
	}
	c.w.fail(&protocol.Failure{Kind: protocol.FailedLost, Cause: err})
	if !c.client || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.tc.Close()
		return
	}
	c.smu.Lock()
	c.s.draining = true
	if c.s.err == nil {
		c.s.err = c.w.Err()
	}
	c.smu.Unlock()
	c.stopTaking()
	time.AfterFunc(parting, func() { _ = c.tc.Close() })
}

// parting is the time for what a server sent before it closed the connection.
const parting = 100 * time.Millisecond

// Idle implements combine.Owner.
func (c sender) Idle() bool {
	c.smu.Lock()
	defer c.smu.Unlock()
	return c.s.open == 0
}

// Finish implements combine.Owner: it closes the transport of a connection that was drained. A server lets the client
// do it and waits a moment: a socket that is closed before its last incoming bytes (a WINDOW_UPDATE for the last
// response, perhaps) were read answers with a reset, upon which the client's kernel forgets what the client has not
// read yet.
func (c sender) Finish() {
	if c.client || c.w.Err() != nil {
		_ = c.tc.Close()
		return
	}
	if !c.w.parting {
		c.w.parting = true
		_ = c.tc.SetReadDeadline(time.Now().Add(lastWords))
	}
}

// cork holds writing back while the reading goroutine works through a batch.
func (c *Conn) cork() {
	c.w.Lock()
	c.w.Cork()
	c.w.Unlock()
}

// uncork ends a batch: a server's reading goroutine writes itself, a client's must not wait for the peer. A server's
// first waits if too much waits for a client that does not read, until that reads or the deadline of writing passes: it
// makes answers to control frames, and to calls that are answered at once, only as fast as the client takes them.
func (c *Conn) uncork() {
	c.w.Lock()
	c.w.Uncork()
	if c.client {
		c.w.UnlockFlush(combine.Spawn)
		return
	}
	_ = c.w.Wait(unreadMax) // an error ends the connection, and what is written is dropped
	c.w.UnlockFlush(combine.Now)
}
