// Package http2 is one HTTP/2 connection (RFC 9113), in either role. It knows HTTP and nothing of the protocols above
// it: a server's connection asks a protocol.Selector for the one that answers a request, and they use a client's as
// protocol.HTTPConn.
//
// # Who does what
//
// One goroutine at a time holds the reading role. It alone parses. What it sends is appended to the write buffer. A
// client's never waits for the peer to read; a server's waits if much is left unread. In a client it is a
// goroutine of the connection; in a server it is the one that runs Serve. Short handlers run in it, under a
// protocol.Lease: the role can be taken away from a handler that stalls. All parse state is therefore in the Conn and
// none on Serve's stack.
//
// Writers append whole frames under the write lock, and one of them writes what all have appended: see package combine.
//
// # Locks
//
// There are three. A goroutine that holds one may take those after it in this list, and none before it or of its kind:
//
//  1. w's, the write lock: all that is sent, HPACK's encoder, the windows for sending. Messages up to inPlaceMax bytes
//     are encoded under it, so a codec must not call the connection.
//  2. smu, the stream lock: the table of streams, and how far each stream has come to its end.
//  3. stream.mu: what one stream has received. Head and Data of a client's Receiver are called under it, and must not
//     call the connection.
//
// All are held for work on memory only, and none while the transport reads or writes. A stream that is known by its
// number is found by lockStream, which takes the first two; nobody else can recycle the stream as long as they are
// held.
package http2

import (
	"context"
	"errors"
	"fmt"
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
	// MaxStreams is the number of concurrent streams that a peer may open. Server only.
	MaxStreams int
	// HeaderList limits the header lists received, in bytes as RFC 9113, section 6.5.2, counts them.
	HeaderList int
	// QueuedBytes is how much a connection holds for slow readers of its streams before it lets the peer wait.
	QueuedBytes int
	// PingMin is the time that a client must leave between PINGs; PingIdle lets it send them without calls. 0: PINGs
	// are not counted. Server only: see alive.go.
	PingMin  time.Duration
	PingIdle bool
	// ExtendedConnect lets clients open tunnels that say what they are for (RFC 8441). Server only.
	ExtendedConnect bool
	// ControlBudget bounds the frames that make work and bring nothing, in units of one such frame. Half of it comes
	// back each second, and calls and data bring more. 0: a default.
	ControlBudget int
	// FrameTimeout is how long a peer may take to send the rest of a frame, or of a header block, that it has begun; it
	// counts from when the frame's header is complete. 0: no limit.
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
	client bool

	// Server only.
	d        protocol.Dispatcher
	selector protocol.Selector
	lease    *protocol.Lease

	r   reader // held with the reading role
	est estimate

	w writer // what sends, with the write lock

	smu sync.Mutex
	s   streams

	received atomic.Int64 // what the peer may still send on the connection
	queued   atomic.Int64 // bytes held for the readers of streams
	withheld atomic.Int64 // window not given back because of them
	peerList atomic.Int64 // the length of the longest header list that the peer takes; 0: it has not said
	heard    atomic.Bool  // something was received since the keeper last looked

	lags map[uint32]lag // Sweep's; nil: nobody lags

	closeOnce sync.Once
	cl        *clientState // nil in a server
}

// clientState is what only a client's connection has.
type clientState struct {
	closing chan struct{} // closed when no new calls are taken
	freed   chan struct{} // has a value when there may be room again
	failed  chan struct{} // closed when the reading goroutine has ended
	ready   chan struct{} // closed when the server's first SETTINGS have come
}

// streams is the table of streams and the connection's state as far as it decides about them.
type streams struct {
	table table
	open  int // streams that are not over, in the table or not
	// orphans is, in a server, the number of handlers that run although their stream is over.
	orphans int

	// running is the stream whose handler runs in the reading goroutine and that is not in the table.
	running *stream

	lastPeer   uint32 // the highest stream id that the peer has opened
	draining   bool   // no new streams from now on
	drainFirst bool   // the first GOAWAY was sent
	// away is, in a client, what the peer's last GOAWAY said; nil: it sent none.
	away       *protocol.Failure
	complained bool  // client: the peer had enough of PINGs
	err        error // why the connection has ended, once it has

	reset resetRing

	peerMax int  // client: concurrent streams that the peer allows
	full    bool // client: somebody was once refused for want of a stream, and may wait for one
}

// NewServer takes over an accepted connection.
func NewServer(tc transport.Conn, cfg *Config, d protocol.Dispatcher, sel protocol.Selector) ServerConn {
	c := newConn(tc, cfg)
	c.d, c.selector = d, sel
	c.lease = d.Lease(ServerConn{c})
	b := c.w.Buf()
	b.B = c.appendSettings(b.B)
	c.awaitFirst()
	return ServerConn{c}
}

