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

// Network connects and listens. The zero value is ready for use. Targets have the network "tcp", which "" stands for,
// "tcp4", "tcp6" or "unix"; the address is what net.Dial and net.Listen take. Safe for concurrent use, as long as the
// fields are not changed.
type Network struct {
	// KeepAlive is the time without traffic before the first TCP keep-alive probe, and that between probes. 0 stands for
	// 15 seconds, a negative value turns probes off.
	KeepAlive time.Duration
	// Control, if set, is called with each new socket before it connects or listens, to set socket options: see
	// net.Dialer and net.ListenConfig. An error gives the attempt up.
	Control func(network, address string, c syscall.RawConn) error
	// Logger, if set, is told at level warn when a listener cannot accept for the moment.
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

// Wrap makes a transport.Conn of any net.Conn, which it then owns. With a *tls.Conn, or a type that has its
// HandshakeContext and ConnectionState methods, the result is a transport.Handshaker too. It waits for bytes in Read
// with a small buffer, whatever c is.
func Wrap(c net.Conn) transport.Conn {
	if tc, ok := c.(handshaker); ok {
		return newSecure(tc)
	}
	return newStream(c)
}

// failed says what was tried when err came of it. Most of net's errors name the network and the address themselves;
// some name the address that a host's name stands for, or none.
func failed(op, network, address string, err error) error {
	var known *net.OpError
	if errors.As(err, &known) && known.Addr != nil && known.Addr.String() == address {
		return fmt.Errorf("transport/std: %w", err)
	}
	return fmt.Errorf("transport/std: %s %s %s: %w", op, network, address, err)
}

// describe returns what is known of a connection from the start.
func describe(c net.Conn) transport.Info {
	return transport.Info{Local: c.LocalAddr(), Remote: c.RemoteAddr()}
}

// readError says what could not be read, in the way of package net.
func readError(info *transport.Info, err error) error {
	e := &net.OpError{Op: "read", Source: info.Local, Addr: info.Remote, Err: err}
	if info.Local != nil {
		e.Net = info.Local.Network()
	}
	return e
}
