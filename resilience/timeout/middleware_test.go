package timeout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
)

type key struct{}

func newMethod(d time.Duration) *fairlead.Method {
	return fairlead.NewMethod[int, int](fairlead.Unary, "s", "M", func(m *fairlead.Method) { m.Timeout = d })
}

// chain makes a handler that tells whether it ran.
func chain(t *testing.T, side fairlead.Side, m *fairlead.Method, ran *bool, opts ...Option) fairlead.Handler {
	t.Helper()
	mw, err := Share(0.5, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return mw(fairlead.Site{Side: side, Method: m}, func(context.Context, *fairlead.Call) error {
		*ran = true
		return nil
	})
}

func TestClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inbound := func(d time.Duration) context.Context {
			return fairlead.NewServerCall(&fairlead.ServerCall{
				Method: newMethod(0), Deadline: time.Now().Add(d),
			}).Context()
		}
		within := func(ctx context.Context, d time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(ctx, d)
			t.Cleanup(cancel)
			return ctx
		}
		tests := []struct {
			name   string
			ctx    context.Context
			method time.Duration
			opts   []fairlead.CallOption
			want   time.Duration // 0: no deadline; negative: refused
		}{
			{"nothing", context.Background(), 0, nil, 0},
			{"context", within(context.Background(), time.Second), 0, nil, time.Second},
			{"caller", within(context.Background(), time.Minute), time.Minute,
				[]fairlead.CallOption{fairlead.WithTimeout(time.Second)}, time.Second},
			{"method", within(context.Background(), time.Minute), time.Second, nil, time.Second},
			{"half of the inbound call's", inbound(10 * time.Second), 0, nil, 5 * time.Second},
			{"half of it in a derived context", context.WithValue(inbound(10*time.Second), key{}, 1), 0, nil, 5 * time.Second},
			{"a detached context", context.WithoutCancel(inbound(10 * time.Second)), 0, nil, 0},
			{"a detached context with a deadline", within(context.WithoutCancel(inbound(10*time.Second)), time.Minute), 0, nil,
				time.Minute},
			{"half of the inbound call's, although the caller sets more", inbound(10 * time.Second), 0,
				[]fairlead.CallOption{fairlead.WithTimeout(8 * time.Second)}, 5 * time.Second},
			{"a millisecond is kept", inbound(1500 * time.Microsecond), 0, nil, 500 * time.Microsecond},
			{"nothing else is there", inbound(time.Millisecond), 0, nil, -1},
			{"less than that", within(inbound(10*time.Second), time.Second), 0, nil, time.Second},
			{"an inbound call without deadline",
				fairlead.NewServerCall(&fairlead.ServerCall{Method: newMethod(0)}).Context(), 0, nil, 0},
			{"too late", inbound(-time.Second), 0, nil, -1},
		}
		for _, tt := range tests {
			var ran bool
			m := newMethod(tt.method)
			c := fairlead.NewCall(m, nil, tt.opts...)
			err := chain(t, fairlead.ClientSide, m, &ran)(tt.ctx, c)
			if tt.want < 0 {
				e := fairlead.ErrorOf(err)
				if e == nil || e.Code != fairlead.DeadlineExceeded || e.Reach != fairlead.NotSent || ran ||
					!errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: got %v, ran: %v; want DEADLINE_EXCEEDED", tt.name, err, ran)
				}
				continue
			}
			d, ok := c.Deadline()
			if err != nil || !ran || ok != (tt.want > 0) || ok && time.Until(d) != tt.want {
				t.Errorf("%s: got %v, %v, %v; want %v", tt.name, err, ok, time.Until(d), tt.want)
			}
		}
	})
}

func TestServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		tests := []struct {
			name     string
			deadline time.Time
			method   time.Duration
			opts     []Option
			want     time.Duration // 0: no deadline; negative: refused
		}{
			{"none", time.Time{}, 0, nil, 0},
			{"the caller's, unshared", now.Add(time.Minute), time.Second, nil, time.Minute},
			{"the method's", time.Time{}, time.Second, nil, time.Second},
			{"the default", time.Time{}, 0, []Option{Default(time.Hour)}, time.Hour},
			{"passed", now.Add(-1), 0, nil, -1},
			{"about to pass", now.Add(time.Millisecond), 0, []Option{Least(time.Millisecond)}, -1},
		}
		for _, tt := range tests {
			var ran bool
			m := newMethod(tt.method)
			c := fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Deadline: tt.deadline})
			err := chain(t, fairlead.ServerSide, m, &ran, tt.opts...)(c.Context(), c)
			if tt.want < 0 {
				if fairlead.CodeOf(err) != fairlead.DeadlineExceeded || ran {
					t.Errorf("%s: got %v, ran: %v; want DEADLINE_EXCEEDED", tt.name, err, ran)
				}
				continue
			}
			d, ok := c.Context().Deadline()
			if err != nil || !ran || ok != (tt.want > 0) || ok && time.Until(d) != tt.want {
				t.Errorf("%s: got %v, %v, %v; want %v", tt.name, err, ok, time.Until(d), tt.want)
			}
		}
	})
}

// TestNote has errors of calls that were cut say by what; others have nothing to say.
func TestNote(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock begins at the beginning of 2000
		m := newMethod(0)
		in := fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Deadline: time.Now().Add(time.Second)})
		var ran bool
		h := chain(t, fairlead.ClientSide, m, &ran, Named("preset.DeadlineShare"))
		c := fairlead.NewCall(m, nil)
		if err := h(in.Context(), c); err != nil {
			t.Fatal(err)
		}
		want := "its deadline was 500ms before its caller's of 2000-01-01T00:00:01.000Z: " +
			"preset.DeadlineShare gives a call 0.5 of its caller's time"
		if got := c.Wire().DeadlineNote(in.Context()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := c.Wire().Another().Wire().DeadlineNote(in.Context()); got != want {
			t.Errorf("another attempt: got %q, want %q", got, want)
		}
		c.Tighten(time.Now().Add(time.Minute)) // later, so that the share stands
		if got := c.Wire().DeadlineNote(in.Context()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Tighten(time.Now())
		if got := c.Wire().DeadlineNote(in.Context()); got != "" {
			t.Errorf("got %q for a deadline that is not the share", got)
		}
		c = fairlead.NewCall(m, nil, fairlead.WithTimeout(time.Millisecond))
		if err := h(in.Context(), c); err != nil || c.Wire().DeadlineNote(in.Context()) != "" {
			t.Errorf("got %v and %q for the caller's own deadline", err, c.Wire().DeadlineNote(in.Context()))
		}
		time.Sleep(time.Second - time.Millisecond)
		err := h(in.Context(), fairlead.NewCall(m, nil))
		if want := "too late to begin: context deadline exceeded (its deadline was 1ms before"; err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	})
}

func TestShareErrors(t *testing.T) {
	t.Parallel()
	if mw, err := Share(0); err == nil || mw != nil {
		t.Errorf("got %v, want an error", err)
	}
	for _, tt := range []struct {
		opt  Option
		want string
	}{{Default(-1), "Default"}, {Least(-1), "Least"}, {Keep(-1), "Keep"}, {Named(""), "Named"}, {nil, "nil Option"}} {
		if _, err := Share(1, tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want an error with %q", err, tt.want)
		}
	}
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	var ran bool
	m := newMethod(time.Second)
	client, server := chain(t, fairlead.ClientSide, m, &ran), chain(t, fairlead.ServerSide, m, &ran)
	in := fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Deadline: time.Now().Add(time.Hour)})
	ctx := in.Context()
	assert.Allocs(t, 1, func() { // the outgoing call
		if err := server(ctx, in); err != nil {
			t.Error(err)
		}
		if err := client(ctx, fairlead.NewCall(m, nil)); err != nil {
			t.Error(err)
		}
	})
}
