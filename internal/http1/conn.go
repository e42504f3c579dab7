// Package http1 is one HTTP/1.1 or HTTP/1.0 connection (RFC 9112), in either role. It knows HTTP and nothing of the
// protocols above it: a server's connection asks a protocol.Selector for the one that answers a request, and they use a
// client's as protocol.HTTPConn.
//
// # Who does what
//
// One goroutine at a time holds the reading role. It alone parses. In a client it is a goroutine of the connection; in
// a server it is the one that runs Serve. Short handlers run in it, under a protocol.Lease: the role can be taken away
// from a handler that stalls. All parse state is therefore in the Conn and none on Serve's stack.
//
// There is one exchange at a time. While others answer it, the goroutine with the role reads on, so that it notices
// when the client leaves, also behind requests that were sent ahead. Those wait in the transport's buffer.
//
// # Locks
//
// There is one, the combine.Writer's. It guards the exchange under way and all that is sent. It is held for work on
// memory only. Messages up to inPlaceMax bytes are encoded under it, so a codec must not call the connection.
package http1

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// Config is what the connections of a server or a client have in common. It is read-only once the first is made.
type Config struct {
	// HeaderList limits a head, or a trailer section, in bytes.
	HeaderList int
	// Line limits the request line in bytes. Server only.
	Line int
	// Fields limits the number of fields of a head or a trailer section.
	Fields int
	// Body limits the bodies of requests that say how long they are, and the parts of others, in bytes. 0: no limit.
	// Server only.
	Body int64
	// Requests is how many requests a connection serves before it is closed. 0: no limit. Server only.
	Requests int
	// FrameTimeout is how long a peer may take to send the rest of a head that it has begun. 0: no limit.
	FrameTimeout time.Duration
	// Guard has limits of time against hostile peers and counts what they do. Nil: without these limits.
	Guard *protocol.Guard
	// Panics is where panics of protocols and codecs are reported. Nil, in tests: a panic ends the process.
	Panics *protocol.Panics
	Logger *slog.Logger
}

// Conn is a connection. In the client's role it implements protocol.HTTPConn, in the server's protocol.ServerConn.
type Conn struct {
	tc     transport.Conn
	cfg    *Config
	peer   *fairlead.Peer
	scheme string
	client bool

	// Server only.
	d        protocol.Dispatcher
	selector protocol.Selector
	lease    *protocol.Lease

	r reader // held with the reading role

	w combine.Writer // what sends, with the lock, which guards the rest

	cur      *stream // the exchange under way, if others than the reading goroutine may have to find it
	seen     uint32  // of them when the keeper last looked
	err      error   // why the connection has ended, once it has
	draining bool    // no exchange after the one under way
	final    bool    // and none that has not begun either
	gone     bool    // the peer has ended its half
	ending   bool    // all was sent that will be
	parting  bool    // the peer may hang up
	shut     bool    // this half of the connection was ended
	hijacked *hijack // somebody wants the transport

	changed   sync.Cond // wakes the reading goroutine where it does not wait for the transport
	roomWaits bool      // it waits for room in the queue of a stream
	peeks     bool      // it waits for the transport, and has requests behind the exchange under way

	lag lag // Sweep's

	requests atomic.Uint32 // that have begun

	closeOnce sync.Once
	cl        *clientState // nil in a server

	// kept is the scratch of a connection that waits, as long as requests come now and then.
	kept atomic.Pointer[scratch]
}

