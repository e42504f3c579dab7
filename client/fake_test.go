package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// The messages are *string, and a method answers with its request unless a test says otherwise.
var (
	echo = fairlead.NewMethod[string, string](fairlead.Unary, "test.Echo", "Echo")
	chat = fairlead.NewMethod[string, string](fairlead.BidiStreaming, "test.Echo", "Chat")
)

// world is the network, the wire and the servers of a test.
type world struct {
	mu      sync.Mutex
	servers map[string]*host
	dialled map[string][]time.Time
	bindErr error
	serial  bool // connections carry one call at a time
}

// host is what listens at an address.
type host struct {
	w    *world
	addr string

	mu     sync.Mutex
	up     bool          // connections are accepted
	black  bool          // dialling never ends
	hangup bool          // connections end as soon as they are made
	slow   time.Duration // how long dialling takes
	limit  int           // of concurrent calls on a connection
	conns  []*fakeConn

	// handle answers a unary call; nil: with the request.
	handle func(ctx context.Context, k *fakeConn, c *fairlead.Call) error
	// open opens a stream; nil: one that echoes.
	open func(ctx context.Context, k *fakeConn, c *fairlead.Call) error
}

func newWorld() *world {
	return &world{servers: make(map[string]*host), dialled: make(map[string][]time.Time)}
}

// serve has a server listen at addr.
func (w *world) serve(addr string) *host {
	s := &host{w: w, addr: addr, up: true, limit: 100}
	if w.serial {
		s.limit = 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[addr] = s
	return s
}

// dials returns when addr was dialled.
func (w *world) dials(addr string) []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dialled[addr])
}

func (s *host) set(f func(s *host)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// conn returns the connection with a number, counted from 0 since the test began.
func (s *host) conn(i int) *fakeConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[i]
}

func (s *host) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// stop breaks all connections and refuses new ones.
func (s *host) stop() {
	s.mu.Lock()
	s.up = false
	conns := s.conns
	s.mu.Unlock()
	for _, k := range conns {
		k.end(&protocol.Failure{Kind: protocol.FailedLost, Cause: io.ErrUnexpectedEOF})
	}
}

// calls returns the number of calls that came to the server.
func (s *host) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, k := range s.conns {
		n += int(k.calls.Load())
	}
	return n
}

// fakeTransport is a connection without bytes.
type fakeTransport struct {
	transport.Conn

	server *host
}

// Dial implements transport.Dialer.
func (w *world) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	w.mu.Lock()
	s := w.servers[t.Addr]
	w.dialled[t.Addr] = append(w.dialled[t.Addr], time.Now())
	w.mu.Unlock()
	if s == nil {
		return nil, errors.New("connection refused")
	}
	s.mu.Lock()
	up, black, slow := s.up, s.black, s.slow
	s.mu.Unlock()
	time.Sleep(slow)
	switch {
	case black:
		<-ctx.Done()
		return nil, ctx.Err()
	case !up:
		return nil, errors.New("connection refused")
	}
	return &fakeTransport{server: s}, nil
}

// Serial implements protocol.Serial.
func (w *world) Serial() bool { return w.serial }

// Name, ALPN, Bind and NewConn implement protocol.Client.
func (w *world) Name() string   { return "fake" }
func (w *world) ALPN() []string { return []string{"fake"} }

func (w *world) Bind(m *fairlead.Method, _ *protocol.ClientConfig) (protocol.Binding, error) {
	return m, w.bindErr
}

func (w *world) NewConn(
	_ context.Context, tc transport.Conn, _ *protocol.ClientConfig,
) (protocol.ClientConn, error) {
	ft, ok := tc.(*fakeTransport)
	if !ok {
		return nil, fmt.Errorf("transport %T", tc)
	}
	s := ft.server
	k := &fakeConn{
		server: s, freed: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{}),
	}
	s.mu.Lock()
	s.conns = append(s.conns, k)
	k.limit = s.limit
	hangup := s.hangup
	s.mu.Unlock()
	if hangup {
		k.end(io.EOF)
	}
	return k, nil
}

// fakeConn is a connection: a protocol.ClientConn.
type fakeConn struct {
	server *host
	limit  int
	calls  atomic.Int32
	drains atomic.Int32

	mu       sync.Mutex
	inflight int
	leaving  bool
	err      error
	freed    chan struct{}
	closed   chan struct{} // takes no more calls
	done     chan struct{} // has ended
	ended    bool
}

// enter takes a place, leave gives it back.
func (k *fakeConn) enter() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.leaving || k.inflight >= k.limit {
		return false
	}
	k.inflight++
	return true
}

