package attack_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/server"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // presets log calls there
	leakcheck.Main(m)
}

// patience is how long anything here may take.
const patience = 20 * time.Second

// Paths of the service.
const (
	unaryPath    = "/grpc.testing.TestService/UnaryCall"
	stubbornPath = "/grpc.testing.TestService/EmptyCall"
	duplexPath   = "/grpc.testing.TestService/FullDuplexCall"
	inputPath    = "/grpc.testing.TestService/StreamingInputCall"
	outputPath   = "/grpc.testing.TestService/StreamingOutputCall"
)

type duplexServer = grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]

// service echoes. EmptyCall stays until release is closed, whatever becomes of its call, and counts how many do so.
type service struct {
	testpb.UnimplementedTestServiceServer

	release chan struct{}
	running atomic.Int64
	most    atomic.Int64
	sent    atomic.Int64 // messages sent by StreamingOutputCall
}

func (s *service) UnaryCall(_ context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	p := in.GetPayload()
	if n := in.GetResponseSize(); n > 0 {
		p = &testpb.Payload{Body: make([]byte, n)}
	}
	return &testpb.SimpleResponse{Payload: p}, nil
}

func (s *service) EmptyCall(context.Context, *testpb.Empty) (*testpb.Empty, error) {
	n := s.running.Add(1)
	defer s.running.Add(-1)
	for {
		if most := s.most.Load(); n <= most || s.most.CompareAndSwap(most, n) {
			break
		}
	}
	<-s.release
	return &testpb.Empty{}, nil
}

func (s *service) FullDuplexCall(stream duplexServer) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&testpb.StreamingOutputCallResponse{Payload: m.GetPayload()}); err != nil {
			return err
		}
	}
}

func (s *service) StreamingOutputCall(
	_ *testpb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse],
) error {
	m := &testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, 16<<10)}}
	for {
		if err := out.Send(m); err != nil {
			return err
		}
		s.sent.Add(1)
	}
}

// StreamingInputCall does not read.
func (s *service) StreamingInputCall(
	in grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse],
) error {
	<-in.Context().Done()
	return in.Context().Err()
}

// target is a server under attack and a good client of it.
type target struct {
	*server.Server

	t    *testing.T
	svc  *service
	good testpb.TestServiceClient
}

func newTarget(t *testing.T, opts ...server.Option) *target {
	t.Helper()
	tg := newTargetWithoutClient(t, opts...)
	_, tg.good = newGoodClient(t, tg.Addr().String())
	tg.answers()
	return tg
}

func newTargetWithoutClient(t *testing.T, opts ...server.Option) *target {
	t.Helper()
	svc := &service{release: make(chan struct{})}
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, svc)
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	s, err := preset.NewServer("127.0.0.1:0", append([]server.Option{server.Service(impls...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = s.Shutdown(ctx) // attackers do not hang up
	})
	return &target{Server: s, t: t, svc: svc}
}

// answers makes a call as a good client.
func (tg *target) answers() {
	tg.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(patience))
	defer cancel()
	in := &testpb.SimpleRequest{Payload: &testpb.Payload{Body: []byte("hello")}}
	if _, err := tg.good.UnaryCall(ctx, in); err != nil {
		tg.t.Errorf("a good client's call: %v", err)
	}
}

// bounds are what an attack may take at most.
type bounds struct {
	heap       uint64 // MiB
	goroutines int
}

// during runs an attack while a good client calls, and checks that it was answered and that the attack took no more
// than it may. The memory is that at the end, with the attacker still there.
func (tg *target) during(b bounds, attack func()) {
	t := tg.t
	t.Helper()
	before, goroutines := heap(), runtime.NumGoroutine()
	stop, done := make(chan struct{}), make(chan struct{})
	calls, slowest := 0, time.Duration(0)
	go func() {
		defer close(done)
		pause := time.NewTicker(2 * time.Millisecond)
		defer pause.Stop()
		for {
			began := time.Now()
			tg.answers()
			slowest = max(slowest, time.Since(began))
			calls++
			select {
			case <-stop:
				return
			case <-pause.C:
			}
		}
	}()
	attack()
	close(stop)
	<-done
	// What has ended may take a moment to return.
	tg.eventually("no more goroutines than allowed", func() bool {
		return runtime.NumGoroutine()-goroutines <= b.goroutines
	})
	after := heap()
	tg.answers()
	if grown := (max(after, before) - before) >> 20; grown > b.heap {
		t.Errorf("got %d MiB more of heap, want %d at most", grown, b.heap)
	}
	if calls == 0 || slowest > assert.Patience(5*time.Second) {
		t.Errorf("got %d calls of a good client, the slowest of %v", calls, slowest)
	}
}

