package http2

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// streamQueue is a list of streams in the order in which they take turns.
type streamQueue struct{ first, last *stream }

func (q *streamQueue) empty() bool { return q.first == nil }

func (q *streamQueue) push(s *stream) {
	if s.isWaiting {
		return
	}
	s.isWaiting, s.nextWaiting = true, nil
	if q.last == nil {
		q.first = s
	} else {
		q.last.nextWaiting = s
	}
	q.last = s
}

func (q *streamQueue) pop() *stream {
	s := q.first
	if s == nil {
		return nil
	}
	q.first = s.nextWaiting
	if q.first == nil {
		q.last = nil
	}
	s.isWaiting, s.nextWaiting = false, nil
	return s
}

// window returns the number of bytes that the window of s allows to be sent, without regard to the connection's. The
// write lock is held.
func (s *stream) window() int64 { return s.c.w.initial + s.sendDelta }

// appendHeaders appends a HEADERS frame, with CONTINUATION frames if the block is longer than the peer takes. The write
// lock is held. It is a trailer if the head was sent. length is the content-length of a head, -1 for none.
func (c *Conn) appendHeaders(s *stream, sec *protocol.Section, length int, end bool) {
	buf := c.w.Buf()
	trailer, status := s.headSent, sec.StatusCode()
	at := c.beginHeaders(buf, s, end)
	buf.B = c.w.enc.section(buf.B, sec)
	switch {
	case trailer:
	case status >= 100 && status < 200:
		s.headSent = false // the head is still to come
	default:
		s.tunnel = s.connect && status < 300
		if !sec.Bare {
			buf.B = c.w.enc.now(buf.B)
		}
		if length >= 0 && !sec.Bare && !s.tunnel { // RFC 9110, section 9.3.6
			buf.B = c.w.enc.length(buf.B, length)
		}
		if s.answer != nil {
			buf.B = c.w.enc.metadata(buf.B, s.answer, false)
		}
	}
	c.endHeaders(buf, at, s.id)
}

func (c *Conn) beginHeaders(buf *buffer.Buf, s *stream, end bool) (at int) {
	at = len(buf.B)
	var flags uint8 = flagEndHeaders
	if end {
		flags |= flagEndStream
	}
	buf.B = appendFrameHeader(buf.B, 0, frameHeaders, flags, s.id)
	buf.B = c.w.enc.begin(buf.B)
	s.headSent, c.w.answered = true, true
	c.w.frames++
	return at
}

func (c *Conn) endHeaders(buf *buffer.Buf, at int, id uint32) {
	n := len(buf.B) - at - frameHeaderLen
	if n <= c.w.maxFrame {
		putFrameLen(buf.B, at, n)
		return
	}
	// A block longer than a frame goes on in CONTINUATION frames, with nothing in between (RFC 9113, section 6.10).
	block := append([]byte(nil), buf.B[at+frameHeaderLen:]...)
	buf.B = buf.B[:at+frameHeaderLen]
	buf.B[at+4] &^= flagEndHeaders
	putFrameLen(buf.B, at, c.w.maxFrame)
	buf.B = append(buf.B, block[:c.w.maxFrame]...)
	for block = block[c.w.maxFrame:]; len(block) > 0; {
		n := min(len(block), c.w.maxFrame)
		var flags uint8
		if n == len(block) {
			flags = flagEndHeaders
		}
		buf.B = appendFrameHeader(buf.B, n, frameContinuation, flags, id)
		buf.B = append(buf.B, block[:n]...)
		block = block[n:]
	}
}

// encodeBeside encodes a message that must not, or need not, be encoded under the write lock. It returns nil for those
// that are to be.
func (c *Conn) encodeBeside(m *protocol.Message) (*buffer.Buf, error) {
	if m.Sizer != nil && m.Size <= inPlaceMax {
		return nil, nil //nolint:nilnil // nil is an answer here
	}
	return c.encodeFirst(m)
}

