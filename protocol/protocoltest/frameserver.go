package protocoltest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// FrameServer is the server side of the wire. It serves any method with any codec, has no compression, and implements
// all of protocol.Server: deadlines, metadata, errors with details, cancellation, a resumable Serve, inline execution
// and draining. A stream has at most 16 messages in transit in each direction. A value serves one server.
type FrameServer struct {
	serial bool
	d      protocol.Dispatcher
}

var _ protocol.Server = (*FrameServer)(nil)

// NewFrameServer makes the server side of the wire.
func NewFrameServer() *FrameServer { return new(FrameServer) }

// NewSerialServer makes the server side of the wire in lock-step: see NewSerialClient.
func NewSerialServer() *FrameServer { return &FrameServer{serial: true} }

// Name returns "frame", or "serial" in lock-step.
func (p *FrameServer) Name() string { return wireName(p.serial) }

// Attach implements protocol.Server.
func (p *FrameServer) Attach(d protocol.Dispatcher) error {
	if p.d != nil {
		return errors.New("protocoltest: the protocol is attached to another server")
	}
	p.d = d
	return nil
}

// ALPN returns the name.
func (p *FrameServer) ALPN() []string { return []string{p.Name()} }

// Detect recognizes the wire by its preface of eight bytes.
func (p *FrameServer) Detect(first []byte) protocol.Verdict {
	preface := prefaceOf(p.serial)
	n := min(len(first), len(preface))
	switch {
	case string(first[:n]) != preface[:n]:
		return protocol.No
	case n < len(preface):
		return protocol.More
	}
	return protocol.Yes
}

// NewConn implements protocol.Server.
func (p *FrameServer) NewConn(tc transport.Conn) (protocol.ServerConn, error) {
	c := &serverConn{
		d: p.d, tc: tc, serial: p.serial, draining: make(chan struct{}),
		peer: peerOf(tc, p.serial), calls: make(map[uint32]*serverCall),
	}
	c.w.init(tc)
	c.lease = p.d.Lease(c)
	return c, nil
}

func peerOf(tc transport.Conn, serial bool) *fairlead.Peer {
	peer := &fairlead.Peer{Wire: wireName(serial)}
	info := tc.Info()
	if info.Remote != nil {
		peer.Addr = info.Remote.String()
	}
	if info.TLS != nil {
		peer.Identity = info.TLS
	}
	return peer
}

// serverConn is a connection of a server.
type serverConn struct {
	d      protocol.Dispatcher
	tc     transport.Conn
	w      writer
	lease  *protocol.Lease
	peer   *fairlead.Peer
	serial bool

	// Of the holder of the reading role.
	greeted bool
	rest    skipper
	last    *serverCall // in lock-step: the one before the next

	mu       sync.Mutex
	calls    map[uint32]*serverCall
	draining chan struct{}
	goaway   bool
	final    bool // new calls are refused
	quiet    bool // the client has said that it opens no more calls
	cause    error
}

// Serve implements protocol.ServerConn. A connection that has ended is served until its one-way calls are over, which
// do not end with it.
func (c *serverConn) Serve() error {
	err := c.serve()
	if err == nil {
		return nil
	}
	c.mu.Lock()
	var left []*serverCall
	for _, t := range c.calls {
		if t.oneWay() && c.cause == nil {
			left = append(left, t)
		} else {
			t.call.Wire().Cancel(context.Canceled)
		}
	}
	c.mu.Unlock()
	for _, t := range left {
		<-t.over
	}
	return err
}

func (c *serverConn) serve() error {
	if !c.greeted {
		if _, err := c.tc.Peek(len(preface)); err != nil {
			return err
		}
		c.tc.Discard(len(preface))
		c.greeted = true
		_ = c.w.frame(0, frameSettings, func(b []byte) []byte {
			return binary.BigEndian.AppendUint32(b, uint32(c.d.Limits().Streams)) //nolint:gosec // a small limit
		})
	}
	for {
		c.w.keepUp()
		if err := c.rest.skip(c.tc); err != nil {
			return c.why(err)
		}
		l := c.d.Limits()
		f, err := readFrame(c.tc, l.RecvMessage+l.HeaderList)
		if err != nil {
			return c.why(err)
		}
		t, inline, err := c.take(&f)
		if err != nil {
			return err
		}
		switch {
		case t == nil:
		case inline && t.Cost().Inline():
			if !c.lease.Run(t) {
				return nil
			}
		default:
			go t.Run()
		}
	}
}

