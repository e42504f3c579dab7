package protocoltest

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
)

// Env is a wire under test: one connection of a client to a server of the wire, or a whole client.
type Env struct {
	Client protocol.Client
	Conn   protocol.ClientConn
	// Config is what Conn was made with. Its codec is Codec, and neither side limits messages to less than 4 MiB.
	Config *protocol.ClientConfig
	// Binder, if it is not nil, makes the calls, and Client, Conn and Config are not used. Tests of a connection are left
	// out then.
	Binder fairlead.Binder
}

// binder returns what makes calls.
func (e *Env) binder(t *testing.T) fairlead.Binder {
	t.Helper()
	if e.Binder != nil {
		return e.Binder
	}
	return NewDirect(t, e.Client, e.Conn, e.Config)
}

// needConn skips a test of a connection if there is none.
func (e *Env) needConn(t *testing.T) {
	t.Helper()
	if e.Conn == nil {
		t.Skip("it is about a connection")
	}
}

// ServiceName is the name of the service of Run's tests.
const ServiceName = "test.Echo"

// patience is how long the suite waits for what must happen.
const patience = 10 * time.Second

// Run tests both sides of a wire. For each test it calls env, which serves NewEcho(ServiceName) with the handlers that
// it is given, connects, and has all of it stopped when t ends. The suite counts goroutines, so nothing else may run
// meanwhile: neither it nor its caller is parallel.
func Run(t *testing.T, env func(t *testing.T, h Handlers) Env) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, env func(*testing.T, Handlers) Env)
	}{
		{"unary", suiteUnary},
		{"concurrent calls", suiteConcurrent},
		{"client streaming", suiteGather},
		{"server streaming", suiteScatter},
		{"bidirectional streaming", suiteChat},
		{"metadata", suiteMetadata},
		{"errors", suiteErrors},
		{"response that cannot be encoded", suiteRefusedResponse},
		{"request that cannot be encoded", suiteRefusedRequest},
		{"unknown method", suiteUnknown},
		{"deadline", suiteDeadline},
		{"cancellation", suiteCancel},
		{"stream that is closed early", suiteCloseEarly},
		{"sender waits for receiver", suiteBackpressure},
		{"drain", suiteDrain},
		{"close", suiteClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			leakcheck.Check(t)
			tt.run(t, env)
		})
	}
}

// stub starts a server with h and returns a stub of its service.
func stub(t *testing.T, env func(*testing.T, Handlers) Env, h Handlers) (*EchoClient, Env) {
	t.Helper()
	e := env(t, h)
	return NewEcho(ServiceName).NewClient(e.binder(t)), e
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
	t.Cleanup(cancel)
	return ctx
}

// await waits for what the suite cannot go on without.
func await[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	late := time.NewTimer(assert.Patience(patience))
	defer late.Stop()
	select {
	case v = <-c:
	case <-late.C:
		t.Fatalf("%s does not happen", what)
	}
	return v
}

