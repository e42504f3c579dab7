package grpc_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// TestSuite runs the suite of all wires with gRPC over HTTP/2.
func TestSuite(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
		t.Helper()
		network := inproc.New()
		s, err := server.New(
			server.Service(protocoltest.NewEcho(protocoltest.ServiceName).Implement(h)),
			server.Protocol(web.NewServer(grpc.NewServer())),
			server.Codec(protocoltest.Codec{}),
			server.Transport(network),
			server.Listen("echo:1"),
			server.Logger(slog.New(slog.DiscardHandler)),
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
		tc, err := network.Dial(t.Context(), transport.Target{Addr: "echo:1"})
		if err != nil {
			t.Fatal(err)
		}
		e := protocoltest.Env{Client: web.NewClient(grpc.NewClient(), web.QueuedBytes(1<<20)), Config: &protocol.ClientConfig{
			Codec: protocoltest.Codec{}, RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 16 << 10,
			Authority: "echo", Logger: slog.New(slog.DiscardHandler),
		}}
		if e.Conn, err = e.Client.NewConn(t.Context(), tc, e.Config); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Conn.Close(nil) })
		return e
	})
}
