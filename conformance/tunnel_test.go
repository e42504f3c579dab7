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
	resp, in, err := openTunnel(t, addr, "items")
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.ContentLength != -1 {
		t.Errorf("got %d, length %d, want 200 and none", resp.StatusCode, resp.ContentLength)
	}
	for _, want := range []string{"one", "two", strings.Repeat("three", 10_000)} {
		if _, err := io.WriteString(in, want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
			t.Fatalf("got %d bytes, %v, want %d", len(got), err, len(want))
		}
	}
	_ = in.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 || len(resp.Trailer) > 0 {
		t.Errorf("at the end: got %q, %v, the trailer %v", rest, err, resp.Trailer)
	}
	if resp, in, err = openTunnel(t, addr, "other"); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	if resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("another protocol: got %d, want 501", resp.StatusCode)
	}

	off := tunnelServer(t, web.NewServer(new(protocoltest.Items)))
	_, in, err = openTunnel(t, off, "items")
	if err == nil || !strings.Contains(err.Error(), "extended connect not supported") {
		t.Errorf("without the option: got %v", err)
	}
	_ = in.Close()
}

// openTunnel sends a CONNECT, and returns where what goes through the tunnel is written. net/http's Transport takes no
// pseudo-fields, so this is the one that it has inside.
func openTunnel(t *testing.T, addr, name string) (*http.Response, io.WriteCloser, error) {
	t.Helper()
	tr := &http2.Transport{ //nolint:staticcheck // see above
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(tr.CloseIdleConnections) //nolint:staticcheck // see above
	body, in := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "http://"+addr+"/items/a", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header[":protocol"] = []string{name}
	resp, err := tr.RoundTrip(req) //nolint:staticcheck // see above
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, in, err
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
