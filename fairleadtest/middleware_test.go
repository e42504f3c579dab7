package fairleadtest_test

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/fairleadtest"
	"github.com/fairlead-go/fairlead/server"
)

// A context that middleware derives lasts as long as the stream, on either side and around attempts, and no longer.
func TestCancelOnEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  func(mw fairlead.Middleware) fairleadtest.Config
	}{
		{"client", func(mw fairlead.Middleware) fairleadtest.Config {
			return fairleadtest.Config{Client: []client.Option{client.Use(mw)}}
		}},
		{"attempt", func(mw fairlead.Middleware) fairleadtest.Config {
			return fairleadtest.Config{Client: []client.Option{client.UsePerAttempt(mw)}}
		}},
		{"server", func(mw fairlead.Middleware) fairleadtest.Config {
			return fairleadtest.Config{Server: []server.Option{server.Use(mw)}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			derive, ended := derives()
			conn := tt.cfg(derive).Serve(t, echo())
			c := fairlead.NewCall(chat, nil)
			s, err := fairlead.OpenedBidi[text, text](c, conn.Bind(chat)(t.Context(), c))
			if err != nil {
				t.Fatal(err)
			}
			ctx := <-ended
			for range 2 {
				if err := s.Send(wrapperspb.String("x")); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Recv(); err != nil {
					t.Fatal(err)
				}
			}
			if err := ctx.Err(); err != nil {
				t.Errorf("the context ended before the stream: %v", err)
			}
			if err := s.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := s.Recv(); err != io.EOF { //nolint:errorlint // as Recv says
				t.Errorf("got %v, want the end of the stream", err)
			}
			<-ctx.Done() // on the server a moment later than here
		})
	}
}

func TestCancelOnEndUnary(t *testing.T) {
	t.Parallel()
	derive, ended := derives()
	conn := fairleadtest.Config{Client: []client.Option{client.Use(derive)}}.Serve(t, echo())
	if _, err := callUnary(t.Context(), conn, "x"); err != nil {
		t.Error(err)
	}
	if ctx := <-ended; ctx.Err() == nil {
		t.Error("the context outlives the call")
	}
}

// derives returns a middleware that derives a context, and the channel to which it sends it.
func derives() (mw fairlead.Middleware, contexts <-chan context.Context) {
	ended := make(chan context.Context, 1)
	return func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			c.CancelOnEnd(cancel)
			ended <- ctx
			return next(ctx, c)
		}
	}, ended
}

// What CancelOnEnd is there for: with a defer statement the stream is over when it has just been opened.
func TestDeferredCancelBreaksStreams(t *testing.T) {
	t.Parallel()
	derive := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			return next(ctx, c)
		}
	}
	conn := fairleadtest.Config{Client: []client.Option{client.Use(derive)}}.Serve(t, echo())
	in, err := openScatter(t.Context(), conn, "wait")
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = in.Recv()
	}
	if fairlead.CodeOf(err) != fairlead.Canceled {
		t.Errorf("got %v, want CANCELED", err)
	}
}
