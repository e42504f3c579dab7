// Package codec defines the codecs that encode and decode messages.
package codec

import (
	"errors"

	"github.com/fairlead-go/fairlead"
)

// Codec encodes by appending. It must be safe for concurrent use. If it panics, the call fails with INTERNAL.
type Codec interface {
	// Name returns the codec's name in content types, such as "proto".
	Name() string
	// AppendMarshal appends the encoding of msg to dst. If it returns an error, the bytes after len(dst) are undefined.
	AppendMarshal(dst []byte, msg any) ([]byte, error)
	// Unmarshal replaces the content of msg by what src encodes. It keeps no reference to src.
	Unmarshal(src []byte, msg any) error
}

// PerType is a codec with different implementations for different types of messages. Servers and clients call ForType
// once for each method and type.
type PerType interface {
	// ForType returns the codec for messages of the sample's type; the sample is an empty message. It returns ErrType
	// for types that it cannot carry.
	ForType(sample any) (Codec, error)
}

// PerMethod is a codec that goes by what contracts say of a method. Servers call ForMethod once for each method, before
// ForType.
type PerMethod interface {
	// ForMethod returns the codec for m, which must not be changed.
	ForMethod(m *fairlead.Method) Codec
}

// Sizer is a codec that knows the size of encodings. Size returns the exact length of the encoding as long as the
// message does not change, and neither Size nor AppendSized blocks or calls code of the user. Protocols marshal such
// messages straight into the connection's buffer, under its lock, and others into a separate buffer.
type Sizer interface {
	Codec
	Size(msg any) int
	// AppendSized is AppendMarshal for a message whose Size is known.
	AppendSized(dst []byte, msg any, size int) ([]byte, error)
}

// Estimator is a codec that knows about how long an encoding will be, as from those before. Estimate does not look
// through the message, and neither blocks nor calls code of the user. Protocols take buffers of that size: too short
// ones are copied to longer ones while a message is encoded.
type Estimator interface {
	Codec
	Estimate(msg any) int
}

// ErrType means that a codec cannot carry a message's type.
var ErrType = errors.New("codec: type of message not supported")

// For returns the codec for messages of the sample's type, an empty message: that of c.ForType if c is a PerType, and c
// itself otherwise.
func For(c Codec, sample any) (Codec, error) {
	if b, ok := c.(PerType); ok {
		return b.ForType(sample)
	}
	return c, nil
}
