package client

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// The tests of this file call a real server over a small wire, through an in-process network.

var service = protocoltest.NewEcho("test.Echo")

// serveAt runs a server at addr; stop ends it, at once when its context has ended.
func serveAt(
	t *testing.T, n *inproc.Network, addr string, h protocoltest.Handlers, opts ...server.Option,
) (stop func(ctx context.Context)) {
	t.Helper()
	l, err := n.Listen(t.Context(), transport.Target{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(append([]server.Option{
		server.Service(service.Implement(h)), server.Protocol(protocoltest.NewFrameServer()),
		server.Codec(protocoltest.Codec{}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	var once sync.Once
	stop = func(ctx context.Context) {
		once.Do(func() {
			_ = s.Shutdown(ctx)
			_ = l.Close()
			<-served
		})
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		stop(ctx)
	})
	return stop
}

func wireClient(t *testing.T, n *inproc.Network, addrs []string, more ...Option) *Client {
	t.Helper()
	r := &fakeResolver{first: instances(addrs...)}
	c, err := New("test:///service", append([]Option{
		Protocol(protocoltest.FrameClient{}), Dialer(n), Codec(protocoltest.Codec{}), Balancer(new(turns)), Resolver(r),
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAllKindsOverAWire(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	serveAt(t, n, "a", protocoltest.Handlers{})
	var e ends
	c := wireClient(t, n, []string{"a"}, Use(e.middleware))
	stub := service.NewClient(c)
	ctx := t.Context()

	if got, err := stub.Unary(ctx, &protocoltest.Msg{Text: "hi", N: 3}); err != nil || got.Text != "hi" || got.N != 3 {
		t.Errorf("unary: got %+v, %v", got, err)
	}
	e.want(t, 1, fairlead.OK)

	gather, err := stub.Gather(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(4) {
		if err := gather.Send(&protocoltest.Msg{Text: "x", N: i}); err != nil {
			t.Error(err)
		}
	}
	if got, err := gather.CloseAndRecv(); err != nil || got.Text != "xxxx" || got.N != 6 {
		t.Errorf("client streaming: got %+v, %v", got, err)
	}
	e.want(t, 2, fairlead.OK)

	scatter, err := stub.Scatter(ctx, &protocoltest.Msg{Text: "y", N: 40})
	if err != nil {
		t.Fatal(err)
	}
	count := int64(0)
	for m, err := range scatter.All() {
		if err != nil || m.N != count {
			t.Fatalf("server streaming: got %+v, %v as message %d", m, err, count)
		}
		count++
	}
	if count != 40 {
		t.Errorf("server streaming: got %d messages, want 40", count)
	}
	e.want(t, 3, fairlead.OK)

	chat, err := stub.Chat(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		if err := chat.Send(&protocoltest.Msg{N: i}); err != nil {
			t.Error(err)
		}
		if m, err := chat.Recv(); err != nil || m.N != i {
			t.Errorf("bidirectional: got %+v, %v", m, err)
		}
	}
	if err := chat.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := chat.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("bidirectional: got %v, want io.EOF", err)
	}
	e.want(t, 4, fairlead.OK)
}

func TestMethodThatCannotBeBound(t *testing.T) {
	t.Parallel()
	c := wireClient(t, inproc.New(), []string{"a"})
	_, err := say(t.Context(), c, "x") // its messages are strings
	wantError(t, err, fairlead.Internal, fairlead.NotSent, echo.Path)
	if !errors.Is(err, codec.ErrType) {
		t.Errorf("got %v, want codec.ErrType", err)
	}
}

// A server drains: the call under way completes there, new ones go to the next server.
func TestDrainDuringCall(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	entered, release := make(chan struct{}, 1), make(chan struct{})
	slow := func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
		if m.Text == "slow" {
			entered <- struct{}{}
			select {
			case <-release:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return m, nil
	}
	stop := serveAt(t, n, "a", protocoltest.Handlers{Unary: slow})
	c := wireClient(t, n, []string{"a", "b"}, WaitForReady(true), Backoff(time.Millisecond, time.Millisecond))
	stub := service.NewClient(c)
	result := make(chan error, 1)
	go func() {
		_, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "slow"})
		result <- err
	}()
	<-entered
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop(t.Context())
	}()
	serveAt(t, n, "b", protocoltest.Handlers{})
	for range 50 {
		if _, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "fast"}); err != nil {
			t.Error(err)
		}
	}
	close(release)
	if err := <-result; err != nil {
		t.Errorf("the call under way failed: %v", err)
	}
	<-stopped
	for range 50 {
		if _, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "fast"}); err != nil {
			t.Error(err)
		}
	}
}

// A server dies and comes back while many call; what fails says so, and calls succeed again at once.
func TestServerDiesAndReturns(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	stop := serveAt(t, n, "a", protocoltest.Handlers{}, server.MaxStreams(10))
	c := wireClient(t, n, []string{"a"}, Backoff(time.Millisecond, 2*time.Millisecond), MaxConnections(2))
	stub := service.NewClient(c)
	halt := make(chan struct{})
	var callers sync.WaitGroup
	for range 100 {
		callers.Go(func() {
			for {
				select {
				case <-halt:
					return
				default:
				}
				_, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "x"})
				if code := fairlead.CodeOf(err); code != fairlead.OK && code != fairlead.Unavailable {
					t.Errorf("got %v", err)
					return
				}
			}
		})
	}
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	for range 5 {
		ready := fairlead.WithWaitForReady(true)
		if _, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "x"}, ready); fairlead.CodeOf(err) == fairlead.Internal {
			t.Error(err)
		}
		stop(dead)
		stop = serveAt(t, n, "a", protocoltest.Handlers{}, server.MaxStreams(10))
	}
	for {
		_, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "x"}, fairlead.WithWaitForReady(true))
		if err == nil {
			break
		}
	}
	close(halt)
	callers.Wait()
}

func TestDeadlineOverAWire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := inproc.New()
		serveAt(t, n, "a", protocoltest.Handlers{
			Unary: func(ctx context.Context, _ *protocoltest.Msg) (*protocoltest.Msg, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
			Scatter: func(ctx context.Context, _ *protocoltest.Msg, _ *fairlead.Outbound[protocoltest.Msg]) error {
				<-ctx.Done()
				return ctx.Err()
			},
		})
		var e ends
		c := wireClient(t, n, []string{"a"}, Use(e.middleware))
		stub := service.NewClient(c)
		begun := time.Now()
		_, err := stub.Unary(t.Context(), &protocoltest.Msg{}, fairlead.WithTimeout(time.Second))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.Unknowable)
		s, err := stub.Scatter(t.Context(), &protocoltest.Msg{}, fairlead.WithTimeout(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Recv()
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.Unknowable)
		if d := time.Since(begun); d != 2*time.Second {
			t.Errorf("two calls with a timeout of 1s took %s", d)
		}
		e.want(t, 2, fairlead.DeadlineExceeded)
	})
}