func wantCode(t *testing.T, what string, err error, want fairlead.Code) {
	t.Helper()
	if got := fairlead.CodeOf(err); err == nil || got != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func suiteSizes() []int { return []int{0, 1, 100, 16 << 10, 64 << 10, 200_000, 3 << 20} }

func suiteUnary(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{})
	for _, n := range suiteSizes() {
		want := Msg{Text: strings.Repeat("x", n), N: int64(n)}
		if got, err := c.Unary(limited(t), &want); err != nil || *got != want {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
}

func suiteConcurrent(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 50 {
				want := Msg{Text: strings.Repeat("x", i*j), N: int64(1000*i + j)}
				if got, err := c.Unary(limited(t), &want); err != nil || *got != want {
					t.Errorf("got %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func suiteGather(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{})
	s, err := c.Gather(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	const n = 500
	for range n {
		if err := s.Send(&Msg{Text: "ab", N: 2}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.CloseAndRecv()
	if err != nil || got.N != 2*n || got.Text != strings.Repeat("ab", n) {
		t.Errorf("got %v, %v", got, err)
	}
}

func suiteScatter(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{})
	for _, n := range []int64{0, 1, 500} {
		s, err := c.Scatter(limited(t), &Msg{Text: "ab", N: n})
		if err != nil {
			t.Fatal(err)
		}
		i := int64(0)
		for m, err := range s.All() {
			if err != nil {
				t.Fatal(err)
			}
			if want := (Msg{Text: "ab", N: i}); *m != want {
				t.Errorf("got %v, want %v", *m, want)
			}
			i++
		}
		if i != n {
			t.Errorf("got %d messages, want %d", i, n)
		}
	}
}

func suiteChat(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{})
	s, err := c.Chat(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range suiteSizes() {
		want := Msg{Text: strings.Repeat("x", n), N: int64(n)}
		if err := s.Send(&want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Recv(); err != nil || *got != want {
			t.Fatalf("%d bytes: got %v", n, err)
		}
	}
	if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
	for range 2 { // the end stays the end
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
	}
}

func suiteMetadata(t *testing.T, env func(*testing.T, Handlers) Env) {
	const raw = "\x00,\xff"
	answer := func(c *fairlead.Call) {
		for _, v := range c.RequestHeader().Values("k") {
			c.ResponseHeader().Add("k", v)
		}
		c.ResponseHeader().Set("k-bin", c.RequestHeader().Get("k-bin"))
		c.ResponseTrailer().Set("t", "t")
		c.ResponseTrailer().Set("t-bin", raw)
	}
	c, _ := stub(t, env, Handlers{
		Unary: func(ctx context.Context, m *Msg) (*Msg, error) {
			answer(fairlead.CallFrom(ctx))
			if m.N != 0 {
				return nil, fairlead.Errorf(fairlead.Aborted, "")
			}
			return m, nil
		},
		Chat: func(_ context.Context, s *fairlead.Bidi[Msg, Msg]) error {
			answer(s.Call())
			return nil
		},
	})
	opts := func(info *fairlead.CallInfo) []fairlead.CallOption {
		return []fairlead.CallOption{
			fairlead.WithInfo(info), fairlead.WithHeader("k", "a"), fairlead.WithHeader("k", "b"),
			fairlead.WithHeader("k-bin", raw),
		}
	}
	calls := map[string]func(info *fairlead.CallInfo) error{
		"unary": func(info *fairlead.CallInfo) error {
			_, err := c.Unary(limited(t), new(Msg), opts(info)...)
			return err
		},
		"unary that fails": func(info *fairlead.CallInfo) error {
			_, err := c.Unary(limited(t), &Msg{N: 1}, opts(info)...)
			wantCode(t, "unary that fails", err, fairlead.Aborted)
			return nil
		},
		"stream": func(info *fairlead.CallInfo) error {
			s, err := c.Chat(limited(t), opts(info)...)
			if err != nil {
				return err
			}
			if _, err := s.Recv(); !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		var info fairlead.CallInfo
		if err := call(&info); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(info.Header.Values("k"), ""); got != "ab" || info.Header.Get("k-bin") != raw {
			t.Errorf("%s: got header %v", name, info.Header)
		}
		if info.Trailer.Get("t") != "t" || info.Trailer.Get("t-bin") != raw {
			t.Errorf("%s: got trailer %v", name, info.Trailer)
		}
	}
}

func suiteErrors(t *testing.T, env func(*testing.T, Handlers) Env) {
	fail := func() error {
		return &fairlead.Error{
			Code: fairlead.NotFound, Message: "no ☺ %\n", Details: []fairlead.Detail{{Type: "a/b", Value: []byte{1, 0}}},
		}
	}
	check := func(what string, err error) {
		t.Helper()
		e := fairlead.ErrorOf(err)
		if e == nil || e.Code != fairlead.NotFound || e.Message != "no ☺ %\n" || !e.FromPeer() {
			t.Errorf("%s: got %v", what, err)
			return
		}
		if len(e.Details) != 1 || !strings.HasSuffix(e.Details[0].Type, "a/b") || string(e.Details[0].Value) != "\x01\x00" {
			t.Errorf("%s: got details %v", what, e.Details)
		}
	}
	c, _ := stub(t, env, Handlers{
		Unary:   func(context.Context, *Msg) (*Msg, error) { return nil, fail() },
		Gather:  func(context.Context, *fairlead.Inbound[Msg]) (*Msg, error) { return nil, fail() },
		Scatter: func(context.Context, *Msg, *fairlead.Outbound[Msg]) error { return fail() },
		Chat: func(_ context.Context, s *fairlead.Bidi[Msg, Msg]) error {
			return errors.Join(s.Send(&Msg{N: 1}), fail())
		},
	})
	_, err := c.Unary(limited(t), new(Msg))
	check("unary", err)
	gather, err := c.Gather(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gather.CloseAndRecv()
	check("client streaming", err)
	scatter, err := c.Scatter(limited(t), new(Msg))
	if err != nil {
		t.Fatal(err)
	}
	_, err = scatter.Recv()
	check("server streaming", err)
	chat, err := c.Chat(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := chat.Recv(); err != nil || m.N != 1 { // what was sent before the error comes before it
		t.Errorf("bidirectional: got %v, %v", m, err)
	}
	_, err = chat.Recv()
	check("bidirectional", err)
}

func suiteRefusedResponse(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{
		Unary: func(context.Context, *Msg) (*Msg, error) { return &Msg{Text: Refused}, nil },
	})
	_, err := c.Unary(limited(t), new(Msg))
	wantCode(t, "unary", err, fairlead.Internal)
	stillServes(t, c)
}

// stillServes makes sure that the connection takes calls.
func stillServes(t *testing.T, c *EchoClient) {
	t.Helper()
	s, err := c.Scatter(limited(t), &Msg{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.All() {
		if err != nil {
			t.Errorf("a later call: %v", err)
		}
	}
}

func suiteRefusedRequest(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, _ := stub(t, env, Handlers{})
	_, err := c.Unary(limited(t), &Msg{Text: Refused})
	wantCode(t, "unary", err, fairlead.Internal)
	stillServes(t, c)
}

func suiteUnknown(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, e := stub(t, env, Handlers{})
	other := NewEcho("test.Other").NewClient(e.binder(t))
	_, err := other.Unary(limited(t), new(Msg))
	wantCode(t, "unary", err, fairlead.Unimplemented)
	s, err := other.Chat(limited(t))
	if err == nil {
		_, err = s.Recv()
	}
	wantCode(t, "stream", err, fairlead.Unimplemented)
	stillServes(t, c)
}

func suiteDeadline(t *testing.T, env func(*testing.T, Handlers) Env) {
	left := make(chan time.Duration, 1)
	ended := make(chan error, 1)
	c, _ := stub(t, env, Handlers{
		Unary: func(ctx context.Context, m *Msg) (*Msg, error) {
			until, _ := ctx.Deadline()
			left <- time.Until(until)
			return m, nil
		},
		Chat: func(ctx context.Context, _ *fairlead.Bidi[Msg, Msg]) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		},
	})
	if _, err := c.Unary(t.Context(), new(Msg), fairlead.WithTimeout(time.Minute)); err != nil {
		t.Error(err)
	}
	if d := await(t, left, "the call"); d <= 30*time.Second || d > time.Minute {
		t.Errorf("the server has %v left of a minute", d)
	}
	s, err := c.Chat(t.Context(), fairlead.WithTimeout(assert.Patience(50*time.Millisecond)))
	if err == nil {
		_, err = s.Recv()
	}
	wantCode(t, "stream", err, fairlead.DeadlineExceeded)
	if err := await(t, ended, "the end of the handler's context"); err == nil {
		t.Error("the handler's context has no error")
	}
}

func suiteCancel(t *testing.T, env func(*testing.T, Handlers) Env) {
	began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	hang := func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}
	c, _ := stub(t, env, Handlers{
		Unary: func(ctx context.Context, _ *Msg) (*Msg, error) { return nil, hang(ctx) },
		Chat:  func(ctx context.Context, _ *fairlead.Bidi[Msg, Msg]) error { return hang(ctx) },
	})
	calls := map[string]func(ctx context.Context) error{
		"unary": func(ctx context.Context) error {
			_, err := c.Unary(ctx, new(Msg))
			return err
		},
		"stream": func(ctx context.Context) error {
			s, err := c.Chat(ctx)
			if err == nil {
				_, err = s.Recv()
			}
			return err
		},
	}
	for name, call := range calls {
		ctx, cancel := context.WithCancel(limited(t))
		result := make(chan error, 1)
		go func() { result <- call(ctx) }()
		await(t, began, "the handler's beginning")
		cancel()
		wantCode(t, name, await(t, result, "the call's end"), fairlead.Canceled)
		await(t, ended, "the end of the handler's context")
	}
}

func suiteCloseEarly(t *testing.T, env func(*testing.T, Handlers) Env) {
	ended := make(chan struct{})
	c, _ := stub(t, env, Handlers{
		Scatter: func(ctx context.Context, _ *Msg, s *fairlead.Outbound[Msg]) error {
			defer close(ended)
			for {
				if err := s.Send(&Msg{Text: strings.Repeat("x", 10_000)}); err != nil {
					<-ctx.Done()
					return err
				}
			}
		},
	})
	s, err := c.Scatter(limited(t), new(Msg))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	await(t, ended, "the end of the handler")
	if _, err := c.Unary(limited(t), new(Msg)); err != nil {
		t.Errorf("a later call: %v", err)
	}
}

func suiteBackpressure(t *testing.T, env func(*testing.T, Handlers) Env) {
	const count, size = 400, 100_000
	sent := make(chan int, count)
	c, _ := stub(t, env, Handlers{
		Scatter: func(_ context.Context, _ *Msg, s *fairlead.Outbound[Msg]) error {
			defer close(sent)
			for i := range count {
				if err := s.Send(&Msg{Text: strings.Repeat("x", size), N: int64(i)}); err != nil {
					return err
				}
				sent <- i
			}
			return nil
		},
	})
	s, err := c.Scatter(limited(t), new(Msg))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	// Another call on the connection goes through, while this stream's receiver waits.
	if _, err := c.Unary(limited(t), new(Msg)); err != nil {
		t.Error(err)
	}
	if len(sent) == count {
		t.Errorf("all of %d bytes were sent to a receiver that had taken one message", count*size)
	}
	n := 1
	for m, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		if m.N != int64(n) || len(m.Text) != size {
			t.Fatalf("got message %d with %d bytes, want %d with %d", m.N, len(m.Text), n, size)
		}
		n++
	}
	if n != count {
		t.Errorf("got %d messages, want %d", n, count)
	}
}

func suiteDrain(t *testing.T, env func(*testing.T, Handlers) Env) {
	c, e := stub(t, env, Handlers{})
	e.needConn(t)
	s, err := c.Chat(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&Msg{N: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	e.Conn.Drain()
	if _, err := c.Unary(limited(t), new(Msg)); !errors.Is(err, protocol.ErrFull) {
		t.Errorf("a new call: got %v, want ErrFull", err)
	}
	if got := e.Conn.Free(); got != 0 {
		t.Errorf("got room for %d calls, want 0", got)
	}
	// The open stream goes on.
	if err := s.Send(&Msg{N: 2}); err != nil {
		t.Error(err)
	}
	if m, err := s.Recv(); err != nil || m.N != 2 {
		t.Errorf("got %v, %v", m, err)
	}
	if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
	await(t, e.Conn.Done(), "the connection's end")
}

func suiteClose(t *testing.T, env func(*testing.T, Handlers) Env) {
	ended := make(chan struct{})
	c, e := stub(t, env, Handlers{
		Chat: func(ctx context.Context, s *fairlead.Bidi[Msg, Msg]) error {
			defer close(ended)
			if err := s.Send(new(Msg)); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	e.needConn(t)
	s, err := c.Chat(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	e.Conn.Close(errors.New("the test closes it"))
	if _, err := s.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the connection's end", err)
	}
	await(t, e.Conn.Closed(), "the connection's closing")
	await(t, e.Conn.Done(), "the connection's end")
	await(t, ended, "the end of the handler's context")
	if e.Conn.Err() == nil {
		t.Error("a closed connection has no error")
	}
}
