package preset_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// TestHTTP1 has a client of HTTP/1.1 answered, or told what the port serves if that is HTTP/2 alone.
func TestHTTP1(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		opts   []server.Option
		status int
		text   string
	}{
		{"both versions", nil, http.StatusNotFound, "has nothing at this path"},
		{"HTTP/2 alone", []server.Option{preset.ServerHTTP2(web.HTTP1(false))},
			http.StatusHTTPVersionNotSupported, "HTTP/2 only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			testHTTP1(t, tt.status, tt.text, tt.opts...)
		})
	}
}

func testHTTP1(t *testing.T, status int, text1 string, opts ...server.Option) {
	t.Helper()
	type text = wrapperspb.StringValue
	hello := fairlead.NewMethod[text, text](fairlead.Unary, "greeter.v1.Greeter", "SayHello")
	greeter := fairlead.Implement(fairlead.NewService("greeter.v1.Greeter", "proto", nil, hello),
		fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) { return m, nil }))
	srv, err := preset.NewServer("127.0.0.1:0", append(opts, server.Service(greeter))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = srv.Shutdown(t.Context()) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+srv.Addr().String()+"/a",
		strings.NewReader(strings.Repeat("x", 10_000)))
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status || !strings.Contains(string(body), text1) {
		t.Errorf("got %s, %q; want %d and %q", resp.Status, body, status, text1)
	}
}

// TestHTTP1Server has our client say what is the matter with a server that speaks HTTP/1.1 only.
func TestHTTP1Server(t *testing.T) {
	t.Parallel()
	old := httptest.NewServer(http.NotFoundHandler())
	defer old.Close()
	conn, err := preset.NewClient(strings.TrimPrefix(old.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	type text = wrapperspb.StringValue
	hello := fairlead.NewMethod[text, text](fairlead.Unary, "greeter.v1.Greeter", "SayHello")
	call := fairlead.NewCall(hello, wrapperspb.String("Ann"))
	err = conn.Bind(hello)(t.Context(), call)
	if fairlead.CodeOf(err) != fairlead.Unavailable || !strings.Contains(err.Error(), "HTTP/1") {
		t.Errorf("got %v, want UNAVAILABLE and HTTP/1 named", err)
	}
}
