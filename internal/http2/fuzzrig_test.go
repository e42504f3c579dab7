package http2

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// What stands between a fuzzer and the engine: a connection whose bytes are scripted, the real gRPC above it, and the
// rules that hold whenever the connection has come to rest. All of it runs in a bubble of testing/synctest, which says
// when there is rest, has a clock of its own, and fails when a goroutine is left.

// Limits of the connections under test, small so that inputs reach them.
const (
	rigStreams = 8
	rigMessage = 64 << 10
	rigQueued  = 96 << 10
	// rigHang is how long one input may take by the real clock.
	rigHang = 30 * time.Second
)

// wire is the engine's end of the transport. What Peek returned is overwritten once it may not be looked at any more,
// what is written is kept, and writing can be held up, as by a peer that does not read.
type wire struct {
	transport.Conn

	view []byte

	mu      sync.Mutex
	change  sync.Cond
	sent    []byte
	writes  int
	held    bool
	closed  bool
	broken  error // what Write returns
	writeBy time.Time
	timer   *time.Timer
}

func newWire(tc transport.Conn) *wire {
	w := &wire{Conn: tc}
	w.change.L = &w.mu
	return w
}

func (w *wire) Peek(n int) ([]byte, error) {
	w.spoil()
	b, err := w.Conn.Peek(n)
	w.view = bytes.Clone(b)
	return w.view, err
}

func (w *wire) Discard(n int) {
	w.spoil()
	w.Conn.Discard(n)
}

func (w *wire) spoil() {
	for i := range w.view {
		w.view[i] = 0xdb
	}
	w.view = nil
}

func (w *wire) Write(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		switch {
		case w.closed:
			return net.ErrClosed
		case w.broken != nil:
			return w.broken
		case !w.writeBy.IsZero() && !time.Now().Before(w.writeBy):
			return os.ErrDeadlineExceeded
		case !w.held:
			w.sent = append(w.sent, b...)
			w.writes++
			return nil
		}
		w.change.Wait()
	}
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.writeBy = t; !t.IsZero() {
		w.timer = time.AfterFunc(time.Until(t), w.change.Broadcast)
	}
	w.change.Broadcast()
	return nil
}

func (w *wire) Close() error {
	w.mu.Lock()
	w.closed = true
	w.change.Broadcast()
	w.mu.Unlock()
	return w.Conn.Close()
}

// hold has writes wait, or no more.
func (w *wire) hold(on bool) {
	w.mu.Lock()
	w.held = on
	w.change.Broadcast()
	w.mu.Unlock()
}

// fail has writes fail from now on.
func (w *wire) fail(err error) {
	w.mu.Lock()
	w.broken = err
	w.change.Broadcast()
	w.mu.Unlock()
}

// output returns all that was written.
func (w *wire) output() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// rigDispatcher is a server with one service; it counts what protocols owe it.
type rigDispatcher struct {
	watch    *protocol.Watch
	limits   protocol.Limits
	routes   map[string]*protocol.Route
	drain    chan struct{}
	admitted atomic.Int64 // calls
	reserved atomic.Int64 // bytes
	left     atomic.Int64 // handlers that have ended their goroutine
}

func (d *rigDispatcher) Lookup(path string) *protocol.Route { return d.routes[path] }
func (d *rigDispatcher) Routes() iter.Seq[*protocol.Route]  { return maps.Values(d.routes) }
func (d *rigDispatcher) Limits() *protocol.Limits           { return &d.limits }
func (d *rigDispatcher) Draining() <-chan struct{}          { return d.drain }
func (d *rigDispatcher) Logger() *slog.Logger               { return slog.New(slog.DiscardHandler) }

func (d *rigDispatcher) Lease(c protocol.ServerConn) *protocol.Lease { return d.watch.Lease(c) }

func (d *rigDispatcher) Admit(_ *fairlead.Call, size int) error {
	d.admitted.Add(1)
	d.reserved.Add(int64(size))
	return nil
}

func (d *rigDispatcher) Fallback() *protocol.Route { return nil }

