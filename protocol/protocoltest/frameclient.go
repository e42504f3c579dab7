package protocoltest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// FrameClient is the client side of the wire. It implements all of protocol.ClientConn except compression. The zero
// value is ready for use and may serve any number of clients.
type FrameClient struct{ serial bool }

var (
	_ protocol.Client = FrameClient{}
	_ protocol.Serial = FrameClient{}
)

// NewSerialClient makes the client side of the wire in lock-step, whose connections carry one call at a time. The
// server side is NewSerialServer.
func NewSerialClient() FrameClient { return FrameClient{serial: true} }

// Serial implements protocol.Serial.
func (p FrameClient) Serial() bool { return p.serial }

// Name returns "frame", or "serial" in lock-step.
func (p FrameClient) Name() string { return wireName(p.serial) }

// ALPN returns the name.
func (p FrameClient) ALPN() []string { return []string{p.Name()} }

// clientBind is a prepared method.
type clientBind struct {
	method    *fairlead.Method
	codecName string
	req, resp codec.Codec
	authority string
	userAgent string
	sendLimit int
	recvLimit int
}

// Bind implements protocol.Client.
func (FrameClient) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	b := &clientBind{
		method: m, codecName: cfg.Codec.Name(), req: cfg.Codec, resp: cfg.Codec,
		authority: cfg.Authority, userAgent: cfg.UserAgent, sendLimit: cfg.SendMessage, recvLimit: cfg.RecvMessage,
	}
	var err error
	if m.NewRequest != nil {
		if b.req, err = codec.For(cfg.Codec, m.NewRequest()); err != nil {
			return nil, fmt.Errorf("%s: request: %w", m.Path, err)
		}
	}
	if m.NewResponse != nil {
		if b.resp, err = codec.For(cfg.Codec, m.NewResponse()); err != nil {
			return nil, fmt.Errorf("%s: response: %w", m.Path, err)
		}
	}
	return b, nil
}

// NewConn implements protocol.Client.
func (p FrameClient) NewConn(
	ctx context.Context, tc transport.Conn, cfg *protocol.ClientConfig,
) (protocol.ClientConn, error) {
	c := &clientConn{
		tc: tc, peer: peerOf(tc, p.serial), limit: cfg.RecvMessage + cfg.HeaderList, max: firstMax,
		calls: make(map[uint32]*clientCall), freed: make(chan struct{}, 1), closed: make(chan struct{}),
		done: make(chan struct{}), serial: p.serial,
	}
	if c.limit == 0 {
		c.limit = 4 << 20
	}
	if c.serial {
		c.max = 1
	}
	c.w.init(tc)
	c.w.raw(prefaceOf(c.serial))
	go c.read()
	if c.serial {
		return c, c.greeting(ctx)
	}
	return c, nil
}

// greeting waits for the server's settings. If that fails it closes the connection.
func (c *clientConn) greeting(ctx context.Context) error {
	select {
	case <-c.freed: // also when it has failed
		select {
		case <-c.closed:
		default:
			return nil
		}
	case <-c.closed:
	case <-ctx.Done():
		c.Close(ctx.Err())
	}
	<-c.done
	return c.Err()
}

// firstMax is the number of calls that a client makes at a time before it knows the server's limit.
const firstMax = 100

// clientConn is a connection of a client. Its reading goroutine ends with the connection.
type clientConn struct {
	tc     transport.Conn
	w      writer
	peer   *fairlead.Peer
	limit  int
	serial bool
	rest   skipper

	mu       sync.Mutex
	calls    map[uint32]*clientCall
	lastID   uint32
	max      int
	draining bool // takes no new calls
	err      error
	freed    chan struct{}
	closed   chan struct{}
	done     chan struct{} // all of that has ended
}

// clientCall is a call in progress: a unary one has done, a stream the stream.
type clientCall struct {
	stream *frameStream

	done    chan struct{} // closed when what follows is there
	header  fairlead.Metadata
	status  status
	payload []byte // of the response, a copy
}

// ---- reading

func (c *clientConn) read() {
	var err error
	for err == nil {
		err = c.readOne()
	}
	c.fail(err)
	c.w.Close(err)
	close(c.done)
}

