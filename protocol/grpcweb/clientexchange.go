package grpcweb

import (
	"io"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/internal/rpcwire/grpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// clientExchange is a stream whose response has its trailer in its body.
type clientExchange struct {
	protocol.ClientExchange

	conn *conn

	// The rest belongs to the goroutine that reads.
	form    form
	body    bool // there is one
	head    *protocol.Head
	frames  splitter
	decoder decoder
	plain   []byte // what Read returned last, in the text form
	err     error  // what Read returns from now on
	trailer *protocol.Head
}

// Send implements protocol.Pipe.
func (x *clientExchange) Send(m *protocol.Message, last bool) error {
	if !x.conn.text || m == nil {
		return x.ClientExchange.Send(m, last)
	}
	b, err := appendText(m, nil, x.conn.panics)
	if err != nil {
		return err
	}
	err = x.ClientExchange.Send(&protocol.Message{Bytes: b.B}, last)
	buffer.Put(b)
	return err
}

// Trailer implements protocol.ClientExchange.
func (x *clientExchange) Trailer() *protocol.Head { return x.trailer }

// Read implements protocol.Pipe. It returns the parts of messages.
func (x *clientExchange) Read() ([]byte, error) {
	for x.err == nil {
		part, err := x.part()
		switch {
		case err == io.EOF: //nolint:errorlint // Pipe returns it bare
			x.err = x.end()
		case err != nil:
			x.err = err
		case x.form == foreign:
			return part, nil
		default:
			if part, x.err = x.frames.messages(part); len(part) > 0 {
				return part, nil
			}
		}
	}
	return nil, x.err
}

// part returns the next part of the body, decoded if it is text.
func (x *clientExchange) part() ([]byte, error) {
	part, err := x.ClientExchange.Read()
	if x.head == nil {
		if x.head, _ = x.Head(); x.head != nil {
			x.form = formOf(x.head)
		}
	}
	x.body = x.body || len(part) > 0
	if err != nil || x.form != textBody {
		return part, err //nolint:wrapcheck // the calls know the Pipe's errors
	}
	x.plain, err = x.decoder.decode(x.plain[:0], part)
	return x.plain, err
}

// end returns what Read returns at the end of the body: io.EOF, or what is wrong with it.
func (x *clientExchange) end() error {
	switch {
	case x.form == foreign:
		x.trailer = x.ClientExchange.Trailer()
		return io.EOF
	case !x.body && hasStatus(x.head):
		x.trailer = x.head
		return io.EOF
	}
	if err := x.decoder.end(); err != nil {
		return err
	}
	trailer, err := x.frames.head(x.conn.accepted, rpcwire.Field(&x.head.Fields, grpcwire.FieldEncoding))
	if err != nil {
		return err
	}
	x.trailer = trailer
	return io.EOF
}
