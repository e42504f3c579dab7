package rpcwire

import (
	"io"

	"github.com/fairlead-go/fairlead/buffer"
)

// Body reads the body of a request that is one message without an envelope, as unary calls of Connect have it. One
// goroutine may use it, once.
type Body struct {
	Source Source
	Limit  Limit
	// Announced is the length of the body as its head has it, 0 if that is unknown.
	Announced int64
	// Reserver accounts for what arrives; nil: nobody does. Expecter learns that the rest is awaited; nil: nobody does.
	Reserver Reserver
	Expecter Expecter

	reserved int
	buf      *buffer.Buf
}

// Read reads the body to its end. The result is valid until Close is called. Errors are a server's.
func (b *Body) Read() ([]byte, error) {
	if b.Announced > int64(b.Limit.Bytes) {
		return nil, b.Limit.Received(b.Announced)
	}
	if b.Expecter != nil {
		b.Expecter.Expect(true)
		defer b.Expecter.Expect(false)
	}
	for {
		part, err := b.Source.Read()
		switch {
		case err == io.EOF: //nolint:errorlint // Pipe returns it bare
			if b.buf == nil {
				return nil, nil
			}
			return b.buf.B, nil
		case err != nil:
			return nil, PeerError(err)
		case len(part) == 0:
			continue
		}
		if b.buf == nil {
			// It grows with what arrives and not with what the head promises.
			b.buf = buffer.Get(max(len(part), int(min(b.Announced, FirstGather))))
		}
		n := len(b.buf.B) + len(part)
		if n > b.Limit.Bytes {
			return nil, b.Limit.Longer()
		}
		if b.Reserver != nil {
			if err := b.Reserver.Reserve(n - b.reserved); err != nil {
				return nil, err
			}
			b.reserved = n
		}
		b.buf.Grow(len(part))
		b.buf.B = append(b.buf.B, part...)
	}
}

// Reserved returns the number of bytes that were reserved. They are for the caller to give back.
func (b *Body) Reserved() int { return b.reserved }

// Close gives back the memory of the body. It may be called more than once.
func (b *Body) Close() {
	buffer.Put(b.buf)
	b.buf = nil
}
