// Package codec turns messages into bytes and back.
package codec

import "errors"

// Codec encodes by appending. It must be safe for concurrent use.
type Codec interface {
	// Name is the codec's name in content types, such as "proto".
	Name() string
	// AppendMarshal appends the encoding of msg to dst. On an error what it returns beyond len(dst) is undefined.
	AppendMarshal(dst []byte, msg any) ([]byte, error)
	// Unmarshal replaces what msg holds with what src encodes; it keeps no reference to src.
	Unmarshal(src []byte, msg any) error
}

// Binder is a codec that chooses an implementation for a type of message, once when a method is bound. The sample is an
// empty message. It returns ErrType for types that it cannot carry.
type Binder interface {
	Bind(sample any) (Codec, error)
}

// Sizer is a codec that promises: Size is the exact length of the encoding as long as the message does not change, and
// neither Size nor the AppendSized after it blocks or calls code of the user. Protocols marshal such messages straight
// into the connection's buffer, under its lock; others into a buffer beside it.
type Sizer interface {
	Codec
	Size(msg any) int
	// AppendSized is AppendMarshal for a message whose Size is known.
	AppendSized(dst []byte, msg any, size int) ([]byte, error)
}

// ErrType says that a codec cannot carry a message's type.
var ErrType = errors.New("codec: type of message not supported")

// For binds c to the type of sample, an empty message.
func For(c Codec, sample any) (Codec, error) {
	if b, ok := c.(Binder); ok {
		return b.Bind(sample)
	}
	return c, nil
}
