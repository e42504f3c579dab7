package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
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
	for _, tt := range []struct {
		name, alpn string
		opts       []web.ClientOption
	}{
		{"HTTP/2", "h2", nil},
		{"HTTP/1.1", "http/1.1", []web.ClientOption{web.UseHTTP1()}},
	} {
		t.Run(tt.name, func(t *testing.T) { testSuite(t, tt.alpn, tt.opts...) })
	}
}

func testSuite(t *testing.T, alpn string, opts ...web.ClientOption) {
	t.Helper()
	cert, trust := transporttest.Certificate(t, "h2", "http/1.1")
	trust.NextProtos = []string{alpn}
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
				target := transport.Target{Network: "tcp", Addr: s.Addr().String(), TLS: tt.trust}
				if opts == nil {
					return dialTarget(t, network, target)
				}
				return &redialing{HTTPConn: dialTarget(t, network, target, opts...), dial: func() protocol.HTTPConn {
					return dialTarget(t, network, target, opts...)
				}}
			})
		})
	}
}

// redialing is a connection of HTTP/1.1 that is made anew when it has ended.
type redialing struct {
	protocol.HTTPConn

	dial func() protocol.HTTPConn
}

// free returns a connection that can take an exchange.
func (r *redialing) free() protocol.HTTPConn {
	if r.Free() == 0 {
		r.Close(nil)
		r.HTTPConn = r.dial()
	}
	return r.HTTPConn
}

// Do implements protocol.HTTPConn.
func (r *redialing) Do(req *protocol.Request, recv protocol.Receiver) (protocol.Ticket, error) {
	return r.free().Do(req, recv)
}

// Open implements protocol.HTTPConn.
func (r *redialing) Open(req *protocol.Request) (protocol.ClientExchange, error) {
	return r.free().Open(req)
}

// dial connects to web:1.
func dial(t *testing.T, network *inproc.Network) protocol.HTTPConn {
	t.Helper()
	return dialTarget(t, network, transport.Target{Addr: "web:1"})
}

func dialTarget(
	t *testing.T, network transport.Network, target transport.Target, opts ...web.ClientOption,
) protocol.HTTPConn {
	t.Helper()
	tc, err := network.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	b := new(bare)
	cfg := &protocol.ClientConfig{HeaderList: 1 << 16}
	if _, err := web.NewClient(b, opts...).NewConn(t.Context(), tc, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.hc.Close(nil) })
	return b.hc
}

// held are requests that are no calls of a method, and last until something ends them: one that its protocol has as a
// whole, and one that it reads and answers as it comes.
func held() map[string]*protocol.Request {
	text := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain")
	return map[string]*protocol.Request{
		"whole":  {Head: protocoltest.ItemsHead(), Verb: "GET", Path: "/items/hold", Last: true},
		"stream": {Head: text, Verb: "PUT", Path: "/items/a", Query: "streamed"},
	}
}

// watched is middleware that tells of requests to Items that begin and end.
func watched() (mw fairlead.Middleware, entered chan struct{}, ended chan error) {
	entered, ended = make(chan struct{}, 10), make(chan error, 10)
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			if at.Method.Name != "Item" || c.Protocol() != "items" {
				return errors.New("not a request to Items")
			}
			entered <- struct{}{}
			err := next(ctx, c)
			ended <- err
			return err
		}
	}, entered, ended
}

// TestOwnRoute: requests that are no calls of a method go through middleware and gates, are counted, and canceled when
// the client gives up.
func TestOwnRoute(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	for name, req := range held() {
		t.Run(name, func(t *testing.T) {
			network := inproc.New()
			mw, entered, ended := watched()
			s := serve(t, new(protocoltest.Items), network, "web:1", server.Use(mw), server.Admission(&closing{after: 2}),
				server.MaxBytes(100))
			c := dial(t, network)
			get := &protocol.Request{Head: protocoltest.ItemsHead(), Verb: "GET", Path: "/items/a"}
			if a := protocoltest.DoHTTP(t, c, get); a.Status != 200 {
				t.Fatalf("got %d", a.Status)
			}
			<-entered
			<-ended
			x, err := c.Open(req)
			if err != nil {
				t.Fatal(err)
			}
			<-entered
			if got := s.Stats().Calls; got != 1 {
				t.Errorf("%d calls are under way, want 1", got)
			}
			put := *held()["stream"]
			put.Query, put.Message = "", &protocol.Message{Bytes: make([]byte, 101)}
			for _, refused := range []*protocol.Request{get, &put, held()["stream"]} {
				if a := protocoltest.DoHTTP(t, c, refused); a.Status != 503 {
					t.Errorf("%s with %d bytes: got %d, want 503", refused.Verb, s.Stats().Bytes, a.Status)
				}
			}
			x.Reset(protocol.ResetCancel, io.EOF)
			if err := <-ended; err == nil || len(entered) > 0 {
				t.Errorf("the handler got %v, and %d more began, want an error and none", err, len(entered))
			}
			for s.Stats().Calls > 0 {
				runtime.Gosched() // the last thing that its protocol does
			}
			if got := s.Stats(); got.Refused != 3 || got.Bytes != 0 {
				t.Errorf("%d requests were refused, %d bytes are left, want 3 and 0", got.Refused, got.Bytes)
			}
		})
	}
}

