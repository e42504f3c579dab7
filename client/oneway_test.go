package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

var notice = protocoltest.NewNotice("test.Notice")

// wires are those that carry one-way calls.
var wires = []struct {
	name   string
	server func() protocol.Server
	client protocol.Client
}{
	{"shared", func() protocol.Server { return protocoltest.NewFrameServer() }, protocoltest.FrameClient{}},
	{"serial", func() protocol.Server { return protocoltest.NewSerialServer() }, protocoltest.NewSerialClient()},
}

// TestOneWay: a call is over when it is written, whatever the handler does; the handler runs, with metadata and
// deadline, and answers nothing.
func TestOneWay(t *testing.T) {
	t.Parallel()
	for _, wire := range wires {
		t.Run(wire.name, func(t *testing.T) {
			t.Parallel()
			n := inproc.New()
			release := make(chan struct{})
			got := make(chan string, 10)
			var seen ends
			serveAt(t, n, "a", protocoltest.Handlers{}, server.Protocol(wire.server()), server.Use(seen.middleware),
				server.Service(notice.Implement(func(ctx context.Context, m *protocoltest.Msg) error {
					<-release
					c := fairlead.CallFrom(ctx)
					c.ResponseHeader().Set("k", "v") // goes nowhere
					if err := c.SendHeader(); err != nil {
						return err
					}
					d, ok := ctx.Deadline()
					if !ok || time.Until(d) > time.Hour {
						got <- "no deadline"
					}
					got <- m.Text + c.RequestHeader().Get("k")
					return fairlead.Errorf(fairlead.Aborted, "for the server's middleware alone")
				})))
			var e ends
			c := wireClient(t, n, []string{"a"}, Protocol(wire.client), Use(e.middleware))
			stub := notice.NewClient(c)
			for i := range 3 {
				var info fairlead.CallInfo
				err := stub.Notify(t.Context(), &protocoltest.Msg{Text: "hi "}, fairlead.WithHeader("k", "there"),
					fairlead.WithTimeout(time.Hour), fairlead.WithInfo(&info))
				if err != nil || info.Peer == nil || info.Header.Len() > 0 {
					t.Errorf("got %v, %+v, want success before the handler does anything", err, info)
				}
				e.want(t, i+1, fairlead.OK)
			}
			close(release)
			for range 3 {
				if s := <-got; s != "hi there" {
					t.Errorf("the handler got %q", s)
				}
			}
			// What has answers goes on as before, behind it on the connection.
			echo := service.NewClient(c)
			for range 3 {
				if m, err := echo.Unary(t.Context(), &protocoltest.Msg{Text: "x"}); err != nil || m.Text != "x" {
					t.Errorf("got %v, %v", m, err)
				}
			}
		})
	}
}

// TestOneWayOutlivesItsClient: a handler goes on when the client closes the connection right after the call. A server
// that shuts down waits for it, and a Shutdown that is cut short cancels it.
func TestOneWayOutlivesItsClient(t *testing.T) {
	t.Parallel()
	for _, wire := range wires {
		for _, cut := range []bool{false, true} {
			t.Run(wire.name, func(t *testing.T) {
				t.Parallel()
				n := inproc.New()
				begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
				stop := serveAt(t, n, "a", protocoltest.Handlers{}, server.Protocol(wire.server()),
					server.Service(notice.Implement(func(ctx context.Context, _ *protocoltest.Msg) error {
						close(begun)
						select {
						case <-release:
						case <-ctx.Done():
						}
						ended <- ctx.Err()
						return nil
					})))
				c := wireClient(t, n, []string{"a"}, Protocol(wire.client))
				if err := notice.NewClient(c).Notify(t.Context(), &protocoltest.Msg{}); err != nil {
					t.Fatal(err)
				}
				<-begun
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				select {
				case err := <-ended:
					t.Errorf("the handler was cancelled: %v", err)
				default:
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					stop(ctx)
				}()
				var want error
				if cut {
					cancel()
					want = context.Canceled
				} else {
					close(release)
				}
				if err := <-ended; !errors.Is(err, want) {
					t.Errorf("the handler's context ended with %v, want %v", err, want)
				}
				<-stopped
			})
		}
	}
}

// TestOneWayOrder: on a connection in lock-step the handlers run one after another, and before the calls behind them.
func TestOneWayOrder(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	var mu sync.Mutex
	var order []string
	note := func(m *protocoltest.Msg) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, m.Text)
	}
	serveAt(t, n, "a", protocoltest.Handlers{
		Unary: func(_ context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) { note(m); return m, nil },
	}, server.Protocol(protocoltest.NewSerialServer()),
		server.Service(notice.Implement(func(_ context.Context, m *protocoltest.Msg) error { note(m); return nil })))
	c := wireClient(t, n, []string{"a"}, Protocol(protocoltest.NewSerialClient()), MaxConnections(1))
	stub, echo := notice.NewClient(c), service.NewClient(c)
	var want []string
	for text := range strings.SplitSeq("abcdefghij", "") {
		if err := stub.Notify(t.Context(), &protocoltest.Msg{Text: text}); err != nil {
			t.Fatal(err)
		}
		if _, err := echo.Unary(t.Context(), &protocoltest.Msg{Text: text + "!"}); err != nil {
			t.Fatal(err)
		}
		want = append(want, text, text+"!")
	}
	if !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}

