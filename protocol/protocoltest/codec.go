package protocoltest

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/fairlead-go/fairlead/codec"
)

// Msg is the message of tests.
type Msg struct {
	Text string `json:"text"`
	N    int64  `json:"n"`
}

// Codec carries *Msg: a varint of N, then the text. It has exact sizes, and refuses other types. The zero value is
// ready for use.
type Codec struct{}

var (
	_ codec.Sizer   = Codec{}
	_ codec.PerType = Codec{}
)

// ErrRefused is the error of Codec for messages whose text is Refused, with which tests make encoding fail.
var ErrRefused = errors.New("protocoltest: message refused by its codec")

// Refused is the text of a message that Codec refuses to encode.
const Refused = "\x00refused"

// Name returns "msg".
func (Codec) Name() string { return "msg" }

// ForType implements codec.PerType: it accepts *Msg.
func (c Codec) ForType(sample any) (codec.Codec, error) {
	if _, ok := sample.(*Msg); !ok {
		return nil, codec.ErrType
	}
	return c, nil
}

// AppendMarshal implements codec.Codec.
func (Codec) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	m, ok := msg.(*Msg)
	switch {
	case !ok:
		return dst, codec.ErrType
	case m.Text == Refused:
		return dst, ErrRefused
	}
	return append(binary.AppendVarint(dst, m.N), m.Text...), nil
}

// Unmarshal implements codec.Codec.
func (Codec) Unmarshal(src []byte, msg any) error {
	m, ok := msg.(*Msg)
	if !ok {
		return codec.ErrType
	}
	n, size := binary.Varint(src)
	if size <= 0 {
		return errors.New("protocoltest: a message begins with a varint")
	}
	m.N, m.Text = n, string(src[size:])
	return nil
}

// Size implements codec.Sizer.
func (Codec) Size(msg any) int {
	m, ok := msg.(*Msg)
	if !ok {
		return 0
	}
	var b [binary.MaxVarintLen64]byte
	return binary.PutVarint(b[:], m.N) + len(m.Text)
}

// AppendSized implements codec.Sizer.
func (c Codec) AppendSized(dst []byte, msg any, _ int) ([]byte, error) {
	return c.AppendMarshal(dst, msg)
}

// JSONCodec carries *Msg in JSON. Its sizes are not known in advance, and it refuses what Codec refuses. The zero value
// is ready for use.
type JSONCodec struct{}

var _ codec.PerType = JSONCodec{}

// Name returns "json".
func (JSONCodec) Name() string { return "json" }

// ForType implements codec.PerType: it accepts *Msg.
func (c JSONCodec) ForType(sample any) (codec.Codec, error) {
	if _, ok := sample.(*Msg); !ok {
		return nil, codec.ErrType
	}
	return c, nil
}

// AppendMarshal implements codec.Codec.
func (JSONCodec) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	m, ok := msg.(*Msg)
	switch {
	case !ok:
		return dst, codec.ErrType
	case m.Text == Refused:
		return dst, ErrRefused
	}
	b, err := json.Marshal(m)
	return append(dst, b...), err
}

// Unmarshal implements codec.Codec.
func (JSONCodec) Unmarshal(src []byte, msg any) error {
	m, ok := msg.(*Msg)
	if !ok {
		return codec.ErrType
	}
	*m = Msg{}
	return json.Unmarshal(src, m)
}
