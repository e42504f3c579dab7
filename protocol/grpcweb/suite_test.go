package grpcweb_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/balance/roundrobin"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// clients are those of both forms.
var clients = map[string]func() *grpcweb.Client{
	"binary": grpcweb.NewClient, "text": grpcweb.NewTextClient,
}

// serve serves the echo service by gRPC-Web at echo:1.
func serve(t *testing.T, h protocoltest.Handlers, opts ...server.Option) *inproc.Network {
	t.Helper()
	network := inproc.New()
	s, err := server.New(append(opts,
		server.Service(protocoltest.NewEcho(protocoltest.ServiceName).Implement(h)),
		server.Protocol(web.NewServer(grpcweb.NewServer())),
		server.Codec(protocoltest.Codec{}),
		server.Compressor(zip()),
		server.Transport(network),
		server.Listen("echo:1"),
		server.Logger(slog.New(slog.DiscardHandler)),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return network
}

// zip returns the compressor of these tests.
func zip() compress.Compressor {
	c, err := gzip.New()
	if err != nil {
		panic(err)
	}
	return c
}

// config is a client's.
func config(c codec.Codec) *protocol.ClientConfig {
	return &protocol.ClientConfig{
		Codec: c, RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 16 << 10,
		Compressors: []compress.Compressor{zip()},
		Authority:   "echo", Logger: slog.New(slog.DiscardHandler),
	}
}

// connect returns a connection of a client.
func connect(
	t *testing.T, network *inproc.Network, client protocol.HTTPClient, cfg *protocol.ClientConfig,
	opts ...web.ClientOption,
) (protocol.Client, protocol.ClientConn) {
	t.Helper()
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "echo:1"})
	if err != nil {
		t.Fatal(err)
	}
	wire := web.NewClient(client, append(opts, web.QueuedBytes(1<<20))...)
	conn, err := wire.NewConn(t.Context(), tc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if conn != nil {
			conn.Close(nil)
		}
	})
	return wire, conn
}

// versions are those of HTTP.
var versions = map[string][]web.ClientOption{"HTTP/2": nil, "HTTP/1.1": {web.UseHTTP1()}}

// TestSuite runs the suite of all wires with gRPC-Web over both versions of HTTP, in both forms.
func TestSuite(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	for name, app := range clients {
		t.Run("HTTP/1.1, "+name, func(t *testing.T) { //nolint:paralleltest // as above
			protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
				t.Helper()
				c, err := client.New("static:///echo:1", client.Protocol(web.NewClient(app(), web.UseHTTP1())),
					client.Dialer(serve(t, h)), client.Codec(protocoltest.Codec{}), client.Resolver(static.Resolver{}),
					client.Balancer(roundrobin.Balancer{}), client.Logger(slog.New(slog.DiscardHandler)))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				return protocoltest.Env{Binder: c}
			})
		})
	}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
				t.Helper()
				e := protocoltest.Env{Config: config(protocoltest.Codec{})}
				e.Client, e.Conn = connect(t, serve(t, h), client(), e.Config)
				return e
			})
		})
	}
}