// encodeFirst encodes a message, and returns nil for one that is encoded already.
func (c *Conn) encodeFirst(m *protocol.Message) (*buffer.Buf, error) {
	if m.Value == nil {
		return nil, nil //nolint:nilnil // nil is an answer here
	}
	b := buffer.Get(m.Size + envelopeLen)
	var err error
	b.B, err = c.encode(b.B, m, false)
	if err != nil {
		buffer.Put(b)
		return nil, err
	}
	return b, nil
}

// encode appends a message with its envelope. A codec that panics fails the message and nothing else. Locked is set
// if the write lock is held.
func (c *Conn) encode(dst []byte, m *protocol.Message, locked bool) (b []byte, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if p := recover(); p != nil {
			b, err = dst, c.cfg.Panics.CaughtLocked(nil, "encoding a message", p)
		} else if locked {
			c.abandonLocked()
		}
	}()
	b, err = appendEncoded(dst, m)
	returned = true
	return b, err
}

// abandonLocked ends the connection because a codec has called runtime.Goexit with half of a response in the buffer. It
// releases the write lock, which nobody else would.
func (c *Conn) abandonLocked() {
	cause := &protocol.Failure{Kind: protocol.FailedClosed, Cause: errCodecLeft}
	c.w.fail(cause)
	c.w.Unlock()
	go c.Close(cause)
}

var errCodecLeft = errors.New("a codec called runtime.Goexit")

// appendEncoded is encode without care for panics.
func appendEncoded(dst []byte, m *protocol.Message) (b []byte, err error) {
	at := len(dst)
	b = dst
	if m.Envelope {
		b = append(b, m.Flags, 0, 0, 0, 0)
	}
	switch {
	case m.Value == nil:
		b = append(b, m.Bytes...)
	case m.Sizer != nil:
		b, err = m.Sizer.AppendSized(b, m.Value, m.Size)
	default:
		b, err = m.Codec.AppendMarshal(b, m.Value)
	}
	if err != nil {
		return dst, err
	}
	if m.Envelope {
		n := len(b) - at - envelopeLen
		if int64(n) > 1<<32-1 {
			return dst, fairlead.Errorf(fairlead.ResourceExhausted, "message of %d bytes is longer than its prefix can say", n)
		}
		binary.BigEndian.PutUint32(b[at+1:], uint32(n))
	}
	return b, nil
}

// bodyLen returns the length of a message with its envelope, where it is known before it is encoded.
func bodyLen(m *protocol.Message) int {
	n := len(m.Bytes)
	if m.Value != nil {
		n = m.Size
	}
	if m.Envelope {
		n += envelopeLen
	}
	return n
}

// fits reports whether n bytes can leave in one DATA frame at once. The write lock is held.
func (c *Conn) fits(s *stream, n int) bool {
	w := &c.w
	return s.out == nil && n <= w.maxFrame && int64(n) <= min(w.window, s.window()) && w.Len() < bufferSoftMax
}

// appendMessage appends a message to the body of s, as a frame in the buffer if it fits, to what waits otherwise. With
// last, a frame in the buffer carries END_STREAM. On an error nothing was appended. The write lock is held; beside is
// the encoded message or nil, and is given over.
func (c *Conn) appendMessage(s *stream, m *protocol.Message, beside *buffer.Buf, last bool) error {
	n := bodyLen(m)
	if beside != nil {
		n = len(beside.B)
	}
	if !c.fits(s, n) {
		return c.appendWaiting(s, m, beside)
	}
	buf := c.w.Buf()
	at := len(buf.B)
	var flags uint8
	if last {
		flags = flagEndStream
	}
	buf.B = appendFrameHeader(buf.B, n, frameData, flags, s.id)
	if beside != nil {
		buf.B = append(buf.B, beside.B...)
		buffer.Put(beside)
	} else {
		b, err := c.encode(buf.B, m, true)
		if err == nil && len(b)-at-frameHeaderLen != n {
			err = fmt.Errorf("http2: %T was %d bytes long after its codec said %d", m.Value, len(b)-at-frameHeaderLen, n)
		}
		if err != nil {
			buf.B = buf.B[:at]
			return err
		}
		buf.B = b
	}
	c.w.window -= int64(n)
	s.sendDelta -= int64(n)
	c.w.answered = true
	c.w.frames++
	return nil
}

