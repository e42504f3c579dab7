package preset_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// TestRestarts: calls of Connect over HTTP/1.1 go on while the server at their address is replaced again and again. The
// next server listens before the last one stops, as in a rolling update behind one address; none of the calls fails.
func TestRestarts(t *testing.T) { //nolint:paralleltest // it takes all there is
	type text = wrapperspb.StringValue
	hello := fairlead.NewMethod[text, text](fairlead.Unary, "greeter.v1.Greeter", "SayHello")
	hello.Idempotency = fairlead.Idempotent
	greeter := func() server.Option {
		return server.Service(fairlead.Implement(fairlead.NewService("greeter.v1.Greeter", "proto", nil, hello),
			fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) { return m, nil })))
	}
	start := func(addr string) *server.Server {
		t.Helper()
		srv, err := preset.NewServer(addr, greeter(), server.Without("logging"))
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return srv
	}
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	servers := []*server.Server{start("127.0.0.1:0"), start("127.0.0.1:0")}
	target := fmt.Sprintf("static:///%s,%s", servers[0].Addr(), servers[1].Addr())
	conn, err := preset.NewClient(target, preset.ClientProtocol(preset.Connect, web.UseHTTP1()), client.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	call := conn.Bind(hello)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls, failed atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for ctx.Err() == nil {
				c := fairlead.NewCall(hello, wrapperspb.String("Ann"))
				got, err := fairlead.Result[text](c, call(context.WithoutCancel(ctx), c))
				if err != nil || got.GetValue() != "Ann" {
					t.Errorf("a call got %v, %v", got, err)
					failed.Add(1)
				}
				calls.Add(1)
			}
		})
	}
	for i := range 2 * rounds {
		old := servers[i%2]
		addr := old.Addr().String()
		for n := calls.Load(); calls.Load() < n+1000 && failed.Load() == 0; {
			time.Sleep(time.Millisecond)
		}
		down, stop := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		if err := old.Shutdown(down); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		stop()
		servers[i%2] = start(addr)
	}
	cancel()
	wg.Wait()
	t.Logf("%d calls, %d failed", calls.Load(), failed.Load())
	for _, s := range servers {
		_ = s.Shutdown(context.Background())
	}
}