// NewClient takes over a dialled connection and starts its reading goroutine, which ends with the connection.
func NewClient(tc transport.Conn, cfg *Config) ClientConn {
	c := newConn(tc, cfg)
	c.client = true
	c.r.started = true
	c.s.peerMax = initialPeerStreams
	c.w.nextID = 1
	c.cl = &clientState{
		closing: make(chan struct{}),
		freed:   make(chan struct{}, 1),
		failed:  make(chan struct{}),
		ready:   make(chan struct{}),
	}
	c.w.Lock()
	b := c.w.Buf()
	b.B = append(b.B, Preface...)
	b.B = c.appendSettings(b.B)
	c.w.UnlockFlush(combine.Spawn)
	go c.readClient()
	return ClientConn{c}
}

// initialPeerStreams is how many streams a client opens before it has seen the server's SETTINGS. RFC 9113 sets no
// limit then and asks servers for at least 100 (section 6.5.2).
const initialPeerStreams = 100

func newConn(tc transport.Conn, cfg *Config) *Conn {
	c := &Conn{tc: tc, cfg: cfg}
	info := tc.Info()
	c.peer = &fairlead.Peer{Wire: "http/2"}
	if info.Remote != nil {
		c.peer.Addr = info.Remote.String()
	}
	if info.TLS != nil {
		c.peer.Identity = info.TLS
	}
	c.r.dec = newDecoder()
	c.w.init(c)
	c.received.Store(connWindow)
	c.est.window.Store(minStreamWindow)
	return c
}

// appendSettings appends this side's SETTINGS and opens the connection's window.
func (c *Conn) appendSettings(b []byte) []byte {
	at := len(b)
	b = appendFrameHeader(b, 0, frameSettings, 0, 0)
	if c.client {
		b = appendSetting(b, settingEnablePush, 0)
	} else {
		b = appendSetting(b, settingMaxStreams, uint32(c.cfg.MaxStreams))
		if c.cfg.ExtendedConnect {
			b = appendSetting(b, settingConnectProtocol, 1)
		}
	}
	b = appendSetting(b, settingInitialWindowSize, minStreamWindow)
	b = appendSetting(b, settingMaxHeaderListSize, uint32(c.cfg.HeaderList))
	putFrameLen(b, at, len(b)-at-frameHeaderLen)
	return appendWindowUpdate(b, 0, connWindow-defaultWindow)
}

// Peer returns the other end.
func (c *Conn) Peer() *fairlead.Peer { return c.peer }

// errDone is the end of a connection that has nothing left to do.
var errDone = errors.New("http2: drained")

// Serve reads until the connection ends or the reading role goes to another goroutine: see protocol.ServerConn.
func (c *Conn) Serve() error {
	err := c.read()
	if err == nil {
		return nil
	}
	return c.ended(err)
}

// readClient is a client's reading goroutine.
func (c *Conn) readClient() {
	var err error
	returned := false
	defer func() {
		if !returned { // a receiver has panicked or left its goroutine
			p := recover()
			if p != nil && !c.contains() {
				panic(p)
			}
			err = c.cfg.Panics.Caught(nil, "receiving a response", p)
		}
		c.Close(c.ended(err))
		c.failStreams()
		close(c.cl.failed)
	}()
	err = c.read()
	returned = true
}

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

// ended turns the error that ended reading into that of the connection, and tells the peer of a violation.
func (c *Conn) ended(err error) error {
	buffer.Put(c.r.block) // a header block whose end did not come
	c.r.block = nil
	if v, ok := errors.AsType[*connError](err); ok {
		c.violated(v)
		return &protocol.Failure{Kind: protocol.FailedViolation, Code: v.code, Cause: err}
	}
	c.smu.Lock()
	idle := c.s.open == 0
	done := c.s.draining && idle
	away := c.s.away
	c.smu.Unlock()
	if done || idle && errors.Is(err, io.EOF) {
		return io.EOF
	}
	if away != nil {
		return left(away, err)
	}
	return &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
}

// left is the failure of the calls under way on a connection that has ended with err after the peer's GOAWAY had said
// that it would answer them: that says more than how it ended.
func left(away *protocol.Failure, err error) error {
	f := &protocol.Failure{Kind: protocol.FailedGoaway, Code: away.Code}
	switch {
	case !errors.Is(err, io.EOF) && away.Cause != nil:
		f.Cause = fmt.Errorf("%w; then the connection was lost: %w", away.Cause, err)
	case !errors.Is(err, io.EOF):
		f.Cause = fmt.Errorf("then the connection was lost: %w", err)
	case away.Cause != nil:
		f.Cause = fmt.Errorf("%w; then it closed the connection", away.Cause)
	default:
		f.Cause = errThenClosed
	}
	return f
}