func (k *fakeConn) leave() {
	k.mu.Lock()
	k.inflight--
	last := k.leaving && k.inflight == 0
	full := k.inflight == k.limit-1
	k.mu.Unlock()
	if last {
		k.end(io.EOF)
	}
	if full {
		select {
		case k.freed <- struct{}{}:
		default:
		}
	}
}

// end breaks the connection.
func (k *fakeConn) end(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shut(err)
	if !k.ended {
		k.ended, k.err = true, err
		close(k.done)
	}
}

func (k *fakeConn) shut(err error) {
	if k.err == nil {
		k.err = err
	}
	if !k.leaving {
		k.leaving = true
		close(k.closed)
	}
}

// goaway has the server take no more calls on it.
func (k *fakeConn) goaway() {
	k.mu.Lock()
	k.shut(&protocol.Failure{Kind: protocol.FailedGoaway})
	idle := k.inflight == 0
	k.mu.Unlock()
	if idle {
		k.end(io.EOF)
	}
}

// wait is for handlers that answer when release is closed, unless the connection or ctx ends.
func (k *fakeConn) wait(ctx context.Context, release <-chan struct{}) error {
	select {
	case <-release:
		return nil
	case <-ctx.Done():
		return fairlead.ErrorOf(ctx.Err())
	case <-k.done:
		return fairlead.Errorf(fairlead.Unavailable, "cut: %w", k.Err())
	}
}

func (k *fakeConn) Unary(ctx context.Context, b protocol.Binding, c *fairlead.Call) error {
	if !k.enter() {
		return protocol.ErrFull
	}
	defer k.leave()
	if b != protocol.Binding(c.Method()) {
		return errors.New("wrong bind")
	}
	k.calls.Add(1)
	if h := k.server.handle; h != nil {
		return h(ctx, k, c)
	}
	c.SetResponse(c.Request())
	return nil
}

func (k *fakeConn) Open(ctx context.Context, _ protocol.Binding, c *fairlead.Call) error {
	if !k.enter() {
		return protocol.ErrFull
	}
	k.calls.Add(1)
	if o := k.server.open; o != nil {
		if err := o(ctx, k, c); err != nil {
			k.leave()
			return err
		}
	}
	s := &fakeStream{k: k, ctx: ctx, msgs: make(chan string, 16), over: make(chan struct{})}
	c.Wire().SetDriver(s)
	c.Wire().SetStream(s)
	return nil
}

func (k *fakeConn) Free() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.leaving {
		return 0
	}
	return k.limit - k.inflight
}

// Limit implements protocol.Limited.
func (k *fakeConn) Limit() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.limit
}

// allow changes the limit, as SETTINGS do.
func (k *fakeConn) allow(limit int) {
	k.mu.Lock()
	k.limit = limit
	k.mu.Unlock()
	select {
	case k.freed <- struct{}{}:
	default:
	}
}

func (k *fakeConn) Freed() <-chan struct{}  { return k.freed }
func (k *fakeConn) Closed() <-chan struct{} { return k.closed }
func (k *fakeConn) Done() <-chan struct{}   { return k.done }
func (k *fakeConn) Close(cause error)       { k.end(cause) }
func (k *fakeConn) Drain()                  { k.drains.Add(1); k.goaway() }

func (k *fakeConn) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// fakeStream sends back what it gets.
type fakeStream struct {
	k    *fakeConn
	ctx  context.Context
	msgs chan string
	over chan struct{}
	once sync.Once
	sent sync.Once
}

func (s *fakeStream) Protocol() string { return "fake" }

func (s *fakeStream) finish() { s.once.Do(func() { close(s.over); s.k.leave() }) }

func (s *fakeStream) Send(msg any) error {
	select {
	case s.msgs <- *msg.(*string):
		return nil
	case <-s.over:
		return io.EOF
	}
}

func (s *fakeStream) Recv(msg any) error {
	select {
	case m, ok := <-s.msgs:
		if !ok {
			s.finish()
			return io.EOF
		}
		*msg.(*string) = m
		return nil
	case <-s.ctx.Done():
		s.finish()
		return fairlead.ErrorOf(s.ctx.Err())
	case <-s.over:
		return fairlead.Errorf(fairlead.Canceled, "closed")
	case <-s.k.done:
		s.finish()
		return fairlead.Errorf(fairlead.Unavailable, "cut: %w", s.k.Err())
	}
}

func (s *fakeStream) CloseSend() error { s.sent.Do(func() { close(s.msgs) }); return nil }
func (s *fakeStream) Close() error     { s.finish(); return nil }

func (s *fakeStream) SendHeader(*fairlead.Call) error { return nil }

func (s *fakeStream) WaitHeader(_ context.Context, c *fairlead.Call) error {
	c.ResponseHeader().Set("k", "v")
	return nil
}

func (s *fakeStream) Draining() <-chan struct{} { return nil }

