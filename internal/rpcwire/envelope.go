package rpcwire

import (
	"encoding/binary"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
)

// The prefix of each message: a byte of flags and four bytes of length.
const (
	PrefixSize     = 5
	FlagCompressed = 1
)

// FirstGather is the size in bytes of the buffer with which gathering a message begins. It grows with what arrives, not
// with what a prefix promises, so that a peer pays with its own bytes for the memory that it takes.
const FirstGather = 4 << 10

// ParsePrefix reads the prefix of a message, which has prefixSize bytes at least, and checks it.
func ParsePrefix(p []byte, lim *Limit) (flags uint8, length int, err error) {
	flags, n := p[0], binary.BigEndian.Uint32(p[1:PrefixSize])
	if flags&^FlagCompressed != 0 {
		return 0, 0, fairlead.Errorf(fairlead.Internal, "a message has the unknown flags 0x%02x", flags)
	}
	if int64(n) > int64(lim.Bytes) {
		return 0, 0, lim.Received(n)
	}
	return flags, int(n), nil
}

// Source is where a reader's parts come from: a protocol.Pipe.
type Source interface {
	Read() ([]byte, error)
}

// Reserver accounts for memory: a protocol.Dispatcher.
type Reserver interface {
	Reserve(n int) error
}

// Expecter is told whether the rest of something has to come: a protocol.Exchange.
type Expecter interface {
	Expect(rest bool)
}

// Reader takes messages out of the parts of a body. A part may hold several of them, or a fraction of one. One
// goroutine at a time uses it.
type Reader struct {
	Source Source
	Limit  Limit
	// Reserver is told of the memory that gathered messages take; nil: nobody is. reserved is the sum of what it was told.
	Reserver Reserver
	reserved int
	// Own are the flags of frames that are the protocol's own and no messages, such as the one that ends a stream of
	// Connect; 0: it has none. OwnLimit is how long those may be.
	Own      uint8
	OwnLimit Limit
	// Expecter is told when a message has begun whose rest is to be waited for, and when it is there; nil: nobody is. With
	// one, the rest is that of the whole body, since it has one message.
	Expecter  Expecter
	expecting bool
	Sole      bool

	err  error       // the body's end, or what is wrong with it: returned from then on
	part []byte      // what is left of the part last read, valid until the next one is
	buf  *buffer.Buf // the message last returned, if it was gathered
}

// Next returns the next message as it came; it is valid until done or next is called. At the end of the body it returns
// io.EOF, and io.ErrUnexpectedEOF when that is within a message.
func (r *Reader) Next() (payload []byte, flags uint8, err error) {
	r.Release()
	if r.err != nil {
		return nil, 0, r.err
	}
	payload, flags, err = r.take()
	if !r.Sole {
		r.Expect(false)
	}
	if err != nil {
		r.Release()
		r.err, r.part = err, nil
	}
	return payload, flags, err
}

// take is next without memory of errors.
func (r *Reader) take() (payload []byte, flags uint8, err error) {
	for len(r.part) == 0 {
		if r.part, err = r.Source.Read(); err != nil {
			return nil, 0, err
		}
	}
	var n int
	if len(r.part) >= PrefixSize {
		flags, n, err = r.prefix(r.part)
		r.part = r.part[PrefixSize:]
	} else {
		var p [PrefixSize]byte
		if err := r.fill(p[:]); err != nil {
			return nil, 0, err
		}
		flags, n, err = r.prefix(p[:])
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

// prefix reads the prefix of a frame.
func (r *Reader) prefix(p []byte) (flags uint8, length int, err error) {
	if p[0]&r.Own == 0 {
		return ParsePrefix(p, &r.Limit)
	}
	_, length, err = ParsePrefix(append([]byte{p[0] &^ r.Own}, p[1:PrefixSize]...), &r.OwnLimit)
	return p[0], length, err
}

// fill fills p from as many parts as it takes.
func (r *Reader) fill(p []byte) error {
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
func (r *Reader) gather(n int) error {
	r.buf = buffer.Get(min(n, max(2*len(r.part), FirstGather)))
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
func (r *Reader) more() (err error) {
	r.Expect(true)
	r.part, err = r.Source.Read()
	if err == io.EOF { //nolint:errorlint // Pipe returns it bare, and a failure may have one behind it
		return io.ErrUnexpectedEOF
	}
	return err
}

// Expect tells exp.
func (r *Reader) Expect(rest bool) {
	if r.Expecter != nil && r.expecting != rest {
		r.expecting = rest
		r.Expecter.Expect(rest)
	}
}

// reserve accounts for a message of which n bytes are there. It counts the longest message and not their sum, since
// they are held one at a time.
func (r *Reader) reserve(n int) error {
	if r.Reserver == nil || n <= r.reserved {
		return nil
	}
	if err := r.Reserver.Reserve(n - r.reserved); err != nil {
		return err
	}
	r.reserved = n
	return nil
}

// Reserved returns the number of bytes that were reserved for messages in all.
func (r *Reader) Reserved() int { return r.reserved }

// Close gives back all memory. The parts read before are not touched again.
func (r *Reader) Close() {
	r.Release()
	r.part = nil
}

// Release gives back the memory of the message last returned.
func (r *Reader) Release() {
	buffer.Put(r.buf)
	r.buf = nil
}
