// Package fairleadtest serves implementations within a test, and connects a client to them:
//
//	shop := shopv1.NewShopClient(fairleadtest.Serve(t, shopv1.Shop(svc)))
//
// Calls go the same way as in production: HTTP/2, encoding, middleware, deadlines, cancellation. Only the network is in
// memory, so that tests need no ports, do not disturb each other, and can run in the bubbles of testing/synctest.
package fairleadtest

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// address is what the server listens at, and the client's target, so that options of Config may replace the network of
// both.
const address = "fairleadtest:1"

// patience is how long calls may take to end after the test, on a machine that is not busy.
const patience = 5 * time.Second

// Config is how to serve. The zero value serves with the defaults of package preset.
type Config struct {
	// Server and Client are options that are applied after the defaults.
	Server []server.Option
	Client []client.Option
}

// Serve serves impls until t and its subtests end, and returns a client that is connected to them. It is Config.Serve
// with the zero Config.
func Serve(t testing.TB, impls ...*fairlead.Implementation) *client.Client {
	t.Helper()
	return Config{}.Serve(t, impls...)
}

// Serve serves impls until t and its subtests end, and returns a client that is connected to them: it is Start without
// the server.
func (cfg Config) Serve(t testing.TB, impls ...*fairlead.Implementation) *client.Client {
	t.Helper()
	conn, _ := cfg.Start(t, impls...)
	return conn
}

// Start serves impls until t and its subtests end. It returns a client that is connected to them, and the server, for
// tests of its shutdown. Start ends the test if impls cannot be served. Client and server are safe for concurrent use.
// They are closed when the test ends, if the test has not closed them.
//
// Server and client have the defaults of package preset, except for the network, and log to t, from level INFO on.
// Cfg's options are applied after that. Other services, such as admin.Standard, are options of the server.
//
// The test fails if, five seconds after its end (more on a busy machine), a call is not over: a stream of the client
// that was neither read to its end nor closed and whose context has not ended (that of t has), or a handler that does
// not return although its context has ended. It also fails if the server cannot shut down. A test that has failed
// already does not wait for calls of the client.
func (cfg Config) Start(t testing.TB, impls ...*fairlead.Implementation) (*client.Client, *server.Server) {
	t.Helper()
	log := newLog(t)
	network := inproc.New()
	var received, made calls

	// The server's context is not the test's, which ends before the server does.
	ctx := context.Background()
	opts := []server.Option{
		server.Transport(network), server.Logger(slog.New(log)), server.Use(received.track), server.Service(impls...),
	}
	srv, err := preset.NewServer(address, append(opts, cfg.Server...)...)
	if err != nil {
		t.Fatalf("fairleadtest: %v", err)
	}
	if err := srv.Start(ctx); err != nil {
		t.Fatalf("fairleadtest: %v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, assert.Patience(patience))
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("fairleadtest: the server did not shut down: %v", err)
			for _, path := range received.open() {
				t.Errorf("fairleadtest: the handler of %s did not return when its context ended", path)
			}
		}
		log.stop()
	})

	copts := []client.Option{client.Dialer(network), client.Logger(slog.New(log)), client.Use(made.track)}
	conn, err := preset.NewClient(address, append(copts, cfg.Client...)...)
	if err != nil {
		t.Fatalf("fairleadtest: %v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		if !t.Failed() {
			if left := made.wait(assert.Patience(patience)); len(left) > 0 {
				t.Errorf("fairleadtest: calls that the test has made are not over: %s\n"+
					"a stream is over when it was read to its end or closed, or its context has ended",
					strings.Join(left, ", "))
			}
		}
		_ = conn.Close() // returns nil
	})
	return conn, srv
}
