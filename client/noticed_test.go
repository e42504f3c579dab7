package client

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
)

// TestNewWithoutServerName: TLS needs a name to check, and a client without one is not made.
func TestNewWithoutServerName(t *testing.T) {
	t.Parallel()
	w := newWorld()
	r := &namedResolver{scheme: "dns"}
	opts := w.options(r, TLS(&tls.Config{NextProtos: []string{"fake"}}), Authority(":443")) //nolint:gosec // default
	if _, err := New("dns:///:8080", opts...); err == nil || !strings.Contains(err.Error(), "ServerName") {
		t.Errorf("got %v, want an error with ServerName", err)
	}
	if _, err := New("dns:///:8080", w.options(r, CompressMin(0))...); err != nil {
		t.Errorf("CompressMin(0): %v", err)
	}
}

// TestDrainsWhatIsClosed: a connection that takes no more calls is asked to end with its last call.
func TestDrainsWhatIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"})
		str, err := open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		k := s.conn(0)
		k.mu.Lock()
		k.shut(nil) // as a connection does that has used up its streams
		k.mu.Unlock()
		synctest.Wait()
		if n := k.drains.Load(); n != 1 {
			t.Errorf("the connection was drained %d times, want 1", n)
		}
		if err := str.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case <-k.done:
		default:
			t.Error("the connection has not ended with its last call")
		}
	})
}

// TestStrangersWithoutIdleTimeout: a server that hangs up is one that cannot be reached, also without an idle timeout.
func TestStrangersWithoutIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.set(func(s *host) { s.hangup = true })
		c, _ := w.client(t, []string{"a:1"}, IdleTimeout(0), Backoff(time.Second, time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _ = say(ctx, c, "hello", fairlead.WithWaitForReady(true))
		if n := len(w.dials("a:1")); n > 30 {
			t.Errorf("the server was dialled %d times in 10 s: there was no back-off", n)
		}
	})
}

// TestSecondAttemptGoesElsewhere: a middleware's second attempt is told where the first one went.
func TestSecondAttemptGoesElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a, b := w.serve("a:1"), w.serve("b:1")
		again := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				if err := next(ctx, c); err != nil {
					return err
				}
				return next(ctx, c.Wire().Another())
			}
		}
		c, _ := w.client(t, []string{"a:1", "b:1"}, Use(again))
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i := range 10 {
			if _, err := say(t.Context(), c, "hello"); err != nil {
				t.Fatal(err)
			}
			if a.calls() != i+1 || b.calls() != i+1 {
				t.Fatalf("after %d calls of two attempts: a has %d and b %d", i+1, a.calls(), b.calls())
			}
		}
	})
}

// TestExplainedOnce: an error that was explained at the end of an attempt is not explained again.
func TestExplainedOnce(t *testing.T) {
	t.Parallel()
	call := fairlead.NewCall(echo, nil)
	call.TightenFor(time.Now(), func(context.Context, *fairlead.Call) string { return "the share of the caller's" })
	once := explained(t.Context(), call, fairlead.Errorf(fairlead.DeadlineExceeded, "late"))
	if want := "DEADLINE_EXCEEDED: late (the share of the caller's)"; once == nil || once.Error() != want {
		t.Fatalf("got %v, want %s", once, want)
	}
	if twice := explained(t.Context(), call, once); twice != once { //nolint:errorlint // it is to be the same
		t.Errorf("got %v, want %v", twice, once)
	}
}

// TestNoResponseOfEndedCall: a response that came before the end of the context is not the call's.
func TestNoResponseOfEndedCall(t *testing.T) {
	t.Parallel()
	w := newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	w.serve("a:1").handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
		c.SetResponse(c.Request())
		cancel()
		return nil
	}
	c, _ := w.client(t, []string{"a:1"})
	text := "hello"
	call := fairlead.NewCall(echo, &text)
	err := c.Bind(echo)(ctx, call)
	wantError(t, err, fairlead.Canceled, fairlead.Unknowable)
	if got := call.Response(); got != nil {
		t.Errorf("got the response %v", got)
	}
	wantPanics(t, c, 0)
}

// TestGivenUpStreamsAreNoPanics: nothing is counted when a stream is given up as it should be.
func TestGivenUpStreamsAreNoPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"})
		ctx, cancel := context.WithCancel(t.Context())
		s, err := open(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		_, err = s.Recv()
		wantError(t, err, fairlead.Canceled, fairlead.Unknowable)
		wantPanics(t, c, 0)
	})
}

// TestLatencyIsSampled: of several nodes each gets a latency, without anybody who observes.
func TestLatencyIsSampled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		slow := func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
			time.Sleep(time.Second)
			c.SetResponse(c.Request())
			return nil
		}
		w.serve("a:1").handle = slow
		w.serve("b:1").handle = slow
		c, _ := w.client(t, []string{"a:1", "b:1"})
		for range 400 { // of which each has one chance in latencySample
			if _, err := say(t.Context(), c, "hello"); err != nil {
				t.Fatal(err)
			}
		}
		for _, in := range c.Stats().Instances {
			if in.Latency != time.Second {
				t.Errorf("got the latency %v of %s, want 1s", in.Latency, in.Addr)
			}
		}
	})
}

// TestGivesUpGrowing: a connection that was wanted for more room, and cannot be made, is not wanted for ever.
func TestGivesUpGrowing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.limit = 1
		release := make(chan struct{})
		s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return k.wait(ctx, release)
		}
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(2), Backoff(time.Second, time.Second))
		first := make(chan error, 1)
		go func() {
			_, err := say(t.Context(), c, "first")
			first <- err
		}()
		synctest.Wait()
		s.set(func(s *host) { s.up = false })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := say(ctx, c, "second"); err == nil {
			t.Error("the second call found room")
		}
		dials := len(w.dials("a:1"))
		if dials < 3 {
			t.Errorf("got %d connections tried for a call in line", dials)
		}
		time.Sleep(time.Minute)
		if now := len(w.dials("a:1")); now > dials+1 {
			t.Errorf("%d more were tried in a minute, for nobody", now-dials)
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}
