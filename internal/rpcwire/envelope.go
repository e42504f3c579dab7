package rpcwire

import (
	"encoding/binary"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
)

// PrefixSize is the length of the prefix of each message: one byte of flags and four bytes of length.
const PrefixSize = 5

// FlagCompressed is the flag of a compressed message.
const FlagCompressed = 1

// FirstGather is the size in bytes of the first buffer for a message that arrives in parts. The buffer grows with what
// arrives and not with what the prefix promises, so that a peer has to send as much as it makes this side allocate.
const FirstGather = 4 << 10

// ParsePrefix reads the prefix of a message from p, which must have PrefixSize bytes at least. It returns an error for
// flags other than FlagCompressed and for a message that is longer than the limit.
func ParsePrefix(p []byte, lim *Limit) (flags uint8, length int, err error) {
	flags, n := p[0], binary.BigEndian.Uint32(p[1:PrefixSize])
	if flags&^FlagCompressed != 0 {
		return 0, 0, fairlead.Errorf(fairlead.Internal, "a message has the unknown flags 0x%02x", flags)
	}
	if int64(n) > int64(lim.Bytes) {
		return 0, 0, lim.Received(int64(n))
	}
	return flags, int(n), nil
}

// Source returns the parts of a body. protocol.Pipe is one.
type Source interface {
	// Read returns the next part, valid until the next Read, and io.EOF after the last one.
	Read() ([]byte, error)
}

// Reserver accounts for memory. protocol.Dispatcher is one.
type Reserver interface {
	// Reserve accounts for n more bytes, or returns why a call cannot have them.
	Reserve(n int) error
}

// Expecter limits the time that the rest of something takes to arrive. protocol.Exchange is one.
type Expecter interface {
	// Expect is called with true when the rest of something has to arrive, and with false when it has.
	Expect(rest bool)
}

// Reader reads messages from the parts of a body. A part may hold several messages or a fraction of one. One goroutine
// at a time may use it.
type Reader struct {
	Source Source
	Limit  Limit
	// Reserver accounts for messages that arrive in parts, which are held in a buffer; nil: nobody does.
	Reserver Reserver
	// Expecter learns when a message has arrived in part, and when the rest is there; nil: nobody does.
	Expecter Expecter
	// Sole is set for a body of one message: Expecter then expects the whole body.
	Sole bool
	// Own has the flags of frames that are no messages but the protocol's own, such as the last frame of a stream of
	// Connect; 0: there are none. OwnLimit is the limit for their length.
	Own      uint8
	OwnLimit Limit

	reserved  int         // bytes, in all
	expecting bool        // what Expecter was told last
	err       error       // the body's end, or what is wrong with it: returned from then on
	part      []byte      // what is left of the part last read, valid until the next one is
	buf       *buffer.Buf // the message last returned, if it arrived in parts
}

// Next returns the next message, or frame of the protocol's own, with its flags. It is valid until Next, Release or
// Close is called. At the end of the body Next returns io.EOF, within a message io.ErrUnexpectedEOF; other errors are
// the Source's or the Reserver's, and *fairlead.Error for a message that is not acceptable. Each error is final.
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

// take is Next, but does not keep errors.
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

// ReadOne reads the body of a request that has one message, and calls decode with it. Its errors are a server's.
func (r *Reader) ReadOne(decode func(payload []byte, flags uint8) error) error {
	r.Sole = true
	r.Expect(true)
	defer r.Expect(false)
	payload, flags, err := r.Next()
	switch {
	case err == io.EOF: //nolint:errorlint // Next returns it bare
		return ErrNoRequest()
	case err != nil:
		return PeerError(err)
	}
	err = decode(payload, flags)
	r.Release()
	if err != nil {
		return err
	}
	switch _, _, err = r.Next(); err {
	case io.EOF: //nolint:errorlint // Next returns it bare
		return nil
	case nil:
		r.Release()
		return ErrManyRequests()
	default:
		return PeerError(err)
	}
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

// more reads the next part of a message.
func (r *Reader) more() (err error) {
	r.Expect(true)
	r.part, err = r.Source.Read()
	if err == io.EOF { //nolint:errorlint // Pipe returns it bare, and a failure may have one behind it
		return io.ErrUnexpectedEOF
	}
	return err
}

// Expect calls the Expecter if there is something new for it.
func (r *Reader) Expect(rest bool) {
	if r.Expecter != nil && r.expecting != rest {
		r.expecting = rest
		r.Expecter.Expect(rest)
	}
}

// reserve accounts for a message of which n bytes are there. It counts the longest message and not the sum of all,
// because one at a time is held.
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

// Reserved returns the number of bytes that were reserved in all. They are for the caller to give back.
func (r *Reader) Reserved() int { return r.reserved }

// Close is Release, and lets go of the last part.
func (r *Reader) Close() {
	r.Release()
	r.part = nil
}

// Release gives back the memory of the message last returned. It may be called more than once.
func (r *Reader) Release() {
	buffer.Put(r.buf)
	r.buf = nil
}
