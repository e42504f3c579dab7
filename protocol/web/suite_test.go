package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"github.com/fairlead-go/fairlead/transport/std"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// bare is a protocol that hands its connection out.
type bare struct{ hc protocol.HTTPConn }

func (*bare) Name() string { return "bare" }

func (*bare) Bind(*fairlead.Method, *protocol.ClientConfig) (protocol.Binding, error) {
	return struct{}{}, nil
}

func (b *bare) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	b.hc = hc
	return nil
}

func TestSuite(t *testing.T) { //nolint:paralleltest // it counts goroutines
	cert, trust := transporttest.Certificate(t, "h2")
	for _, tt := range []struct {
		name    string
		network func() transport.Network
		addr    string
		trust   *tls.Config
		opts    []server.Option
	}{
		{"in process", func() transport.Network { return inproc.New() }, "web:1", nil, nil},
		{"plaintext", func() transport.Network { return std.Network{} }, "127.0.0.1:0", nil, nil},
		{"TLS", func() transport.Network { return std.Network{} }, "127.0.0.1:0", trust, []server.Option{server.TLS(cert)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			protocoltest.RunHTTP(t, func(t *testing.T, app protocol.HTTP) protocol.HTTPConn {
				t.Helper()
				network := tt.network()
				s := serve(t, app, network, tt.addr, tt.opts...)
				return dialTarget(t, network, transport.Target{
					Network: "tcp", Addr: s.Addr().String(), TLS: tt.trust,
				})
			})
		})
	}
}

// dial connects to web:1.
func dial(t *testing.T, network *inproc.Network) protocol.HTTPConn {
	t.Helper()
	return dialTarget(t, network, transport.Target{Addr: "web:1"})
}

func dialTarget(t *testing.T, network transport.Network, target transport.Target) protocol.HTTPConn {
	t.Helper()
	tc, err := network.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	b := new(bare)
	if _, err := web.NewClient(b).NewConn(t.Context(), tc, &protocol.ClientConfig{HeaderList: 1 << 16}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.hc.Close(nil) })
	return b.hc
}

// TestBoundRoute: requests that are no calls of a method go through middleware and gates, are counted, and cancelled
// when the client gives up.
func TestBoundRoute(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	network := inproc.New()
	var seen atomic.Int64
	entered, ended := make(chan struct{}, 10), make(chan error, 10)
	s := serve(t, new(protocoltest.Items), network, "web:1",
		server.Use(func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				if at.Method.Name == "Item" && c.Protocol() == "items" {
					seen.Add(1)
				}
				entered <- struct{}{}
				err := next(ctx, c)
				ended <- err
				return err
			}
		}),
		server.Admission(&closing{after: 2}))
	c := dial(t, network)
	get := &protocol.Request{Head: protocoltest.ItemsHead(), Verb: "GET", Path: "/items/a"}
	if a := protocoltest.DoHTTP(t, c, get); a.Status != 200 || seen.Load() != 1 {
		t.Fatalf("got %d, and the middleware saw %d requests", a.Status, seen.Load())
	}
	<-entered
	<-ended
	x, err := c.Open(&protocol.Request{Head: protocoltest.ItemsHead(), Verb: "GET", Path: "/items/hold", Last: true})
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	if got := s.Stats().Calls; got != 1 {
		t.Errorf("%d calls are under way, want 1", got)
	}
	if a := protocoltest.DoHTTP(t, c, get); a.Status != 503 {
		t.Errorf("behind a closed gate: got %d, want 503", a.Status)
	}
	x.Reset(protocol.ResetCancel, io.EOF)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler got %v, want context.Canceled", err)
	}
	if got := s.Stats().Refused; got != 1 {
		t.Errorf("%d requests were refused, want 1", got)
	}
}

// TestDrainOfBoundRoute: Shutdown waits for requests that are no calls of a method.
func TestDrainOfBoundRoute(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	network := inproc.New()
	s := serve(t, new(protocoltest.Items), network, "web:1")
	c := dial(t, network)
	x, err := c.Open(&protocol.Request{Head: protocoltest.ItemsHead(), Verb: "GET", Path: "/items/hold", Last: true})
	if err != nil {
		t.Fatal(err)
	}
	if a := protocoltest.DoHTTP(t, c, &protocol.Request{
		Head: protocoltest.ItemsHead(), Verb: "GET", Path: "/items/a",
	}); a.Status != 200 {
		t.Fatalf("behind one that waits: got %d", a.Status)
	}
	over := make(chan error, 1)
	go func() { over <- s.Shutdown(context.Background()) }()
	<-c.Closed() // it was asked to open no more
	if got := s.Stats().Calls; got != 1 {
		t.Errorf("%d calls are under way, want 1", got)
	}
	select {
	case err := <-over:
		t.Errorf("Shutdown returned while a request was under way: %v", err)
	default:
	}
	x.Reset(protocol.ResetCancel, io.EOF)
	if err := <-over; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// closing is a gate that lets some calls in.
type closing struct{ after int64 }

func (g *closing) Enter(*fairlead.Call) error {
	if g.after--; g.after < 0 {
		return fairlead.Errorf(fairlead.Unavailable, "closed")
	}
	return nil
}

func (*closing) Leave(*fairlead.Call) {}

// serve serves app until t ends.
func serve(
	t *testing.T, app protocol.HTTP, network transport.Network, addr string, opts ...server.Option,
) *server.Server {
	t.Helper()
	s, err := server.New(append([]server.Option{ // there is no service, and need not be
		server.Protocol(web.NewServer(app, web.ExtendedConnect(true))),
		server.Codec(protocoltest.Codec{}),
		server.Transport(network),
		server.Listen(addr),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s
}