// TestDrainOfOwnRoute: Shutdown waits for requests that are no calls of a method, and cancels them when its time is
// over.
func TestDrainOfOwnRoute(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	for name, req := range held() {
		for _, cut := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cut %v", name, cut), func(t *testing.T) {
				network := inproc.New()
				mw, entered, ended := watched()
				s := serve(t, new(protocoltest.Items), network, "web:1", server.Use(mw))
				c := dial(t, network)
				x, err := c.Open(req)
				if err != nil {
					t.Fatal(err)
				}
				<-entered
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				over := make(chan error, 1)
				go func() { over <- s.Shutdown(ctx) }()
				<-c.Closed() // it was asked to open no more
				if got := s.Stats().Calls; got != 1 {
					t.Errorf("%d calls are under way, want 1", got)
				}
				select {
				case err := <-over:
					t.Errorf("Shutdown returned while a request was under way: %v", err)
				default:
				}
				if cut {
					cancel()
				} else {
					x.Reset(protocol.ResetCancel, io.EOF)
				}
				err = <-over
				if (err != nil) != cut || cut && !strings.Contains(err.Error(), "1 call under way, the oldest") ||
					cut && !strings.Contains(err.Error(), "1 of /items/") {
					t.Errorf("Shutdown: %v", err)
				}
				if err := <-ended; err == nil {
					t.Error("the handler ended without an error")
				}
			})
		}
	}
}

// TestDeadlineOfStream: the deadline of a request that is read as it comes ends it, even if its handler is waiting for
// the client.
func TestDeadlineOfStream(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	network := inproc.New()
	mw, _, ended := watched()
	serve(t, new(protocoltest.Items), network, "web:1", server.Use(mw))
	req := held()["stream"]
	req.Name, req.Value = "connect-timeout-ms", []byte("20")
	x, err := dial(t, network).Open(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
		t.Errorf("the handler got %v, want DEADLINE_EXCEEDED", err)
	}
	if rest, err := x.Read(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the client got %q, %v, want an error", rest, err)
	}
}

// TestBodyTimeout: bodies that are begun have to be completed in the server's time for messages, whether the protocol
// wants them as a whole or reads them.
func TestBodyTimeout(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	network := inproc.New()
	s := serve(t, new(protocoltest.Items), network, "web:1", server.MessageTimeout(50*time.Millisecond))
	c := dial(t, network)
	length := new(fairlead.Metadata)
	length.Add("content-length", "10")
	for _, tt := range []struct {
		query  string
		extra  *fairlead.Metadata
		status int
	}{
		{"", nil, 504},
		{"", length, 504},
		{"streamed", length, 200}, // and then a reset
	} {
		req := held()["stream"]
		req.Query, req.Extra, req.Message = tt.query, tt.extra, &protocol.Message{Bytes: []byte("begun")}
		x, err := c.Open(req)
		if err != nil {
			t.Fatal(err)
		}
		<-x.HeadReady()
		if h, _ := x.Head(); h == nil || h.Status != tt.status {
			t.Errorf("%q: got the head %+v, want the status %d", tt.query, h, tt.status)
		}
		for err = nil; err == nil; {
			_, err = x.Read()
		}
		if whole := errors.Is(err, io.EOF); whole != (tt.query == "") {
			t.Errorf("%q: the response ends with %v", tt.query, err)
		}
	}
	if got := s.Stats().Guard[protocol.SlowMessage]; got != 3 {
		t.Errorf("%d slow messages were counted, want 3", got)
	}
}

// TestAnswerToNobody: a client leaves before the protocol has read what was sent, or has answered. No buffer is left.
func TestAnswerToNobody(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines, and this buffers
	buffer.Count(true)
	defer buffer.Count(false)
	t.Run("hold", func(t *testing.T) {
		network := inproc.New()
		serve(t, new(protocoltest.Items), network, "web:1")
		c := dial(t, network)
		for range 3 {
			req := held()["stream"]
			req.Path, req.Message = "/items/hold", &protocol.Message{Bytes: make([]byte, 10_000)}
			x, err := c.Open(req)
			if err != nil {
				t.Fatal(err)
			}
			<-x.HeadReady()
			x.Reset(protocol.ResetCancel, io.EOF)
		}
	})
	for end := time.Now().Add(assert.Patience(time.Second)); buffer.Out() > 0 && time.Now().Before(end); {
		runtime.Gosched() // the connections' writers are ending
	}
	if text := buffer.Leaks(); text != "" {
		t.Errorf("buffers are left:\n%s", text)
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
		server.Protocol(web.NewServer(app, web.ExtendedConnect(true), web.CrossSiteWrites(true))),
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