func (c *clientConn) readOne() error {
	if err := c.rest.skip(c.tc); err != nil {
		return err
	}
	f, err := readFrame(c.tc, c.limit)
	if err != nil {
		return err
	}
	if f.long {
		c.tc.Discard(frameHead)
		c.rest = skipper(f.size - frameHead)
		c.tooLong(f.id)
		return nil
	}
	defer c.tc.Discard(f.size)
	if f.id == 0 {
		return c.control(&f)
	}
	c.mu.Lock()
	k := c.calls[f.id]
	c.mu.Unlock()
	if k == nil {
		if c.serial {
			return errors.New("protocoltest: a frame while no call is under way")
		}
		return nil // canceled here, which the server did not know yet
	}
	p := parser{b: f.payload}
	switch {
	case f.typ == frameHeader:
		k.gotHeader(p.metadata())
	case f.typ == frameResponse:
		st := status{header: p.metadata(), trailer: p.metadata()}
		if k.stream != nil { // the one response of a client-streaming call
			k.stream.gotHeader(st.header)
			k.stream.push(p.b)
		}
		k.payload = append([]byte(nil), p.b...)
		c.end(f.id, st)
	case f.typ == frameStatus:
		c.end(f.id, p.status())
	case f.typ == frameRefused:
		c.end(f.id, status{err: fairlead.Errorf(fairlead.Unavailable, "the server did not take the call").
			WithReach(fairlead.Refused)})
	case f.typ == frameMessage && k.stream != nil:
		k.stream.push(f.payload)
	case f.typ == frameCredit && k.stream != nil:
		k.stream.addCredit(p.uint32())
	default:
		return errors.New("protocoltest: a frame that no server sends")
	}
	if p.bad {
		return errors.New("protocoltest: malformed frame")
	}
	return nil
}

func (c *clientConn) control(f *frameIn) error {
	switch f.typ {
	case frameSettings:
		if len(f.payload) != 4 {
			return errors.New("protocoltest: malformed settings")
		}
		if c.serial {
			c.signal()
			return nil
		}
		c.mu.Lock()
		c.max = int(binary.BigEndian.Uint32(f.payload))
		c.mu.Unlock()
		c.signal()
	case frameGoaway:
		c.Drain()
	default:
		return errors.New("protocoltest: a frame of the connection that no server sends")
	}
	return nil
}

// tooLong fails the call whose message is longer than the client accepts.
func (c *clientConn) tooLong(id uint32) {
	if k := c.abandon(id); k != nil {
		k.end(&status{err: fairlead.Errorf(fairlead.ResourceExhausted,
			"the message is longer than the limit of %d bytes", c.limit)})
	}
}

func (k *clientCall) gotHeader(md fairlead.Metadata) {
	if k.stream != nil {
		k.stream.gotHeader(md)
		return
	}
	k.header = md
}

// end delivers the end of a call, which is no longer in the list.
func (k *clientCall) end(st *status) {
	if k.stream != nil {
		k.stream.status(st)
		return
	}
	k.status = *st
	close(k.done)
}

// end removes a call from the list and delivers its end.
func (c *clientConn) end(id uint32, st status) {
	if k := c.take(id); k != nil {
		k.end(&st)
	}
}

// ---- the list of calls

func (c *clientConn) add(k *clientCall) (id uint32, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining || len(c.calls) >= c.max {
		return 0, protocol.ErrFull
	}
	c.lastID++
	c.calls[c.lastID] = k
	return c.lastID, nil
}

// take removes a call from the list. The caller delivers its end. It returns nil if another goroutine does.
func (c *clientConn) take(id uint32) *clientCall {
	c.mu.Lock()
	k := c.calls[id]
	delete(c.calls, id)
	last := k != nil && c.draining && len(c.calls) == 0
	c.mu.Unlock()
	if k != nil {
		c.signal()
	}
	if last {
		c.leave()
	}
	return k
}

// abandon is take for a call that this side cancels. In lock-step that ends the connection.
func (c *clientConn) abandon(id uint32) *clientCall {
	if !c.serial {
		k := c.take(id)
		if k != nil {
			_ = c.w.frame(id, frameCancel, nil)
		}
		return k
	}
	c.mu.Lock()
	k := c.calls[id]
	if k != nil {
		c.stopLocked(errors.New("protocoltest: a call was given up"))
		delete(c.calls, id)
	}
	c.mu.Unlock()
	if k != nil {
		_ = c.tc.Close() // it ends either way
	}
	return k
}

