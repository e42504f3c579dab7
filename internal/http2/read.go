package http2

import (
	"encoding/binary"
	"io"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// reader is the parse state. It belongs to the goroutine that holds the reading role.
type reader struct {
	started  bool   // the client's preface was seen
	settings bool   // the first frame was SETTINGS, as it must be
	in       []byte // what the transport has buffered
	off      int    // how much of it was processed
	turn     *protocol.Turn

	dec  decoder
	head *headBuilder // scratch; nil while the connection waits

	block      *buffer.Buf // a header block that goes on in CONTINUATION frames
	blockID    uint32
	blockFlags uint8

	// cur is, in a server, the stream whose head came last, as long as it is not in the table and its head is the
	// scratch; in a client, the stream that a frame came for last.
	cur      *stream
	uncredit int64 // bytes of DATA not given back to the connection's window

	// skipped is, in a server, the range of stream identifiers that the peer passed over last, without its end.
	skipped [2]uint32

	pings pings
	guard guard
	timer readTimer
	now   time.Duration // after epoch, when it was first asked for in this batch; 0: it was not
}

// resetRing remembers streams that this side has reset lately: what the peer had sent before it knew is ignored (RFC
// 9113, section 5.1).
type resetRing struct {
	ids []uint32
	at  int
}

const resetRingSize = 64

func (r *resetRing) add(id uint32) {
	if len(r.ids) < resetRingSize {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.at] = id
	r.at = (r.at + 1) % resetRingSize
}

func (r *resetRing) has(id uint32) bool {
	return slices.Contains(r.ids, id)
}

// read reads and handles frames until the connection ends, or returns nil when the reading role is lost.
func (c *Conn) read() error {
	t := new(protocol.Turn) // a client's is never lost
	if !c.client {
		t = c.lease.Begin()
	}
	c.r.turn = t
	returned := false
	defer func() {
		if !returned && !t.Lost() && !c.client {
			c.lease.Pass() // a protocol has called runtime.Goexit; a panic ends the connection further up
		}
	}()
	err := c.readFrames(t)
	returned = true
	return err
}

// readFrames is read for one turn.
func (c *Conn) readFrames(t *protocol.Turn) error {
	c.adopt()
	for {
		need, err := c.frames(t)
		if t.Lost() {
			return nil
		}
		if err == nil && c.r.guard.work > 0 && c.r.guard.work > c.cfg.budget() {
			err = c.settle()
		}
		if err != nil {
			return err
		}
		c.endBatch()
		in, err := c.await(need)
		if err != nil {
			return err
		}
		if !c.heard.Load() { // it is the keeper that clears it
			c.heard.Store(true)
		}
		c.r.in, c.r.now = in, 0
		c.cork()
	}
}

// adopt continues where the last holder of the role was interrupted.
func (c *Conn) adopt() {
	// The handler may finish at any moment, and its stream be recycled: it is looked at under the lock alone.
	id := uint32(0)
	c.smu.Lock()
	if s := c.s.running; s != nil {
		c.s.running = nil
		c.enterLocked(s)
		id = s.id
	}
	err := c.s.err
	c.smu.Unlock()
	if id != 0 && err != nil {
		c.endStream(id, err)
	}
	if len(c.r.in) > 0 {
		c.uncork() // what was answered before should not wait for the rest of the batch
		c.cork()
	}
}

// endBatch writes what the batch has given rise to.
func (c *Conn) endBatch() {
	if c.r.uncredit >= connWindow/4 {
		c.creditArrived()
	}
	switch {
	case c.r.head == nil:
	case c.client || c.r.cur == nil:
		c.r.head.release()
		c.r.head = nil
	default:
		c.unfinished(c.r.cur)
	}
	c.uncork()
}

// creditArrived opens the connection's window by what has arrived.
func (c *Conn) creditArrived() {
	n := c.r.uncredit
	c.r.uncredit = 0
	c.r.guard.earn(int(n / earnedPerBytes))
	c.creditConn(n)
}

// frames handles all complete frames that are buffered and returns how many bytes the next one needs at least.
func (c *Conn) frames(t *protocol.Turn) (need int, err error) {
	if !c.r.started {
		if need, err = c.preface(); need > 0 || err != nil {
			return need, err
		}
	}
	for {
		b := c.r.in[c.r.off:]
		if len(b) < frameHeaderLen {
			return frameHeaderLen, nil
		}
		n := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
		if n > defaultFrameSize {
			if c.client && !c.r.settings && string(b[:5]) == "HTTP/" {
				return 0, violation(protocol.ResetProtocolError, "the peer answers in HTTP/1 and does not serve HTTP/2 here")
			}
			return 0, violation(codeFrameSize, "frame of %d bytes, the limit is %d", n, defaultFrameSize)
		}
		if len(b) < frameHeaderLen+n {
			return frameHeaderLen + n, nil
		}
		c.r.off += frameHeaderLen + n
		id := binary.BigEndian.Uint32(b[5:]) & maxWindow
		payload := b[frameHeaderLen : frameHeaderLen+n : frameHeaderLen+n]
		if err := c.frame(frameType(b[3]), b[4], id, payload); err != nil || t.Lost() {
			return 0, err
		}
	}
}

// preface checks the client's connection preface (RFC 9113, section 3.4).
func (c *Conn) preface() (need int, err error) {
	n := min(len(c.r.in), len(Preface))
	if string(c.r.in[:n]) != Preface[:n] {
		return 0, violation(protocol.ResetProtocolError, "bad connection preface")
	}
	if n < len(Preface) {
		return len(Preface), nil
	}
	c.r.off += n
	c.r.started = true
	return 0, nil
}

// frame handles one frame.
func (c *Conn) frame(typ frameType, flags uint8, id uint32, p []byte) error {
	if !c.r.settings && typ != frameSettings {
		return violation(protocol.ResetProtocolError, "the first frame is of type %d and not SETTINGS", typ)
	}
	if c.r.block != nil && (typ != frameContinuation || id != c.r.blockID) {
		return violation(protocol.ResetProtocolError, "frame of type %d within a header block", typ)
	}
	switch typ {
	case frameData:
		return c.onData(id, flags, p)
	case frameHeaders:
		return c.onHeaders(id, flags, p)
	case frameContinuation:
		return c.onContinuation(id, flags, p)
	case frameReset:
		return c.onReset(id, p)
	case frameSettings:
		return c.onSettings(id, flags, p)
	case framePing:
		return c.onPing(id, flags, p)
	case frameGoaway:
		return c.onGoaway(id, p)
	case frameWindowUpdate:
		return c.onWindowUpdate(id, p)
	case framePriority:
		return c.onPriority(id, p)
	case framePush:
		return violation(protocol.ResetProtocolError, "PUSH_PROMISE, which is disabled")
	}
	c.r.guard.draw(protocol.FloodUnknown, 1)
	return nil // unknown types are ignored (RFC 9113, section 5.5)
}

func (c *Conn) onData(id uint32, flags uint8, p []byte) error {
	if id == 0 {
		return violation(protocol.ResetProtocolError, "DATA on stream 0")
	}
	n := int64(len(p))
	if c.received.Add(-n) < 0 {
		return violation(protocol.ResetFlowControl, "more DATA than the connection's window allows")
	}
	body, err := unpad(p, flags)
	if err != nil {
		return err
	}
	padded := len(p) - len(body)
	held := c.queued.Load()
	end := flags&flagEndStream != 0
	if len(body) == 0 && !end {
		c.r.guard.draw(protocol.FloodData, 1)
	}
	if c.client {
		err = c.responseData(id, body, padded, end)
	} else {
		turn := c.r.turn // now: see protocol.Turn
		err = c.requestData(id, body, padded, end)
		if turn.Lost() {
			// The role is gone, and c.r with it. The bytes were consumed: their window goes back at once.
			c.creditConn(n)
			return nil
		}
	}
	if err != nil {
		return err
	}
	if q := c.queued.Load(); q > held && q > int64(c.cfg.QueuedBytes) {
		c.withhold(n)
		return nil
	}
	c.r.uncredit += n // endBatch gives it back
	return nil
}

// pulledData adds a part of a body to what a stream's reader will find.
func (c *Conn) pulledData(s *stream, p []byte, padded int, end bool) error {
	if s.length >= 0 && s.arrived > s.length {
		c.failOne(s, protocol.ResetProtocolError, reasonLength)
		return nil
	}
	c.queued.Add(int64(len(p)))
	s.mu.Lock()
	if s.overWindow(len(p) + padded) {
		s.mu.Unlock()
		c.queued.Add(-int64(len(p)))
		c.failOne(s, codeWindow, reasonWindow)
		return nil
	}
	s.uncredit += int64(padded)
	if s.p.readErr != nil { // reset here meanwhile
		s.mu.Unlock()
		c.release(int64(len(p)))
		return nil //nolint:nilerr // the reader has it; the connection goes on
	}
	if len(p) > 0 {
		s.p.push(p)
		s.p.canRead.Signal()
	}
	s.mu.Unlock()
	if !end {
		return nil
	}
	if s.isLengthWrong() {
		c.failOne(s, protocol.ResetProtocolError, reasonLength)
		return nil
	}
	if c.client {
		c.responseEnd(s, nil)
		return nil
	}
	c.requestEnd(s, nil)
	return nil
}

// requestEnd is the proper end of a pulled request.
func (c *Conn) requestEnd(s *stream, trailer *protocol.Head) {
	c.smu.Lock()
	s.remoteDone = true
	if s.localDone {
		c.finish(s)
	}
	c.smu.Unlock()
	s.endRead(io.EOF, trailer)
}

// take keeps a part of a body until it is complete.
func (s *stream) take(p []byte) {
	s.c.queued.Add(int64(len(p)))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body == nil {
		s.body = buffer.Get(len(p))
	}
	s.body.Grow(len(p))
	s.body.B = append(s.body.B, p...)
}

// strayData answers DATA for a stream that is not open (RFC 9113, section 6.1).
func (c *Conn) strayData(id uint32) error {
	if err := c.checkOpened(id); err != nil {
		return err
	}
	c.smu.Lock()
	known := c.s.reset.has(id)
	c.smu.Unlock()
	if !known {
		c.sendReset(id, codeStreamClosed)
		// The response may still be under way, and nothing may follow the reset.
		c.endStream(id, &protocol.Failure{Kind: protocol.FailedViolation, Code: codeStreamClosed})
	}
	return nil
}

// checkOpened checks that a stream that is not in the table was open once. If it never was, the connection ends (RFC
// 9113, section 5.1: idle).
func (c *Conn) checkOpened(id uint32) error {
	var known bool
	if c.client {
		c.w.Lock()
		known = id%2 == 1 && id < c.w.nextID
		c.w.Unlock()
	} else {
		known = id%2 == 1 && id <= c.s.lastPeer // written by the reading role alone
	}
	if !known {
		return violation(protocol.ResetProtocolError, "frame on stream %d, which is idle", id)
	}
	return nil
}
