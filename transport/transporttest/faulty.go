package transporttest

import (
	"context"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// Faults are what goes wrong with a connection, seen from one of its ends. The zero value is a connection without
// faults. All pauses are timers, so that they cost no time within a bubble of testing/synctest.
type Faults struct {
	// ReadMax is how many bytes Peek delivers at most beyond those that it is asked for, as if no more had arrived;
	// 0: all that are there.
	ReadMax int
	// ReadDelay passes before bytes are delivered, WriteDelay before they are written.
	ReadDelay, WriteDelay time.Duration
	// Read and Write end a direction after some of its bytes; nil: never. A write that reaches the place ends in the
	// middle: the bytes before it arrive.
	Read, Write *Cut
	// CloseAt closes the connection before the call of that number, counted from 1 over Peek, Write and the deadlines;
	// 0: never.
	CloseAt int64
	// Deadline is what SetReadDeadline and SetWriteDeadline return, without setting any; nil: they work.
	Deadline error
	// Yields has Peek and Write give way to other goroutines before and after they do their work, in a way that is
	// drawn from it: not at all, by a few yields, or by a pause of up to Jitter. The same source gives the same faults,
	// as far as the goroutines do. Nil: they do not.
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
	// Fail has the calls of this direction fail and leaves the other direction as it is.
	Fail
	// Stall has the direction fall silent, as when a cable is cut: reads wait for the deadline or for Close, what is
	// written is lost.
	Stall
)

// String returns the way's name.
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

// Faulty is a network whose connections have faults. It is for tests of what uses connections: of a protocol, a server,
// a client, or a whole program.
type Faulty struct {
	// Network makes the connections.
	Network transport.Network
	// Dialled and Accepted return the faults of a connection, by its number on that side, counted from 0, which are
	// the faults of one end: those of the peer's are its own. Nil: none. They are called by the goroutine that dials
	// or accepts.
	Dialled, Accepted func(n int) Faults

	dialled, accepted atomic.Int64
}

var (
	_ transport.Network      = (*Faulty)(nil)
	_ transport.NameResolver = (*Faulty)(nil)
)

// ResolvesNames reports whether the Network does.
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

// faultyListener gives the connections that it accepts their faults.
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
