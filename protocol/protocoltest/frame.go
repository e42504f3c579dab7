package protocoltest

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/transport"
)

// The wire. A client begins with the preface; then both sides send frames:
//
//	u32 length of what follows, u32 id of the call (0: the connection), u8 type, payload
//
// Numbers are big endian; strings and lists begin with their length, a varint.
//
// The serial wire is the same in lock-step, like HTTP/1.1: a client opens a call when the one before is over, and
// cancels a call by closing the connection. The server's settings are a greeting that the client waits for.
const (
	preface       = "FRAME/1\n"
	serialPreface = "SERIAL1\n"
	frameHead     = 9 // bytes up to the payload
)

// wireName returns the name of the wire.
func wireName(serial bool) string {
	if serial {
		return "serial"
	}
	return "frame"
}

func prefaceOf(serial bool) string {
	if serial {
		return serialPreface
	}
	return preface
}

// frameType is the type of a frame.
type frameType uint8

const (
	frameUnary    frameType = 'U' // client: head of a call and its one request
	frameOpen     frameType = 'O' // client: head of a call whose requests follow
	frameOneWay   frameType = 'N' // client: head of a call without an answer, and its one request
	frameMessage  frameType = 'M' // a message of a stream
	frameEnd      frameType = 'E' // client: no more messages
	frameCancel   frameType = 'C' // client: the call is canceled
	frameCredit   frameType = 'W' // u32: that many more messages may be sent
	frameHeader   frameType = 'H' // server: response header
	frameResponse frameType = 'R' // server: header, trailer and the one response; the call is over
	frameStatus   frameType = 'T' // server: header, code, message, details, trailer; the call is over
	frameRefused  frameType = 'X' // server: the call was not run
	frameSettings frameType = 'S' // server: u32, the number of concurrent calls that it takes
	frameGoaway   frameType = 'G' // server: open no more calls
	frameGoing    frameType = 'g' // client: the answer to that; it opens no more
)

// window is the number of messages that may be in transit in each direction of a stream.
const window = 16

// writer sends frames. The goroutine that reads a connection never waits for the peer to read: another one writes.
type writer struct {
	combine.Writer
	tc transport.Conn

	written []chan<- error // of callers that wait until all is written; guarded by the Writer's lock
}

var _ combine.Owner = (*writer)(nil)

func (w *writer) init(tc transport.Conn) {
	w.tc = tc
	w.Init(tc, w)
}

// frame appends a frame whose payload fill appends.
func (w *writer) frame(id uint32, t frameType, fill func(b []byte) []byte) error {
	return w.frameTo(id, t, nil, fill)
}

// frameTo is frame for a caller that waits until the frame is written: written, which has room, gets the error.
func (w *writer) frameTo(id uint32, t frameType, written chan<- error, fill func(b []byte) []byte) error {
	w.Lock()
	if err := w.Err(); err != nil {
		w.Unlock()
		return err
	}
	buf := w.Buf()
	at := len(buf.B)
	buf.B = append(buf.B, 0, 0, 0, 0)
	buf.B = binary.BigEndian.AppendUint32(buf.B, id)
	buf.B = append(buf.B, byte(t))
	if fill != nil {
		buf.B = fill(buf.B)
	}
	binary.BigEndian.PutUint32(buf.B[at:], uint32(len(buf.B)-at-4)) // callers limit payloads
	if written != nil {
		w.written = append(w.written, written)
	}
	w.UnlockFlush(combine.Spawn)
	return nil
}

// raw appends bytes that are no frame.
func (w *writer) raw(b string) {
	w.Lock()
	buf := w.Buf()
	buf.B = append(buf.B, b...)
	w.UnlockFlush(combine.Spawn)
}

// finish closes the connection once all that is queued is written.
func (w *writer) finish() {
	w.Lock()
	w.FinishWritten()
	w.UnlockFlush(combine.Spawn)
}

// unreadMax is how many bytes may wait for a client that does not read before a server stops reading from it.
const unreadMax = 1 << 20

// keepUp waits while more than that is waiting.
func (w *writer) keepUp() {
	w.Lock()
	_ = w.Wait(unreadMax) // on an error the transport is closed, and reading ends
	w.Unlock()
}

// Written implements combine.Owner.
func (w *writer) Written(err error) {
	if err != nil {
		_ = w.tc.Close() // nothing more can be done for it
	}
	if err == nil && w.Len() > 0 {
		return // they may be waiting for that
	}
	for _, c := range w.written {
		c <- err
	}
	w.written = nil
}

// Idle implements combine.Owner. It keeps no buffer between writes.
func (*writer) Idle() bool { return true }

// Finish implements combine.Owner.
func (w *writer) Finish() { _ = w.tc.Close() }

// frameIn is a frame read; its payload is valid until it is discarded.
type frameIn struct {
	id      uint32
	typ     frameType
	payload []byte
	size    int
	long    bool // the payload is longer than limit and is not there
}

