package std

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// maxEmptyReads is the number of Reads in a row that return nothing and no error after which Peek fails, as in package
// bufio.
const maxEmptyReads = 100

// stream is a connection over any net.Conn. It waits in Read, for which it needs a buffer: a small one, and a large one
// while there is more to read.
type stream struct {
	readBuffer

	net  net.Conn
	info transport.Info
	// full reports whether the last Read filled all its room: there is probably more.
	full bool
	// err came with the last bytes and is returned after them.
	err error
}

func newStream(c net.Conn) *stream {
	return &stream{net: c, info: describe(c)}
}

// Peek returns the unread bytes, at least n.
func (s *stream) Peek(n int) ([]byte, error) {
	if len(s.view) >= n {
		return s.view, nil
	}
	return s.fill(n)
}

// Discard drops the first n unread bytes.
func (s *stream) Discard(n int) { s.discard(n) }

// fill reads until n bytes are there.
func (s *stream) fill(n int) ([]byte, error) {
	empty := 0
	for len(s.view) < n {
		err := s.err
		s.err = nil
		if err == nil {
			var took int
			took, err = s.read(n)
			if s.ended() {
				return nil, s.closedError(err)
			}
			if took > 0 {
				s.err = err
				empty = 0
				continue
			}
		}
		if err == nil {
			if empty++; empty < maxEmptyReads {
				continue
			}
			err = io.ErrNoProgress
		}
		s.full = false
		s.idle()
		if errors.Is(err, io.EOF) {
			err = io.EOF
			if len(s.view) > 0 {
				err = io.ErrUnexpectedEOF
			}
		}
		return s.view, err
	}
	return s.view, nil
}

// read reads once, towards n bytes.
func (s *stream) read(n int) (int, error) {
	var room []byte
	if s.full {
		room = s.room(s.wanted(n), readSize)
	} else {
		s.idle()
		room = s.room(min(n-len(s.view), eager), probeSize)
	}
	k, err := s.net.Read(room)
	if k < 0 || k > len(room) {
		return 0, fmt.Errorf("transport/std: Read of %T returned %d for %d bytes", s.net, k, len(room))
	}
	s.took(k)
	s.full = k == len(room)
	return k, err
}

// closedError returns err if it means that the connection is closed, and otherwise an error that does.
func (s *stream) closedError(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	return readError(&s.info, net.ErrClosed)
}

// Write writes all of b.
func (s *stream) Write(b []byte) error {
	_, err := s.net.Write(b)
	if err != nil && s.closed.Load() && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	return err
}

// SetReadDeadline sets the time at which Peek fails.
func (s *stream) SetReadDeadline(t time.Time) error {
	return s.net.SetReadDeadline(t)
}

// SetWriteDeadline sets the time at which Write fails.
func (s *stream) SetWriteDeadline(t time.Time) error {
	return s.net.SetWriteDeadline(t)
}

// CloseWrite ends the stream that the peer reads.
func (s *stream) CloseWrite() error { return closeWrite(s.net) }

// closeWrite ends one direction of c, if its type can.
func closeWrite(c net.Conn) error {
	h, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("transport/std: %T cannot end one direction", c)
	}
	return h.CloseWrite()
}

// Info describes the connection.
func (s *stream) Info() *transport.Info { return &s.info }

// Close ends the connection. Peek and Write in progress return an error that is net.ErrClosed.
func (s *stream) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.net.Close()
	s.close()
	return err
}
