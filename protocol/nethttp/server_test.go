package nethttp_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/std"
)

// versions are those of HTTP that the wire serves.
var versions = []int{1, 2}

// serveMounted serves handlers until t ends, and returns the URL of the server.
func serveMounted(t *testing.T, mounts ...nethttp.Option) string {
	t.Helper()
	return "http://" + startMounted(t, mounts).Addr().String()
}

// startMounted starts a server with mounted handlers, which is shut down when t ends.
func startMounted(t *testing.T, mounts []nethttp.Option, opts ...server.Option) *server.Server {
	t.Helper()
	s, err := server.New(append([]server.Option{
		server.Protocol(web.NewServer(nethttp.NewServer(mounts...))),
		server.Codec(protocoltest.Codec{}),
		server.Transport(std.Network{}),
		server.Listen("127.0.0.1:0"),
		server.Logger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
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
