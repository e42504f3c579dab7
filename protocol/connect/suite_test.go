package connect_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/balance/roundrobin"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/connect"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// TestMain counts buffers: one that is not put back fails the tests, and one that is used afterwards is spoilt.
func TestMain(m *testing.M) {
	buffer.Count(true)
	code := m.Run()
	if n := buffer.Out(); n != 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d buffers were not put back:\n%s", n, buffer.Leaks())
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // this is main
}

// TestSuite runs the suite of all wires with Connect: with a binary codec and JSON, compressed, with GET, over HTTP/2,
// and over HTTP/1.1, whose connections carry one call at a time and are a client's.
func TestSuite(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	for _, tt := range []struct {
		name  string
		codec codec.Codec
		zip   bool
		get   bool
		http1 bool
	}{
		{name: "binary", codec: protocoltest.Codec{}},
		{name: "JSON, compressed", codec: protocoltest.JSONCodec{}, zip: true},
		{name: "JSON, GET", codec: protocoltest.JSONCodec{}, get: true},
		{name: "HTTP/1.1, binary", codec: protocoltest.Codec{}, http1: true},
		{name: "HTTP/1.1, JSON, compressed, GET", codec: protocoltest.JSONCodec{}, zip: true, get: true, http1: true},
	} {
		t.Run(tt.name, func(t *testing.T) { //nolint:paralleltest // as above
			protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
				t.Helper()
				addr := suiteServer(t, h, tt.codec)
				var opts []connect.Option
				if tt.get {
					opts = append(opts, connect.Get(4096))
				}
				if tt.http1 {
					return protocoltest.Env{Binder: suiteClient(t, addr, tt.codec, tt.zip, opts...)}
				}
				return suiteConn(t, addr, tt.codec, tt.zip, opts...)
			})
		})
	}
}

// suiteServer starts a server and returns its network, where it is at echo:1.
func suiteServer(t *testing.T, h protocoltest.Handlers, c codec.Codec) *inproc.Network {
	t.Helper()
	network := inproc.New()
	s, err := server.New(
		server.Service(protocoltest.NewEcho(protocoltest.ServiceName, readable).Implement(h)),
		server.Protocol(web.NewServer(connect.NewServer())),
		server.Codec(c),
		server.Compressor(gz(t)),
		server.CompressMin(100),
		server.Transport(network),
		server.Listen("echo:1"),
		server.Logger(quiet()),
	)
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

// suiteClient makes a client over HTTP/1.1.
func suiteClient(
	t *testing.T, network *inproc.Network, c codec.Codec, zip bool, opts ...connect.Option,
) *client.Client {
	t.Helper()
	copts := []client.Option{
		client.Protocol(web.NewClient(connect.NewClient(opts...), web.UseHTTP1())),
		client.Dialer(network), client.Codec(c), client.Compressor(gz(t)), client.CompressMin(100),
		client.Resolver(static.Resolver{}), client.Balancer(roundrobin.Balancer{}), client.Logger(quiet()),
	}
	if zip {
		copts = append(copts, client.Compress("gzip"))
	}
	cl, err := client.New("static:///echo:1", copts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cl.Close(); err != nil {
			t.Error(err)
		}
	})
	return cl
}

// suiteConn makes a connection of HTTP/2.
func suiteConn(
	t *testing.T, network *inproc.Network, c codec.Codec, zip bool, opts ...connect.Option,
) protocoltest.Env {
	t.Helper()
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "echo:1"})
	if err != nil {
		t.Fatal(err)
	}
	e := protocoltest.Env{
		Client: web.NewClient(connect.NewClient(opts...), web.QueuedBytes(1<<20)),
		Config: &protocol.ClientConfig{
			Codec: c, Compressors: []compress.Compressor{gz(t)}, CompressMin: 100,
			RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 16 << 10, Authority: "echo", Logger: quiet(),
		},
	}
	if zip {
		e.Config.Compressor = gz(t)
	}
	if e.Conn, err = e.Client.NewConn(t.Context(), tc, e.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Conn.Close(nil) })
	return e
}
