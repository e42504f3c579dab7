package call

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// value is one message as it was written.
type value struct {
	text         []byte
	line, column int // of its first byte, from 1; columns count bytes
}

// splitter cuts a stream into JSON values, which may be parted by white space, by nothing, or by the record separators
// of RFC 7464. It does not look further than the value's end, so that a value can be sent as soon as it was entered.
type splitter struct {
	r            *bufio.Reader
	line, column int // of the byte that comes next
	// lines means that somebody enters lines: an empty one within a value gives it up.
	lines bool
	limit int64 // of a value, in bytes
}

// errGivenUp reports that somebody entered an empty line within a value.
var errGivenUp = errors.New("the message is not complete; it was given up")

// errTooLong reports that a value is longer than the limit.
var errTooLong = errors.New("the message is too long")

// maxLiteral is the length of numbers and words, in bytes, after which they are given to the parser, which says what is
// wrong with them.
const maxLiteral = 4096

func newSplitter(r io.Reader, limit int64) *splitter {
	return &splitter{r: bufio.NewReaderSize(r, 64<<10), line: 1, column: 1, limit: limit}
}

// read returns the next byte.
func (s *splitter) read() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if c == '\n' {
		s.line++
		s.column = 1
	} else {
		s.column++
	}
	return c, nil
}

// next returns the next value, io.EOF when there is none. What it returns need not be correct, but ends where a correct
// one would.
func (s *splitter) next() (value, error) {
	begin := value{line: s.line, column: s.column}
	if err := s.skipSpace(); err != nil {
		return begin, err
	}
	v := value{line: s.line, column: s.column}
	c, err := s.read()
	if err != nil {
		return v, err
	}
	v.text = append(v.text, c)
	switch c {
	case '{', '[':
		err = s.nested(&v)
	case '"':
		err = s.quoted(&v)
	default:
		err = s.literal(&v)
	}
	if errors.Is(err, io.EOF) {
		err = nil // the parser says what is missing
	}
	if err == nil && int64(len(v.text)) > s.limit {
		err = errTooLong
	}
	return v, err
}

// byteOrderMark is how some editors begin files in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// skipSpace skips the white space before a value. There is as much of it at most as of a value.
func (s *splitter) skipSpace() error {
	if s.line == 1 && s.column == 1 {
		// Not all of it is waited for, since a whole message may be shorter.
		if b, err := s.r.Peek(1); err == nil && b[0] == byteOrderMark[0] {
			if b, err := s.r.Peek(len(byteOrderMark)); err == nil && string(b) == byteOrderMark {
				_, _ = s.r.Discard(len(b)) // it is buffered
			}
		}
	}
	for n := int64(0); ; n++ {
		c, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		if n > s.limit {
			return errTooLong
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != 0x1e {
			return s.r.UnreadByte()
		}
		if c == '\n' {
			s.line++
			s.column = 1
		} else {
			s.column++
		}
	}
}

// nested reads the rest of an object or array.
func (s *splitter) nested(v *value) error {
	empty := false // the line so far
	for depth := 1; depth > 0; {
		c, err := s.read()
		if err != nil {
			return err
		}
		v.text = append(v.text, c)
		if int64(len(v.text)) > s.limit {
			return errTooLong
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if err := s.quoted(v); err != nil {
				return err
			}
		case '\n':
			if empty && s.lines {
				return errGivenUp
			}
			empty = true
			continue
		case ' ', '\t', '\r':
			continue
		}
		empty = false
	}
	return nil
}

// quoted reads the rest of a string, which does not go over a line's end.
func (s *splitter) quoted(v *value) error {
	for escaped := false; ; {
		if _, err := s.r.Peek(1); err != nil {
			return err
		}
		b, _ := s.r.Peek(s.r.Buffered()) // strings may be long
		if int64(len(v.text)) > s.limit {
			return errTooLong
		}
		n := 0
		if !escaped {
			n = bytes.IndexAny(b, "\"\\\n")
		}
		if n < 0 {
			s.take(v, b)
			continue
		}
		c := b[n]
		if c == '\n' {
			s.take(v, b[:n])
			return nil // not correct, and told apart best at this place
		}
		s.take(v, b[:n+1])
		if c == '"' && !escaped {
			return nil
		}
		escaped = c == '\\' && !escaped
	}
}

// take takes b, which is buffered and has no line's end.
func (s *splitter) take(v *value, b []byte) {
	v.text = append(v.text, b...)
	s.column += len(b)
	_, _ = s.r.Discard(len(b)) // it is buffered
}

// literal reads the rest of a number, true, false, null, or what somebody took for one.
func (s *splitter) literal(v *value) error {
	for len(v.text) < maxLiteral {
		c, err := s.r.Peek(1)
		if err != nil {
			return err
		}
		switch c[0] {
		case ' ', '\t', '\r', '\n', 0x1e, '{', '[', '"':
			return nil
		}
		b, err := s.read()
		if err != nil {
			return err
		}
		v.text = append(v.text, b)
	}
	return nil
}

// textSplitter cuts a stream of messages in protobuf's text format, which are parted by the record separator 0x1e.
type textSplitter struct {
	r     *bufio.Reader
	line  int
	limit int64 // of a message, in bytes
}

func (s *textSplitter) next() (value, error) {
	text, err := s.message()
	if errors.Is(err, errTooLong) {
		return value{line: s.line, column: 1}, err
	}
	if len(text) == 0 {
		if err == nil {
			err = io.EOF
		}
		return value{}, err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return value{}, err
	}
	v := value{text: text, line: s.line, column: 1}
	for _, c := range text {
		if c == '\n' {
			s.line++
		}
	}
	if text[len(text)-1] == 0x1e {
		v.text = text[:len(text)-1]
	} else if len(trimSpace(text)) == 0 {
		return value{}, io.EOF
	}
	return v, nil
}

// message returns what there is up to a separator, with it.
func (s *textSplitter) message() ([]byte, error) {
	var text []byte
	for {
		part, err := s.r.ReadSlice(0x1e)
		if int64(len(text)+len(part)) > s.limit+1 { // and the separator
			return nil, errTooLong
		}
		text = append(text, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\r' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

// String is for errors.
func (v value) String() string { return fmt.Sprintf("%d:%d", v.line, v.column) }
