package grpcweb

import (
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// decoder decodes base64 (RFC 4648, section 4) that arrives in parts. Padding may be anywhere between groups of four: a
// sender may have encoded each message, or what it happened to have, for itself.
type decoder struct {
	group [4]byte // values of the characters of a group that is not complete
	n     int
	pads  int // of these, padding
}

// Values of characters; those below 64 are digits.
const (
	padding = 64
	invalid = 255
)

// values has the value of each character.
var values = func() (v [256]byte) { //nolint:gochecknoglobals // a constant
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range v {
		v[i] = invalid
	}
	for i := range len(digits) {
		v[digits[i]] = byte(i)
	}
	v['='] = padding
	return v
}()

// decode appends what src stands for to dst.
func (d *decoder) decode(dst, src []byte) ([]byte, error) {
	dst = slices.Grow(dst, base64.StdEncoding.DecodedLen(len(src)+d.n))
	for _, c := range src {
		v := values[c]
		switch {
		case v < padding && d.pads == 0:
			d.group[d.n] = v
		case v == padding && d.n >= 2:
			d.group[d.n] = 0
			d.pads++
		default:
			return dst, errText()
		}
		if d.n++; d.n < len(d.group) {
			continue
		}
		g := d.group
		three := [3]byte{g[0]<<2 | g[1]>>4, g[1]<<4 | g[2]>>2, g[2]<<6 | g[3]}
		dst = append(dst, three[:3-d.pads]...)
		d.n, d.pads = 0, 0
	}
	return dst, nil
}

// end returns an error if the text ends within a group.
func (d *decoder) end() error {
	if d.n > 0 {
		return errText()
	}
	return nil
}

func errText() error {
	return fairlead.Errorf(fairlead.Internal, "the body is malformed base64, and its content type is %s", textType)
}

// read reads parts from p until there is something decoded, and returns that in dst, whose content it replaces. At the
// end of the body it returns io.EOF.
func (d *decoder) read(p rpcwire.Source, dst []byte) ([]byte, error) {
	dst = dst[:0]
	for len(dst) == 0 {
		part, err := p.Read()
		if err == io.EOF && d.n > 0 { //nolint:errorlint // Pipe returns it bare
			err = errText()
		}
		if err != nil {
			return nil, err
		}
		if dst, err = d.decode(dst, part); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendText returns a message, and what follows it, in base64. The caller puts the buffer back. It fails for a codec
// that panics.
func appendText(m *protocol.Message, tail []byte, panics *protocol.Panics) (text *buffer.Buf, err error) {
	plain := buffer.Get(rpcwire.PrefixSize + max(m.Size, len(m.Bytes)) + len(tail))
	returned := false
	defer func() {
		if returned {
			buffer.Put(plain)
			return
		}
		buffer.Drop(plain) // the codec may still hold it
		if p := recover(); p != nil {
			err = panics.Caught(nil, "encoding a message", p)
		}
	}()
	plain.B, err = appendMessage(plain.B, m)
	returned = true
	if err != nil {
		return nil, err
	}
	plain.B = append(plain.B, tail...)
	text = buffer.Get(base64.StdEncoding.EncodedLen(len(plain.B)))
	text.B = base64.StdEncoding.AppendEncode(text.B, plain.B)
	return text, nil
}

// appendMessage appends a message as it is sent in the binary form.
func appendMessage(dst []byte, m *protocol.Message) (_ []byte, err error) {
	at := len(dst)
	if m.Envelope {
		dst = append(dst, m.Flags, 0, 0, 0, 0)
	}
	from := len(dst)
	switch {
	case m.Value == nil:
		dst = append(dst, m.Bytes...)
	case m.Sizer != nil:
		dst, err = m.Sizer.AppendSized(dst, m.Value, m.Size)
	default:
		dst, err = m.Codec.AppendMarshal(dst, m.Value)
	}
	if err != nil {
		return dst, err //nolint:wrapcheck // the calls name the codec
	}
	if m.Envelope {
		binary.BigEndian.PutUint32(dst[at+1:], uint32(len(dst)-from))
	}
	return dst, nil
}
