package transporttest

import (
	"context"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// Faults are the faults of one end of a connection. The zero value has none. All pauses are timers, so that they take
// no time in a bubble of testing/synctest.
type Faults struct {
	// ReadMax is the most bytes that Peek returns beyond those that it must, as if no more had arrived; 0: all that have
	// arrived.
	ReadMax int
	// ReadDelay passes before bytes are returned, WriteDelay before they are written.
	ReadDelay, WriteDelay time.Duration
	// Read and Write end a direction after some of its bytes; nil: never. A write that reaches the cut ends in the middle:
	// the bytes before the cut arrive.
	Read, Write *Cut
	// CloseAt closes the connection before the call of that number, counted from 1 over Peek, Write and the deadlines;
	// 0: never.
	CloseAt int64
	// Deadline is the error that SetReadDeadline and SetWriteDeadline return, without setting a deadline; nil: they work.
	Deadline error
	// Yields makes Peek and Write yield to other goroutines before and after they do their work: not at all, a few times,
	// or by a pause of up to Jitter, as drawn from it. The same source gives the same faults, as far as the goroutines run
	// the same way. Nil: they do not yield.
	Yields *rand.Rand
	// Jitter is the longest pause of Yields; 0: they do not pause.
	Jitter time.Duration
}

// Cut is the end of one direction of a connection.
type Cut struct {
	After int64 // bytes that pass
	How   How
	Err   error // what the call fails with; nil: an error like a reset connection's
}

// How is the way in which a direction ends.
type How uint8

// The ways.
const (
	// Close closes the connection: the peer gets the bytes before the cut and then the end of the stream.
	Close How = iota
	// Fail makes the calls of this direction fail and leaves the other direction as it is.
	Fail
	// Stall makes the direction silent, as if a cable was cut: reads wait for the deadline or for Close, and written bytes
	// are lost.
	Stall
)

// String returns the name.
func (h How) String() string {
	switch h {
	case Fail:
		return "fail"
	case Stall:
		return "stall"
	default:
		return "close"
	}
}

// Faulty is a network whose connections have faults. It is for tests of protocols, servers, clients or whole programs.
type Faulty struct {
	// Network makes the connections.
	Network transport.Network
	// Dialled and Accepted return the faults of a connection's end, by the connection's number on that side, counted from
	// 0; nil: none. The peer's end has faults of its own. They are called by the goroutine that dials or accepts.
	Dialled, Accepted func(n int) Faults

	dialled, accepted atomic.Int64
}

var (
	_ transport.Network      = (*Faulty)(nil)
	_ transport.NameResolver = (*Faulty)(nil)
)

// ResolvesNames reports whether the Network resolves names.
func (f *Faulty) ResolvesNames() bool {
	r, ok := f.Network.(transport.NameResolver)
	return ok && r.ResolvesNames()
}

// Dial implements transport.Dialer.
func (f *Faulty) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	c, err := f.Network.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return faultsOf(c, &f.dialled, f.Dialled), nil
}

// Listen implements transport.Network.
func (f *Faulty) Listen(ctx context.Context, t transport.Target) (transport.Listener, error) {
	l, err := f.Network.Listen(ctx, t)
	if err != nil {
		return nil, err
	}
	return &faultyListener{l, f}, nil
}

func faultsOf(c transport.Conn, count *atomic.Int64, faults func(int) Faults) transport.Conn {
	n := int(count.Add(1) - 1)
	if faults == nil {
		return c
	}
	return FaultyConn(c, faults(n))
}

// faultyListener adds faults to the connections that it accepts.
type faultyListener struct {
	transport.Listener

	network *Faulty
}

// Accept implements transport.Listener.
func (l *faultyListener) Accept() (transport.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return faultsOf(c, &l.network.accepted, l.network.Accepted), nil
}

// Addr implements transport.Listener.
func (l *faultyListener) Addr() net.Addr { return l.Listener.Addr() }
