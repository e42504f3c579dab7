package web

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/balance/roundrobin"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first string
		want  bool
	}{
		{"GET / HTTP/1.1\r\nHost: x\r\n", true},
		{"GET /a", true},
		{"OPTIONS * HTTP/1.0\r\n", true},
		{"GET http://x/ HTTP/1.1\r\n", true},
		{"PRI * HTTP/2.0\r\n\r\nXX", false},
		{"get / HTTP/1.1", false},
		{"A /", true},
		{"Z *", true},
		{"A@ /", false},
		{"A[ /", false},
		{"GET x", false},
		{"GET  /", false},
		{"GET", false},
		{"GET ", false},
		{" /", false},
		{"\x16\x03\x01 /", false},
		{"", false},
	} {
		got := string(new(Server).Refuse([]byte(tt.first)))
		if (got != "") != tt.want || tt.want && !strings.HasPrefix(got, "HTTP/1.1 505 ") {
			t.Errorf("%q: got %q, want an answer: %v", tt.first, got, tt.want)
		}
	}
}

// TestOptions: what is wrong with the wire's options is an error of the server, or client, that it is given to.
func TestOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server []ServerOption
		client []ClientOption
		want   string
	}{
		{
			"good", []ServerOption{PingPolicy(0, true), ControlBudget(100), FrameTimeout(0), QueuedBytes(64 << 10)}, nil, "",
		},
		{"good", nil, []ClientOption{ControlBudget(1 << 30), FrameTimeout(time.Hour), QueuedBytes(1 << 30)}, ""},
		{"nil", []ServerOption{nil}, nil, "web: NewServer: nil ServerOption"},
		{"nil", nil, []ClientOption{nil}, "web: NewClient: nil ClientOption"},
		{"a nil protocol", []ServerOption{Protocol(nil)}, nil, "web: a protocol is nil"},
		{"a protocol twice", []ServerOption{Protocol(grpc.NewServer())}, nil, `protocol "grpc" was given twice`},
		{"PINGs", []ServerOption{PingPolicy(-time.Second, true)}, nil, "web: PingPolicy: -1s is negative"},
		{"budget", []ServerOption{ControlBudget(99)}, nil, "web: ControlBudget: 99 is not between 100"},
		{"budget", nil, []ClientOption{ControlBudget(0)}, "web: ControlBudget: 0 is not between 100"},
		{"frames", []ServerOption{FrameTimeout(-1)}, nil, "web: FrameTimeout: -1ns is negative"},
		{"frames", nil, []ClientOption{FrameTimeout(-1)}, "web: FrameTimeout: -1ns is negative"},
		{
			"good", []ServerOption{
				CrossSiteWrites(true), AllowOrigins(CORS{Origins: []string{"*"}, Headers: []string{"*", "X-A"}}),
			}, nil, "",
		},
		{"good", []ServerOption{AllowOrigins(CORS{
			Origins: []string{"https://a.example", "http://[::1]:8080"}, Credentials: true, Expose: []string{"X-A"},
		})}, nil, ""},
		{"origins", []ServerOption{AllowOrigins(CORS{})}, nil, "web: AllowOrigins: no origin"},
		{
			"path", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://a.example/"}})}, nil,
			"want only scheme, host and port",
		},
		{"no scheme", []ServerOption{AllowOrigins(CORS{Origins: []string{"a.example"}})}, nil, "want scheme://host"},
		{
			"upper case", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://A.example"}})}, nil, "in lower case",
		},
		{"port", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://a.example:443"}})}, nil, "own port"},
		{"null", []ServerOption{AllowOrigins(CORS{Origins: []string{"null"}})}, nil, "any page can have it"},
		{
			"pattern", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://*.example"}})}, nil, "each host by its name",
		},
		{"not ASCII", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://ä.example"}})}, nil, "in ASCII"},
		{
			"user", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://me@a.example"}})}, nil,
			"want only scheme, host and port",
		},
		{"no URL", []ServerOption{AllowOrigins(CORS{Origins: []string{"https://a.example:x"}})}, nil, "it is no URL"},
		{
			"credentials", []ServerOption{AllowOrigins(CORS{Origins: []string{"*"}, Credentials: true})}, nil,
			"name the origins",
		},
		{
			"exposed with credentials", []ServerOption{AllowOrigins(CORS{
				Origins: []string{"https://a.example"}, Credentials: true, Expose: []string{"*"},
			})}, nil, "name the fields",
		},
		{
			"header", []ServerOption{AllowOrigins(CORS{Origins: []string{"*"}, Headers: []string{"a b"}})}, nil,
			`"a b" is no name`,
		},
		{"queue", []ServerOption{QueuedBytes(1)}, nil, "web: QueuedBytes: 1 is not between 65536"},
		{"queue", nil, []ClientOption{QueuedBytes(1)}, "web: QueuedBytes: 1 is not between 65536"},
	} {
		var err error
		if tt.client != nil {
			network := inproc.New()
			_, err = client.New("static:///a:1", client.Protocol(NewClient(grpc.NewClient(), tt.client...)),
				client.Dialer(network), client.Codec(proto.Codec{}), client.Balancer(roundrobin.Balancer{}),
				client.Resolver(static.Resolver{}))
		} else {
			_, err = server.New(server.Protocol(NewServer(grpc.NewServer(), tt.server...)), server.Codec(proto.Codec{}),
				server.Service(protocoltest.NewEcho("test.Echo").Implement(protocoltest.Handlers{})),
				server.Codec(protocoltest.Codec{}))
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if err := NewClient(nil).Check(); err == nil {
		t.Error("a nil protocol of a client: got no error")
	}
}
