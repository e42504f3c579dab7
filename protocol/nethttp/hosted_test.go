package nethttp_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
)

// host makes an http.Handler of a server with a protocol of HTTP. The server is shut down when t ends.
func host(t *testing.T, app protocol.HTTP, opts ...server.Option) http.Handler {
	t.Helper()
	s, err := server.New(append([]server.Option{
		server.Protocol(web.NewServer(app, web.CrossSiteWrites(true))), // the suite writes across origins
		server.Codec(protocoltest.Codec{}),
		server.Logger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	h, err := nethttp.NewHandler(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

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

func dial(t *testing.T, base string) transport.Conn {
	t.Helper()
	tc, err := std.Network{}.Dial(t.Context(), transport.Target{Network: "tcp", Addr: strings.TrimPrefix(base, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	return tc
}

// TestHostedHTTP runs the suite of wires of HTTP over a server of net/http. What it cannot: requests for another
// protocol over HTTP/2 (RFC 8441), which net/http knows only with GODEBUG=http2xconnect=1; and to see that a client of
// HTTP/2 waits to be asked for the body, since net/http hides the field expect, on which the interim responses of the
// suite depend as well: TestHostedHTTP1 has those.
func TestHostedHTTP(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	protocoltest.RunHTTP(t, func(t *testing.T, app protocol.HTTP) protocol.HTTPConn {
		t.Helper()
		base := serveNetHTTP(t, host(t, app))
		b := new(bare)
		cfg := &protocol.ClientConfig{HeaderList: 1 << 16}
		if _, err := web.NewClient(b).NewConn(t.Context(), dial(t, base), cfg); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.hc.Close(nil) })
		return b.hc
	}, "tunnel", "a body that waits to be asked for", "interim responses, trailers")
}

// TestHostedGRPC runs the suite of all wires with gRPC over a server of net/http.
func TestHostedGRPC(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
		t.Helper()
		base := serveNetHTTP(t, host(t, grpc.NewServer(),
			server.Service(protocoltest.NewEcho(protocoltest.ServiceName).Implement(h))))
		e := protocoltest.Env{Client: web.NewClient(grpc.NewClient()), Config: &protocol.ClientConfig{
			Codec: protocoltest.Codec{}, RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 16 << 10,
			Authority: "echo", Logger: slog.New(slog.DiscardHandler),
		}}
		var err error
		if e.Conn, err = e.Client.NewConn(t.Context(), dial(t, base), e.Config); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Conn.Close(nil) })
		return e
	})
}

// TestHostedHTTP1: protocols answer over HTTP/1.1 as well, also through a ResponseWriter that can do nothing but write.
func TestHostedHTTP1(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	h := host(t, new(protocoltest.Items))
	base := serveNetHTTP(t, h)
	c := newClient(t, 1)
	around(t, c, base)
	for _, tt := range []struct {
		verb, path, body string
		status           int
		want             string
	}{
		{"GET", "/items/a?q", "", 200, "q\n"},
		{"PUT", "/items/a?q", "body", 200, "q\nbody"},
		{"PUT", "/items/a?streamed", "body", 200, "body"},
		{"PUT", "/items/a?q", strings.Repeat("x", 100_000), 504, ""}, // Items does not take it in Stream
		{"HEAD", "/items/a?q", "", 200, ""},
		{"GET", "/items/304?q", "", 304, ""},
		{"DELETE", "/items/a", "", 405, "This path is not served with the request's method.\n"},
		{"GET", "/elsewhere", "", 404, "This server has nothing at this path.\n"},
	} {
		request := func() *http.Request {
			r := httptest.NewRequestWithContext(t.Context(), tt.verb, base+tt.path, strings.NewReader(tt.body))
			r.RequestURI = ""
			r.Header.Set("Content-Type", "text/plain")
			return r
		}
		resp, err := c.Do(request())
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || string(b) != tt.want {
			t.Errorf("%s %s: got %d, %q, %v, want %d, %q", tt.verb, tt.path, resp.StatusCode, b, err, tt.status, tt.want)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, request())
		if got := rec.Body.String(); rec.Code != tt.status || got != tt.want {
			t.Errorf("%s %s, recorded: got %d, %q", tt.verb, tt.path, rec.Code, got)
		}
	}
}

// around makes a request with a trailer, which gets an interim response and the same trailer.
func around(t *testing.T, c *http.Client, base string) {
	t.Helper()
	interim := ""
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			interim += fmt.Sprint(code, h.Get("Link"), " ")
			return nil
		},
	})
	body := io.MultiReader(strings.NewReader("part")) // without a length
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, base+"/items/a?streamed", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("Expect", "100-continue")
	r.Trailer = http.Header{"Sum": {"42"}}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || string(b) != "part" || resp.Trailer.Get("Sum") != "42" || resp.Header.Get("Link") != "" {
		t.Errorf("got %q, %v, the trailer %v and the fields %v", b, err, resp.Trailer, resp.Header)
	}
	if want := "103</style.css>; rel=preload 100 "; interim != want {
		t.Errorf("got the interim responses %q, want %q", interim, want)
	}
}

func TestNewHandler(t *testing.T) {
	t.Parallel()
	for _, h := range []nethttp.Host{nil, noHTTP{}} {
		if _, err := nethttp.NewHandler(h); err == nil || !strings.HasPrefix(err.Error(), "nethttp: NewHandler: ") {
			t.Errorf("got %v", err)
		}
	}
}

type noHTTP struct{ nethttp.Host }

func (noHTTP) Selector() protocol.Selector { return nil }
