package inproc

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// conn is one end of a connection.
type conn struct {
	// view is the unread bytes, a part of in.held. It belongs to the reader.
	view   []byte
	in     *half
	out    *half
	closed atomic.Bool
	info   transport.Info
}

// Pipe makes a connection and returns both ends. Either end can write 256 KiB before the other reads.
func Pipe() (a, b transport.Conn) {
	near, far := pipe("a", "b")
	return near, far
}

func pipe(local, remote addr) (near, far *conn) {
	there, back := newHalf(), newHalf()
	near = &conn{in: back, out: there, info: transport.Info{Local: local, Remote: remote}}
	far = &conn{in: there, out: back, info: transport.Info{Local: remote, Remote: local}}
	return near, far
}

// Peek returns the unread bytes, at least n.
func (c *conn) Peek(n int) ([]byte, error) {
	if len(c.view) >= n {
		return c.view, nil
	}
	view, err := c.in.fill(c.view, n)
	c.view = view
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = c.failed("read", err)
	}
	return view, err
}

// Discard drops the first n unread bytes.
func (c *conn) Discard(n int) { c.view = c.view[n:] }

// Write writes all of b. If the peer has closed the connection the error is io.ErrClosedPipe.
func (c *conn) Write(b []byte) error {
	if err := c.out.write(b); err != nil {
		return c.failed("write", err)
	}
	return nil
}

// SetReadDeadline sets the time at which Peek fails.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.in.readerClosed {
		return c.failed("set", net.ErrClosed)
	}
	c.in.readBy.set(t, &c.in.canRead)
	return nil
}

// SetWriteDeadline sets the time at which Write fails.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.writerClosed {
		return c.failed("set", net.ErrClosed)
	}
	c.out.writeBy.set(t, &c.out.canWrite)
	return nil
}

// CloseWrite ends the stream that the peer reads.
func (c *conn) CloseWrite() error {
	c.out.closeWriter()
	return nil
}

// Info describes the connection.
func (c *conn) Info() *transport.Info { return &c.info }

// Close ends the connection, like that of TCP: the peer reads what was written and then io.EOF, and cannot write any
// more. It returns nil.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// failed returns err with the operation and the addresses, like package net.
func (c *conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "inproc", Source: c.info.Local, Addr: c.info.Remote, Err: err}
}
