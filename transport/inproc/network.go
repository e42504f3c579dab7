// Package inproc is a transport inside one process: connections are pairs of buffers in memory. It serves tests and
// programs whose client and server share a process. It has no goroutines, and waits only on conditions, channels and
// timers, so that it works inside the bubbles of testing/synctest.
package inproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/fairlead-go/fairlead/transport"
)

// backlog is the number of connections that a listener keeps for Accept before Dial waits.
const backlog = 128

// The errors of Listen and Dial, which they wrap.
var (
	errInUse  = errors.New("address already in use")
	errNobody = errors.New("connection refused: nobody listens at this name")
	errTLS    = errors.New("TLS is not supported: the bytes do not leave the process")
	errNoName = errors.New("the address is empty")
)

// Network is a space of names to listen at and to dial; two networks are separate. It uses only the Addr of a target,
// which may be any string except "", and ignores the network's name, so that a Network can replace another transport in
// a test. It is safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	dialled   int // connections so far, for their addresses
}

var (
	_ transport.Network      = (*Network)(nil)
	_ transport.NameResolver = (*Network)(nil)
)

// New makes a network without listeners.
func New() *Network { return &Network{listeners: make(map[string]*listener)} }

// ResolvesNames returns true: the names of a Network have no meaning outside of it.
func (*Network) ResolvesNames() bool { return true }

// addr is the name of an end.
type addr string

// Network returns "inproc".
func (addr) Network() string { return "inproc" }

// String returns the name.
func (a addr) String() string { return string(a) }

// Listen listens at the name t.Addr until the listener is closed. The context is not used.
func (n *Network) Listen(_ context.Context, t transport.Target) (transport.Listener, error) {
	if err := check(t); err != nil {
		return nil, failed("listen", t, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[t.Addr] != nil {
		return nil, failed("listen", t, errInUse)
	}
	l := &listener{
		network: n,
		addr:    addr(t.Addr),
		pending: make(chan *conn, backlog),
		closed:  make(chan struct{}),
	}
	n.listeners[t.Addr] = l
	return l, nil
}

// Dial connects to the listener at t.Addr. As with TCP it does not wait for Accept, unless the listener has 128
// connections waiting; ctx then limits the wait.
func (n *Network) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	err := check(t)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, failed("dial", t, err)
	}
	n.mu.Lock()
	l := n.listeners[t.Addr]
	n.dialled++
	local := addr(t.Addr + "#" + strconv.Itoa(n.dialled))
	n.mu.Unlock()
	if l == nil {
		return nil, failed("dial", t, errNobody)
	}
	near, far := pipe(local, l.addr)
	select {
	case l.pending <- far:
		l.sweep()
		return near, nil
	case <-l.closed:
		err = errNobody
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = near.Close()
	_ = far.Close() // Close of these never fails
	return nil, failed("dial", t, err)
}

// check returns what is wrong with a target.
func check(t transport.Target) error {
	switch {
	case t.TLS != nil:
		return errTLS
	case t.Addr == "":
		return errNoName
	}
	return nil
}

// failed returns err with the operation and the address, like package net.
func failed(op string, t transport.Target, err error) error {
	return fmt.Errorf("transport/inproc: %w", &net.OpError{Op: op, Net: "inproc", Addr: addr(t.Addr), Err: err})
}

// listener listens at one name.
type listener struct {
	network *Network
	addr    addr
	pending chan *conn
	closed  chan struct{}
	once    sync.Once
}

// Accept waits for a connection. After Close it returns an error that is net.ErrClosed.
func (l *listener) Accept() (transport.Conn, error) {
	select {
	case <-l.closed:
	default:
		select {
		case c := <-l.pending:
			return c, nil
		case <-l.closed:
		}
	}
	return nil, failed("accept", transport.Target{Addr: string(l.addr)}, net.ErrClosed)
}

// Addr returns the name.
func (l *listener) Addr() net.Addr { return l.addr }

// Close frees the name and closes the connections that were not accepted. It may be called more than once.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		delete(l.network.listeners, string(l.addr))
		l.network.mu.Unlock()
		close(l.closed)
		l.sweep()
	})
	return nil
}

// sweep closes the connections that will not be accepted. Close calls it, and so does Dial, whose connection may have
// been added after Close looked.
func (l *listener) sweep() {
	select {
	case <-l.closed:
	default:
		return
	}
	for {
		select {
		case c := <-l.pending:
			_ = c.Close() // never fails
		default:
			return
		}
	}
}
