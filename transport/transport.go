// Package transport defines the byte streams below the protocols. Its subpackages std and inproc implement them.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Conn is a connection together with its read buffer. One goroutine at a time reads, the one with the reading role;
// writes come one at a time, from any goroutine; Close may be called at any time from any goroutine.
type Conn interface {
	// Peek waits until at least n bytes are buffered and returns all buffered bytes. They are valid until the next Peek or
	// Discard. While it waits and nothing is buffered, it holds no buffer. If the stream ends before n bytes, it returns
	// what there is, and io.EOF if that is nothing and io.ErrUnexpectedEOF otherwise. The first Peek or Write completes a
	// TLS handshake.
	Peek(n int) ([]byte, error)
	// Discard drops the first n of the bytes that Peek returned.
	Discard(n int)
	// Write writes all of b or fails; b may be reused afterwards.
	Write(b []byte) error
	// SetReadDeadline and SetWriteDeadline are as in net.Conn.
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	// Info describes the connection; the state of TLS is known after the handshake.
	Info() *Info
	// Close ends Peek and Write in progress with an error. It may be called more than once.
	Close() error
}

// Info describes a connection.
type Info struct {
	Local, Remote net.Addr
	TLS           *tls.ConnectionState // nil: plaintext
	ALPN          string               // the protocol agreed upon, "" for none
}

// Listener accepts connections.
type Listener interface {
	Accept() (Conn, error)
	Addr() net.Addr
	Close() error
}

// Target is where to connect or listen.
type Target struct {
	Network string // "tcp" or "unix"
	Addr    string // "10.0.0.7:8080", "/run/greeter.sock"
	// TLS is nil for plaintext. It is not changed; NextProtos must be set.
	TLS *tls.Config
}

// Dialer connects. The context limits connecting and, with TLS, the handshake, which is complete when Dial returns.
type Dialer interface {
	Dial(ctx context.Context, t Target) (Conn, error)
}

// NameResolver is implemented by Dialers that may resolve the names in Target.Addr themselves, because the names belong
// to a network of their own or are resolved at the other end of a tunnel. Clients then pass on the name in the target
// "greeter:8080" or "dns:///greeter:8080" without looking it up.
type NameResolver interface {
	// ResolvesNames reports whether the Dialer resolves names. The answer does not change.
	ResolvesNames() bool
}

// Network connects and listens.
type Network interface {
	Dialer
	// Listen listens at t. With TLS the handshake is left to the connection's first Peek or to Handshake, so that
	// Accept does not wait for a slow peer.
	Listen(ctx context.Context, t Target) (Listener, error)
}

// HalfCloser is implemented by Conns that can end their own direction and still read.
type HalfCloser interface {
	// CloseWrite ends the stream that the peer reads; it may be called more than once. Writes fail afterwards. It is not
	// called while a Write is under way.
	CloseWrite() error
}

// Handshaker is implemented by Conns with a handshake before the first byte, as with TLS. Handshake may be called more
// than once.
type Handshaker interface {
	Handshake(ctx context.Context) error
}
