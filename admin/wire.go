package admin

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of health and reflection are written by hand, since generated ones would register their files in the
// process's protobuf registry, where those of grpc-go, if it is linked in, are already: that panics at start. They have
// the methods that vtprotobuf generates, by which codec/proto carries them.

// message is one of them. Its encode is called twice, to count and to write, and must do the same both times.
type message interface {
	Reset()
	encode(e *encoder)
	decode(f *field) error
}

// encoder counts the bytes of a message, or appends them to b when it has one.
type encoder struct {
	b     []byte
	write bool
	n     int
}

func (e *encoder) tag(num protowire.Number, t protowire.Type) {
	if e.write {
		e.b = protowire.AppendTag(e.b, num, t)
		return
	}
	e.n += protowire.SizeTag(num)
}

// uint writes a number, unless it is 0, which is the default.
func (e *encoder) uint(num protowire.Number, v uint64) {
	if v == 0 {
		return
	}
	e.tag(num, protowire.VarintType)
	e.varint(v)
}

func (e *encoder) varint(v uint64) {
	if e.write {
		e.b = protowire.AppendVarint(e.b, v)
		return
	}
	e.n += protowire.SizeVarint(v)
}

// string writes a string, unless it is empty, which is the default.
func (e *encoder) string(num protowire.Number, s string) {
	if s != "" {
		e.present(num, s)
	}
}

// present writes a string of a oneof or list, which is there even if it is empty.
func (e *encoder) present(num protowire.Number, s string) {
	e.tag(num, protowire.BytesType)
	if e.write {
		e.b = protowire.AppendString(e.b, s)
		return
	}
	e.n += protowire.SizeBytes(len(s))
}

func (e *encoder) bytes(num protowire.Number, b []byte) {
	e.tag(num, protowire.BytesType)
	if e.write {
		e.b = protowire.AppendBytes(e.b, b)
		return
	}
	e.n += protowire.SizeBytes(len(b))
}

func (e *encoder) message(num protowire.Number, m message) {
	e.tag(num, protowire.BytesType)
	n := sizeOf(m)
	if !e.write {
		e.n += protowire.SizeBytes(n)
		return
	}
	e.b = protowire.AppendVarint(e.b, uint64(n)) //nolint:gosec // a length
	m.encode(e)
}

// packed writes a list of numbers, unless it is empty.
func (e *encoder) packed(num protowire.Number, list []int32) {
	if len(list) == 0 {
		return
	}
	n := 0
	for _, v := range list {
		n += protowire.SizeVarint(uint64(v)) //nolint:gosec // int32 is encoded with its sign extended
	}
	e.tag(num, protowire.BytesType)
	e.varint(uint64(n))
	for _, v := range list {
		e.varint(uint64(v)) //nolint:gosec // as above
	}
}

func sizeOf(m message) int {
	var e encoder
	m.encode(&e)
	return e.n
}

// marshalTo writes m to the end of b, as MarshalToSizedBufferVT does.
func marshalTo(b []byte, m message) (int, error) {
	n := sizeOf(m)
	if n > len(b) {
		return 0, fmt.Errorf("admin: a message of %d bytes for a buffer of %d", n, len(b))
	}
	e := encoder{b: b[len(b)-n : len(b)-n], write: true}
	m.encode(&e)
	return n, nil
}

// field is one field of a message that is decoded.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	varint uint64
	bytes  []byte // of the input
}

var errUTF8 = errors.New("admin: a string is not valid UTF-8")

// is says whether the field has that number and type. A known field of another type counts as unknown.
func (f *field) is(num protowire.Number, t protowire.Type) bool { return f.num == num && f.typ == t }

func (f *field) string(into *string) error {
	if !utf8.Valid(f.bytes) {
		return errUTF8
	}
	*into = string(f.bytes)
	return nil
}

// unmarshal has m take the fields of src; those that it does not know are skipped.
func unmarshal(src []byte, m message) error {
	for len(src) > 0 {
		var f field
		var n int
		if f.num, f.typ, n = protowire.ConsumeTag(src); n < 0 {
			return protowire.ParseError(n)
		}
		src = src[n:]
		switch f.typ {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(src)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(src)
		default:
			n = protowire.ConsumeFieldValue(f.num, f.typ, src)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		src = src[n:]
		if err := m.decode(&f); err != nil {
			return err
		}
	}
	return nil
}
