package grpcgo_test

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// serveFunc serves a registrar and returns a client of it.
type serveFunc func(testing.TB, *grpcgo.Registrar) fairlead.Binder

// eachTransport runs f with the loop, which is predictable in every detail, and with the real thing.
func eachTransport(t *testing.T, f func(t *testing.T, serve serveFunc)) {
	t.Helper()
	t.Run("loop", func(t *testing.T) {
		t.Parallel()
		f(t, func(t testing.TB, reg *grpcgo.Registrar) fairlead.Binder {
			t.Helper()
			return newLoop(t, reg)
		})
	})
	t.Run("gRPC", func(t *testing.T) {
		t.Parallel()
		f(t, serveInproc)
	})
}

// serveInproc serves reg with the preset's stack and an in-process network.
func serveInproc(t testing.TB, reg *grpcgo.Registrar) fairlead.Binder {
	t.Helper()
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	network := inproc.New()
	srv, err := preset.NewServer("127.0.0.1:80", server.Transport(network), server.Service(impls...))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	c, err := preset.NewClient("static:///127.0.0.1:80", client.Dialer(network))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// connect serves s by serve and returns the generated client.
func connect(
	t *testing.T, serve serveFunc, s *service,
) testpb.TestServiceClient {
	t.Helper()
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, s)
	return testpb.NewTestServiceClient(grpcgo.NewConn(serve(t, reg)))
}