// scratch is what a server's connection needs while it is busy.
type scratch struct {
	head requestHead
	x    stream
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// release gives a scratch back.
func (s *scratch) release() {
	if s == nil || buffer.Poisoning {
		return
	}
	s.head.forget()
	s.head.sec.reset()
	s.head.h = protocol.Head{}
	s.x = stream{}
	scratchPool.Put(s)
}

// NewServer takes over an accepted connection.
func NewServer(tc transport.Conn, cfg *Config, d protocol.Dispatcher, sel protocol.Selector) ServerConn {
	c := newConn(tc, cfg)
	c.d, c.selector = d, sel
	c.lease = d.Lease(ServerConn{c})
	if g := cfg.Guard; g != nil && g.FirstTimeout > 0 {
		c.timeBy(time.Now().Add(g.FirstTimeout))
	}
	return ServerConn{c}
}

func newConn(tc transport.Conn, cfg *Config) *Conn {
	c := &Conn{tc: tc, cfg: cfg, scheme: "http"}
	info := tc.Info()
	c.peer = &fairlead.Peer{Wire: "http/1.1"}
	if info.Remote != nil {
		c.peer.Addr = info.Remote.String()
	}
	if info.TLS != nil {
		c.peer.Identity = info.TLS
		c.scheme = "https"
	}
	c.changed.L = &c.w
	c.w.Init(tc, sender{c})
	return c
}

// Peer returns the other end.
func (c *Conn) Peer() *fairlead.Peer { return c.peer }

var (
	zeroTime time.Time //nolint:gochecknoglobals // a constant

	// errDone is the end of a connection that has nothing left to do.
	errDone = errors.New("http1: done")
)

// contains reports whether a panic of a protocol ends its connection and not the process. Builds that look for faults
// see them end the process.
func (c *Conn) contains() bool { return c.cfg.Panics != nil && !buffer.Poisoning }

// contain is deferred by goroutines that run a protocol. Protocols recover from panics of users' functions, so that
// what gets here is a fault of the protocol. It ends the connection.
func (c *Conn) contain() {
	if !c.contains() {
		return
	}
	if p := recover(); p != nil {
		c.Close(c.cfg.Panics.Caught(nil, "a protocol", p))
	}
}

// Close ends the connection with cause.
func (c *Conn) Close(cause error) {
	c.closeOnce.Do(func() {
		if cause == nil {
			cause = errDone
		}
		if _, ok := errors.AsType[*protocol.Failure](cause); !ok {
			cause = &protocol.Failure{Kind: protocol.FailedClosed, Cause: cause}
		}
		c.w.Lock()
		if c.err == nil {
			c.err = cause
		}
		c.draining, c.ending = true, true
		c.w.Fail(cause)
		s := c.cur
		var call *fairlead.Call
		if !c.client && s != nil {
			call = s.call
			s.fail(cause)
		}
		c.gone = true
		c.changed.Broadcast()
		c.w.Unlock()
		if c.client {
			c.stopTaking()
		}
		_ = c.tc.Close()
		if call != nil {
			call.Wire().Cancel(context.Canceled)
		}
		if !c.client {
			c.kept.Swap(nil).release()
		}
	})
}

// fail ends what a stream receives and sends, because of the connection. The lock is held.
func (s *stream) fail(cause error) {
	if s.sendErr == nil {
		s.sendErr = cause
	}
	if s.p != nil {
		s.p.canSend.Broadcast()
		s.endRead(cause)
	}
}

// writeFailed ends a connection on which a write has failed. The lock is held.
func (c *Conn) writeFailed() {
	if !c.client {
		_ = c.tc.Close()
		return
	}
	if c.err == nil {
		c.err = c.w.Err()
	}
	c.draining = true
	go c.stopTaking()
	time.AfterFunc(partingTime, func() { _ = c.tc.Close() })
}

const (
	// partingTime is the time for what a server sent before it closed the connection.
	partingTime = 100 * time.Millisecond
	// What a peer may do after this side has ended its half of a connection: how long it may take to hang up, and how many
	// bytes it may still send.
	lastWords = time.Second
	lastBytes = 1 << 20
)

// debug logs at debug level.
func (c *Conn) debug(msg string, args ...any) {
	if l := c.cfg.Logger; l != nil && l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("http1: "+msg, append(args, "peer", c.peer.Addr)...)
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
