package ws

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/buffer"
)

// opcode is the kind of a frame (RFC 6455, section 5.2).
type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xa
)

func (o opcode) control() bool { return o >= opClose }

// Status codes of a Close frame (RFC 6455, section 7.4.1). 4000 and above are for applications.
const (
	statusNormal      = 1000
	statusGoingAway   = 1001
	statusProtocol    = 1002
	statusNotUTF8     = 1007
	statusPolicy      = 1008
	statusTooBig      = 1009
	statusApplication = 4000
)

const (
	finBit       = 0x80
	rsvBits      = 0x70
	maskBit      = 0x80
	maxControl   = 125 // bytes of a control frame
	maxReason    = maxControl - 2
	headerMax    = 10 // bytes of the header of a frame that is not masked
	firstMessage = 4 << 10
)

// closeError ends a socket with a status: one of the peer's, or one that this side sends because of what the peer did.
type closeError struct {
	code   int
	reason string
	peers  bool // it came in a Close frame
}

func (e *closeError) Error() string {
	if e.peers {
		return fmt.Sprintf("the client closed the socket with %d %q", e.code, e.reason)
	}
	return fmt.Sprintf("the socket was closed with %d: %s", e.code, e.reason)
}

func violation(format string, args ...any) error {
	return &closeError{code: statusProtocol, reason: fmt.Sprintf(format, args...)}
}

// A peer may send so many frames without a byte of a message at once, and so many more each second.
const (
	idleFrames     = 1000
	idleFramesRate = 100
)

// reader reads frames of a client. One goroutine uses it.
type reader struct {
	// source returns the next bytes, which are valid until the next call.
	source func() ([]byte, error)
	// control is called with each ping, pong and close; the payload is valid during the call.
	control func(op opcode, payload []byte) error
	// grow is called before a message grows to n bytes.
	grow func(n int) error
	// expect is called when the rest of a message has to come, and when it has come.
	expect func(rest bool)
	limit  int // bytes of a message

	part   []byte // what is left of the bytes read last
	buf    *buffer.Buf
	op     opcode // of the message under way; 0: there is none
	text   utf8Check
	budget int // frames without a byte that may still come
	since  time.Time
	rest   bool
	short  [maxControl]byte
}

// header is the header of a frame.
type header struct {
	op     opcode
	fin    bool
	length int64
	mask   [4]byte
}

// message returns the next whole message. The caller owns the buffer. When the peer has closed the socket, or has to be
// told why it is closed, the error is a *closeError; others are the source's.
func (r *reader) message() (op opcode, b *buffer.Buf, err error) {
	for {
		var h header
		if h, err = r.header(); err != nil {
			return 0, nil, r.fail(err)
		}
		if h.op.control() {
			err = r.whole(&h)
		} else {
			err = r.data(&h)
		}
		if err != nil {
			return 0, nil, r.fail(err)
		}
		if h.op.control() || !h.fin {
			continue
		}
		if r.op == opText && !r.text.complete() {
			return 0, nil, r.fail(errNotUTF8)
		}
		op, b = r.op, r.buf
		r.op, r.buf = 0, nil
		r.expects(false)
		return op, b, nil
	}
}

var errNotUTF8 = &closeError{code: statusNotUTF8, reason: "the text is not UTF-8"}

func (r *reader) fail(err error) error {
	buffer.Put(r.buf)
	r.buf = nil
	return err
}

// expects tells expect what is new.
func (r *reader) expects(rest bool) {
	if r.expect != nil && r.rest != rest {
		r.rest = rest
		r.expect(rest)
	}
}

// more reads the next bytes.
func (r *reader) more() (err error) {
	for len(r.part) == 0 && err == nil {
		r.part, err = r.source()
	}
	return err
}

// fill fills p.
func (r *reader) fill(p []byte) error {
	for {
		n := copy(p, r.part)
		p, r.part = p[n:], r.part[n:]
		if len(p) == 0 {
			return nil
		}
		if err := r.more(); err != nil {
			return err
		}
	}
}

// header reads a header, and checks it (RFC 6455, section 5.2).
func (r *reader) header() (h header, err error) {
	var b [8]byte
	if err = r.fill(b[:1]); err != nil {
		return h, err
	}
	r.expects(true)
	if err = r.fill(b[1:2]); err != nil {
		return h, err
	}
	h.op, h.fin, h.length = opcode(b[0]&0xf), b[0]&finBit != 0, int64(b[1]&^maskBit)
	switch {
	case b[0]&rsvBits != 0:
		return h, violation("reserved bits are set")
	case b[1]&maskBit == 0:
		return h, violation("a frame is not masked")
	}
	switch h.op {
	case opContinuation:
		if r.op == 0 {
			return h, violation("a continuation of nothing")
		}
	case opText, opBinary:
		if r.op != 0 {
			return h, violation("a message within a message")
		}
	case opClose, opPing, opPong:
		if !h.fin || h.length > maxControl {
			return h, violation("a control frame in parts, or of more than 125 bytes")
		}
	default:
		return h, violation("unknown opcode %d", h.op)
	}
	switch h.length {
	case 126:
		if err = r.fill(b[:2]); err != nil {
			return h, err
		}
		if h.length = int64(binary.BigEndian.Uint16(b[:2])); h.length < 126 {
			return h, violation("a length that is too long")
		}
	case 127:
		if err = r.fill(b[:8]); err != nil {
			return h, err
		}
		if n := binary.BigEndian.Uint64(b[:8]); n <= 0xffff || n > 1<<63-1 {
			return h, violation("a length that is too long")
		}
		h.length = int64(binary.BigEndian.Uint64(b[:8]))
	}
	if h.length == 0 || h.op.control() {
		if err := r.draw(); err != nil {
			return h, err
		}
	}
	return h, r.fill(h.mask[:])
}

