package proto

import (
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxDepth is how deeply messages and entries of maps may be nested before the rest is left to
// google.golang.org/protobuf, which has its own limit. vtprotobuf's code has none, so that hostile input could use any
// amount of stack.
const maxDepth = 100

// verdict is the result of check.
type verdict uint8

const (
	plain   verdict = iota // UnmarshalVT does the same as google.golang.org/protobuf
	unusual                // it may not, or the input is malformed
	badText                // everything before a string that is not UTF-8 is plain
)

// check walks the encoding of a message before it is decoded. With badText it returns the field.
func (t *table) check(b []byte, depth int) (verdict, *field) {
	if depth--; depth < 0 {
		return unusual, nil
	}
	var seen uint64             // the single messages that were there
	next := protowire.Number(1) // of a map's entry
	for len(b) > 0 {
		tag, n := uint64(b[0]), 1
		if tag >= 1<<7 {
			// UnmarshalVT keeps overlong tags of unknown fields as they are, google.golang.org/protobuf shortens them.
			if tag, n = protowire.ConsumeVarint(b); n < 0 || b[n-1] == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
				return unusual, nil
			}
		}
		b = b[n:]
		num, typ := protowire.Number(tag>>3), protowire.Type(tag&7)
		f := t.lookup(num)
		if wireTypes[f.kind]>>typ&1 == 0 {
			return unusual, nil
		}
		if t.entry {
			// An entry is plain if it has its key and then its value. UnmarshalVT does not merge values and leaves
			// messages nil that are not there.
			if num != next {
				return unusual, nil
			}
			next++
		}
		switch typ {
		case protowire.VarintType:
			n = varintLen(b)
		case protowire.Fixed32Type:
			n = 4
		case protowire.Fixed64Type:
			n = 8
		default:
			content, rest, ok := cut(b)
			if !ok || f.once&seen != 0 {
				return unusual, nil
			}
			b = rest
			seen |= f.once
			if v, bad := f.check(content, depth); v != plain {
				return v, bad
			}
			continue
		}
		if n <= 0 || n > len(b) {
			return unusual, nil
		}
		b = b[n:]
	}
	if t.entry && next != 3 {
		return unusual, nil
	}
	return plain, nil
}

// check looks at the content of a field of wire type 2.
func (f *field) check(content []byte, depth int) (verdict, *field) {
	ok := true
	switch f.kind {
	case text:
		if !utf8.Valid(content) {
			return badText, f
		}
	case single, repeated, entry:
		return f.table.check(content, depth)
	case varints:
		ok = validVarints(content)
	case fixed32s:
		ok = len(content)%4 == 0
	case fixed64s:
		ok = len(content)%8 == 0
	default:
	}
	if !ok {
		return unusual, nil
	}
	return plain, nil
}

// varintLen returns the length of the number at the beginning of b, 0 if there is none that fits 64 bits.
func varintLen(b []byte) int {
	for i, c := range b[:min(len(b), binary.MaxVarintLen64)] {
		if c < 1<<7 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				return 0
			}
			return i + 1
		}
	}
	return 0
}

// validVarints reports whether b is a sequence of numbers that fit 64 bits.
func validVarints(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) > 0 {
		// Eight numbers of one byte each at a time.
		if len(b) >= 8 && binary.LittleEndian.Uint64(b)&high == 0 {
			b = b[8:]
			continue
		}
		n := varintLen(b)
		if n == 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// invalidText walks a well-formed encoding and returns the first field that should be UTF-8 and is not, nil if there
// is none.
func (t *table) invalidText(b []byte) *field {
	for len(b) > 0 {
		tag, n := uint64(b[0]), 1
		if tag >= 1<<7 {
			if tag, n = protowire.ConsumeVarint(b); n < 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
				return nil
			}
		}
		b = b[n:]
		num, typ := protowire.Number(tag>>3), protowire.Type(tag&7)
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				return nil
			}
			b = b[n:]
			continue
		}
		content, rest, ok := cut(b)
		if !ok {
			return nil
		}
		b = rest
		f := t.lookup(num)
		switch {
		case f.kind == text:
			if !utf8.Valid(content) {
				return f
			}
		case f.table != nil && f.table.hasText:
			if bad := f.table.invalidText(content); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// ascii reports whether no byte of b has its highest bit set. All strings in such an encoding are UTF-8.
func ascii(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cut splits off a length at the beginning of b and as many bytes after it.
func cut(b []byte) (content, rest []byte, ok bool) {
	if len(b) > 0 && int(b[0]) < min(1<<7, len(b)) {
		n := 1 + int(b[0])
		return b[1:n], b[n:], true
	}
	n, l := protowire.ConsumeVarint(b)
	if l < 0 || n > uint64(len(b)-l) {
		return nil, nil, false
	}
	b = b[l:]
	return b[:n], b[n:], true
}
