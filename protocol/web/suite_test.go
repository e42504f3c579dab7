package web_test

import (
	"context"
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
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// bare is a protocol that hands its connection out.
type bare struct{ hc protocol.HTTPConn }

func (*bare) Name() string { return "bare" }

func (*bare) Bind(*fairlead.Method, *protocol.ClientConfig) (protocol.Bind, error) {
	return struct{}{}, nil
}

func (b *bare) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	b.hc = hc
	return nil
}

func TestSuite(t *testing.T) { //nolint:paralleltest // it counts goroutines
	protocoltest.RunHTTP(t, connect)
}

// connect serves app and returns a connection to it.
func connect(t *testing.T, app protocol.HTTP) protocol.HTTPConn {
	t.Helper()
	network := inproc.New()
	serve(t, app, network, "web:1")
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "web:1"})
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

// serve serves app until t ends.
func serve(t *testing.T, app protocol.HTTP, network transport.Network, addr string) *server.Server {
	t.Helper()
	desc := protocoltest.NewEcho(protocoltest.ServiceName)
	s, err := server.New(
		server.Service(desc.Implement(protocoltest.Handlers{})),
		server.Protocol(web.NewServer(app)),
		server.Codec(protocoltest.Codec{}),
		server.Transport(network),
		server.Listen(addr),
	)
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
