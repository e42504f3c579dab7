package fairlead

import "encoding/binary"

// The part of protobuf's encoding that the details of errors need
// (https://protobuf.dev/programming-guides/encoding).

// The types of fields.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// maxFieldNumber is the largest field number.
const maxFieldNumber = 1<<29 - 1

func appendVarint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

// appendTag appends the head of a field, whose number is below 16.
func appendTag(dst []byte, number, typ byte) []byte { return append(dst, number<<3|typ) }

// appendStringField appends a field whose number is below 16; an empty one is left out, as proto3 does.
func appendStringField(dst []byte, number byte, s string) []byte {
	if s == "" {
		return dst
	}
	dst = appendTag(dst, number, wireBytes)
	dst = appendVarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// sizeStringField is the number of bytes that appendStringField appends.
func sizeStringField(s string) int {
	if s == "" {
		return 0
	}
	n := 2
	for l := len(s); l >= 0x80; l >>= 7 {
		n++
	}
	return n + len(s)
}

// wireField is one field of an encoded message; bytes lies in the message.
type wireField struct {
	number uint64
	typ    byte
	varint uint64
	bytes  []byte
}

func (f *wireField) is(number uint64, typ byte) bool { return f.number == number && f.typ == typ }

// nextField reads the first field of b and returns the bytes that follow it. It returns false if b is malformed. Groups
// count as malformed: no message that is read here has any, and proto3 has none at all.
func nextField(b []byte) (f wireField, rest []byte, ok bool) {
	tag, n := binary.Uvarint(b)
	f.number, f.typ = tag>>3, byte(tag&7)
	if n <= 0 || f.number == 0 || f.number > maxFieldNumber {
		return f, nil, false
	}
	b = b[n:]
	switch f.typ {
	case wireVarint:
		f.varint, n = binary.Uvarint(b)
	case wireFixed64:
		n = 8
	case wireFixed32:
		n = 4
	case wireBytes:
		var size uint64
		size, n = binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return f, nil, false
		}
		b = b[n:]
		n = int(size)
		f.bytes = b[:n]
		return f, b[n:], true
	default:
		return f, nil, false
	}
	if n <= 0 || n > len(b) {
		return f, nil, false
	}
	return f, b[n:], true
}
