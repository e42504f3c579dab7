// Package transport is the byte stream below the protocols. Its children std and inproc provide it.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Conn is a connection together with its read buffer. One goroutine at a time reads, whichever holds the reading role;
// writes come one at a time, from any goroutine; Close may be called at any time from any goroutine.
type Conn interface {
	// Peek waits until at least n bytes are buffered and returns all that are. They stay valid until the next Peek or
	// Discard. It holds no buffer while it waits and nothing is buffered. With fewer than n bytes before the end of
	// the stream it returns what there is and io.EOF, or io.ErrUnexpectedEOF if that is not nothing. The first Peek
	// or Write completes a TLS handshake.
	Peek(n int) ([]byte, error)
	// Discard drops the first n of the bytes that Peek returned.
	Discard(n int)
	// Write writes all of b or fails; b may be reused afterwards.
	Write(b []byte) error
	// SetReadDeadline and SetWriteDeadline are net.Conn's.
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	// Info describes the connection; with TLS its state is known after the handshake.
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

// Dialer connects. The context bounds connecting and, with TLS, the handshake, which is complete when Dial returns.
type Dialer interface {
	Dial(ctx context.Context, t Target) (Conn, error)
}

// NameResolver is a Dialer that may resolve the names in Target.Addr itself, because they are those of a network of its
// own, or because it does so at the other end of a tunnel. Clients then pass on what stands in the target
// "greeter:8080" or "dns:///greeter:8080" and do not look it up in the domain name system.
type NameResolver interface {
	// ResolvesNames reports whether it does. The answer does not change.
	ResolvesNames() bool
}

// Network connects and listens.
type Network interface {
	Dialer
	// Listen listens at t. With TLS the handshake is left to the connection's first Peek or to Handshake, so that
	// Accept does not wait for a slow peer.
	Listen(ctx context.Context, t Target) (Listener, error)
}

// Handshaker is a Conn with a handshake to complete before the first byte, TLS. Handshake may be called more than once.
type Handshaker interface {
	Handshake(ctx context.Context) error
}
