package client

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/transport"
)

// escapes are the ways in which a function fails to return.
var escapes = map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit}

// onEscape runs a test in a bubble for each of escapes; the function that it is given escapes as often as the counter
// says.
func onEscape(t *testing.T, test func(t *testing.T, left *atomic.Int32, meet func())) {
	t.Helper()
	for name, f := range escapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				left := new(atomic.Int32)
				test(t, left, func() {
					if left.Add(-1) >= 0 {
						f()
					}
				})
			})
		})
	}
}

func wantPanics(t *testing.T, c *Client, want int64) {
	t.Helper()
	if got := c.Stats().Panics; got != want {
		t.Errorf("%d panics were counted, want %d", got, want)
	}
}

type badDialer struct {
	transport.Dialer

	meet func()
}

func (d badDialer) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	d.meet()
	return d.Dialer.Dial(ctx, t)
}

// TestDialerPanics: that is a failure to connect like any other, with its back-off, and the client goes on.
func TestDialerPanics(t *testing.T) {
	t.Parallel()
	onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
		w := newWorld()
		w.serve("a:1")
		left.Store(2)
		c, _ := w.client(t, []string{"a:1"}, Dialer(badDialer{w, meet}), WaitForReady(true))
		begin := time.Now()
		if _, err := say(t.Context(), c, "hello"); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < time.Second {
			t.Errorf("the call took %v: there was no back-off", took)
		}
		wantPanics(t, c, 2)
	})
}

// TestDialerPanicsToCall: a call that does not wait gets the reason.
func TestDialerPanicsToCall(t *testing.T) {
	t.Parallel()
	onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
		w := newWorld()
		left.Store(1)
		c, _ := w.client(t, []string{"a:1"}, Dialer(badDialer{w, meet}))
		_, err := say(t.Context(), c, "hello")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "no connection to a:1", "the dialer")
	})
}

type badResolver struct {
	fakeResolver

	meet func()
}

func (r *badResolver) Watch(ctx context.Context, endpoint string, s discovery.Sink) error {
	r.meet()
	return r.fakeResolver.Watch(ctx, endpoint, s)
}

// TestResolverPanics: that is the end of a look, and another one follows after a back-off.
func TestResolverPanics(t *testing.T) {
	t.Parallel()
	onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
		w := newWorld()
		w.serve("a:1")
		left.Store(2)
		c, err := New("test:///service",
			w.options(&badResolver{fakeResolver{first: instances("a:1")}, meet})...)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = say(t.Context(), c, "hello")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "no instances", "the resolver")
		if _, err = say(t.Context(), c, "hello", fairlead.WithWaitForReady(true)); err != nil {
			t.Error(err)
		}
		wantPanics(t, c, 2)
	})
}

