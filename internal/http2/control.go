package http2

import (
	"encoding/binary"

	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
)

// sendReset sends RST_STREAM. It is the reading goroutine's.
func (c *Conn) sendReset(id uint32, code protocol.ResetCode) {
	c.drawReset(code)
	c.smu.Lock()
	c.s.reset.add(id)
	c.smu.Unlock()
	c.w.Lock()
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendReset(b.B, id, code)
	}
	c.w.UnlockFlush(combine.Spawn)
}

func (c *Conn) onReset(id uint32, p []byte) error {
	if len(p) != 4 {
		return violation(codeFrameSize, "RST_STREAM of %d bytes", len(p))
	}
	if id == 0 {
		return violation(protocol.ResetProtocolError, "RST_STREAM on stream 0")
	}
	if err := c.checkOpened(id); err != nil {
		return err
	}
	code := protocol.ResetCode(binary.BigEndian.Uint32(p))
	c.r.guard.draw(protocol.FloodReset, costReset)
	if c.client {
		c.r.cur = nil
		f := &protocol.Failure{Kind: protocol.FailedReset, Code: code}
		if code == protocol.ResetRefused {
			f.Reach = refused // RFC 9113, section 8.7
		}
		c.endStream(id, f)
		return nil
	}
	c.requestReset(id, code)
	return nil
}

func (c *Conn) onSettings(id uint32, flags uint8, p []byte) error {
	if id != 0 {
		return violation(protocol.ResetProtocolError, "SETTINGS on stream %d", id)
	}
	if flags&flagAck != 0 {
		if len(p) != 0 {
			return violation(codeFrameSize, "SETTINGS acknowledgement of %d bytes", len(p))
		}
		if !c.r.settings {
			return violation(protocol.ResetProtocolError, "the first SETTINGS frame is an acknowledgement")
		}
		c.r.guard.draw(protocol.FloodSettings, 1)
		return nil
	}
	if len(p)%6 != 0 {
		return violation(codeFrameSize, "SETTINGS of %d bytes", len(p))
	}
	c.r.guard.draw(protocol.FloodSettings, 1+len(p)/6/settingsPerUnit)
	first := !c.r.settings
	c.r.settings = true
	if first && !c.client {
		c.arrivedFirst()
	}
	c.w.Lock()
	initial := c.w.initial
	for ; len(p) > 0; p = p[6:] {
		if err := c.setting(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			c.w.Unlock()
			return err
		}
	}
	if c.w.initial != initial {
		if err := c.recountWindows(); err != nil {
			c.w.Unlock()
			return err
		}
	}
	b := c.w.Buf()
	b.B = appendFrameHeader(b.B, 0, frameSettings, flagAck, 0)
	c.w.UnlockFlush(combine.Spawn)
	if first && c.client {
		close(c.cl.ready)
	}
	return nil
}

