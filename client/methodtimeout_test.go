package client

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
)

// TestMethodTimeout: the earliest of the method's timeout, the caller's and the context's is the call's.
func TestMethodTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		var seen time.Duration
		w.servers["a:1"].handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
			seen = 0
			if d, ok := c.Deadline(); ok {
				seen = time.Until(d)
			}
			c.SetResponse(c.Request())
			return nil
		}
		c, _ := w.client(t, []string{"a:1"})
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		tests := []struct {
			name   string
			method time.Duration
			ctx    context.Context
			opts   []fairlead.CallOption
			want   time.Duration
		}{
			{"none", 0, t.Context(), nil, 0},
			{"the method's", time.Second, t.Context(), nil, time.Second},
			{"an earlier caller's", time.Second, t.Context(), []fairlead.CallOption{fairlead.WithTimeout(time.Millisecond)},
				time.Millisecond},
			{"a later caller's", time.Second, t.Context(), []fairlead.CallOption{fairlead.WithTimeout(time.Minute)},
				time.Second},
			{"an earlier context's", time.Second, short, nil, time.Millisecond},
		}
		for _, tt := range tests {
			m := fairlead.NewMethod[string, string](fairlead.Unary, "test.Greeter", "Say", func(m *fairlead.Method) {
				m.Timeout = tt.method
			})
			call := fairlead.NewCall(m, new(string), tt.opts...)
			if err := c.Bind(m)(tt.ctx, call); err != nil || seen != tt.want {
				t.Errorf("%s: got %v with a deadline in %v, want %v", tt.name, err, seen, tt.want)
			}
		}
		m := fairlead.NewMethod[string, string](fairlead.BidiStreaming, "test.Greeter", "Chat", func(m *fairlead.Method) {
			m.Timeout = time.Second
		})
		call := fairlead.NewCall(m, nil)
		stream, err := fairlead.OpenedBidi[string, string](call, c.Bind(m)(t.Context(), call))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if d, ok := call.Deadline(); !ok || time.Until(d) != time.Second {
			t.Errorf("a stream has %v, %v, want 1s", time.Until(d), ok)
		}
	})
}