// heap returns the bytes that are in use.
func heap() uint64 {
	debug.FreeOSMemory() // pools are emptied by the second collection
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// counted checks that the server has counted an abuse.
func (tg *target) counted(a protocol.Abuse) {
	tg.t.Helper()
	tg.eventually("that "+a.String()+" is counted", func() bool { return tg.Stats().Guard[a] > 0 })
}

// eventually waits for something that another goroutine does.
func (tg *target) eventually(what string, ok func() bool) {
	tg.t.Helper()
	eventually(tg.t, what, ok)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(assert.Patience(patience))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain: want %s", what)
			return
		}
		<-tick.C
	}
}

// attacker is one hostile connection. Its frames are buffered; a goroutine reads what the server sends.
type attacker struct {
	*http2.Framer

	t    *testing.T
	nc   net.Conn
	w    *bufio.Writer
	enc  *hpack.Encoder
	hbuf bytes.Buffer
	id   uint32 // of the next stream

	over   chan struct{} // closed when the server has closed the connection or sent GOAWAY with an error
	closed chan struct{} // closed when the connection has ended
	once   sync.Once

	mu     sync.Mutex
	goaway *http2.GoAwayFrame
	debug  string
	resets map[uint32]http2.ErrCode
	ended  map[uint32]bool
	acks   int // of SETTINGS
	pings  int // PING acknowledgements
	data   int // bytes of DATA
}

// attack connects to the server.
func (tg *target) attack() *attacker {
	tg.t.Helper()
	nc, err := new(net.Dialer).DialContext(tg.t.Context(), "tcp", tg.Addr().String())
	if err != nil {
		tg.t.Fatal(err)
	}
	return newAttacker(tg.t, nc)
}

func newAttacker(t *testing.T, nc net.Conn) *attacker {
	t.Helper()
	a := &attacker{
		t: t, nc: nc, w: bufio.NewWriterSize(nc, 16<<10), id: 1,
		over: make(chan struct{}), closed: make(chan struct{}),
		resets: make(map[uint32]http2.ErrCode), ended: make(map[uint32]bool),
	}
	a.Framer = http2.NewFramer(a.w, bufio.NewReader(nc))
	a.AllowIllegalWrites = true
	a.SetMaxReadFrameSize(1 << 20)
	a.enc = hpack.NewEncoder(&a.hbuf)
	t.Cleanup(func() { _ = nc.Close() })
	return a
}

// start sends the preface and SETTINGS and begins to read.
func (a *attacker) start(settings ...http2.Setting) *attacker {
	a.preface(settings...)
	go a.read()
	a.t.Cleanup(func() { <-a.closed }) // runs before the socket's
	a.t.Cleanup(func() { _ = a.nc.Close() })
	return a
}

// preface sends what a client sends first, and does not read.
func (a *attacker) preface(settings ...http2.Setting) *attacker {
	_, _ = a.w.WriteString(http2.ClientPreface)
	_ = a.WriteSettings(settings...)
	a.flush()
	return a
}

func (a *attacker) flush() bool { return a.w.Flush() == nil }

func (a *attacker) read() {
	defer close(a.closed)
	defer a.end()
	for {
		f, err := a.ReadFrame()
		if err != nil {
			return
		}
		a.mu.Lock()
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			a.goaway, a.debug = f, string(f.DebugData())
			if f.ErrCode != http2.ErrCodeNo {
				a.end()
			}
		case *http2.RSTStreamFrame:
			a.resets[f.StreamID] = f.ErrCode
			if len(a.resets) > 1<<12 {
				clear(a.resets)
			}
		case *http2.SettingsFrame:
			if f.IsAck() {
				a.acks++
			}
		case *http2.PingFrame:
			a.pings++
		case *http2.DataFrame:
			a.data += len(f.Data())
			a.ended[f.StreamID] = f.StreamEnded()
		case *http2.HeadersFrame:
			a.ended[f.StreamID] = f.StreamEnded()
		}
		a.mu.Unlock()
	}
}