// TestResolverPanicsAfterClose: Close does not wait for a resolver that has gone by a panic.
func TestResolverPanicsAfterClose(t *testing.T) {
	t.Parallel()
	onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
		w := newWorld()
		left.Store(1000)
		c, err := New("test:///service", w.options(&badResolver{fakeResolver{}, meet})...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = say(t.Context(), c, "hello")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "no instances")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

type badBalancer struct {
	turns

	meet func()
}

func (b *badBalancer) Build(nodes []*balance.Node) balance.Picker {
	b.meet()
	return b.turns.Build(nodes)
}

type badFilter struct {
	meet    func()
	changed chan struct{}
}

func (f *badFilter) Filter(nodes []*balance.Node) []*balance.Node {
	f.meet()
	return nodes
}

func (f *badFilter) Changed() <-chan struct{} { return f.changed }

// TestListRefusedAfterPanic: with a filter or a balancer that panics the last good list stays in force, with its
// connections, and nothing is left of the new one.
func TestListRefusedAfterPanic(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"balancer", "filter"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
				w := newWorld()
				a := w.serve("a:1")
				b := w.serve("b:1")
				opt := Balancer(&badBalancer{meet: meet})
				if who == "filter" {
					opt = Filter(&badFilter{meet: meet, changed: make(chan struct{})})
				}
				c, r := w.client(t, []string{"a:1"}, opt)
				if _, err := say(t.Context(), c, "hello"); err != nil {
					t.Fatal(err)
				}
				left.Store(1)
				heavier := instance("a:1")
				heavier.Weight = 2
				err := errors.New("Update did not return")
				done := make(chan struct{})
				go func() {
					defer close(done)
					err = r.update(heavier, instance("b:1"))
				}()
				<-done
				if err == nil {
					t.Error("the list was taken")
				}
				for range 4 {
					if _, err := say(t.Context(), c, "hello"); err != nil {
						t.Error(err)
					}
				}
				if a.calls() != 5 || b.accepted() != 0 || a.accepted() != 1 {
					t.Errorf("got %d calls on %d connections to a, and %d connections to b",
						a.calls(), a.accepted(), b.accepted())
				}
				if st := c.Stats(); len(st.Instances) != 1 || st.Instances[0].Weight != 1 {
					t.Errorf("got %+v", st)
				}
				if err := r.update(instances("a:1", "b:1")...); err != nil {
					t.Error(err)
				}
				for range 4 {
					if _, err := say(t.Context(), c, "hello"); err != nil {
						t.Error(err)
					}
					synctest.Wait() // a connection to b is being made
				}
				if a.accepted() != 1 || b.calls() == 0 {
					t.Errorf("got %d connections to a, %d calls to b", a.accepted(), b.calls())
				}
			})
		})
	}
}

// TestFilterPanicsAlone: a filter that panics when its own state has changed is asked again at the next change.
func TestFilterPanicsAlone(t *testing.T) {
	t.Parallel()
	onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
		w := newWorld()
		w.serve("a:1")
		b := new(turns)
		f := &badFilter{meet: meet, changed: make(chan struct{})}
		c, r := w.client(t, []string{"a:1"}, Filter(f), Balancer(b))
		if _, err := say(t.Context(), c, "hello"); err != nil {
			t.Fatal(err)
		}
		left.Store(1)
		f.changed <- struct{}{}
		synctest.Wait()
		if left.Load() >= 0 && left.Load() != 0 {
			t.Error("the filter was not asked")
		}
		f.changed <- struct{}{}
		synctest.Wait()
		if err := r.update(instances("a:1", "b:1")...); err != nil {
			t.Error(err)
		}
		if n := len(b.built()); n != 2 {
			t.Errorf("got %d pickers, want 2", n)
		}
	})
}

// TestCallPanics: a panic in the caller's goroutine goes on there, but the call has its end: functions of OnEnd run,
// and no figure counts it as under way.
func TestCallPanics(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"Use", "UsePerAttempt", "Header", "Send"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
				w := newWorld()
				s := w.serve("a:1")
				w.serve("b:1")
				e := new(ends)
				bad := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
					return func(ctx context.Context, c *fairlead.Call) error {
						err := next(ctx, c)
						meet()
						return err
					}
				}
				opts := []Option{Use(e.middleware), Balancer(&turns{watching: true})}
				switch where {
				case "Use":
					opts = append(opts, Use(bad))
				case "UsePerAttempt":
					opts = append(opts, UsePerAttempt(bad))
				case "Header":
					opts = append(opts, Header("k", func(context.Context) (string, error) {
						meet()
						return "v", nil
					}))
				case "Send":
					s.handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
						meet()
						c.SetResponse(c.Request())
						return nil
					}
					s.open = func(context.Context, *fakeConn, *fairlead.Call) error {
						meet()
						return nil
					}
				}
				c, _ := w.client(t, []string{"a:1"}, opts...)
				if err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				for i, call := range []func(){
					func() { _, _ = say(t.Context(), c, "hello") },
					func() { _, _ = open(t.Context(), c) },
				} {
					left.Store(1)
					returned := false
					done := make(chan struct{})
					go func() {
						defer close(done)
						defer func() { _ = recover() }()
						call()
						returned = true
					}()
					<-done
					if returned {
						t.Error("the call returned")
					}
					e.want(t, i+1, fairlead.Internal)
				}
				if st := c.Stats(); st.Instances[0].Inflight != 0 {
					t.Errorf("got %+v", st.Instances)
				}
			})
		})
	}
}