// appendWaiting appends a message to what waits for window. The write lock is held.
func (c *Conn) appendWaiting(s *stream, m *protocol.Message, beside *buffer.Buf) error {
	switch {
	case beside == nil:
		out, size := s.out, bodyLen(m)
		if out == nil {
			if s.p != nil {
				size = max(size, sendQuota)
			}
			out = buffer.Get(size)
		} else if s.outAt > 0 && cap(out.B)-len(out.B) < size {
			out.B = out.B[:copy(out.B, out.B[s.outAt:])]
			s.outAt = 0
		}
		n := len(out.B)
		b, err := c.encode(out.B, m, true)
		if err != nil {
			out.B = out.B[:n]
			if s.out == nil {
				buffer.Put(out)
			}
			return err
		}
		out.B, s.out = b, out
	case s.out == nil:
		s.out = beside
	default:
		s.out.B = append(s.out.B, beside.B...)
		buffer.Put(beside)
	}
	c.wait(s)
	return nil
}

// wait puts s among those that have something to send, if its own window is open; a WINDOW_UPDATE does it otherwise.
// The write lock is held.
func (c *Conn) wait(s *stream) {
	if s.window() > 0 || s.out != nil && len(s.out.B) == s.outAt {
		c.w.waiting.push(s)
	}
}

// endBody ends the body of s: with an empty frame if alone, after the waiting DATA otherwise. If neither, the last
// frame had END_STREAM. The write lock is held.
func (c *Conn) endBody(s *stream, alone bool) {
	if s.out != nil {
		s.endAfterOut = true
		return
	}
	if alone {
		buf := c.w.Buf()
		buf.B = appendFrameHeader(buf.B, 0, frameData, flagEndStream, s.id)
	}
	c.localEnd(s)
}

// endResponse ends a response, or a client's request, with a trailer or, if t is empty or there can be none, without
// one. A response without a head consists of t. The write lock is held.
func (c *Conn) endResponse(s *stream, t *protocol.Section) {
	switch {
	case s.headSent && (t.Empty() || s.noBody && !c.client || s.tunnel):
		c.endBody(s, true)
	case s.out != nil:
		own := *t
		if t.Extra != nil {
			md := t.Extra.Clone()
			own.Extra = &md
		}
		s.endAfterOut, s.trailer = true, &own
	default:
		length := -1
		if !s.noBody && !hasNoContent(t.StatusCode()) {
			length = 0 // of a head; a trailer has none
		}
		c.appendHeaders(s, t, length, true)
		c.localEnd(s)
	}
}

// sendable reports whether Refill would append something. The write lock is held.
func (w *writer) sendable() bool { return w.window > 0 && !w.waiting.empty() }

func (c *Conn) sendSome(s *stream) {
	w := &c.w
	if s.out == nil {
		return // reset meanwhile
	}
	rest := s.out.B[s.outAt:]
	n := int(min(int64(len(rest)), w.window, s.window(), int64(w.maxFrame)))
	if n <= 0 && len(rest) > 0 {
		return // SETTINGS have closed its window
	}
	whole := n == len(rest)
	var flags uint8
	if whole && s.endAfterOut && s.trailer == nil {
		flags = flagEndStream
	}
	buf := c.w.Buf()
	buf.B = appendFrameHeader(buf.B, n, frameData, flags, s.id)
	buf.B = append(buf.B, rest[:n]...)
	w.window -= int64(n)
	s.sendDelta -= int64(n)
	w.answered = true
	w.frames++
	s.outAt += n
	if s.p != nil && s.p.sendWaits && len(rest)-n <= sendQuota/2 {
		s.p.sendWaits = false
		s.p.canSend.Broadcast()
	}
	if !whole {
		c.wait(s)
		return
	}
	end, trailer := s.endAfterOut, s.trailer
	s.dropOut()
	switch {
	case trailer != nil:
		c.appendHeaders(s, trailer, -1, true)
		c.localEnd(s)
	case end:
		c.localEnd(s)
	}
}