// draw takes a frame without a byte of a message from the budget.
func (r *reader) draw() error {
	now := time.Now()
	if r.since.IsZero() {
		r.since, r.budget = now, idleFrames
	}
	if n := int(now.Sub(r.since) / (time.Second / idleFramesRate)); n > 0 {
		r.since, r.budget = now, min(r.budget+n, idleFrames)
	}
	if r.budget--; r.budget < 0 {
		return &closeError{code: statusPolicy, reason: "too many control frames, or empty ones"}
	}
	return nil
}

// whole reads a control frame.
func (r *reader) whole(h *header) error {
	p := r.short[:h.length]
	if err := r.fill(p); err != nil {
		return err
	}
	if r.op == 0 {
		r.expects(false)
	}
	unmask(p, p, h.mask, 0)
	if h.op == opClose {
		return closed(p)
	}
	return r.control(h.op, p)
}

// data reads the payload of a frame that belongs to a message.
func (r *reader) data(h *header) error {
	if h.op != opContinuation {
		r.op, r.text = h.op, utf8Check{}
	}
	have := 0
	if r.buf != nil {
		have = len(r.buf.B)
	}
	if h.length > int64(r.limit-have) {
		return &closeError{code: statusTooBig, reason: fmt.Sprintf("a message has more than %d bytes", r.limit)}
	}
	if r.buf == nil {
		r.buf = buffer.Get(int(min(h.length, max(int64(2*len(r.part)), firstMessage))))
	}
	for at := 0; at < int(h.length); {
		if err := r.more(); err != nil {
			return err
		}
		n := min(len(r.part), int(h.length)-at)
		if err := r.grow(len(r.buf.B) + n); err != nil {
			return err
		}
		r.buf.Grow(n)
		end := len(r.buf.B)
		r.buf.B = r.buf.B[:end+n]
		unmask(r.buf.B[end:], r.part[:n], h.mask, at)
		r.part = r.part[n:]
		at += n
		if r.op == opText && !r.text.add(r.buf.B[end:]) {
			return errNotUTF8
		}
	}
	return nil
}

// closed returns the error for a Close frame with a payload (RFC 6455, sections 5.5.1 and 7.4).
func closed(p []byte) error {
	if len(p) == 0 {
		return &closeError{code: statusNormal, peers: true}
	}
	if len(p) == 1 {
		return violation("a Close frame with half a status")
	}
	code := int(binary.BigEndian.Uint16(p))
	switch {
	case code >= 3000 && code <= 4999:
	case code >= 1000 && code <= 1014 && (code < 1004 || code > 1006):
	default:
		return violation("a Close frame with the status %d", code)
	}
	if !utf8.Valid(p[2:]) {
		return errNotUTF8
	}
	return &closeError{code: code, reason: string(p[2:]), peers: true}
}

// unmask writes src, which begins at byte at of its frame, to dst without its mask (RFC 6455, section 5.3).
func unmask(dst, src []byte, mask [4]byte, at int) {
	var m [8]byte
	for i := range m {
		m[i] = mask[(at+i)&3]
	}
	key := binary.LittleEndian.Uint64(m[:])
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^key)
		dst, src = dst[8:], src[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ m[i&3]
	}
}

// appendHeader appends the header of a frame of a server that is a whole message.
func appendHeader(b []byte, op opcode, n int) []byte {
	b = append(b, finBit|byte(op))
	switch {
	case n < 126:
		return append(b, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
}

// appendControl appends a control frame.
func appendControl(b []byte, op opcode, payload []byte) []byte {
	return append(appendHeader(b, op, len(payload)), payload...)
}

// appendClose appends a Close frame. A reason that is too long is cut.
func appendClose(b []byte, code int, reason string) []byte {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
		for len(reason) > 0 {
			if r, n := utf8.DecodeLastRuneInString(reason); r != utf8.RuneError || n > 1 {
				break
			}
			reason = reason[:len(reason)-1]
		}
	}
	b = appendHeader(b, opClose, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(b, uint16(code)), reason...)
}

// utf8Check checks text that comes in pieces, and finds the first byte that cannot be text.
type utf8Check struct {
	begun [utf8.UTFMax]byte // a character of which not all bytes have come
	n     int
}

// add checks the next piece.
func (u *utf8Check) add(p []byte) bool {
	for u.n > 0 && len(p) > 0 {
		u.begun[u.n] = p[0]
		u.n++
		p = p[1:]
		switch b := u.begun[:u.n]; {
		case !utf8.FullRune(b):
		case !utf8.Valid(b):
			return false
		default:
			u.n = 0
		}
	}
	// All but the last three bytes are complete characters, or not text.
	end := len(p)
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(p[len(p)-i:]) {
				end = len(p) - i
			}
			break
		}
	}
	u.n += copy(u.begun[u.n:], p[end:])
	return utf8.Valid(p[:end])
}

// complete reports whether the text ends between characters.
func (u *utf8Check) complete() bool { return u.n == 0 }
