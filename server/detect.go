package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// detectMax is the number of bytes after which a wire must have decided.
const detectMax = 64

// connection runs a new connection until it ends or its reading role moves to another goroutine.
func (s *Server) connection(tc *arrival) {
	if c := s.begin(tc); c != nil {
		s.serve(c)
	}
}

// begin finds the wire of a new connection and makes it known to Shutdown. Nil: the connection was dropped.
func (s *Server) begin(tc *arrival) (c protocol.ServerConn) {
	var err error
	returned := false
	defer func() {
		if !returned { // a function of the TLS configuration, for example
			c, err = nil, s.cfg.panics.Caught(nil, "what begins a connection", recover())
		}
		if err != nil {
			_ = tc.Close() // the error is what counts
			if !errors.Is(err, io.EOF) && !errors.Is(err, ErrClosed) {
				s.cfg.logger.Debug("server: connection dropped before its first call", "peer", remote(tc), "error", err)
			}
			s.forget(tc)
		}
	}()
	c, err = s.welcome(tc.Conn)
	if err == nil && !s.promote(tc, c) {
		c.Close(ErrClosed)
		c, err = nil, ErrClosed
	}
	returned = true
	return c
}

// welcome completes the handshake and finds the connection's wire. Bytes that it looks at stay buffered.
func (s *Server) welcome(tc transport.Conn) (protocol.ServerConn, error) {
	deadline := time.Now().Add(s.cfg.handshake)
	if err := handshake(tc, deadline); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	p, err := s.agreed(tc.Info().ALPN)
	if err == nil && p == nil {
		p, err = s.detect(tc, deadline)
	}
	if err != nil {
		return nil, err
	}
	c, err := p.NewConn(tc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	return c, nil
}

func handshake(tc transport.Conn, deadline time.Time) error {
	h, ok := tc.(transport.Handshaker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return h.Handshake(ctx)
}

// agreed returns the wire of an ALPN protocol, nil when none was agreed upon.
func (s *Server) agreed(alpn string) (protocol.Server, error) {
	if alpn == "" {
		return nil, nil //nolint:nilnil // no error, and nothing agreed upon
	}
	for _, p := range s.cfg.protocols {
		if slices.Contains(p.ALPN(), alpn) {
			return p, nil
		}
	}
	// Only a name that the user's own configuration offers gets here.
	return nil, fmt.Errorf("no Protocol for the ALPN name %q", alpn)
}

// detect asks the wires about the first bytes.
func (s *Server) detect(tc transport.Conn, deadline time.Time) (protocol.Server, error) {
	if err := tc.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	for n := 1; ; {
		first, err := tc.Peek(n)
		if err != nil {
			return nil, noBytes(first, err)
		}
		n = len(first) + 1
		p, more := s.ask(first[:min(len(first), detectMax)])
		switch {
		case p != nil:
			return p, tc.SetReadDeadline(time.Time{})
		case !more || n > detectMax:
			err := errUnknown(first)
			s.refuse(tc, first)
			return nil, err
		}
	}
}

// refuse answers a peer whose protocol a wire recognizes but does not serve, and waits a moment until the peer closes
// the connection: if a socket with unread bytes is closed, the kernel sends a reset, which may overtake the answer.
func (s *Server) refuse(tc transport.Conn, first []byte) {
	for _, p := range s.cfg.protocols {
		r, ok := p.(protocol.Refuser)
		if !ok {
			continue
		}
		answer := r.Refuse(first)
		if answer == nil {
			continue
		}
		s.cfg.logger.Info("server: connection refused", "peer", remote(tc), "first_bytes", quote(first))
		until := time.Now().Add(refusalTime)
		if tc.SetWriteDeadline(until) != nil || tc.Write(answer) != nil || tc.SetReadDeadline(until) != nil {
			return
		}
		for n := 0; n < refusalBytes; {
			b, err := tc.Peek(1)
			if err != nil {
				return
			}
			n += len(b)
			tc.Discard(len(b))
		}
		return
	}
}

// How long, and for how many bytes, refuse waits for the peer to close the connection.
const (
	refusalTime  = time.Second
	refusalBytes = 64 << 10
)

// ask returns the first wire that recognizes the bytes, in the order of the options. more reports whether that takes
// more bytes.
func (s *Server) ask(first []byte) (known protocol.Server, more bool) {
	for _, p := range s.cfg.protocols {
		switch p.Detect(first) {
		case protocol.Yes:
			return p, false
		case protocol.More:
			return nil, true // a later wire may be sure already, and would win or not by how the bytes arrive
		case protocol.No:
		}
	}
	return nil, false
}

// noBytes describes the end of a connection whose wire is not known yet.
func noBytes(first []byte, err error) error {
	if len(first) == 0 {
		return fmt.Errorf("no byte came: %w", err)
	}
	return fmt.Errorf("only %s came: %w", quote(first), err)
}

func errUnknown(first []byte) error {
	// A TLS record of type handshake, version 3.x (RFC 8446, section 5.1).
	if len(first) >= 2 && first[0] == 22 && first[1] == 3 {
		return errors.New("the peer speaks TLS and the listener does not")
	}
	return fmt.Errorf("no Protocol knows the first bytes %s", quote(first))
}

// quote shows bytes in logs: enough to know a protocol by, and not the secrets behind.
func quote(b []byte) string { return strconv.Quote(string(b[:min(len(b), 16)])) }