// fakeResolver reports what the test says.
type fakeResolver struct {
	mu      sync.Mutex
	first   []discovery.Instance
	failing error
	sink    discovery.Sink
	watches int
}

func (r *fakeResolver) Scheme() string { return "test" }

func (r *fakeResolver) Check(endpoint string) error {
	if strings.Contains(endpoint, "!") {
		return errors.New("bad endpoint")
	}
	return nil
}

func (r *fakeResolver) Watch(ctx context.Context, _ string, s discovery.Sink) error {
	r.mu.Lock()
	r.sink = s
	r.watches++
	first, failing := r.first, r.failing
	r.mu.Unlock()
	if failing != nil {
		return failing
	}
	if len(first) > 0 {
		if err := s.Update(first); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (r *fakeResolver) update(is ...discovery.Instance) error {
	r.mu.Lock()
	s := r.sink
	r.mu.Unlock()
	return s.Update(is)
}

func instance(addr string) discovery.Instance {
	return discovery.Instance{
		ID: addr, Weight: 1, Endpoints: []discovery.Endpoint{{Network: "tcp", Addr: addr}},
	}
}

func instances(addrs ...string) []discovery.Instance {
	is := make([]discovery.Instance, 0, len(addrs))
	for _, a := range addrs {
		is = append(is, instance(a))
	}
	return is
}

// turns is a balancer that takes nodes in turn: those that are well and untried first, failing ones last.
type turns struct {
	mu       sync.Mutex
	builds   [][]*balance.Node
	observed []string
	watching bool
}

func (b *turns) Name() string { return "turns" }

func (b *turns) Build(nodes []*balance.Node) balance.Picker {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.builds = append(b.builds, nodes)
	p := &turn{b: b, nodes: nodes}
	if b.watching {
		return &observing{p}
	}
	return p
}

func (b *turns) built() [][]*balance.Node {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.builds)
}

type turn struct {
	b     *turns
	nodes []*balance.Node
	n     atomic.Uint32
}

func (p *turn) Pick(_ *fairlead.Call, tried []*balance.Node) *balance.Node {
	if len(p.nodes) == 0 {
		return nil
	}
	at := int(p.n.Add(1)-1) % len(p.nodes)
	var best *balance.Node
	score := -1
	for i := range p.nodes {
		n := p.nodes[(at+i)%len(p.nodes)]
		s := 0
		if !n.Failing.Load() {
			s += 2
		}
		if !slices.Contains(tried, n) {
			s++
		}
		if s > score {
			best, score = n, s
		}
	}
	return best
}

type observing struct{ *turn }

func (o *observing) Observe(n *balance.Node, _ *fairlead.Call, _ time.Duration, err error) {
	o.b.mu.Lock()
	defer o.b.mu.Unlock()
	o.b.observed = append(o.b.observed, n.Instance.ID+" "+fairlead.CodeOf(err).String())
}

// fakeCodec is there so that New has one; the wire does not use it.
type fakeCodec struct{ codec.Codec }

func (fakeCodec) Name() string { return "fake" }

// options are those of a client in w that finds its instances with r.
func (w *world) options(r discovery.Resolver, more ...Option) []Option {
	return append([]Option{
		Protocol(w), Dialer(w), Codec(fakeCodec{}), Balancer(new(turns)), Resolver(r),
	}, more...)
}

// client makes a client for servers at addrs that is closed when the test ends.
func (w *world) client(t *testing.T, addrs []string, more ...Option) (*Client, *fakeResolver) {
	t.Helper()
	r := &fakeResolver{first: instances(addrs...)}
	c, err := New("test:///service", w.options(r, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, r
}

// say makes a call, as a generated stub does.
func say(ctx context.Context, c *Client, text string, opts ...fairlead.CallOption) (string, error) {
	call := fairlead.NewCall(echo, &text, opts...)
	resp, err := fairlead.Result[string](call, c.Bind(echo)(ctx, call))
	if err != nil {
		return "", err
	}
	return *resp, nil
}

// open opens a stream.
func open(ctx context.Context, c *Client, opts ...fairlead.CallOption) (*fairlead.Bidi[string, string], error) {
	call := fairlead.NewCall(chat, nil, opts...)
	return fairlead.OpenedBidi[string, string](call, c.Bind(chat)(ctx, call))
}

// wantError fails the test unless err has the code, the reach and all of the words.
func wantError(t *testing.T, err error, code fairlead.Code, reach fairlead.Reach, words ...string) {
	t.Helper()
	if got := fairlead.CodeOf(err); got != code {
		t.Errorf("got %v (%s), want %s", err, got, code)
		return
	}
	if got := fairlead.ErrorOf(err).Reach; got != reach {
		t.Errorf("got reach %s of %v, want %s", got, err, reach)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want it to have %q", err, w)
		}
	}
}