var errThenClosed = errors.New("then it closed the connection")

// violated sends GOAWAY for a connection error (RFC 9113, section 5.4.1). What the peer has sent meanwhile is read and
// dropped for a moment: closing a socket with unread bytes would make the kernel send a reset, which may overtake the
// GOAWAY.
func (c *Conn) violated(v *connError) {
	c.debug("connection error", "reason", v.reason, "code", v.code)
	c.cfg.Guard.Note(protocol.ConnectionError)
	c.smu.Lock()
	last := c.s.lastPeer
	c.s.draining = true
	c.smu.Unlock()
	until := time.Now().Add(lastWords)
	c.w.Lock()
	c.w.LastBy(until)
	c.w.Uncork()
	if c.w.Err() == nil {
		b := c.w.Buf()
		b.B = appendGoaway(b.B, last, v.code, v.reason)
	}
	c.w.UnlockFlush(combine.Now)
	if c.client {
		return // its callers are waiting
	}
	_ = c.tc.SetReadDeadline(until)
	c.tc.Discard(len(c.r.in))
	c.r.in, c.r.off = nil, 0
	for n := 0; n < lastBytes; {
		b, err := c.tc.Peek(1)
		if err != nil {
			return
		}
		n += len(b)
		c.tc.Discard(len(b))
	}
}

// What a peer may do after it was sent the GOAWAY of a connection that ends: how long it may take to hang up, and how
// many bytes it may still send.
const (
	lastWords = time.Second
	lastBytes = 1 << 20
)

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
		c.w.fail(cause)
		c.w.Unlock()
		c.smu.Lock()
		if c.s.err == nil || c.s.away != nil { // a write that failed before says more than how reading ended
			c.s.err = cause
		}
		c.s.draining = true
		c.smu.Unlock()
		if c.client {
			c.stopTaking()
		}
		_ = c.tc.Close()
		if !c.client {
			c.failStreams()
		}
	})
}

// failStreams ends all streams with the connection's error. In a client only the reading goroutine may do that, since
// it alone calls Receivers.
func (c *Conn) failStreams() {
	c.smu.Lock()
	err := c.s.err
	all := c.s.table.all()
	ids := make([]uint32, 0, len(all))
	for _, s := range all {
		ids = append(ids, s.id)
	}
	c.smu.Unlock()
	for _, id := range ids {
		err := err
		if c.client {
			err = c.unsent(id, err)
		}
		c.endStream(id, err)
	}
}

// drain asks a client to open no more streams, in two steps (RFC 9113, section 6.8): the first GOAWAY names the highest
// id there is, so that streams already on their way are still taken; when the PING behind it is answered, or with
// final, the second one names the last stream taken. The connection closes when its last stream is over. Server only:
// for a client's connection see ClientConn.Drain.
func (c *Conn) drain(final bool) {
	c.w.Lock()
	c.smu.Lock()
	if c.s.err != nil || c.s.draining || c.s.drainFirst && !final {
		c.smu.Unlock()
		c.w.Unlock()
		return
	}
	c.s.drainFirst = true
	c.s.draining = final
	last := c.s.lastPeer
	done := final && c.s.open == 0
	c.smu.Unlock()
	b := c.w.Buf()
	if final {
		b.B = appendGoaway(b.B, last, protocol.ResetNoError, "")
	} else {
		b.B = appendGoaway(b.B, maxWindow, protocol.ResetNoError, "")
		b.B = appendPing(b.B, false, drainPing)
	}
	if done {
		c.w.FinishWritten()
	}
	c.w.UnlockFlush(combine.Spawn)
}

// drainPing is the payload of the PING between the two GOAWAYs.
var drainPing = [8]byte{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'} //nolint:gochecknoglobals // a constant

// finishIfDrained closes a connection that was drained and whose last stream is over.
func (c *Conn) finishIfDrained() {
	c.w.Lock()
	c.w.FinishWritten()
	c.w.UnlockFlush(combine.Spawn)
}

// stopTaking closes the channel that says that a client's connection takes no new calls.
func (c *Conn) stopTaking() {
	c.smu.Lock()
	defer c.smu.Unlock()
	select {
	case <-c.cl.closing:
	default:
		close(c.cl.closing)
	}
}

// debug logs at debug level.
func (c *Conn) debug(msg string, args ...any) {
	if l := c.cfg.Logger; l != nil && l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("http2: "+msg, append(args, "peer", c.peer.Addr)...)
	}
}