// TestOneWayFails: what is known before it is written is an error of the call, with its reach.
func TestOneWayFails(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	c := wireClient(t, n, []string{"a"})
	stub := notice.NewClient(c)
	err := stub.Notify(t.Context(), &protocoltest.Msg{})
	wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a")
	serveAt(t, n, "a", protocoltest.Handlers{}) // it does not have the service, and drops what it cannot refuse
	err = stub.Notify(t.Context(), &protocoltest.Msg{}, fairlead.WithWaitForReady(true))
	if err != nil {
		t.Errorf("got %v", err)
	}
	err = stub.Notify(t.Context(), &protocoltest.Msg{Text: protocoltest.Refused})
	wantError(t, err, fairlead.Internal, fairlead.NotSent)
	err = stub.Notify(t.Context(), &protocoltest.Msg{}, fairlead.WithTimeout(-1))
	wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, stub.Notify(ctx, &protocoltest.Msg{}), fairlead.Canceled, fairlead.NotSent)
}

// TestOneWayTellsNothing: that a call was written is no answer: it says nothing of how fast the server is, nor whether
// it serves.
func TestOneWayTellsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := w.serve("a:1")
		w.serve("b:1")
		m := fairlead.NewMethod[string, string](fairlead.Unary, "test.Notice", "Notify",
			func(m *fairlead.Method) { m.OneWay = true })
		c, _ := w.client(t, []string{"a:1", "b:1"})
		text := "x"
		for range 200 {
			call := fairlead.NewCall(m, &text)
			if err := c.Bind(m)(t.Context(), call); err != nil {
				t.Fatal(err)
			}
		}
		for _, in := range c.Stats().Instances {
			if in.Latency != 0 || in.Inflight != 0 {
				t.Errorf("got %+v, want no latency and no call", in)
			}
		}
		p := c.state.Load().nodes[0].pool
		if k := p.list.Load().conns[0]; k.served.Load() {
			t.Error("a connection on which nothing was answered passes for one that was")
		}
		for range 20 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		if k := p.list.Load().conns[0]; !k.served.Load() || a.calls() == 0 {
			t.Error("a connection that was answered on does not pass for one")
		}
	})
}

// TestOneWayRefused: gRPC answers each call, so its client refuses to bind a one-way method and its server says that it
// does not have it; a method that is one-way must be unary.
func TestOneWayRefused(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	http2 := web.NewClient(grpc.NewClient())
	serveAt(t, n, "a", protocoltest.Handlers{}, server.Protocol(web.NewServer(grpc.NewServer())),
		server.Service(notice.Implement(func(context.Context, *protocoltest.Msg) error {
			t.Error("the handler runs")
			return nil
		})))
	c := wireClient(t, n, []string{"a"}, Protocol(http2))
	err := notice.NewClient(c).Notify(t.Context(), &protocoltest.Msg{})
	wantError(t, err, fairlead.Unimplemented, fairlead.NotSent, "/test.Notice/Notify", "one-way", "gRPC")
	// A client that does not know that the method is one-way.
	answered := fairlead.NewMethod[protocoltest.Msg, protocoltest.Msg](fairlead.Unary, "test.Notice", "Notify")
	err = c.Bind(answered)(t.Context(), fairlead.NewCall(answered, &protocoltest.Msg{}))
	wantError(t, err, fairlead.Unimplemented, fairlead.Unknowable, "/test.Notice/Notify", "one-way", "gRPC")

	streams := protocoltest.NewNotice("test.Streams", func(m *fairlead.Method) { m.Kind = fairlead.BidiStreaming })
	err = streams.NewClient(wireClient(t, n, []string{"a"})).Notify(t.Context(), &protocoltest.Msg{})
	wantError(t, err, fairlead.Internal, fairlead.NotSent, "/test.Streams/Notify", "one-way", "bidirectional")
	_, err = server.New(server.Protocol(protocoltest.NewFrameServer()), server.Codec(protocoltest.Codec{}),
		server.Service(streams.Implement(func(context.Context, *protocoltest.Msg) error { return nil })))
	if err == nil || !strings.Contains(err.Error(), "/test.Streams/Notify is one-way and bidirectional") {
		t.Errorf("got %v from New", err)
	}
}