// setting applies one of the peer's settings (RFC 9113, section 6.5.2). The write lock is held.
func (c *Conn) setting(id uint16, v uint32) error {
	switch id {
	case settingHeaderTableSize:
		c.w.enc.limit(int(min(v, decoderTableSize)))
	case settingEnablePush:
		if v > 1 || c.client && v == 1 {
			return violation(protocol.ResetProtocolError, "SETTINGS_ENABLE_PUSH of %d", v)
		}
	case settingMaxStreams:
		if c.client {
			c.smu.Lock()
			c.s.peerMax = int(min(v, maxWindow))
			if c.s.full {
				c.signalFreed()
			}
			c.smu.Unlock()
		}
	case settingInitialWindowSize:
		if v > maxWindow {
			return violation(protocol.ResetFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE of %d", v)
		}
		c.w.initial = int64(v) // the last one of a frame counts: see recountWindows
	case settingMaxHeaderListSize:
		c.peerList.Store(max(int64(v), 1)) // less than any list has
	case settingConnectProtocol:
		if v > 1 {
			return violation(protocol.ResetProtocolError, "SETTINGS_ENABLE_CONNECT_PROTOCOL of %d", v)
		}
	case settingMaxFrameSize:
		if v < defaultFrameSize || v > maxFrameSizeLimit {
			return violation(protocol.ResetProtocolError, "SETTINGS_MAX_FRAME_SIZE of %d", v)
		}
		// Larger frames would let one stream hold the connection up; more than this gains nothing.
		c.w.maxFrame = int(min(v, 4*defaultFrameSize))
	}
	return nil
}

// recountWindows follows a change of the windows of all streams (RFC 9113, section 6.9.2). It is done once for a frame,
// however often that changes them. The write lock is held.
func (c *Conn) recountWindows() error {
	c.smu.Lock()
	all := c.s.table.all()
	c.smu.Unlock()
	c.r.guard.draw(protocol.FloodSettings, len(all)/streamsPerUnit)
	for _, s := range all {
		if s.window() > maxWindow {
			return violation(protocol.ResetFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE makes a window of more than 2^31-1 bytes")
		}
		if s.out != nil {
			c.wait(s)
		}
	}
	return nil
}

func (c *Conn) onPing(id uint32, flags uint8, p []byte) error {
	if len(p) != 8 {
		return violation(codeFrameSize, "PING of %d bytes", len(p))
	}
	if id != 0 {
		return violation(protocol.ResetProtocolError, "PING on stream %d", id)
	}
	c.r.guard.draw(protocol.FloodPing, 1)
	data := [8]byte(p)
	if flags&flagAck == 0 {
		c.w.Lock()
		b := c.w.Buf()
		b.B = appendPing(b.B, true, data)
		answered := c.w.answered
		c.w.answered = false
		c.w.UnlockFlush(combine.Spawn)
		return c.pinged(answered)
	}
	switch {
	case data == bdpPing:
		c.measured()
	case data == drainPing && !c.client:
		c.smu.Lock()
		first := c.s.drainFirst
		c.smu.Unlock()
		if first {
			c.drain(true)
		}
	}
	return nil
}

func (c *Conn) onGoaway(id uint32, p []byte) error {
	if len(p) < 8 {
		return violation(codeFrameSize, "GOAWAY of %d bytes", len(p))
	}
	if id != 0 {
		return violation(protocol.ResetProtocolError, "GOAWAY on stream %d", id)
	}
	c.r.guard.draw(protocol.FloodUnknown, 1)
	last := binary.BigEndian.Uint32(p) & maxWindow
	code := protocol.ResetCode(binary.BigEndian.Uint32(p[4:]))
	if c.client {
		c.serverGoaway(last, code, string(p[8:]))
		return nil
	}
	c.debug("GOAWAY received", "code", code)
	return nil // a client that goes away opens no more streams; those that are open go on
}

func (c *Conn) onWindowUpdate(id uint32, p []byte) error {
	if len(p) != 4 {
		return violation(codeFrameSize, "WINDOW_UPDATE of %d bytes", len(p))
	}
	c.r.guard.draw(protocol.FloodWindowUpdate, 1)
	n := int64(binary.BigEndian.Uint32(p) & maxWindow)
	if id == 0 {
		if n == 0 {
			return violation(protocol.ResetProtocolError, "WINDOW_UPDATE of 0")
		}
		c.w.Lock()
		if c.w.window += n; c.w.window > maxWindow {
			c.w.Unlock()
			return violation(protocol.ResetFlowControl, "the connection's window is larger than 2^31-1 bytes")
		}
		c.w.UnlockFlush(combine.Spawn)
		return nil
	}
	if !c.client && c.r.cur != nil && c.r.cur.id == id {
		c.park() // its response will need this window
	}
	s := c.lockStream(id)
	if s == nil {
		return c.checkOpened(id)
	}
	if n > 0 {
		s.sendDelta += n
	}
	bad := s.window() > maxWindow
	if !bad && s.out != nil {
		c.wait(s)
	}
	c.smu.Unlock()
	c.w.UnlockFlush(combine.Spawn)
	switch {
	case n == 0:
		c.failID(id, protocol.ResetProtocolError, "WINDOW_UPDATE of 0")
	case bad:
		c.failID(id, protocol.ResetFlowControl, "window larger than 2^31-1 bytes")
	}
	return nil
}

// failID is failOne for a stream that others may recycle.
func (c *Conn) failID(id uint32, code protocol.ResetCode, reason string) {
	c.forget(id)
	c.debug("stream error", "stream", id, "reason", reason)
	c.sendReset(id, code)
	c.endStream(id, &protocol.Failure{Kind: protocol.FailedViolation, Code: code})
}

func (c *Conn) onPriority(id uint32, p []byte) error {
	if id == 0 {
		return violation(protocol.ResetProtocolError, "PRIORITY on stream 0")
	}
	c.r.guard.draw(protocol.FloodPriority, 1)
	if len(p) != 5 {
		c.failFrame(id, codeFrameSize, "PRIORITY of the wrong length")
		return nil
	}
	if binary.BigEndian.Uint32(p)&maxWindow == id {
		c.failFrame(id, protocol.ResetProtocolError, "stream that depends on itself")
	}
	return nil // the scheme itself is deprecated (RFC 9113, section 5.3.2)
}

// failFrame answers a malformed frame for a stream, which may be open or not.
func (c *Conn) failFrame(id uint32, code protocol.ResetCode, reason string) {
	if !c.client {
		c.park()
	}
	c.failID(id, code, reason)
}