func (d *rigDispatcher) NewRoute(*fairlead.Method, fairlead.Handler) (*protocol.Route, error) {
	return nil, errors.ErrUnsupported
}

func (d *rigDispatcher) Reserve(n int) error {
	if n > 3*rigMessage {
		return fairlead.Errorf(fairlead.ResourceExhausted, "too much for this test")
	}
	d.reserved.Add(int64(n))
	return nil
}

func (d *rigDispatcher) Done(_ *fairlead.Call, size int) {
	d.admitted.Add(-1)
	d.reserved.Add(-int64(size))
}

// The service of these tests. Its methods do what a request's text says.
type rigText = wrapperspb.StringValue

const rigService = "fuzz.Texts"

var (
	rigUnary  = fairlead.NewMethod[rigText, rigText](fairlead.Unary, rigService, "Unary")
	rigClient = fairlead.NewMethod[rigText, rigText](fairlead.ClientStreaming, rigService, "Client")
	rigServer = fairlead.NewMethod[rigText, rigText](fairlead.ServerStreaming, rigService, "Server")
	rigBidi   = fairlead.NewMethod[rigText, rigText](fairlead.BidiStreaming, rigService, "Bidi")
)

func (d *rigDispatcher) handlers() *fairlead.Implementation {
	return fairlead.Implement(
		fairlead.NewService(rigService, "fuzz", nil, rigUnary, rigClient, rigServer, rigBidi),
		fairlead.UnaryHandler(d.answer),
		fairlead.ClientStreamHandler(func(ctx context.Context, in *fairlead.Inbound[rigText]) (*rigText, error) {
			all := &rigText{}
			for m, err := range in.All() {
				if err != nil {
					return nil, err
				}
				if all, err = d.answer(ctx, m); err != nil {
					return nil, err
				}
			}
			return all, nil
		}),
		fairlead.ServerStreamHandler(func(ctx context.Context, req *rigText, out *fairlead.Outbound[rigText]) error {
			m, err := d.answer(ctx, req)
			for i := 0; err == nil && i < 5; i++ {
				err = out.Send(m)
			}
			return err
		}),
		fairlead.BidiHandler(func(ctx context.Context, s *fairlead.Bidi[rigText, rigText]) error {
			for m, err := range s.All() {
				if err == nil {
					m, err = d.answer(ctx, m)
				}
				if err == nil {
					err = s.Send(m)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
	)
}

func (d *rigDispatcher) answer(ctx context.Context, req *rigText) (*rigText, error) {
	c := fairlead.CallFrom(ctx)
	switch req.Value {
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "slow":
		time.Sleep(7 * time.Millisecond)
	case "fail":
		e := fairlead.Errorf(fairlead.NotFound, "as you like ☺")
		e.Details = []fairlead.Detail{{Type: "x/y.Z", Value: []byte{1}}}
		return nil, e
	case "big":
		return &rigText{Value: strings.Repeat("b", 60<<10)}, nil
	case "huge":
		return &rigText{Value: strings.Repeat("h", rigMessage+1)}, nil
	case "meta":
		c.ResponseHeader().Set("h-bin", "\x00\xff")
		c.ResponseTrailer().Set("t", strings.Repeat("t", 300))
	case "early":
		c.ResponseHeader().Set("h", "1")
		return req, c.SendHeader()
	case "goexit":
		d.left.Add(1)
		runtime.Goexit()
	}
	return req, nil
}

// newRigDispatcher makes a dispatcher whose connections run go on with resume.
func newRigDispatcher(t testing.TB, resume func(protocol.ServerConn)) *rigDispatcher {
	t.Helper()
	d := &rigDispatcher{
		watch:  protocol.NewWatch(resume),
		drain:  make(chan struct{}),
		routes: make(map[string]*protocol.Route),
		limits: protocol.Limits{
			RecvMessage: rigMessage, SendMessage: rigMessage, HeaderList: 8 << 10, Streams: rigStreams,
			Compressors: []compress.Compressor{rigZip(t)},
		},
	}
	impl := d.handlers()
	for i, m := range impl.Service.Methods {
		c, err := codec.For(proto.Codec{}, new(rigText))
		if err != nil {
			t.Fatal(err)
		}
		b := protocol.MethodCodec{Name: "proto", Req: c, Resp: c}
		b.RespSizer, _ = c.(codec.Sizer)
		d.routes[m.Path] = &protocol.Route{Method: m, Handler: impl.Handlers[i], Codecs: []protocol.MethodCodec{b}}
	}
	return d
}

func rigZip(t testing.TB) compress.Compressor {
	t.Helper()
	z, err := gzip.New()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// rig is a connection under test and its peer's end.
type rig struct {
	t    testing.TB
	c    *Conn
	w    *wire
	peer transport.Conn
	in   []byte // what the peer has sent

	keeper *protocol.Keeper // server; nil: messages have no time limit
	d      *rigDispatcher   // server
	served sync.WaitGroup

	cc      protocol.ClientConn // client
	bind    map[*fairlead.Method]protocol.Binding
	calls   sync.WaitGroup
	cancels []context.CancelFunc
	begun   int
	ended   atomic.Int64
}

// inBubble runs one input, with buffers counted and a bound on real time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	stuck := time.AfterFunc(assert.Patience(rigHang), func() {
		stacks := make([]byte, 1<<20)
		panic(fmt.Sprintf("no rest after %v\n%s", rigHang, stacks[:runtime.Stack(stacks, true)]))
	})
	defer stuck.Stop()
	buffer.Count(true)
	defer buffer.Count(false)
	synctest.Test(t, f)
	if text := buffer.Leaks(); text != "" {
		t.Errorf("buffers are left:\n%s", text)
	}
}

// rigTimed is the bit of how that gives messages a time limit.
const (
	rigTimed       = 0x20
	rigMessageTime = time.Minute
)

// newServerRig makes a server's connection. The higher bits of how, whose lower ones are for end, have it count PINGs,
// bear with little that is of no use, and limit the time of messages; more changes what else it is configured with.
func newServerRig(t *testing.T, how int, more ...func(*Config)) *rig {
	t.Helper()
	near, far := inproc.Pipe()
	r := &rig{t: t, peer: far, w: newWire(near)}
	serve := func(c protocol.ServerConn) {
		if err := c.Serve(); err != nil {
			c.Close(err)
			r.served.Done()
		}
	}
	r.d = newRigDispatcher(t, serve)
	app := grpc.NewServer()
	if err := app.Attach(r.d); err != nil {
		t.Fatal(err)
	}
	l := r.d.Limits()
	cfg := &Config{
		MaxStreams: l.Streams, HeaderList: l.HeaderList, QueuedBytes: rigQueued, Logger: r.d.Logger(),
	}
	if how&0x40 != 0 {
		cfg.ControlBudget = 12
	}
	if how&rigTimed != 0 {
		if cfg.Guard == nil {
			cfg.Guard = new(protocol.Guard)
		}
		cfg.Guard.MessageTimeout = rigMessageTime
		r.keeper = protocol.NewKeeper(protocol.Alive{Message: rigMessageTime})
	}
	if how&0x80 != 0 {
		cfg.PingMin = time.Minute
	}
	for _, f := range more {
		f(cfg)
	}
	c := NewServer(r.w, cfg, r.d, rigSelector{app, r.d.routes})
	r.c = c.Conn
	if r.keeper != nil {
		r.keeper.Add(c, 0)
	}
	r.served.Add(1)
	go serve(c)
	return r
}

func newClientRig(t *testing.T) *rig {
	t.Helper()
	near, far := inproc.Pipe()
	r := &rig{t: t, peer: far, w: newWire(near), bind: make(map[*fairlead.Method]protocol.Binding)}
	logger := slog.New(slog.DiscardHandler)
	cfg := &protocol.ClientConfig{
		Codec: proto.Codec{}, Compressors: []compress.Compressor{rigZip(t)}, RecvMessage: rigMessage,
		SendMessage: 4 * rigMessage, HeaderList: 8 << 10, Authority: "fuzz", Logger: logger,
	}
	app := grpc.NewClient()
	for _, m := range []*fairlead.Method{rigUnary, rigClient, rigServer, rigBidi} {
		b, err := app.Bind(m, cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.bind[m] = b
	}
	c := NewClient(r.w, &Config{HeaderList: cfg.HeaderList, QueuedBytes: rigQueued, Logger: logger})
	r.c = c.Conn
	r.cc = app.NewConn(c, cfg)
	return r
}

// call begins a call of one of several kinds, in a goroutine of its own.
func (r *rig) call(kind int) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancels = append(r.cancels, cancel)
	r.begun++
	r.calls.Go(func() {
		defer r.ended.Add(1)
		var opts []fairlead.CallOption
		if kind >= 8 {
			opts = append(opts, fairlead.WithTimeout(50*time.Millisecond), fairlead.WithCompressor("gzip"))
		}
		text := &rigText{Value: "question"}
		if kind&4 != 0 {
			text.Value = strings.Repeat("long", 20<<10)
		}
		m := []*fairlead.Method{rigUnary, rigClient, rigServer, rigBidi}[kind&3]
		c := fairlead.NewCall(m, text, opts...)
		if m == rigUnary {
			r.judge(c, r.cc.Unary(ctx, r.bind[m], c))
			return
		}
		if err := r.cc.Open(ctx, r.bind[m], c); err != nil {
			r.judge(c, err)
			return
		}
		r.stream(ctx, c, text)
	})
	synctest.Wait()
}

// open opens a stream, which is the caller's to end.
func (r *rig) open(m *fairlead.Method) (*fairlead.Call, error) {
	c := fairlead.NewCall(m, &rigText{Value: "question"})
	return c, r.cc.Open(context.Background(), r.bind[m], c)
}

// judge looks at the outcome of a unary call, or of one that was not opened.
func (r *rig) judge(c *fairlead.Call, err error) {
	if err == nil && c.Response() == nil {
		r.t.Error("a call succeeded without a response")
	}
	if e := fairlead.ErrorOf(err); err != nil && !errors.Is(err, protocol.ErrFull) && e.Code == fairlead.OK {
		r.t.Errorf("a call failed with OK: %v", err)
	}
}

// stream runs an open stream to its end.
func (r *rig) stream(ctx context.Context, c *fairlead.Call, text *rigText) {
	st := c.Stream()
	var sender sync.WaitGroup
	if c.Method().Kind.ClientStreams() {
		sender.Go(func() {
			for range 3 {
				if st.Send(text) != nil {
					return
				}
			}
			_ = st.CloseSend()
		})
	}
	_ = c.WaitHeader(ctx)
	for n := 0; ; n++ {
		var m rigText
		err := st.Recv(&m)
		if err == nil {
			continue
		}
		if again := st.Recv(&m); again == nil || err == io.EOF && again != io.EOF {
			r.t.Errorf("after %v Recv returned %v", err, again)
		}
		if err == io.EOF && n != 1 && !c.Method().Kind.ServerStreams() {
			r.t.Errorf("a client stream had %d responses", n)
		}
		break
	}
	_ = st.Close()
	sender.Wait()
}

// send has the peer write b, and waits for rest.
func (r *rig) send(b []byte) {
	r.in = append(r.in, b...)
	for len(b) > 0 {
		// The pipe takes 256 KiB, and the engine may leave it full while its writes are held up.
		n := min(len(b), 64<<10)
		_ = r.peer.SetWriteDeadline(time.Now().Add(time.Minute))
		if r.peer.Write(b[:n]) != nil {
			break
		}
		b = b[n:]
	}
	synctest.Wait()
}

// rest lets a moment pass, in which roles move on and answers leave, and then checks what must be so at rest.
func (r *rig) rest() {
	r.t.Helper()
	time.Sleep(5 * time.Millisecond)
	synctest.Wait()
	r.bounded()
	c := r.c
	r.w.mu.Lock()
	held := r.w.held
	r.w.mu.Unlock()
	c.w.Lock()
	defer c.w.Unlock()
	c.smu.Lock()
	defer c.smu.Unlock()
	if c.w.Err() != nil || c.s.err != nil {
		return // over
	}
	if r.gaveUp() {
		return // about to be
	}
	if held {
		return // a GOAWAY may be waiting to be written
	}
	if c.w.window > maxWindow {
		r.t.Errorf("the connection's send window is %d", c.w.window)
	}
	r.quiet()
	r.streams()
	// The window of the last frame for a handler that lost the reading role is given back when it returns, and never if
	// it does not return.
	late := 0
	if !c.client {
		late = defaultFrameSize * int(r.d.admitted.Load()+r.d.left.Load())
	}
	if n := c.received.Load() + c.r.uncredit + c.withheld.Load(); n > connWindow || n < connWindow-int64(late) {
		r.t.Errorf("window for the peer: %d it has, %d not given back, %d withheld: together not %d",
			c.received.Load(), c.r.uncredit, c.withheld.Load(), connWindow)
	}
}

// gaveUp says whether the engine has sent a GOAWAY because of what the peer did.
func (r *rig) gaveUp() bool {
	all, _ := rawFrames(r.w.output())
	return slices.ContainsFunc(all, func(f rawFrame) bool {
		return f.typ == frameGoaway && binary.BigEndian.Uint32(f.payload[4:]) != 0
	})
}

// quiet checks that nothing waits that could be written. The locks are held.
func (r *rig) quiet() {
	w := &r.c.w
	if w.Writing() || w.Len() > 0 {
		r.t.Errorf("at rest: writing %v, %d bytes wait", w.Writing(), w.Len())
	}
	for _, s := range r.c.s.table.all() {
		if s.out == nil {
			continue
		}
		if w.window > 0 && s.window() > 0 && len(s.out.B) > s.outAt {
			r.t.Errorf("stream %d has %d bytes to send and window for them", s.id, len(s.out.B)-s.outAt)
		}
		if len(s.out.B) == s.outAt {
			r.t.Errorf("stream %d waits with nothing to send", s.id)
		}
	}
}

// streams checks the account of streams. The locks are held.
func (r *rig) streams() {
	c := r.c
	st := &c.s
	all := st.table.all()
	if len(all) != st.table.n {
		r.t.Errorf("the table has %d streams, its account says %d", len(all), st.table.n)
	}
	elsewhere := 0
	if cur := c.r.cur; !c.client && cur != nil && !cur.inTable && !cur.over {
		elsewhere = 1
	}
	if st.running != nil && !st.running.inTable {
		elsewhere++
	}
	if st.open != len(all)+elsewhere {
		r.t.Errorf("%d streams are open; %d in the table, %d elsewhere", st.open, len(all), elsewhere)
	}
	if !c.client && st.open > c.cfg.MaxStreams {
		r.t.Errorf("%d streams are open, the limit is %d", st.open, c.cfg.MaxStreams)
	}
	if d := r.d; d != nil && int64(st.orphans) > d.admitted.Load() {
		r.t.Errorf("%d handlers count as running without a stream, %d calls are admitted", st.orphans, d.admitted.Load())
	}
	queued := int64(0)
	for _, s := range all {
		if s.over || !s.inTable {
			r.t.Errorf("stream %d is in the table: over %v, in the table %v", s.id, s.over, s.inTable)
		}
		if s.window() > maxWindow {
			r.t.Errorf("stream %d may send %d bytes", s.id, s.window())
		}
		s.mu.Lock()
		if s.body != nil {
			queued += int64(len(s.body.B))
		}
		if s.p != nil {
			queued += s.p.held
		}
		s.mu.Unlock()
	}
	if n := c.queued.Load(); n < queued {
		r.t.Errorf("%d bytes are held, the account says %d", queued, n)
	}
}

// bounded checks that the answers are in proportion to what was sent.
func (r *rig) bounded() {
	r.t.Helper()
	// The longest answer by far is to a message that asks for five times 60 KiB; a short HEADERS frame alone gets a
	// status.
	n := len(r.w.output())
	if most := 1<<20 + 64*len(r.in); n > most+r.begun*(1<<20) {
		r.t.Fatalf("%d bytes came back for %d", n, len(r.in))
	}
}

// end ends the connection in one of several ways and checks that nothing is left.
func (r *rig) end(how int) {
	r.t.Helper()
	switch how % 4 {
	case 0: // the peer hangs up
		_ = r.peer.Close()
	case 1: // this side does
		r.c.Close(nil)
	case 2: // it drains
		if r.c.client {
			r.cc.Drain()
		} else {
			ServerConn{r.c}.Drain(false)
			synctest.Wait()
			ServerConn{r.c}.Drain(true)
		}
		time.Sleep(time.Second)
	default: // nothing happens for long
		time.Sleep(5 * time.Minute)
	}
	synctest.Wait()
	r.w.hold(false)
	time.Sleep(40 * time.Second)
	synctest.Wait()
	if how%4 == 0 {
		_ = r.peer.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
	}
	if r.c.client {
		r.cc.Close(nil)
		r.calls.Wait()
		for _, cancel := range r.cancels {
			cancel()
		}
	} else {
		r.c.Close(nil)
	}
	_ = r.peer.Close()
	if r.d != nil {
		r.served.Wait()
	}
	time.Sleep(time.Second)
	synctest.Wait()
	if r.d != nil {
		r.d.watch.Close()
	}
	if r.keeper != nil {
		r.keeper.Close()
	}
	r.over()
}

// over checks what must be so when all is over.
func (r *rig) over() {
	r.t.Helper()
	c := r.c
	c.w.Lock()
	defer c.w.Unlock()
	c.smu.Lock()
	defer c.smu.Unlock()
	if c.s.table.n != 0 || len(c.s.table.all()) != 0 {
		r.t.Errorf("%d streams are left in the table", c.s.table.n)
	}
	elsewhere := 0
	if cur := c.r.cur; !c.client && cur != nil && !cur.over {
		elsewhere = 1 // a request whose body never came, and that nobody has
	}
	if c.s.open != elsewhere {
		r.t.Errorf("%d streams are open after the end, want %d", c.s.open, elsewhere)
	}
	if n := c.queued.Load(); n != 0 {
		r.t.Errorf("%d bytes are held after the end", n)
	}
	if d := r.d; d != nil && (d.admitted.Load() != 0 || d.reserved.Load() != 0) {
		r.t.Errorf("%d calls and %d bytes are not given back", d.admitted.Load(), d.reserved.Load())
	}
	if n := r.ended.Load(); n != int64(r.begun) {
		r.t.Errorf("%d of %d calls have ended", n, r.begun)
	}
	if err := checkOutput(r.in, r.w.output(), c.client); err != nil {
		r.t.Errorf("what the engine wrote: %v", err)
	}
	if r.t.Failed() {
		r.t.Logf("the peer:%s\nthe engine:%s", listing(r.in), listing(r.w.output()))
	}
}

// rigSelector selects one protocol, and itself for requests that it does not take.
type rigSelector struct {
	protocol.HTTP

	routes map[string]*protocol.Route
}

func (r rigSelector) Route(path []byte) *protocol.Route { return r.routes[string(path)] }

func (r rigSelector) Select(h *protocol.Head) (protocol.Responder, protocol.Mode) {
	if h.TooLarge {
		return rigRefuser{}, protocol.Streamed
	}
	if mode := r.Match(h); mode.Takes() {
		return r.HTTP, mode
	}
	return rigRefuser{}, protocol.Complete
}

type rigRefuser struct{}

func (rigRefuser) Deadline(h *protocol.Head) time.Time { return h.Came.Add(time.Second) }
func (rigRefuser) Stream(x protocol.Exchange)          { x.Finish(protocol.Section{Status: 404}) }
func (rigRefuser) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	_ = x.Reply(&protocol.Reply{Head: protocol.Section{Status: 404}, Message: protocol.Message{Bytes: []byte("no")}})
	return nil
}
