package http1

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

const (
	// inPlaceMax is the length of the longest message in bytes that is encoded under the lock.
	inPlaceMax = 64 << 10
	// roomAbove is the amount of waiting bytes above which Send waits for a write that is under way.
	roomAbove = 128 << 10
	// unreadMax is how many bytes may wait for a peer that does not read before a server stops reading from it.
	unreadMax   = 1 << 20
	envelopeLen = 5
)

// dateText is the value of the field date for one second.
type dateText struct {
	second int64
	text   string
}

// lastDate is the date that was used last. It is one for all connections, because they all need the same.
var lastDate atomic.Pointer[dateText] //nolint:gochecknoglobals // a cache

// appendDate appends the field date (RFC 9110, section 6.6.1), whose text is made once a second.
func appendDate(b []byte) []byte {
	now := time.Now()
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &dateText{now.Unix(), now.UTC().Format("date: Mon, 02 Jan 2006 15:04:05 GMT\r\n")}
		lastDate.Store(d)
	}
	return append(b, d.text...)
}

// appendStatus appends the status line of a response.
func appendStatus(b []byte, status int) []byte {
	if status == 200 {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(status), 10)
	return append(append(append(b, ' '), protocol.StatusText(status)...), "\r\n"...)
}

// appendField appends a field. It leaves out one whose name is no token, or whose value has a control character: it
// would end the line and begin another, or a response (RFC 9110, section 5.5).
func appendField(b []byte, name, value string) []byte {
	if !isToken(name) || !validText(value) {
		return b
	}
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// appendLength appends the field content-length.
func appendLength(b []byte, n int64) []byte {
	b = strconv.AppendInt(append(b, "content-length: "...), n, 10)
	return append(b, "\r\n"...)
}

// appendMetadata appends fields that a protocol sends, without those that are the engine's. length is called with the
// value of content-length; nil: the engine sends its own.
func appendMetadata(b []byte, md *fairlead.Metadata, inBase64 bool) []byte {
	for i := range md.Len() {
		name, value := md.At(i)
		switch k := kindOf(name); {
		case k.engines() || k == kindContentLength:
			continue
		case inBase64 && strings.HasSuffix(name, "-bin"):
			value = base64.RawStdEncoding.EncodeToString([]byte(value))
		}
		b = appendField(b, name, value)
	}
	return b
}

// declaredLength returns the content-length that a protocol gives in a section, -1 if it gives none.
func declaredLength(sec *protocol.Section) int64 {
	if sec.Extra != nil {
		for i := range sec.Extra.Len() {
			if name, value := sec.Extra.At(i); name == "content-length" {
				if n, ok := digits([]byte(value), 10); ok {
					return n
				}
			}
		}
	}
	if sec.Block != nil {
		return sec.Block.ContentLength()
	}
	return -1
}

// closing reports whether a protocol asks, with the field connection, for the end of the connection behind a response.
func closing(sec *protocol.Section) bool {
	if sec.Extra == nil {
		return false
	}
	for i := range sec.Extra.Len() {
		if name, value := sec.Extra.At(i); name == "connection" && strings.EqualFold(value, "close") {
			return true
		}
	}
	return false
}

// appendSection appends the fields of a section, and before them the status line if it is a head.
func appendSection(b []byte, sec *protocol.Section) []byte {
	if sec.Status != 0 {
		b = appendStatus(b, sec.Status)
	}
	if sec.Block != nil {
		b = append(b, sec.Block.Text()...)
	}
	if sec.Extra != nil && sec.Extra.Len() > 0 {
		b = appendMetadata(b, sec.Extra, sec.Base64)
	}
	return b
}

// appendTrailer appends the end of a chunked body.
func appendTrailer(b []byte, t *protocol.Section) []byte {
	b = append(b, "0\r\n"...)
	if t != nil {
		if t.Block != nil {
			kv := t.Block.Fields()
			for i := 0; i+1 < len(kv); i += 2 {
				if !notInTrailer(kv[i]) {
					b = appendField(b, kv[i], kv[i+1])
				}
			}
		}
		if t.Extra != nil {
			b = appendTrailerFields(b, t.Extra, t.Base64)
		}
	}
	return append(b, "\r\n"...)
}

func appendTrailerFields(b []byte, md *fairlead.Metadata, inBase64 bool) []byte {
	for i := range md.Len() {
		name, value := md.At(i)
		if notInTrailer(name) {
			continue
		}
		if inBase64 && strings.HasSuffix(name, "-bin") {
			value = base64.RawStdEncoding.EncodeToString([]byte(value))
		}
		b = appendField(b, name, value)
	}
	return b
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

// encodeBeside encodes a message that must not, or need not, be encoded under the lock. It returns nil for those that
// are to be, and for those that are encoded already.
func (c *Conn) encodeBeside(m *protocol.Message) (*buffer.Buf, error) {
	if m.Value == nil || m.Sizer != nil && m.Size <= inPlaceMax {
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

// encode appends a message with its envelope. A codec that panics fails the message and nothing else. Locked is set if
// the lock is held.
func (c *Conn) encode(dst []byte, m *protocol.Message, locked bool) (b []byte, err error) {
	if m.Value == nil && !m.Envelope {
		return append(dst, m.Bytes...), nil
	}
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

// abandonLocked ends the connection because a codec has called runtime.Goexit with half of a message in the buffer. It
// releases the lock, which nobody else would.
func (c *Conn) abandonLocked() {
	cause := &protocol.Failure{Kind: protocol.FailedClosed, Cause: errCodecLeft}
	c.w.Fail(cause)
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

// appendMessage appends a message, which was encoded beside or is now. On an error nothing was appended. The lock is
// held, and beside is given over.
func (c *Conn) appendMessage(buf *buffer.Buf, m *protocol.Message, beside *buffer.Buf) error {
	if beside != nil {
		buf.B = append(buf.B, beside.B...)
		buffer.Put(beside)
		return nil
	}
	at, n := len(buf.B), bodyLen(m)
	buf.Grow(n)
	b, err := c.encode(buf.B, m, true)
	if err == nil && len(b)-at != n {
		err = fmt.Errorf("http1: %T was %d bytes long after its codec said %d", m.Value, len(b)-at, n)
	}
	if err != nil {
		buf.B = buf.B[:at]
		return err
	}
	buf.B = b
	return nil
}

// appendPart appends a message to a body in the stream's framing. On an error nothing was appended. The lock is held,
// and beside is given over.
func (s *stream) appendPart(m *protocol.Message, beside *buffer.Buf) error {
	c := s.c
	n := int64(bodyLen(m))
	if beside != nil {
		n = int64(len(beside.B))
	}
	if n == 0 {
		buffer.Put(beside)
		return nil // an empty chunk would be the last
	}
	buf := c.w.Buf()
	at := len(buf.B)
	switch s.out {
	case bodyNone:
		buffer.Put(beside)
		return nil
	case bodyLength:
		if n > s.left {
			buffer.Put(beside)
			return fairlead.Errorf(fairlead.Internal, "the body is longer than its content-length says")
		}
	case bodyChunked:
		buf.B = append(strconv.AppendInt(buf.B, n, 16), "\r\n"...)
	case bodyClose, bodyRaw:
	}
	if err := c.appendMessage(buf, m, beside); err != nil {
		buf.B = buf.B[:at]
		return err
	}
	switch s.out { //nolint:exhaustive // the others need nothing
	case bodyLength:
		s.left -= n
	case bodyChunked:
		buf.B = append(buf.B, "\r\n"...)
	}
	return nil
}

// sender is a Conn as its combine.Writer sees it.
type sender struct{ *Conn }

var _ combine.Source = sender{}

// Pending implements combine.Source: nothing is held back.
func (sender) Pending() bool { return false }

// Refill implements combine.Source: it notes that what was appended is about to be sent.
func (c sender) Refill() {
	if c.cl != nil {
		c.cl.handed = c.cl.serial
	}
}

// Written implements combine.Owner. When a write has failed it closes the transport: that wakes the reading goroutine,
// which ends the connection. A client first reads what the server had to say.
func (c sender) Written(err error) {
	if s := c.cur; s != nil && s.p != nil {
		s.p.canSend.Broadcast()
	}
	if err == nil {
		return
	}
	c.w.Fail(&protocol.Failure{Kind: protocol.FailedLost, Cause: err})
	c.writeFailed()
}

// Idle implements combine.Owner.
func (c sender) Idle() bool { return c.cur == nil }

// Finish implements combine.Owner: all was sent. It ends this side's half of the connection, and gives the peer a
// moment to read the rest and to end its own: a socket that is closed before its last incoming bytes were read answers
// with a reset, upon which the peer's kernel forgets what the peer has not read yet.
func (c sender) Finish() {
	defer c.changed.Broadcast()
	if c.w.Err() != nil {
		c.shut, c.parting = true, true
		_ = c.tc.Close()
		return
	}
	if !c.shut {
		c.shut = true
		if h, ok := c.tc.(transport.HalfCloser); ok {
			_ = h.CloseWrite() // if it fails, the connection has ended already
		}
	}
	if c.ending && !c.parting {
		c.parting = true
		_ = c.tc.SetReadDeadline(time.Now().Add(lastWords)) // if it fails, so will reading
	}
}
