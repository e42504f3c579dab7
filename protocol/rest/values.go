package rest

import (
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// values cuts JSON values out of the parts of a body: elements of an array, or values one after another. It finds where
// a value ends and leaves to the codec whether it is one. One goroutine at a time may use it.
type values struct {
	src     rpcwire.Source
	limit   int // bytes of a value
	reserve func(n int) error
	expect  func(rest bool) // is called when a value has arrived in part, and when the rest is there; nil: nobody cares

	part   []byte // what was not looked at yet
	buf    *buffer.Buf
	held   int // bytes reserved for buf
	array  bool
	lines  bool // no array
	place  place
	nested []byte // the brackets that are open within a value
	str    bool   // within a string
	esc    bool   // behind a backslash
}

// place is where values stands between two values.
type place uint8

const (
	atStart  place = iota
	wantsAny       // a value, or the end
	wantsOne       // a value, behind a comma
	wantsSep       // a comma, or the end of the array
	atEnd          // nothing more
)

// maxNested is how deep a value may be nested, as in codecs.
const maxNested = 10_000

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func malformed(format string, args ...any) error {
	return fairlead.Errorf(fairlead.InvalidArgument, "the body is malformed: "+format, args...)
}

// next returns the next value, valid until the next call, and io.EOF after the last one.
func (v *values) next() ([]byte, error) {
	v.release()
	for {
		if len(v.part) == 0 {
			part, err := v.src.Read()
			if isEnd(err) {
				return nil, v.end()
			}
			if err != nil {
				return nil, err
			}
			v.part = part
			continue
		}
		c := v.part[0]
		switch {
		case isSpace(c):
			v.part = v.part[1:]
		case v.place == atStart:
			v.place = wantsAny
			if c == '[' && !v.lines {
				v.array, v.part = true, v.part[1:]
			}
		case v.place == atEnd:
			return nil, malformed("there is %q behind its array", c)
		case v.place == wantsSep:
			switch c {
			case ',':
				v.place = wantsOne
			case ']':
				v.place = atEnd
			default:
				return nil, malformed("there is %q between elements of its array", c)
			}
			v.part = v.part[1:]
		case v.array && c == ']' && v.place == wantsAny:
			v.place, v.part = atEnd, v.part[1:]
		default:
			return v.value()
		}
	}
}

// end returns io.EOF at the end of a body, unless something is missing.
func (v *values) end() error {
	if v.array && v.place != atEnd {
		return malformed("it ends within its array")
	}
	return io.EOF
}

// value returns the value that begins in v.part.
func (v *values) value() ([]byte, error) {
	v.nested, v.str, v.esc = v.nested[:0], false, false
	if v.place = wantsAny; v.array {
		v.place = wantsSep
	}
	n, ok, err := v.scan(v.part, true)
	if err != nil {
		return nil, err
	}
	if ok {
		whole := v.part[:n]
		v.part = v.part[n:]
		if n > v.limit {
			return nil, errTooLarge(v.limit)
		}
		return whole, nil
	}
	v.buf = buffer.Get(len(v.part))
	if v.expect != nil {
		v.expect(true)
		defer v.expect(false)
	}
	for {
		if err := v.keep(v.part); err != nil {
			return nil, err
		}
		part, err := v.src.Read()
		if isEnd(err) {
			v.part = nil
			if len(v.nested) > 0 || v.str || v.array {
				return nil, malformed("it ends within a value")
			}
			return v.buf.B, nil // a number or a word, which only the end tells
		}
		if err != nil {
			return nil, err
		}
		n, ok, err := v.scan(part, false)
		if err != nil {
			return nil, err
		}
		v.part = part
		if ok {
			if err := v.keep(part[:n]); err != nil {
				return nil, err
			}
			v.part = part[n:]
			return v.buf.B, nil
		}
	}
}

// keep adds a part of a value to the buffer.
func (v *values) keep(part []byte) error {
	if len(part) > v.limit-len(v.buf.B) {
		return errTooLarge(v.limit)
	}
	if more := len(v.buf.B) + len(part) - v.held; more > 0 && v.reserve != nil {
		if err := v.reserve(more); err != nil {
			return err
		}
		v.held += more
	}
	v.buf.B = append(v.buf.B, part...)
	return nil
}

// scan looks for the end of a value in p, and returns where it is and whether it is there. First reports whether the
// value begins with p.
func (v *values) scan(p []byte, first bool) (end int, ok bool, err error) {
	for i, c := range p {
		if v.str {
			if v.inString(c) {
				return i + 1, true, nil
			}
			continue
		}
		switch c {
		case '"', '{', '[', '}', ']', ' ', '\n', '\r', '\t', ',':
		default:
			continue
		}
		if len(v.nested) == 0 && (!first || i > 0) {
			return i, true, nil // a number or a word ends before it
		}
		if ok, err := v.punctuation(c); ok || err != nil {
			return i + 1, ok, err
		}
	}
	return 0, false, nil
}

// inString takes a character of a string, and reports whether the value ends behind it.
func (v *values) inString(c byte) bool {
	switch {
	case v.esc:
		v.esc = false
	case c == '\\':
		v.esc = true
	case c == '"':
		v.str = false
		return len(v.nested) == 0
	}
	return false
}

// punctuation takes a character that is not in a string, at the beginning of a value or within it, and reports whether
// the value ends behind it.
func (v *values) punctuation(c byte) (end bool, err error) {
	switch c {
	case '"':
		v.str = true
	case '{', '[':
		if len(v.nested) == maxNested {
			return false, malformed("it is nested more than %d deep", maxNested)
		}
		v.nested = append(v.nested, c)
	case '}', ']':
		if len(v.nested) == 0 {
			return false, malformed("there is %q instead of a value", c)
		}
		last := v.nested[len(v.nested)-1]
		if last+2 != c { // '{' and '}', '[' and ']' are two apart
			return false, malformed("%q is closed by %q", last, c)
		}
		v.nested = v.nested[:len(v.nested)-1]
		return len(v.nested) == 0, nil
	case ',':
		if len(v.nested) == 0 {
			return false, malformed("there is %q instead of a value", c)
		}
	}
	return false, nil
}

// release puts the buffer of the last value back.
func (v *values) release() {
	buffer.Put(v.buf)
	v.buf = nil
}