func (a *attacker) end() { a.once.Do(func() { close(a.over) }) }

// dead says whether the server has had enough.
func (a *attacker) dead() bool {
	select {
	case <-a.over:
		return true
	default:
		return false
	}
}

// flood calls f up to n times, until the server has had enough.
func (a *attacker) flood(n int, f func()) {
	for range n {
		if a.dead() {
			return
		}
		f()
		if a.w.Buffered() > 12<<10 && !a.flush() {
			return
		}
	}
	a.flush()
}

// sentAway checks that the server has ended the connection, with that code and a reason that has the text if the
// attacker got to see them: of one that goes on sending the kernel drops what it has not read when the server hangs up.
func (a *attacker) sentAway(code http2.ErrCode, text string) {
	a.t.Helper()
	timer := time.NewTimer(assert.Patience(patience))
	defer timer.Stop()
	select {
	case <-a.over:
	case <-timer.C:
		a.t.Fatalf("got no end of the connection, want %v", code)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.goaway == nil:
		a.t.Logf("got no GOAWAY")
	case a.goaway.ErrCode != code || !strings.Contains(a.debug, text):
		a.t.Errorf("got GOAWAY %v %q, want %v %q", a.goaway.ErrCode, a.debug, code, text)
	}
}

// alive checks that the connection still works.
func (a *attacker) alive() {
	a.t.Helper()
	a.mu.Lock()
	before := a.pings
	a.mu.Unlock()
	_ = a.WritePing(false, [8]byte{1})
	a.flush()
	eventually(a.t, "an answer to a PING", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.pings > before || a.goaway != nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.goaway != nil {
		a.t.Errorf("got GOAWAY %v %q, want a connection that goes on", a.goaway.ErrCode, a.debug)
	}
}

// reset waits for the server to reset a stream.
func (a *attacker) reset(id uint32, want http2.ErrCode) {
	a.t.Helper()
	var got http2.ErrCode
	eventually(a.t, "a reset stream", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		code, ok := a.resets[id]
		got = code
		return ok || a.goaway != nil
	})
	if got != want {
		a.t.Errorf("got a reset with %v, want %v", got, want)
	}
}

// head returns the block of a request.
func (a *attacker) head(path string, more ...string) []byte {
	return a.block(append([]string{
		":method", "POST", ":scheme", "http", ":path", path, ":authority", "victim",
		"content-type", "application/grpc", "te", "trailers",
	}, more...)...)
}

// block encodes names and values.
func (a *attacker) block(fields ...string) []byte {
	a.hbuf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = a.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(a.hbuf.Bytes())
}

// open sends the head of a request on the next stream.
func (a *attacker) open(block []byte, end bool) uint32 {
	id := a.id
	a.id += 2
	_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: end, EndHeaders: true})
	return id
}

// call sends a whole request with an empty message.
func (a *attacker) call(path string) uint32 {
	id := a.open(a.head(path), false)
	_ = a.WriteData(id, true, make([]byte, 5))
	return id
}

// deaf is a connection whose peer does not read: its buffers are small.
func (tg *target) deaf() *attacker {
	tg.t.Helper()
	nc, err := new(net.Dialer).DialContext(tg.t.Context(), "tcp", tg.Addr().String())
	if err != nil {
		tg.t.Fatal(err)
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
	return newAttacker(tg.t, nc)
}

// newGoodClient makes a client for an address.
func newGoodClient(t *testing.T, addr string, opts ...client.Option) (*client.Client, testpb.TestServiceClient) {
	t.Helper()
	c, err := preset.NewClient("static:///"+addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, testpb.NewTestServiceClient(grpcgo.NewConn(c))
}

// timedOut says whether a write has met its deadline, because nobody reads.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
