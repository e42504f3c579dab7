package std

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// farewell is how long Close may take to send close_notify (RFC 8446, section 6.1) to a peer that does not read.
// Package tls allows five seconds, which is too long for those who close many connections one after another.
const farewell = 250 * time.Millisecond

// handshaker has the methods of *tls.Conn that secure needs.
type handshaker interface {
	net.Conn
	HandshakeContext(ctx context.Context) error
	ConnectionState() tls.ConnectionState
}

// secure is a connection over TLS.
type secure struct {
	stream

	tls handshaker
	// agreed is the connection's description after the handshake, nil before.
	agreed atomic.Pointer[transport.Info]
}

var _ transport.Handshaker = (*secure)(nil)

func newSecure(c handshaker) *secure {
	s := &secure{tls: c}
	s.net, s.info = c, describe(c)
	return s
}

// Handshake completes the handshake if it is not complete. The end of ctx before that closes the connection.
func (s *secure) Handshake(ctx context.Context) error {
	if s.agreed.Load() != nil {
		return nil
	}
	if err := s.tls.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake with %s: %w", s.info.Remote, err)
	}
	state := s.tls.ConnectionState()
	info := s.info
	info.TLS, info.ALPN = &state, state.NegotiatedProtocol
	s.agreed.CompareAndSwap(nil, &info) // Peek and Write may both have waited for it
	return nil
}

// Peek returns the unread bytes, at least n.
func (s *secure) Peek(n int) ([]byte, error) {
	if len(s.view) >= n {
		return s.view, nil
	}
	if err := s.Handshake(context.Background()); err != nil {
		return nil, err
	}
	return s.fill(n)
}

// Write writes all of b.
func (s *secure) Write(b []byte) error {
	if err := s.Handshake(context.Background()); err != nil {
		return err
	}
	return s.stream.Write(b)
}

// Info describes the connection.
func (s *secure) Info() *transport.Info {
	if info := s.agreed.Load(); info != nil {
		return info
	}
	return &s.info
}

// Close ends the connection. Peek and Write in progress return an error that is net.ErrClosed.
func (s *secure) Close() error {
	if c, ok := s.tls.(interface{ NetConn() net.Conn }); ok {
		timer := time.AfterFunc(farewell, func() { _ = c.NetConn().Close() })
		defer timer.Stop()
	}
	return s.stream.Close()
}
