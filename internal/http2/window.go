package http2

import (
	"sync/atomic"

	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// Receive windows. A stream's bounds what a slow reader of one stream makes the connection hold; it begins small and is
// doubled as long as a round trip brings nearly a window's worth, so that it comes to fit bandwidth times delay. The
// connection's window is refilled as soon as bytes arrive, so that a slow stream does not stall its neighbours, until
// Config.QueuedBytes are held.
const (
	minStreamWindow = 256 << 10
	maxStreamWindow = 8 << 20
	connWindow      = 16 << 20
)

// estimate is a measurement of bandwidth times delay: what arrives between a PING and its answer. The window is atomic,
// the rest is the reading role's.
type estimate struct {
	window  atomic.Int64 // of each stream
	active  bool
	arrived int64
}

// bdpPing is the payload of the PING of a measurement.
var bdpPing = [8]byte{'w', 'i', 'n', 'd', 'o', 'w', 0, 1} //nolint:gochecknoglobals // a constant

// count notes n bytes of DATA for s, and starts a measurement when the stream is one that a larger window might help.
func (c *Conn) count(s *stream, n int64) {
	e := &c.est
	if e.active {
		e.arrived += n
		return
	}
	w := e.window.Load()
	if s.arrived < w/2 || w >= maxStreamWindow {
		return
	}
	e.active, e.arrived = true, 0
	c.w.Lock()
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendPing(b.B, false, bdpPing)
	}
	c.w.UnlockFlush(combine.Spawn)
}

// measured ends a measurement, and opens the windows if they hold the peer back.
func (c *Conn) measured() {
	e := &c.est
	if !e.active {
		return
	}
	e.active = false
	w := e.window.Load()
	if e.arrived < w*2/3 {
		return
	}
	w = min(2*w, maxStreamWindow)
	e.window.Store(w)
	c.w.Lock()
	if c.w.Err() == nil {
		b := c.w.Buf()
		at := len(b.B)
		b.B = appendFrameHeader(b.B, 0, frameSettings, 0, 0)
		b.B = appendSetting(b.B, settingInitialWindowSize, uint32(w))
		putFrameLen(b.B, at, len(b.B)-at-frameHeaderLen)
	}
	c.w.UnlockFlush(combine.Spawn)
}

// release gives the account of held bytes n back, and with it the window that was withheld because of them.
func (c *Conn) release(n int64) {
	if c.queued.Add(-n) < int64(c.cfg.QueuedBytes)/2 {
		c.giveBackWithheld()
	}
}

// withhold keeps n bytes of the connection's window until the readers of its streams have caught up.
func (c *Conn) withhold(n int64) {
	c.withheld.Add(n)
	if c.queued.Load() < int64(c.cfg.QueuedBytes)/2 {
		c.giveBackWithheld() // they did, between the look and the note
	}
}

func (c *Conn) giveBackWithheld() {
	if n := c.withheld.Swap(0); n > 0 {
		c.creditConn(n)
	}
}

// creditConn lets the peer send n more bytes on the connection (RFC 9113, section 6.9).
func (c *Conn) creditConn(n int64) {
	c.received.Add(n)
	c.creditStream(0, n)
}

// creditStream lets the peer send n more bytes on a stream.
func (c *Conn) creditStream(id uint32, n int64) {
	c.w.Lock()
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendWindowUpdate(b.B, id, n)
	}
	c.w.UnlockFlush(combine.Spawn)
}

// overWindow reports whether a stream has sent more than its window allows. The stream's lock is held if it is pulled.
func (s *stream) overWindow(n int) bool {
	used := s.uncredit + int64(n)
	if s.p != nil {
		used += s.p.held
	}
	return used > s.c.est.window.Load()
}

// How a stream ends that sends more than it may.
const (
	codeWindow   = protocol.ResetFlowControl
	reasonWindow = "more DATA than the stream's window allows"
)
