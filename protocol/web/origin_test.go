package web_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// site is a server of the echo service by gRPC-Web, which is called over one version of HTTP.
type site struct {
	network *inproc.Network
	version []web.ClientOption
}

func browsed(t *testing.T, version []web.ClientOption, opts ...web.ServerOption) (site, *server.Server) {
	t.Helper()
	network := inproc.New()
	s, err := server.New(
		server.Service(protocoltest.NewEcho(protocoltest.ServiceName).Implement(protocoltest.Handlers{})),
		server.Protocol(web.NewServer(grpcweb.NewServer(), opts...)), server.Codec(protocoltest.Codec{}),
		server.Transport(network), server.Listen("web:1"), server.Logger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return site{network, version}, s
}

// overBoth runs a test over both versions of HTTP.
func overBoth(t *testing.T, f func(t *testing.T, version []web.ClientOption)) {
	t.Helper()
	for name, opts := range map[string][]web.ClientOption{"HTTP/2": nil, "HTTP/1.1": {web.UseHTTP1()}} {
		t.Run(name, func(t *testing.T) { f(t, opts) })
	}
}

// browse makes a request with more fields, on a connection of its own. It is a call of gRPC-Web if its method is POST.
func browse(t *testing.T, s site, verb, path string, fields ...string) *protocoltest.HTTPAnswer {
	t.Helper()
	req := &protocol.Request{
		Head: protocol.NewBlock(":scheme", "https", ":authority", "a.example"), Verb: verb, Path: path,
		Extra: new(fairlead.Metadata),
	}
	for i := 0; i < len(fields); i += 2 {
		req.Extra.Append(fields[i], fields[i+1])
	}
	if verb == "POST" {
		req.Extra.Append("content-type", "application/grpc-web+msg")
		req.Message = &protocol.Message{Bytes: []byte("\x00\x00\x00\x00\x03\x02hi")}
	}
	c := dialTarget(t, s.network, transport.Target{Addr: "web:1"}, s.version...)
	defer c.Close(nil)
	return protocoltest.DoHTTP(t, c, req)
}

const echoUnary = "/" + protocoltest.ServiceName + "/Unary"

// TestCrossSite: writes that a browser sends for pages of other origins are refused, as http.CrossOriginProtection
// does, and no others.
func TestCrossSite(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	overBoth(t, testCrossSite)
}

func testCrossSite(t *testing.T, version []web.ClientOption) {
	c, s := browsed(t, version, web.AllowOrigins(web.CORS{Origins: []string{"https://friend.example"}}))
	refused := int64(0)
	for _, tt := range []struct {
		name   string
		verb   string // "": POST
		fields []string
		status int
	}{
		{name: "no browser", status: 200},
		{
			name: "same origin", fields: []string{"sec-fetch-site", "same-origin", "origin", "https://a.example"},
			status: 200,
		},
		{name: "the user's own doing", fields: []string{"sec-fetch-site", "none"}, status: 200},
		{
			name: "same site", fields: []string{"sec-fetch-site", "same-site", "origin", "https://b.a.example"}, status: 403,
		},
		{
			name: "cross site", fields: []string{"sec-fetch-site", "cross-site", "origin", "https://foe.example"},
			status: 403,
		},
		{name: "cross site, without an origin", fields: []string{"sec-fetch-site", "cross-site"}, status: 403},
		{
			name:   "cross site that says it is not",
			fields: []string{"sec-fetch-site", "cross-site", "origin", "https://a.example"}, status: 403,
		},
		{name: "unknown site", fields: []string{"sec-fetch-site", "new"}, status: 403},
		{name: "old browser, same host", fields: []string{"origin", "https://a.example"}, status: 200},
		{name: "old browser, plaintext", fields: []string{"origin", "http://a.example"}, status: 200},
		{name: "old browser, other port", fields: []string{"origin", "https://a.example:8443"}, status: 403},
		{name: "old browser, longer host", fields: []string{"origin", "https://a.example.foe.example"}, status: 403},
		{name: "old browser, shorter host", fields: []string{"origin", "https://example"}, status: 403},
		{name: "old browser, null", fields: []string{"origin", "null"}, status: 403},
		{
			name: "old browser, the host in the path", fields: []string{"origin", "https://foe.example/a.example"},
			status: 403,
		},
		{
			name: "allowed", fields: []string{"sec-fetch-site", "cross-site", "origin", "https://friend.example"},
			status: 200,
		},
		{name: "allowed, old browser", fields: []string{"origin", "https://friend.example"}, status: 200},
		{
			name:   "allowed, but for the scheme",
			fields: []string{"sec-fetch-site", "cross-site", "origin", "http://friend.example"}, status: 403,
		},
		{
			name: "reads", verb: "GET",
			fields: []string{"sec-fetch-site", "cross-site", "origin", "https://foe.example"}, status: 405,
		},
		{
			name: "options", verb: "OPTIONS",
			fields: []string{"sec-fetch-site", "cross-site", "origin", "https://foe.example"}, status: 204,
		},
		{name: "other writes", verb: "DELETE", fields: []string{"sec-fetch-site", "cross-site"}, status: 403},
		{name: "unknown writes", verb: "BREW", fields: []string{"sec-fetch-site", "cross-site"}, status: 403},
	} {
		verb := tt.verb
		if verb == "" {
			verb = "POST"
		}
		if a := browse(t, c, verb, echoUnary, tt.fields...); a.Status != tt.status {
			t.Errorf("%s: got %d %q, want %d", tt.name, a.Status, a.Body, tt.status)
		}
		if tt.status == 403 {
			refused++
		}
	}
	if got := s.Stats().Guard[protocol.CrossSite]; got != refused {
		t.Errorf("%d refusals are counted, want %d", got, refused)
	}

	c, s = browsed(t, version, web.CrossSiteWrites(true))
	if a := browse(t, c, "POST", echoUnary, "sec-fetch-site", "cross-site"); a.Status != 200 {
		t.Errorf("allowed by option: got %d", a.Status)
	}
	if got := s.Stats().Guard[protocol.CrossSite]; got != 0 {
		t.Errorf("allowed by option: %d refusals are counted", got)
	}
	c, _ = browsed(t, version)
	if a := browse(t, c, "POST", echoUnary, "sec-fetch-site", "cross-site"); a.Status != 403 {
		t.Errorf("by default: got %d", a.Status)
	}
}

// TestCORS: the fields of answers and of preflights.
func TestCORS(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	overBoth(t, testCORS)
}

func testCORS(t *testing.T, version []web.ClientOption) {
	const friend, foe = "https://friend.example", "https://foe.example"
	some, _ := browsed(t, version, web.AllowOrigins(web.CORS{
		Origins: []string{friend, "https://other.example"}, Credentials: true, Headers: []string{"X-Shop"},
		Expose: []string{"X-Count"}, MaxAge: 90 * time.Second,
	}))
	all, _ := browsed(t, version, web.AllowOrigins(web.CORS{Origins: []string{"*"}, Headers: []string{"*"}, MaxAge: -1}))
	none, _ := browsed(t, version)
	cross := func(origin string) []string { return []string{"origin", origin, "sec-fetch-site", "cross-site"} }
	preflight := func(origin string) []string {
		return append(cross(origin), "access-control-request-method", "POST",
			"access-control-request-headers", "content-type,x-grpc-web,x-shop")
	}
	for _, tt := range []struct {
		name       string
		conn       site
		verb, path string
		fields     []string
		status     int
		want       map[string]string // "": the answer does not have the field
		has        map[string]string // the field has this in its list
	}{
		{
			name: "call", conn: some, verb: "POST", path: echoUnary, fields: cross(friend), status: 200,
			want: map[string]string{
				"access-control-allow-origin": friend, "access-control-allow-credentials": "true", "vary": "origin",
			},
			has: map[string]string{"access-control-expose-headers": "grpc-status"},
		},
		{
			name: "exposed metadata", conn: some, verb: "POST", path: echoUnary, fields: cross(friend), status: 200,
			has: map[string]string{"access-control-expose-headers": "x-count"},
		},
		{
			name: "nothing there", conn: some, verb: "GET", path: "/elsewhere", fields: cross(friend), status: 404,
			want: map[string]string{"access-control-allow-origin": friend},
		},
		{
			name: "stranger", conn: some, verb: "GET", path: "/elsewhere", fields: cross(foe), status: 404,
			want: map[string]string{"access-control-allow-origin": "", "vary": "origin"},
		},
		{
			name: "stranger that writes", conn: some, verb: "POST", path: echoUnary, fields: cross(foe), status: 403,
			want: map[string]string{"access-control-allow-origin": "", "vary": "origin"},
		},
		{
			name: "no origin, for caches", conn: some, verb: "GET", path: "/elsewhere", status: 404,
			want: map[string]string{"access-control-allow-origin": "", "vary": "origin"},
		},
		{
			name: "no browser", conn: some, verb: "POST", path: echoUnary, status: 200,
			want: map[string]string{"access-control-allow-origin": "", "vary": ""},
		},
		{
			name: "preflight", conn: some, verb: "OPTIONS", path: echoUnary, fields: preflight(friend), status: 204,
			want: map[string]string{
				"access-control-allow-origin": friend, "access-control-allow-credentials": "true",
				"access-control-max-age": "90",
			},
			has: map[string]string{
				"access-control-allow-methods": "POST", "access-control-allow-headers": "x-shop",
				"vary": "access-control-request-headers",
			},
		},
		{
			name: "fields of the protocols", conn: some, verb: "OPTIONS", path: "/elsewhere", fields: preflight(friend),
			status: 204, has: map[string]string{"access-control-allow-headers": "connect-protocol-version"},
		},
		{
			name: "preflight of a stranger", conn: some, verb: "OPTIONS", path: echoUnary, fields: preflight(foe), status: 403,
			want: map[string]string{"access-control-allow-origin": "", "access-control-allow-methods": ""},
		},
		{
			name: "anybody", conn: all, verb: "POST", path: echoUnary, fields: cross(foe), status: 200,
			want: map[string]string{
				"access-control-allow-origin": "*", "access-control-allow-credentials": "", "vary": "",
			},
		},
		{
			name: "preflight of anybody", conn: all, verb: "OPTIONS", path: echoUnary, fields: preflight(foe), status: 204,
			want: map[string]string{
				"access-control-allow-origin": "*", "access-control-max-age": "0",
				"access-control-allow-headers": "content-type,x-grpc-web,x-shop",
			},
		},
		{
			name: "by default", conn: none, verb: "OPTIONS", path: echoUnary, fields: preflight(foe), status: 204,
			want: map[string]string{"access-control-allow-origin": "", "access-control-allow-methods": "", "allow": "POST"},
		},
	} {
		a := browse(t, tt.conn, tt.verb, tt.path, tt.fields...)
		if a.Status != tt.status {
			t.Errorf("%s: got %d, want %d", tt.name, a.Status, tt.status)
		}
		for k, v := range tt.want {
			if got := a.Fields[k]; got != v {
				t.Errorf("%s: got %s %q, want %q", tt.name, k, got, v)
			}
		}
		for k, v := range tt.has {
			if got := a.Fields[k]; !strings.Contains(got, v) {
				t.Errorf("%s: got %s %q, want %q in it", tt.name, k, got, v)
			}
		}
	}
}