// why returns the reason for which this side closed the connection, or else err.
func (c *serverConn) why(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return err
}

// take handles one frame and discards it. It returns a call that is ready to run.
func (c *serverConn) take(f *frameIn) (t *serverCall, inline bool, err error) {
	if f.long {
		c.tc.Discard(frameHead)
		c.rest = skipper(f.size - frameHead)
		c.tooLong(f)
		return nil, false, nil
	}
	defer c.tc.Discard(f.size)
	switch f.typ {
	case frameUnary, frameOpen, frameOneWay:
		return c.open(f)
	case frameGoing:
		c.mu.Lock()
		c.quiet = true
		c.mu.Unlock()
		c.endIfDrained()
		return nil, false, nil
	default:
		return nil, false, c.forCall(f)
	}
}

// forCall handles a frame of a call in progress.
func (c *serverConn) forCall(f *frameIn) error {
	c.mu.Lock()
	t := c.calls[f.id]
	c.mu.Unlock()
	if t == nil {
		return nil // it is over here, which the client did not know yet
	}
	switch {
	case f.typ == frameCancel:
		t.call.Wire().Cancel(context.Canceled)
	case t.stream == nil:
		return errors.New("protocoltest: a frame of a stream for a unary call")
	case f.typ == frameMessage:
		t.stream.push(f.payload)
	case f.typ == frameEnd:
		t.stream.halfClose()
	case f.typ == frameCredit && len(f.payload) == 4:
		t.stream.addCredit(binary.BigEndian.Uint32(f.payload))
	default:
		return errors.New("protocoltest: a frame that no client sends")
	}
	return nil
}

// tooLong fails the call of a frame that is longer than the limits.
func (c *serverConn) tooLong(f *frameIn) {
	err := fairlead.Errorf(fairlead.ResourceExhausted, "the message is longer than the limit of %d bytes",
		c.d.Limits().RecvMessage)
	c.mu.Lock()
	t := c.calls[f.id]
	c.mu.Unlock()
	if t != nil && t.stream != nil {
		t.stream.finish(err)
		return
	}
	c.reject(f, err)
}

// reject answers a call that is not run. A call without an answer is only logged.
func (c *serverConn) reject(f *frameIn, err error) {
	if f.typ == frameOneWay {
		c.d.Logger().Debug("protocoltest: a one-way call is dropped", "error", err)
		return
	}
	var none fairlead.Metadata
	_ = c.w.frame(f.id, frameStatus, func(b []byte) []byte { return appendStatus(b, &none, &none, err) })
}

// open makes a call from its first frame.
func (c *serverConn) open(f *frameIn) (t *serverCall, inline bool, err error) {
	p := parser{b: f.payload}
	h := p.head()
	if p.bad {
		return nil, false, errors.New("protocoltest: malformed head of a call")
	}
	r := c.d.Lookup(h.path)
	if r == nil {
		c.reject(f, fairlead.Errorf(fairlead.Unimplemented, "unknown method %s", h.path))
		return nil, false, nil
	}
	bound := r.Codec(h.codec)
	if bound == nil {
		c.reject(f, fairlead.Errorf(fairlead.Unimplemented, "%s: unknown codec %q", h.path, h.codec))
		return nil, false, nil
	}
	if r.Method.Kind.ClientStreams() != (f.typ == frameOpen) || r.Method.OneWay != (f.typ == frameOneWay) {
		c.reject(f, fairlead.Errorf(fairlead.Internal, "%s is %s, one-way: %v", h.path, r.Method.Kind, r.Method.OneWay))
		return nil, false, nil
	}
	if err := c.inStep(); err != nil {
		return nil, false, err
	}
	t = &serverCall{c: c, id: f.id, route: r, bound: bound, size: f.size, over: make(chan struct{})}
	c.last = t
	t.answered.Store(r.Method.OneWay)
	t.call = fairlead.NewServerCall(&fairlead.ServerCall{
		Method: r.Method, Peer: c.peer, Header: h.header, Authority: h.authority, UserAgent: h.userAgent,
		Deadline: h.deadline, Criticality: h.crit, Driver: t,
	})
	if !c.enlist(t) {
		if !t.oneWay() {
			_ = c.w.frame(f.id, frameRefused, nil)
		}
		return nil, false, nil
	}
	if err := c.d.Admit(t.call, t.size); err != nil {
		c.reject(f, err)
		c.delist(t)
		return nil, false, nil
	}
	if f.typ != frameOpen {
		if err := t.decode(p.b); err != nil {
			t.finish(err)
			return nil, false, nil
		}
	}
	if r.Method.Kind == fairlead.Unary {
		return t, true, nil
	}
	t.openStream()
	return t, false, nil
}

