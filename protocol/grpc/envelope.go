package grpc

import (
	"encoding/binary"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
)

// The prefix of each message: a byte of flags and four bytes of length.
const (
	prefixSize     = 5
	flagCompressed = 1
)

// firstGather is the size in bytes of the buffer with which gathering a message begins. It grows with what arrives, not
// with what a prefix promises, so that a peer pays with its own bytes for the memory that it takes.
const firstGather = 4 << 10

// parsePrefix reads the prefix of a message, which has prefixSize bytes at least, and checks it.
func parsePrefix(p []byte, lim *limit) (flags uint8, length int, err error) {
	flags, n := p[0], binary.BigEndian.Uint32(p[1:prefixSize])
	if flags&^flagCompressed != 0 {
		return 0, 0, fairlead.Errorf(fairlead.Internal, "a message has the unknown flags 0x%02x", flags)
	}
	if int64(n) > int64(lim.bytes) {
		return 0, 0, lim.received(n)
	}
	return flags, int(n), nil
}

// source is where a reader's parts come from: a protocol.Pipe.
type source interface {
	Read() ([]byte, error)
}

// reserver accounts for memory: a protocol.Dispatcher.
type reserver interface {
	Reserve(n int) error
}

// expecter is told whether the rest of something has to come: a protocol.Exchange.
type expecter interface {
	Expect(rest bool)
}

// reader takes messages out of the parts of a body. A part may hold several of them, or a fraction of one. One
// goroutine at a time uses it.
type reader struct {
	src source
	lim limit
	// acct is told of the memory that gathered messages take; nil: nobody is. reserved is the sum of what it was told.
	acct     reserver
	reserved int
	// exp is told when a message has begun whose rest is to be waited for, and when it is there; nil: nobody is. With
	// one, the rest is that of the whole body, since it has one message.
	exp       expecter
	expecting bool
	one       bool

	err  error       // the body's end, or what is wrong with it: returned from then on
	part []byte      // what is left of the part last read, valid until the next one is
	buf  *buffer.Buf // the message last returned, if it was gathered
}

// next returns the next message as it came; it is valid until done or next is called. At the end of the body it returns
// io.EOF, and io.ErrUnexpectedEOF when that is within a message.
func (r *reader) next() (payload []byte, flags uint8, err error) {
	r.done()
	if r.err != nil {
		return nil, 0, r.err
	}
	payload, flags, err = r.take()
	if !r.one {
		r.expect(false)
	}
	if err != nil {
		r.done()
		r.err, r.part = err, nil
	}
	return payload, flags, err
}

// take is next without memory of errors.
func (r *reader) take() (payload []byte, flags uint8, err error) {
	for len(r.part) == 0 {
		if r.part, err = r.src.Read(); err != nil {
			return nil, 0, err
		}
	}
	var n int
	if len(r.part) >= prefixSize {
		flags, n, err = parsePrefix(r.part, &r.lim)
		r.part = r.part[prefixSize:]
	} else {
		var p [prefixSize]byte
		if err := r.fill(p[:]); err != nil {
			return nil, 0, err
		}
		flags, n, err = parsePrefix(p[:], &r.lim)
	}
	if err != nil {
		return nil, 0, err
	}
	if n <= len(r.part) {
		payload, r.part = r.part[:n:n], r.part[n:]
		return payload, flags, nil
	}
	if err := r.gather(n); err != nil {
		return nil, 0, err
	}
	return r.buf.B, flags, nil
}

// fill fills p from as many parts as it takes.
func (r *reader) fill(p []byte) error {
	for {
		n := copy(p, r.part)
		p, r.part = p[n:], r.part[n:]
		if len(p) == 0 {
			return nil
		}
		if err := r.more(); err != nil {
			return err
		}
	}
}

// gather collects a message of n bytes in a buffer.
func (r *reader) gather(n int) error {
	r.buf = buffer.Get(min(n, max(2*len(r.part), firstGather)))
	for {
		take := min(len(r.part), n-len(r.buf.B))
		if err := r.reserve(len(r.buf.B) + take); err != nil {
			return err
		}
		r.buf.Grow(take)
		r.buf.B = append(r.buf.B, r.part[:take]...)
		r.part = r.part[take:]
		if len(r.buf.B) == n {
			return nil
		}
		if err := r.more(); err != nil {
			return err
		}
	}
}

// more reads a part in the middle of a message.
func (r *reader) more() (err error) {
	r.expect(true)
	r.part, err = r.src.Read()
	if err == io.EOF { //nolint:errorlint // Pipe returns it bare, and a failure may have one behind it
		return io.ErrUnexpectedEOF
	}
	return err
}

// expect tells exp.
func (r *reader) expect(rest bool) {
	if r.exp != nil && r.expecting != rest {
		r.expecting = rest
		r.exp.Expect(rest)
	}
}

// reserve accounts for a message of which n bytes are there. It counts the longest message and not their sum, since
// they are held one at a time.
func (r *reader) reserve(n int) error {
	if r.acct == nil || n <= r.reserved {
		return nil
	}
	if err := r.acct.Reserve(n - r.reserved); err != nil {
		return err
	}
	r.reserved = n
	return nil
}

// done gives back the memory of the message last returned.
func (r *reader) done() {
	buffer.Put(r.buf)
	r.buf = nil
}