// readFrame peeks at the next frame. It keeps its state in tc only, so that another reader can continue. Of frames
// longer than limit it returns only the head.
func readFrame(tc transport.Conn, limit int) (f frameIn, err error) {
	b, err := tc.Peek(frameHead)
	if err != nil {
		return f, err
	}
	size := int(binary.BigEndian.Uint32(b))
	if size < frameHead-4 {
		return f, errors.New("protocoltest: frame too short")
	}
	f.id, f.typ, f.size = binary.BigEndian.Uint32(b[4:]), frameType(b[8]), size+4
	if f.size-frameHead > limit {
		f.long = true
		return f, nil
	}
	if b, err = tc.Peek(f.size); err != nil {
		return f, err
	}
	f.payload = b[frameHead:f.size]
	return f, nil
}

// skipper drops the rest of a frame that is too long to be buffered; it is state of the connection.
type skipper int

// skip drops the bytes that are there, and waits for more until all are dropped.
func (s *skipper) skip(tc transport.Conn) error {
	for *s > 0 {
		b, err := tc.Peek(1)
		if err != nil {
			return err
		}
		n := min(len(b), int(*s))
		tc.Discard(n)
		*s -= skipper(n)
	}
	return nil
}

// callHead is the head of a call.
type callHead struct {
	crit      fairlead.Criticality
	deadline  time.Time // zero: none
	codec     string
	path      string
	authority string
	userAgent string
	header    fairlead.Metadata
}

// append appends the head, with the deadline as the time left, since clocks differ.
func (h *callHead) append(b []byte) []byte {
	var left uint64
	if !h.deadline.IsZero() {
		left = uint64(max(time.Until(h.deadline), 1))
	}
	b = append(b, byte(h.crit))
	b = binary.BigEndian.AppendUint64(b, left)
	for _, s := range []string{h.codec, h.path, h.authority, h.userAgent} {
		b = appendString(b, s)
	}
	return appendMetadata(b, &h.header)
}

func appendString[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendMetadata(b []byte, md *fairlead.Metadata) []byte {
	b = binary.AppendUvarint(b, uint64(md.Len())) //nolint:gosec // a length
	for k, v := range md.All() {
		b = appendString(appendString(b, k), v)
	}
	return b
}

// parser reads the fields of a payload. After a failure its methods return zero values.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) take(n uint64) []byte {
	if p.bad || n > uint64(len(p.b)) {
		p.bad = true
		return nil
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}

func (p *parser) byte() byte {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *parser) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *parser) uint64() uint64 {
	if b := p.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (p *parser) uvarint() uint64 {
	n, size := binary.Uvarint(p.b)
	if p.bad || size <= 0 {
		p.bad = true
		return 0
	}
	p.b = p.b[size:]
	return n
}

func (p *parser) string() string { return string(p.take(p.uvarint())) }

func (p *parser) metadata() fairlead.Metadata {
	var md fairlead.Metadata
	for n := p.uvarint(); n > 0 && !p.bad; n-- {
		k := p.string()
		md.Add(k, p.string())
	}
	return md
}

func (p *parser) head() callHead {
	h := callHead{crit: fairlead.Criticality(p.byte())}
	if left := p.uint64(); left > 0 {
		h.deadline = time.Now().Add(time.Duration(min(left, math.MaxInt64))) //nolint:gosec // limited
	}
	h.codec, h.path, h.authority, h.userAgent = p.string(), p.string(), p.string(), p.string()
	h.header = p.metadata()
	return h
}

// status is the end of a call.
type status struct {
	header  fairlead.Metadata
	err     error // nil: OK
	trailer fairlead.Metadata
}

func appendStatus(b []byte, header, trailer *fairlead.Metadata, err error) []byte {
	b = appendMetadata(b, header)
	var e fairlead.Error
	if err != nil {
		e = *fairlead.ErrorOf(err)
		if e.FromPeer() {
			e.Details = nil // a peer's details are for this process, not for its callers
		}
	}
	b = binary.BigEndian.AppendUint32(b, uint32(e.Code))
	b = appendString(b, e.Message)
	b = binary.AppendUvarint(b, uint64(len(e.Details)))
	for _, d := range e.Details {
		b = appendString(appendString(b, d.Type), d.Value)
	}
	return appendMetadata(b, trailer)
}

func (p *parser) status() status {
	s := status{header: p.metadata()}
	code, message := fairlead.Code(p.uint32()), p.string()
	var details []fairlead.Detail
	for n := p.uvarint(); n > 0 && !p.bad; n-- {
		typ := p.string()
		details = append(details, fairlead.Detail{Type: typ, Value: []byte(p.string())})
	}
	s.trailer = p.metadata()
	if code != fairlead.OK {
		s.err = fairlead.PeerError(code, message, details)
	}
	return s
}

// notSent returns the error of a call whose connection ended before any part of it was written.
func notSent(cause error) error { return fairlead.ErrorOf(lost(cause)).WithReach(fairlead.NotSent) }

// lost returns the error of calls whose connection has ended.
func lost(cause error) error {
	if cause == nil {
		cause = io.EOF
	}
	return fairlead.Errorf(fairlead.Unavailable, "the connection was lost: %w", cause)
}
