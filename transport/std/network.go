// Package std is the transport over Go's net package: TCP and Unix sockets, plaintext and TLS, on every platform.
//
// On Unix-like systems a plaintext connection holds no buffer while it waits for bytes: it asks the runtime's poller
// and takes a buffer from the pool when there is something to read. Elsewhere, and under TLS, where only a blocking
// read can wait, it waits with a buffer of 512 bytes.
package std

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// Network connects and listens. The zero value is ready for use. Targets have the network "tcp", "tcp4", "tcp6" or
// "unix"; "" means "tcp". Addresses are those of net.Dial and net.Listen. It is safe for concurrent use, as long as the
// fields are not changed.
type Network struct {
	// KeepAlive is the time without traffic before the first TCP keep-alive probe, and between probes. 0 means 15 seconds,
	// a negative value turns probes off.
	KeepAlive time.Duration
	// Control, if set, is called with each new socket before it connects or listens, to set socket options: see net.Dialer
	// and net.ListenConfig. If it returns an error the attempt fails.
	Control func(network, address string, c syscall.RawConn) error
	// Logger, if set, gets a warning when a listener temporarily cannot accept.
	Logger *slog.Logger
}

var _ transport.Network = Network{}

// network returns the name of t's network for package net.
func network(t transport.Target) (string, error) {
	switch t.Network {
	case "":
		return "tcp", nil
	case "tcp", "tcp4", "tcp6", "unix":
		return t.Network, nil
	default:
		return "", fmt.Errorf("transport/std: the network of %q is %q, want \"tcp\" or \"unix\"", t.Addr, t.Network)
	}
}

// Wrap makes a transport.Conn from any net.Conn, which belongs to it from then on. If c is a *tls.Conn, or a type with
// its methods HandshakeContext and ConnectionState, the result is also a transport.Handshaker. It waits for bytes in
// Read with a small buffer, whatever c is.
func Wrap(c net.Conn) transport.Conn {
	if tc, ok := c.(handshaker); ok {
		return newSecure(tc)
	}
	return newStream(c)
}

// failed returns err with the operation, the network and the address. Most of net's errors have these already; some
// have the address that a host name resolved to, or none.
func failed(op, network, address string, err error) error {
	var known *net.OpError
	if errors.As(err, &known) && known.Addr != nil && known.Addr.String() == address {
		return fmt.Errorf("transport/std: %w", err)
	}
	return fmt.Errorf("transport/std: %s %s %s: %w", op, network, address, err)
}

// describe returns what is known of a connection before its handshake.
func describe(c net.Conn) transport.Info {
	return transport.Info{Local: c.LocalAddr(), Remote: c.RemoteAddr()}
}

// readError returns err as an error of reading, like package net.
func readError(info *transport.Info, err error) error {
	e := &net.OpError{Op: "read", Source: info.Local, Addr: info.Remote, Err: err}
	if info.Local != nil {
		e.Net = info.Local.Network()
	}
	return e
}
