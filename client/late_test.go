package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/resilience/timeout"
)

// TestMiddlewareSeesLateCalls: middleware of Use sees the calls that end before anything is sent, whatever refuses
// them, with the error that the caller gets. A fallback among it may answer them.
func TestMiddlewareSeesLateCalls(t *testing.T) {
	t.Parallel()
	least, err := timeout.Share(1, timeout.Least(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	errLimit := errors.New("no more calls today")
	limit := func(fairlead.Site, fairlead.Handler) fairlead.Handler {
		return func(context.Context, *fairlead.Call) error { return errLimit }
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name     string
		deadline fairlead.Middleware
		ctx      context.Context
		opts     []fairlead.CallOption
		want     fairlead.Code
	}{
		{"in time", least, t.Context(), nil, fairlead.OK},
		{"in time with a deadline", least, t.Context(), []fairlead.CallOption{fairlead.WithTimeout(time.Minute)},
			fairlead.OK},
		{"too little time", least, t.Context(), []fairlead.CallOption{fairlead.WithTimeout(time.Millisecond)},
			fairlead.DeadlineExceeded},
		{"no time", nil, t.Context(), []fairlead.CallOption{fairlead.WithTimeout(-1)}, fairlead.DeadlineExceeded},
		{"no time, with a share", least, t.Context(), []fairlead.CallOption{fairlead.WithTimeout(-1)},
			fairlead.DeadlineExceeded},
		{"context is over", nil, canceled, nil, fairlead.Canceled},
		{"context is over, with a share", least, canceled, nil, fairlead.Canceled},
		{"refused", limit, t.Context(), nil, fairlead.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				s := w.serve("a:1")
				var outer, inner ends
				var below, through int
				fall, headers := false, 0
				c, _ := w.client(t, []string{"a:1"}, Deadline(tt.deadline), Header("k",
					func(context.Context) (string, error) { headers++; return "v", nil }), Use(outer.middleware,
					func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
						return func(ctx context.Context, c *fairlead.Call) error {
							through++
							err := next(ctx, c)
							if code := fairlead.CodeOf(err); code != tt.want || c.Protocol() != "fake" {
								t.Errorf("middleware: got %v and protocol %q, want %s", err, c.Protocol(), tt.want)
							}
							if err == nil || !fall {
								return err
							}
							below++
							c.SetResponse(c.Request())
							return nil
						}
					}, inner.middleware))
				_, err := say(tt.ctx, c, "x", tt.opts...)
				if fairlead.CodeOf(err) != tt.want {
					t.Errorf("unary: got %v, want %s", err, tt.want)
				}
				if tt.want == fairlead.Unknown && !errors.Is(err, errLimit) {
					t.Errorf("got %v, want the middleware's error", err)
				}
				outer.want(t, 1, tt.want)
				inner.want(t, 1, tt.want)
				st, err := open(tt.ctx, c, tt.opts...)
				if fairlead.CodeOf(err) != tt.want {
					t.Errorf("stream: got %v, want %s", err, tt.want)
				}
				if err == nil {
					_ = st.CloseSend()
					_, _ = st.Recv()
				}
				outer.want(t, 2, tt.want)
				inner.want(t, 2, tt.want)
				if tt.want == fairlead.OK {
					return
				}
				if tt.want != fairlead.Canceled && tt.ctx.Err() == nil {
					fall = true
					if got, err := say(tt.ctx, c, "x", tt.opts...); err != nil || got != "x" || below != 1 {
						t.Errorf("with a fallback: got %q, %v", got, err)
					}
				}
				if tt.deadline != nil && tt.want != fairlead.Canceled && headers != 0 {
					t.Errorf("the function of Header was called %d times for calls that were refused", headers)
				}
				if s.calls() != 0 || through < 2 {
					t.Errorf("got %d calls at the server and %d in the middleware, want 0 and 2 or more", s.calls(), through)
				}
			})
		})
	}
}