// TestEndPanics: a function of OnEnd that panics makes a unary call fail; a stream has told how it ended.
func TestEndPanics(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.serve("a:1")
	bad := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(func(context.Context, *fairlead.Call, error) { panic("boom") })
			return next(ctx, c)
		}
	}
	c, _ := w.client(t, []string{"a:1"}, Use(bad), Logger(slog.New(slog.DiscardHandler)))
	_, err := say(t.Context(), c, "hello")
	wantError(t, err, fairlead.Internal, fairlead.Unknowable, "a function of Call.OnEnd panicked")
	s, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	wantPanics(t, c, 2)
}

// TestEndPanicsInGoroutine: a stream whose context or deadline ends runs its end functions in a goroutine of the
// client. Neither they, nor the text of the deadline's note, nor the Close of a wrapper end the process, and the stream
// ends.
func TestEndPanicsInGoroutine(t *testing.T) {
	t.Parallel()
	for _, deadline := range []bool{true, false} {
		onEscape(t, func(t *testing.T, left *atomic.Int32, meet func()) {
			w := newWorld()
			w.serve("a:1")
			left.Store(3)
			e := new(ends)
			bad := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
				return func(ctx context.Context, c *fairlead.Call) error {
					c.OnEnd(func(context.Context, *fairlead.Call, error) { meet() })
					if deadline {
						c.TightenFor(time.Now().Add(time.Second), func(context.Context, *fairlead.Call) string {
							meet()
							return "note"
						})
					}
					c.WrapStream(func(s fairlead.Stream) fairlead.Stream { return badStream{s, meet} })
					return next(ctx, c)
				}
			}
			c, _ := w.client(t, []string{"a:1"}, Use(e.middleware, bad))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := open(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			code := fairlead.DeadlineExceeded
			if deadline {
				time.Sleep(2 * time.Second)
			} else {
				code = fairlead.Canceled
				cancel()
			}
			synctest.Wait()
			e.want(t, 1, code)
			if _, err := s.Recv(); fairlead.CodeOf(err) != code {
				t.Errorf("got %v, want %v", err, code)
			}
			if c.Stats().Panics == 0 {
				t.Error("no panic was counted")
			}
		})
	}
}

type badStream struct {
	fairlead.Stream

	meet func()
}

func (s badStream) Close() error {
	defer s.Stream.Close()
	s.meet()
	return nil
}

// TestLoggerPanics: what the client logs from goroutines of its own does not end the process.
func TestLoggerPanics(t *testing.T) {
	t.Parallel()
	w := newWorld()
	h := new(badHandler)
	c, _ := w.client(t, []string{"a:1"}, Logger(slog.New(h)))
	_, err := say(t.Context(), c, "hello")
	wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "refused")
	if h.n.Load() == 0 {
		t.Error("nothing was logged")
	}
}

type badHandler struct {
	slog.Handler

	n atomic.Int32
}

func (*badHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *badHandler) Handle(context.Context, slog.Record) error {
	h.n.Add(1)
	panic("the logger")
}

// TestPanicsAreLogged: with what panicked, its value and its stack.
func TestPanicsAreLogged(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var b strings.Builder
	bad := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(func(context.Context, *fairlead.Call, error) { panic("boom") })
			return next(ctx, c)
		}
	}
	c, _ := w.client(t, []string{"a:1"}, Use(bad), Logger(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
		Level: slog.LevelError,
	}))))
	_, _ = say(t.Context(), c, "hello")
	got := b.String()
	for _, part := range []string{
		`msg="a function of Call.OnEnd panicked"`, "side=client", "panic=boom", "TestPanicsAreLogged",
		"method=/test.Echo/Echo",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in %s", part, got)
		}
	}
	if lines := slices.Collect(strings.Lines(got)); len(lines) != 1 {
		t.Errorf("got %d entries", len(lines))
	}
}
