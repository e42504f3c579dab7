package protocoltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// pair is a server with one client connection.
type pair struct {
	server *server.Server
	conn   protocol.ClientConn
	echo   *protocoltest.EchoClient
	desc   *protocoltest.Echo
	config *protocol.ClientConfig
}

func newPair(t *testing.T, h protocoltest.Handlers, opts ...server.Option) *pair {
	t.Helper()
	desc := protocoltest.NewEcho("test.Echo")
	network := inproc.New()
	opts = append([]server.Option{
		server.Service(desc.Implement(h)),
		server.Protocol(protocoltest.NewFrameServer()),
		server.Codec(protocoltest.Codec{}),
		server.Transport(network),
		server.Listen("echo:1"),
	}, opts...)
	s, err := server.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := &protocol.ClientConfig{
		Codec: protocoltest.Codec{}, RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 1 << 16,
		UserAgent: "test/1", Authority: "echo",
	}
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "echo:1"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := protocoltest.FrameClient{}.NewConn(t.Context(), tc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close(errors.New("test over"))
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	direct := protocoltest.NewDirect(t, protocoltest.FrameClient{}, conn, cfg)
	return &pair{server: s, conn: conn, echo: desc.NewClient(direct), desc: desc, config: cfg}
}

func TestUnary(t *testing.T) {
	t.Parallel()
	p := newPair(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			c := fairlead.CallFrom(ctx)
			c.ResponseHeader().Set("got", c.RequestHeader().Get("k"))
			c.ResponseTrailer().Set("bytes-bin", "\x00\xff")
			d, ok := c.Deadline()
			if !ok || time.Until(d) > time.Minute || time.Until(d) < 50*time.Second {
				t.Errorf("got deadline %v, %v; want one in a minute", d, ok)
			}
			if got, want := c.UserAgent()+" "+c.Authority(), "test/1 echo"; got != want {
				t.Errorf("got user agent and authority %q, want %q", got, want)
			}
			return m, nil
		},
	})
	var info fairlead.CallInfo
	got, err := p.echo.Unary(t.Context(), &protocoltest.Msg{Text: "hi", N: -7}, fairlead.WithInfo(&info),
		fairlead.WithHeader("k", "v"), fairlead.WithTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if want := (protocoltest.Msg{Text: "hi", N: -7}); *got != want {
		t.Errorf("got %v, want %v", *got, want)
	}
	if got := info.Header.Get("got"); got != "v" {
		t.Errorf("got header %q, want %q", got, "v")
	}
	if got := info.Trailer.Get("bytes-bin"); got != "\x00\xff" {
		t.Errorf("got trailer %q, want %q", got, "\x00\xff")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		err  error
		want fairlead.Code
	}{
		{"error", &fairlead.Error{
			Code: fairlead.NotFound, Message: "not here", Details: []fairlead.Detail{{Type: "a/b", Value: []byte{1}}},
		}, fairlead.NotFound},
		{"plain", errors.New("plain"), fairlead.Unknown},
		{"context", context.DeadlineExceeded, fairlead.DeadlineExceeded},
		{protocoltest.Refused, nil, fairlead.Internal},
	}
	p := newPair(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			fairlead.CallFrom(ctx).ResponseTrailer().Set("k", "v")
			if tests[m.N].err != nil {
				return nil, tests[m.N].err
			}
			return &protocoltest.Msg{Text: tests[m.N].text}, nil
		},
	})
	for i, tt := range tests {
		var info fairlead.CallInfo
		_, err := p.echo.Unary(t.Context(), &protocoltest.Msg{N: int64(i)}, fairlead.WithInfo(&info))
		e := fairlead.ErrorOf(err)
		if e == nil || e.Code != tt.want || !e.FromPeer() {
			t.Errorf("%s: got %v, want %v from the peer", tt.text, err, tt.want)
			continue
		}
		if tt.want == fairlead.NotFound && (len(e.Details) != 1 || e.Details[0].Type != "a/b") {
			t.Errorf("%s: got details %v", tt.text, e.Details)
		}
		if got := info.Trailer.Get("k"); got != "v" {
			t.Errorf("%s: got trailer %q, want v", tt.text, got)
		}
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	p := newPair(t, protocoltest.Handlers{})
	const n = 100 // several windows
	t.Run("gather", func(t *testing.T) {
		t.Parallel()
		s, err := p.echo.Gather(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := s.Send(&protocoltest.Msg{N: int64(i)}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.CloseAndRecv()
		if err != nil || got.N != n*(n-1)/2 {
			t.Errorf("got %v, %v; want %d", got, err, n*(n-1)/2)
		}
	})
	t.Run("scatter", func(t *testing.T) {
		t.Parallel()
		s, err := p.echo.Scatter(t.Context(), &protocoltest.Msg{N: n})
		if err != nil {
			t.Fatal(err)
		}
		var count int64
		for m, err := range s.All() {
			if err != nil {
				t.Fatal(err)
			}
			if m.N != count {
				t.Fatalf("got message %d, want %d", m.N, count)
			}
			count++
		}
		if count != n {
			t.Errorf("got %d messages, want %d", count, n)
		}
	})
	t.Run("chat", func(t *testing.T) {
		t.Parallel()
		s, err := p.echo.Chat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := s.Send(&protocoltest.Msg{N: int64(i)}); err != nil {
				t.Fatal(err)
			}
			m, err := s.Recv()
			if err != nil || m.N != int64(i) {
				t.Fatalf("got %v, %v; want %d", m, err, i)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if m, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, %v; want io.EOF", m, err)
		}
	})
}

// TestBackpressure: a sender waits for a receiver that does not receive.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	sent := make(chan int, 1000)
	p := newPair(t, protocoltest.Handlers{
		Scatter: func(_ context.Context, _ *protocoltest.Msg, s *fairlead.Outbound[protocoltest.Msg]) error {
			for i := range 40 {
				if err := s.Send(&protocoltest.Msg{N: int64(i)}); err != nil {
					return err
				}
				sent <- i
			}
			return nil
		},
	})
	s, err := p.echo.Scatter(t.Context(), &protocoltest.Msg{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		if got := <-sent; got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
	}
	select {
	case i := <-sent:
		t.Errorf("message %d was sent without credit", i)
	default:
	}
	count := 0
	for _, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != 40 {
		t.Errorf("got %d messages, want 40", count)
	}
}

func TestCancel(t *testing.T) { //nolint:tparallel // the subtests take turns with the handlers
	t.Parallel()
	entered := make(chan struct{})
	left := make(chan error, 1)
	wait := func(ctx context.Context) error {
		entered <- struct{}{}
		<-ctx.Done()
		left <- ctx.Err()
		return ctx.Err()
	}
	p := newPair(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, _ *protocoltest.Msg) (*protocoltest.Msg, error) { return nil, wait(ctx) },
		Chat: func(ctx context.Context, _ *fairlead.Bidi[protocoltest.Msg, protocoltest.Msg]) error {
			return wait(ctx)
		},
	})
	t.Run("unary", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-entered; cancel() }()
		if _, err := p.echo.Unary(ctx, &protocoltest.Msg{}); fairlead.CodeOf(err) != fairlead.Canceled {
			t.Errorf("got %v, want CANCELLED", err)
		}
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler got %v, want context.Canceled", err)
		}
	})
	t.Run("unary deadline", func(t *testing.T) {
		go func() { <-entered }()
		_, err := p.echo.Unary(t.Context(), &protocoltest.Msg{}, fairlead.WithTimeout(assert.Patience(20*time.Millisecond)))
		if fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
			t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
		}
		<-left
	})
	t.Run("stream context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := p.echo.Chat(ctx)
		if err != nil {
			t.Fatal(err)
		}
		<-entered
		cancel()
		if _, err := s.Recv(); fairlead.CodeOf(err) != fairlead.Canceled {
			t.Errorf("got %v, want CANCELLED", err)
		}
		<-left
		if err := s.Send(&protocoltest.Msg{}); !errors.Is(err, io.EOF) {
			t.Errorf("Send after the end: got %v, want io.EOF", err)
		}
	})
	t.Run("stream deadline", func(t *testing.T) {
		s, err := p.echo.Chat(t.Context(), fairlead.WithTimeout(assert.Patience(20*time.Millisecond)))
		if err != nil {
			t.Fatal(err)
		}
		<-entered
		if _, err := s.Recv(); fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
			t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
		}
		<-left
	})
	t.Run("stream close", func(t *testing.T) {
		s, err := p.echo.Chat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-entered
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-left
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	p := newPair(t, protocoltest.Handlers{}, server.MaxRecvMessage(1000), server.MaxHeaderList(1024))
	for _, tt := range []struct {
		name string
		size int
		opts []fairlead.CallOption
		want fairlead.Code
	}{
		{"short", 900, nil, fairlead.OK},
		{"longer than the server takes", 1100, nil, fairlead.ResourceExhausted},
		{"longer than the server buffers", 100_000, nil, fairlead.ResourceExhausted},
		{"longer than the caller receives", 900, []fairlead.CallOption{fairlead.WithRecvLimit(10)},
			fairlead.ResourceExhausted},
		{"longer than the caller sends", 900, []fairlead.CallOption{fairlead.WithSendLimit(10)},
			fairlead.ResourceExhausted},
		{"after all that", 10, nil, fairlead.OK},
	} {
		_, err := p.echo.Unary(t.Context(), &protocoltest.Msg{Text: strings.Repeat("x", tt.size)}, tt.opts...)
		if got := fairlead.CodeOf(err); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	p := newPair(t, protocoltest.Handlers{
		Unary: func(_ context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			if m.N == 1 {
				close(entered)
				<-release
			}
			return m, nil
		},
	}, server.MaxStreams(1))
	// The server's limit is known when its settings are there, which a first call makes sure of.
	if _, err := p.echo.Unary(t.Context(), &protocoltest.Msg{}); err != nil {
		t.Fatal(err)
	}
	if got := p.conn.Free(); got != 1 {
		t.Errorf("got %d free, want 1", got)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := p.echo.Unary(t.Context(), &protocoltest.Msg{N: 1}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	if _, err := p.echo.Unary(t.Context(), &protocoltest.Msg{}); !errors.Is(err, protocol.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	select {
	case <-p.conn.Freed(): // of the first call
	default:
	}
	close(release)
	wg.Wait()
	<-p.conn.Freed()
	if got := p.conn.Free(); got != 1 {
		t.Errorf("got %d free, want 1", got)
	}
}

// TestMany runs all kinds at once, some of them stalling, so that the reading role moves about.
func TestMany(t *testing.T) {
	t.Parallel()
	p := newPair(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			if m.N%50 == 0 {
				timer := time.NewTimer(5 * time.Millisecond) // a slow handler
				defer timer.Stop()
				select {
				case <-timer.C:
				case <-ctx.Done():
				}
			}
			return m, nil
		},
	})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				want := protocoltest.Msg{Text: fmt.Sprint(g), N: int64(i)}
				if got, err := p.echo.Unary(t.Context(), &want); err != nil || *got != want {
					t.Errorf("got %v, %v; want %v", got, err, want)
					return
				}
			}
			s, err := p.echo.Scatter(t.Context(), &protocoltest.Msg{N: 50})
			if err != nil {
				t.Error(err)
				return
			}
			for _, err := range s.All() {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDrain(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	draining := make(chan struct{})
	p := newPair(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			close(entered)
			<-fairlead.CallFrom(ctx).Draining()
			close(draining)
			<-release
			return m, nil
		},
	})
	result := make(chan error, 1)
	go func() {
		_, err := p.echo.Unary(t.Context(), &protocoltest.Msg{})
		result <- err
	}()
	<-entered
	over := make(chan error, 1)
	go func() { over <- p.server.Shutdown(t.Context()) }()
	<-draining
	<-p.conn.Closed()
	if got := p.conn.Free(); got != 0 {
		t.Errorf("got %d free while draining, want 0", got)
	}
	if _, err := p.echo.Unary(t.Context(), &protocoltest.Msg{}); !errors.Is(err, protocol.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	close(release)
	if err := <-result; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	if err := <-over; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first string
		want  protocol.Verdict
	}{
		{"F", protocol.More},
		{"FRAME/1", protocol.More},
		{"FRAME/1\n", protocol.Yes},
		{"FRAME/1\nmore", protocol.Yes},
		{"GET / HTTP/1.1\r\n", protocol.No},
		{"FRAME/2\n", protocol.No},
	} {
		if got := protocoltest.NewFrameServer().Detect([]byte(tt.first)); got != tt.want {
			t.Errorf("%q: got %d, want %d", tt.first, got, tt.want)
		}
	}
}