func (c *clientConn) signal() {
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

// ---- protocol.ClientConn

// Unary implements protocol.ClientConn.
func (c *clientConn) Unary(ctx context.Context, bind protocol.Binding, call *fairlead.Call) error {
	b, deadline, err := c.begin(ctx, bind, call)
	if err != nil {
		return err
	}
	recvLimit, sendLimit := b.limits(call)
	body, err := encode(b.req, nil, call.Request(), sendLimit)
	if err != nil {
		return err
	}
	k := &clientCall{done: make(chan struct{})}
	id, err := c.add(k)
	if err != nil {
		return err
	}
	call.Wire().SetPeer(c.peer)
	if b.method.OneWay {
		defer c.take(id)
		return c.notify(ctx, id, b, call, body, deadline)
	}
	if err := c.send(id, frameUnary, b, call, body); err != nil {
		c.take(id)
		return notSent(err)
	}
	if err := wait(ctx, k.done, deadline); err != nil {
		if c.abandon(id) != nil {
			return err
		}
		<-k.done // the reader has it and is about to close done
	}
	header := k.header
	if header.Len() == 0 {
		header = k.status.header
	}
	*call.ResponseHeader(), *call.ResponseTrailer() = header, k.status.trailer
	if k.status.err != nil {
		return k.status.err
	}
	reply := call.Wire().Reply()
	if err := decode(b.resp, b.codecName, k.payload, reply, recvLimit); err != nil {
		return err
	}
	call.SetResponse(reply)
	return nil
}

// notify sends a call that has no answer, and waits until it is written.
func (c *clientConn) notify(
	ctx context.Context, id uint32, b *clientBind, call *fairlead.Call, body []byte, deadline time.Time,
) error {
	written := make(chan error, 1)
	if err := c.sendTo(id, frameOneWay, written, b, call, body); err != nil {
		return notSent(err)
	}
	var late <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		late = t.C
	}
	select {
	case err := <-written:
		if err != nil {
			return lost(err)
		}
		return nil
	case <-c.done:
		return lost(c.Err())
	case <-ctx.Done():
		return fairlead.ErrorOf(ctx.Err())
	case <-late:
		return errLate()
	}
}

// wait waits for done, the context or the deadline, and returns the error of the latter two.
func wait(ctx context.Context, done <-chan struct{}, deadline time.Time) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		late = t.C
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fairlead.ErrorOf(ctx.Err())
	case <-late:
		return errLate()
	}
}

func errLate() error {
	return fairlead.Errorf(fairlead.DeadlineExceeded, "the call's deadline passed: %w", context.DeadlineExceeded)
}

// Open implements protocol.ClientConn.
func (c *clientConn) Open(ctx context.Context, bind protocol.Binding, call *fairlead.Call) error {
	b, deadline, err := c.begin(ctx, bind, call)
	if err != nil {
		return err
	}
	var body []byte
	typ := frameOpen
	recvLimit, sendLimit := b.limits(call)
	if !b.method.Kind.ClientStreams() {
		typ = frameUnary
		if body, err = encode(b.req, nil, call.Request(), sendLimit); err != nil {
			return err
		}
	}
	s := newFrameStream(&c.w, 0, fairlead.ClientSide, call)
	s.in, s.out, s.codecName, s.sendLimit = b.resp, b.req, b.codecName, sendLimit
	s.recvLimit, s.closedSend, s.protocol = recvLimit, typ == frameUnary, wireName(c.serial)
	id, err := c.add(&clientCall{stream: s})
	if err != nil {
		return err
	}
	s.id, s.abandon = id, func() { c.abandon(id) }
	call.Wire().SetPeer(c.peer)
	call.Wire().SetDriver(s)
	if err := c.send(id, typ, b, call, body); err != nil {
		c.take(id)
		return notSent(err)
	}
	s.endWith(ctx, deadline)
	call.Wire().SetStream(s)
	return nil
}