// inStep waits, in lock-step, for the end of the call whose answer the client has. It returns an error when there is no
// answer yet.
func (c *serverConn) inStep() error {
	if !c.serial || c.last == nil {
		return nil
	}
	if !c.last.answered.Load() {
		return errors.New("protocoltest: a call before the answer to the last")
	}
	<-c.last.over
	return nil
}

func (c *serverConn) enlist(t *serverCall) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.final || c.cause != nil || len(c.calls) >= c.d.Limits().Streams || c.calls[t.id] != nil {
		close(t.over)
		return false
	}
	c.calls[t.id] = t
	return true
}

func (c *serverConn) delist(t *serverCall) {
	c.mu.Lock()
	delete(c.calls, t.id)
	c.mu.Unlock()
	t.answered.Store(true)
	close(t.over)
	c.endIfDrained()
}

// endIfDrained closes the connection when it drains and no call is left or to come.
func (c *serverConn) endIfDrained() {
	c.mu.Lock()
	done := c.goaway && (c.final || c.quiet) && len(c.calls) == 0 && c.cause == nil
	if done {
		c.cause = io.EOF
	}
	c.mu.Unlock()
	if done {
		c.w.finish()
	}
}

// Drain implements protocol.ServerConn.
func (c *serverConn) Drain(final bool) {
	c.mu.Lock()
	if !c.goaway {
		c.goaway = true
		close(c.draining)
		_ = c.w.frame(0, frameGoaway, nil)
	}
	c.final = c.final || final
	c.mu.Unlock()
	c.endIfDrained()
}

// Close implements protocol.ServerConn.
func (c *serverConn) Close(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	calls := make([]*serverCall, 0, len(c.calls))
	for _, t := range c.calls {
		calls = append(calls, t)
	}
	c.mu.Unlock()
	_ = c.tc.Close() // it ends either way
	for _, t := range calls {
		t.call.Wire().Cancel(context.Canceled)
	}
}

// serverCall is a call with its protocol.Task and its fairlead.Driver.
type serverCall struct {
	c      *serverConn
	id     uint32
	route  *protocol.Route
	bound  *protocol.MethodCodec
	size   int
	call   *fairlead.Call
	stream *frameStream // nil: unary

	answered atomic.Bool   // the last frame is about to be sent
	over     chan struct{} // closed when it is no longer in the list

	mu     sync.Mutex
	headed bool // unary: the header was sent
	stop   func() bool
}

func (t *serverCall) decode(b []byte) error {
	var req any = new(fairlead.Raw)
	if t.route.Method.NewRequest != nil {
		req = t.route.Method.NewRequest()
	} else {
		b = append([]byte(nil), b...)
	}
	if err := decode(t.bound.Req, t.bound.Name, b, req, t.c.d.Limits().RecvMessage); err != nil {
		return err
	}
	t.call.SetRequest(req)
	return nil
}

