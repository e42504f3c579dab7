package conformance_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/std"
)

// TestExtendedConnect has another implementation's client open tunnels (RFC 8441), and find that it may not.
func TestExtendedConnect(t *testing.T) {
	t.Parallel()
	addr := tunnelServer(t, web.NewServer(new(protocoltest.Items), web.ExtendedConnect(true)))
	x := newTunnel(t, addr, "items")
	if x.err != nil || x.status != http.StatusOK || x.length != -1 {
		t.Fatalf("got %d, length %d, %v, want 200 and no length", x.status, x.length, x.err)
	}
	for _, want := range []string{"one", "two", strings.Repeat("three", 10_000)} {
		if _, err := io.WriteString(x.in, want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(x.out, got); err != nil || string(got) != want {
			t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(want))
		}
	}
	_ = x.in.Close()
	if rest, err := io.ReadAll(x.out); err != nil || len(rest) > 0 || len(x.trailer()) > 0 {
		t.Errorf("at the end: got %q, %v, the trailer %v", rest, err, x.trailer())
	}
	if x := newTunnel(t, addr, "other"); x.err != nil || x.status != http.StatusNotImplemented {
		t.Errorf("another protocol: got %d, %v, want 501", x.status, x.err)
	}
	x = newTunnel(t, tunnelServer(t, web.NewServer(new(protocoltest.Items))), "items")
	if x.err == nil || !strings.Contains(x.err.Error(), "extended connect not supported") {
		t.Errorf("without the option: got %v", x.err)
	}
}

// tunnel is what came of a CONNECT.
type tunnel struct {
	err     error
	status  int
	length  int64
	in      io.WriteCloser
	out     io.Reader
	trailer func() http.Header
}

// newTunnel sends a CONNECT. The client is the one inside of net/http's Transport, which takes no pseudo-fields itself.
func newTunnel(t *testing.T, addr, name string) tunnel {
	t.Helper()
	tr := new(http2.Transport) //nolint:staticcheck // see above
	tr.AllowHTTP = true        //nolint:staticcheck // see above
	//nolint:staticcheck // see above
	tr.DialTLSContext = func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	t.Cleanup(tr.CloseIdleConnections) //nolint:staticcheck // see above
	body, in := io.Pipe()
	t.Cleanup(func() { _ = in.Close() })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "http://"+addr+"/items/a", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header[":protocol"] = []string{name}
	resp, err := tr.RoundTrip(req) //nolint:bodyclose,staticcheck // see above; closed when the test ends
	if err != nil {
		return tunnel{err: err}
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return tunnel{
		status: resp.StatusCode, length: resp.ContentLength, in: in, out: resp.Body,
		trailer: func() http.Header { return resp.Trailer },
	}
}

// tunnelServer serves a wire until t ends, and returns the address.
func tunnelServer(t *testing.T, wire protocol.Server) string {
	t.Helper()
	s, err := server.New(server.Protocol(wire), server.Codec(proto.Codec{}), server.Transport(std.Network{}),
		server.Listen("127.0.0.1:0"))
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
	return s.Addr().String()
}
