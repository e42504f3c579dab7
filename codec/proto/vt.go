package proto

import (
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/codec"
)

// vtMessage is what vtprotobuf generates (github.com/planetscale/vtprotobuf, features marshal, unmarshal and size).
type vtMessage interface {
	// SizeVT returns the length of the encoding.
	SizeVT() int
	// MarshalToSizedBufferVT writes the encoding to the end of a buffer and returns its length.
	MarshalToSizedBufferVT(b []byte) (int, error)
	// UnmarshalVT merges what src encodes into the message.
	UnmarshalVT(src []byte) error
}

type resetter interface{ Reset() }

// vtCodec uses the vt methods of messages of one type.
type vtCodec struct {
	sizedCodec

	typ   reflect.Type
	table *table
}

var _ codec.Sizer = (*vtCodec)(nil)

func newVTCodec(sample proto.Message) *vtCodec {
	return &vtCodec{typ: reflect.TypeOf(sample), table: newTable(sample.ProtoReflect().Descriptor())}
}

// bound returns msg with its vt methods, nil if it is not of the codec's type, to which the table belongs.
func (c *vtCodec) bound(msg any) vtMessage {
	if reflect.TypeOf(msg) != c.typ {
		return nil
	}
	m, _ := msg.(vtMessage)
	return m
}

// Size is SizeVT.
func (c *vtCodec) Size(msg any) int {
	if m := c.bound(msg); m != nil {
		return m.SizeVT()
	}
	return c.sizedCodec.Size(msg)
}

// AppendMarshal sizes the message and marshals it.
func (c *vtCodec) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	if m := c.bound(msg); m != nil {
		return c.append(dst, msg, m, m.SizeVT())
	}
	return c.sizedCodec.AppendMarshal(dst, msg)
}

// AppendSized marshals a message whose SizeVT is size.
func (c *vtCodec) AppendSized(dst []byte, msg any, size int) ([]byte, error) {
	if m := c.bound(msg); m != nil {
		return c.append(dst, msg, m, size)
	}
	return c.sizedCodec.AppendSized(dst, msg, size)
}

func (c *vtCodec) append(dst []byte, msg any, m vtMessage, size int) ([]byte, error) {
	out, err := appendVT(dst, m, size)
	if err != nil {
		// For example, a required field is missing: the error of google.golang.org/protobuf has its full name.
		out, err = c.Codec.AppendMarshal(dst, msg)
		return exact(dst, out, size, err)
	}
	if c.table.hasText && !ascii(out[len(dst):]) {
		if f := c.table.invalidText(out[len(dst):]); f != nil {
			return dst, &textError{f.name}
		}
	}
	return out, nil
}

// Unmarshal resets msg and decodes src into it.
func (c *vtCodec) Unmarshal(src []byte, msg any) error {
	m := c.bound(msg)
	if m == nil {
		return c.sizedCodec.Unmarshal(src, msg)
	}
	v, f := c.table.check(src, maxDepth)
	switch v {
	case plain:
		reset(m)
		if m.UnmarshalVT(src) == nil {
			return nil
		}
	case badText:
		return &textError{f.name}
	case unusual:
	}
	return c.sizedCodec.Unmarshal(src, msg)
}

// bareCodec uses the vt methods of messages that have no descriptor.
type bareCodec struct{ typ reflect.Type }

var _ codec.Sizer = bareCodec{}

// Name returns "proto".
func (bareCodec) Name() string { return name }

// Size is SizeVT.
func (c bareCodec) Size(msg any) int {
	if reflect.TypeOf(msg) != c.typ {
		return sizedCodec{}.Size(msg)
	}
	m, _ := msg.(vtMessage)
	return m.SizeVT()
}

// AppendMarshal sizes the message and marshals it.
func (c bareCodec) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	if reflect.TypeOf(msg) != c.typ {
		return Codec{}.AppendMarshal(dst, msg)
	}
	m, _ := msg.(vtMessage)
	return appendVT(dst, m, m.SizeVT())
}

// AppendSized marshals a message whose SizeVT is size.
func (c bareCodec) AppendSized(dst []byte, msg any, size int) ([]byte, error) {
	if reflect.TypeOf(msg) != c.typ {
		return sizedCodec{}.AppendSized(dst, msg, size)
	}
	m, _ := msg.(vtMessage)
	return appendVT(dst, m, size)
}

// Unmarshal resets msg and decodes src into it.
func (c bareCodec) Unmarshal(src []byte, msg any) error {
	if reflect.TypeOf(msg) != c.typ {
		return Codec{}.Unmarshal(src, msg)
	}
	m, _ := msg.(vtMessage)
	reset(m)
	return m.UnmarshalVT(src)
}

// reset resets m. It is cheap: generated code assigns the zero value and restores the pointer to the type's
// description.
func reset(m vtMessage) {
	if r, ok := m.(resetter); ok {
		r.Reset()
	}
}

// appendVT appends m, whose encoding has size bytes.
func appendVT(dst []byte, m vtMessage, size int) ([]byte, error) {
	l := len(dst)
	out := slices.Grow(dst, size)[:l+size]
	n, err := m.MarshalToSizedBufferVT(out[l:])
	if err != nil {
		return dst, err
	}
	if n != size {
		return dst, &sizeError{got: n, want: size}
	}
	return out, nil
}