func (t *serverCall) openStream() {
	s := newFrameStream(&t.c.w, t.id, fairlead.ServerSide, t.call)
	s.in, s.out, s.codecName, s.sendLimit = t.bound.Req, t.bound.Resp, t.bound.Name, t.c.d.Limits().SendMessage
	t.stream = s
	t.call.Wire().SetStream(s)
}

func (t *serverCall) oneWay() bool { return t.route.Method.OneWay }

// Cost implements protocol.Task.
func (t *serverCall) Cost() *protocol.Cost { return &t.route.Cost }

// Run implements protocol.Task.
func (t *serverCall) Run() {
	ctx := t.call.Context()
	// The error if the handler does not return because of runtime.Goexit.
	err := error(fairlead.Errorf(fairlead.Internal, "%s: the handler did not return", t.route.Method.Path))
	defer func() { t.finish(err) }()
	if t.stream != nil {
		t.stop = context.AfterFunc(ctx, func() { t.stream.cut(fairlead.ErrorOf(ctx.Err())) })
	}
	begin := t.route.Cost.Begin()
	err = t.route.Handler(ctx, t.call)
	t.route.Cost.End(begin)
}

// finish sends the end of the call and ends it here.
func (t *serverCall) finish(err error) {
	t.answered.Store(true)
	if t.stop != nil {
		t.stop()
	}
	if !t.oneWay() {
		err = t.answer(err)
	}
	t.call.Wire().End(t.call.Context(), err)
	if t.stream != nil {
		// A goroutine that the handler left behind may still receive.
		t.stream.cut(fairlead.Errorf(fairlead.Canceled, "the call is over: %w", context.Canceled))
	}
	t.c.d.Done(t.call, t.size)
	t.c.delist(t)
}

// answer sends the end of the call, whose handler has returned err, and returns the error that it ended with.
func (t *serverCall) answer(err error) error {
	switch {
	case err == nil && t.route.Method.Kind.ServerStreams():
		t.status(nil)
		return nil
	case err == nil:
		err = t.respond()
	}
	if err != nil {
		t.status(err)
	}
	return err
}

// respond sends the response and the status OK.
func (t *serverCall) respond() error {
	b, err := encode(t.bound.Resp, nil, t.call.Response(), t.c.d.Limits().SendMessage)
	if err != nil {
		return err
	}
	_ = t.c.w.frame(t.id, frameResponse, func(p []byte) []byte {
		p = appendMetadata(p, t.header())
		p = appendMetadata(p, t.call.ResponseTrailer())
		return append(p, b...)
	})
	return nil
}

func (t *serverCall) status(err error) {
	_ = t.c.w.frame(t.id, frameStatus, func(p []byte) []byte {
		return appendStatus(p, t.header(), t.call.ResponseTrailer(), err)
	})
}

// header returns the header if it was not sent yet, and an empty one otherwise.
func (t *serverCall) header() *fairlead.Metadata {
	if !t.takeHeader() {
		return new(fairlead.Metadata)
	}
	return t.call.ResponseHeader()
}

// takeHeader reports whether the header has to be sent, which is true once.
func (t *serverCall) takeHeader() bool {
	mu, headed := &t.mu, &t.headed
	if t.oneWay() {
		return false
	}
	if t.stream != nil {
		mu, headed = &t.stream.mu, &t.stream.headed
	}
	mu.Lock()
	defer mu.Unlock()
	took := !*headed
	*headed = true
	return took
}

// Protocol implements fairlead.Driver.
func (t *serverCall) Protocol() string { return wireName(t.c.serial) }

// SendHeader implements fairlead.Driver. It sends under the stream's lock, so that no message is sent before the
// header.
func (t *serverCall) SendHeader(c *fairlead.Call) error {
	if s := t.stream; s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sendHeader()
		return nil
	}
	if !t.takeHeader() {
		return nil
	}
	return t.c.w.frame(t.id, frameHeader, func(p []byte) []byte { return appendMetadata(p, c.ResponseHeader()) })
}

// WaitHeader implements fairlead.Driver.
func (t *serverCall) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (t *serverCall) Draining() <-chan struct{} { return t.c.draining }