// endWith ends the stream when ctx ends or the deadline passes.
func (s *frameStream) endWith(ctx context.Context, deadline time.Time) {
	stopCtx := context.AfterFunc(ctx, func() { s.giveUp(fairlead.ErrorOf(ctx.Err())) })
	var timer *time.Timer
	if !deadline.IsZero() {
		timer = time.AfterFunc(time.Until(deadline), func() { s.giveUp(errLate()) })
	}
	s.mu.Lock()
	s.release = func() {
		stopCtx()
		if timer != nil {
			timer.Stop()
		}
	}
	over := s.over
	s.mu.Unlock()
	if over {
		s.release()
	}
}

// begin makes the checks that are possible before anything is sent.
func (c *clientConn) begin(
	ctx context.Context, bind protocol.Binding, call *fairlead.Call,
) (b *clientBind, deadline time.Time, err error) {
	b, ok := bind.(*clientBind)
	if !ok {
		return nil, deadline, fairlead.Errorf(fairlead.Internal, "a bind of another protocol: %T", bind)
	}
	if err := ctx.Err(); err != nil {
		return nil, deadline, fairlead.ErrorOf(err).WithReach(fairlead.NotSent)
	}
	if t, ok := call.Deadline(); ok {
		deadline = t
		if !time.Now().Before(t) {
			return nil, deadline, fairlead.ErrorOf(errLate()).WithReach(fairlead.NotSent)
		}
	}
	return b, deadline, nil
}

func (b *clientBind) limits(call *fairlead.Call) (recv, send int) {
	recv, send = call.Wire().MessageLimits()
	if recv == 0 {
		recv = b.recvLimit
	}
	if send == 0 {
		send = b.sendLimit
	}
	return recv, send
}

// send sends the first frame of a call.
func (c *clientConn) send(id uint32, typ frameType, b *clientBind, call *fairlead.Call, body []byte) error {
	return c.sendTo(id, typ, nil, b, call, body)
}

// sendTo is send for a caller that waits until the frame is written: see writer.frameTo.
func (c *clientConn) sendTo(
	id uint32, typ frameType, written chan<- error, b *clientBind, call *fairlead.Call, body []byte,
) error {
	h := callHead{
		crit: call.Criticality(), codec: b.codecName, path: b.method.Path,
		authority: b.authority, userAgent: b.userAgent, header: *call.RequestHeader(),
	}
	h.deadline, _ = call.Deadline()
	return c.w.frameTo(id, typ, written, func(p []byte) []byte { return append(h.append(p), body...) })
}

// Free implements protocol.ClientConn.
func (c *clientConn) Free() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return 0
	}
	return max(c.max-len(c.calls), 0)
}

// Freed implements protocol.ClientConn.
func (c *clientConn) Freed() <-chan struct{} { return c.freed }

// Drain implements protocol.ClientConn. It tells the server that no more calls follow.
func (c *clientConn) Drain() {
	c.mu.Lock()
	if c.draining {
		c.mu.Unlock()
		return
	}
	c.draining = true
	close(c.closed)
	idle := len(c.calls) == 0
	c.mu.Unlock()
	if idle {
		c.leave()
	}
}

// leave closes the connection, which has no calls and takes no more.
func (c *clientConn) leave() {
	_ = c.w.frame(0, frameGoing, nil)
	c.w.finish()
}

// Close implements protocol.ClientConn.
func (c *clientConn) Close(cause error) {
	c.fail(cause)
	_ = c.tc.Close() // it ends either way
}

// fail ends all calls and the connection.
func (c *clientConn) fail(cause error) {
	if cause == nil {
		cause = io.EOF
	}
	c.mu.Lock()
	c.stopLocked(cause)
	calls := c.calls
	c.calls = make(map[uint32]*clientCall)
	c.mu.Unlock()
	for _, k := range calls {
		k.end(&status{err: lost(cause)})
	}
	c.signal()
	_ = c.tc.Close() // it ends either way
}

// stopLocked sets why the connection has ended. The lock is held.
func (c *clientConn) stopLocked(cause error) {
	if c.err == nil {
		c.err = cause
	}
	if !c.draining {
		c.draining = true
		close(c.closed)
	}
}

// Closed implements protocol.ClientConn.
func (c *clientConn) Closed() <-chan struct{} { return c.closed }

// Done implements protocol.ClientConn.
func (c *clientConn) Done() <-chan struct{} { return c.done }

// Err implements protocol.ClientConn.
func (c *clientConn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
