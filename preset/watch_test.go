package preset_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
)

// TestStreamEndsWithItsContexts: a stream ends with the context of its caller, with the one that a middleware opens it
// with, and with its deadline, whoever has set it, and its end functions run once.
func TestStreamEndsWithItsContexts(t *testing.T) {
	t.Parallel()
	type key struct{}
	tests := []struct {
		name string
		// derive makes the context that a middleware opens the stream with; inner is cancelled instead of the caller's.
		derive func(ctx context.Context) (context.Context, context.CancelFunc)
		inner  bool
		limit  time.Duration // set by the middleware; 0: none
		silent bool          // the end is noticed although nobody receives
		code   fairlead.Code
	}{
		{name: "the caller's own", silent: true, code: fairlead.Canceled},
		{
			name: "with a value", silent: true, code: fairlead.Canceled,
			derive: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithValue(ctx, key{}, 1), func() {}
			},
		},
		{name: "derived, the caller's ends", derive: context.WithCancel, silent: true, code: fairlead.Canceled},
		{name: "derived, the middleware's ends", derive: context.WithCancel, inner: true, code: fairlead.Canceled},
		{
			name: "detached", silent: true, code: fairlead.Canceled,
			derive: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithoutCancel(ctx), func() {}
			},
		},
		{name: "a deadline", limit: time.Second, silent: true, code: fairlead.DeadlineExceeded},
		{
			name: "a deadline and a derived context", limit: time.Second, derive: context.WithCancel, silent: true,
			code: fairlead.DeadlineExceeded,
		},
		{
			name: "a context with a deadline", silent: true, code: fairlead.DeadlineExceeded,
			derive: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			inner: true,
		},
	}
	for _, tt := range tests {
		for _, receives := range []bool{false, true} {
			name := tt.name
			if receives {
				name += ", received"
			} else if !tt.silent || tt.inner {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ended := make(chan error, 2)
					var cancelInner context.CancelFunc
					middleware := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
						return func(ctx context.Context, c *fairlead.Call) error {
							c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) { ended <- err })
							if tt.limit > 0 {
								c.Tighten(time.Now().Add(tt.limit))
							}
							if tt.derive != nil {
								ctx, cancelInner = tt.derive(ctx)
								c.CancelOnEnd(cancelInner)
							}
							return next(ctx, c)
						}
					}
					c := playground(t, false, client.Use(middleware))
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					k := fairlead.NewCall(scriptTalk, nil)
					s, err := fairlead.OpenedBidi[text, text](k, c.Bind(scriptTalk)(ctx, k))
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					if err := s.Send(wrapperspb.String("a")); err != nil {
						t.Fatal(err)
					}
					switch {
					case tt.inner && tt.code == fairlead.Canceled:
						cancelInner()
					case tt.code == fairlead.Canceled:
						cancel()
					}
					for err = nil; receives && err == nil; {
						_, err = s.Recv()
					}
					if receives && fairlead.CodeOf(err) != tt.code {
						t.Errorf("Recv: got %v, want %v", err, tt.code)
					}
					time.Sleep(2 * time.Second)
					synctest.Wait()
					select {
					case err := <-ended:
						if fairlead.CodeOf(err) != tt.code {
							t.Errorf("the call ended with %v, want %v", err, tt.code)
						}
					default:
						t.Error("the call has not ended")
					}
					cancel()
					_ = s.Close()
					if len(ended) > 0 {
						t.Error("the call ended twice")
					}
				})
			})
		}
	}
}
