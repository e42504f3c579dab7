package preset_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// TestDrainTimeout has a drain that comes to no end tell the calls that it cut, unary ones and streams, of several
// connections.
func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := inproc.New()
		log := new(journal)
		s, err := preset.NewServer("shop:1", server.Transport(network), preset.Logger(log.logger()), server.Service(
			fairlead.Implement(echo,
				fairlead.UnaryHandler(func(ctx context.Context, _ *text) (*text, error) { <-ctx.Done(); return nil, ctx.Err() }),
				fairlead.BidiHandler(func(ctx context.Context, _ *fairlead.Bidi[text, text]) error {
					<-ctx.Done()
					return ctx.Err()
				}))))
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.New("shop", s)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- a.Run(ctx, app.Signals(), app.DrainTimeout(5*time.Second), app.Logger(log.logger())) }()
		synctest.Wait()
		ended := make(chan error, 5)
		for range 2 {
			c, err := preset.NewClient("shop:1", client.Dialer(network))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			k := fairlead.NewCall(chat, nil)
			stream, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(context.Background(), k))
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, err := stream.Recv(); ended <- err }()
			time.Sleep(time.Minute)
			go func() { _, err := call(context.Background(), c, "x"); ended <- err }()
			time.Sleep(time.Second)
		}
		c, err := preset.NewClient("shop:1", client.Dialer(network))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() { _, err := call(context.Background(), c, "x"); ended <- err }()
		synctest.Wait()
		stop()
		err = <-ran
		const want = "server: Shutdown was cut short with 5 calls under way, the oldest 2m7s old: " +
			"3 of /preset.v1.Echo/Say (1m7s), 2 of /preset.v1.Echo/Chat (2m7s): context deadline exceeded"
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasSuffix(err.Error(), want) ||
			!strings.Contains(err.Error(), "stopping the server at shop:1: ") {
			t.Errorf("got %v, want %q", err, want)
		}
		if got := log.String(); !strings.Contains(got, "server: draining was cut short") ||
			!strings.Contains(got, "calls=5 connections=3 oldest=2m7s") {
			t.Errorf("the log does not say what was cut:\n%s", got)
		}
		for range 5 {
			if err := <-ended; fairlead.CodeOf(err) != fairlead.Unavailable {
				t.Errorf("a caller got %v, want UNAVAILABLE", err)
			}
		}
	})
}
