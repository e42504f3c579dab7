//go:build unix

package std

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// plain is a connection over a socket, without TLS. It is small, since there are many idle connections: what only Peek
// needs is in the pooled read buffer.
type plain struct {
	readBuffer

	net net.Conn
	raw syscall.RawConn
	// read is the method readable, made once: a method value costs an allocation.
	read func(fd uintptr) bool
	want int   // what Peek waits for
	err  error // what ended a read
	info transport.Info
}

// newPlain makes a connection that reads by itself if it is over a socket.
func newPlain(c net.Conn) transport.Conn {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return newStream(c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return newStream(c)
	}
	p := &plain{net: c, raw: raw, info: describe(c)}
	p.read = p.readable
	return p
}

// Peek returns the unread bytes, at least n.
func (p *plain) Peek(n int) ([]byte, error) {
	if len(p.view) >= n {
		return p.view, nil
	}
	return p.fill(n)
}

// Discard drops the first n unread bytes.
func (p *plain) Discard(n int) { p.discard(n) }

// fill reads until n bytes are there.
func (p *plain) fill(n int) ([]byte, error) {
	p.want = n
	p.err = nil
	err := p.raw.Read(p.read)
	switch {
	case p.ended():
		return nil, readError(&p.info, net.ErrClosed)
	case err != nil: // the deadline
		p.idle()
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // package net says "raw-read" around it
		}
		return p.view, readError(&p.info, err)
	case p.err != nil:
		p.idle()
		return p.view, p.err
	}
	return p.view, nil
}

// readable is called by the runtime's poller, with the socket locked, first to try and then whenever there may be
// bytes. It returns false to wait for them.
func (p *plain) readable(fd uintptr) bool {
	for len(p.view) < p.want {
		n, err := syscall.Read(int(fd), p.room(p.wanted(p.want), readSize))
		switch {
		case n > 0:
			p.took(n)
		case err == nil && len(p.view) > 0:
			p.err = io.ErrUnexpectedEOF
			return true
		case err == nil:
			p.err = io.EOF
			return true
		case err == syscall.EAGAIN:
			p.idle()
			return false
		case err == syscall.EINTR:
		default:
			p.err = readError(&p.info, os.NewSyscallError("read", err))
			return true
		}
	}
	return true
}

// Write writes all of b.
func (p *plain) Write(b []byte) error {
	_, err := p.net.Write(b)
	return err
}

// SetReadDeadline sets the time at which Peek fails.
func (p *plain) SetReadDeadline(t time.Time) error {
	return p.net.SetReadDeadline(t)
}

// SetWriteDeadline sets the time at which Write fails.
func (p *plain) SetWriteDeadline(t time.Time) error {
	return p.net.SetWriteDeadline(t)
}

// CloseWrite ends the stream that the peer reads.
func (p *plain) CloseWrite() error { return closeWrite(p.net) }

// Info describes the connection.
func (p *plain) Info() *transport.Info { return &p.info }

// Close ends the connection. Peek and Write in progress return an error that is net.ErrClosed.
func (p *plain) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	err := p.net.Close()
	p.close()
	return err
}
