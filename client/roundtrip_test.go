package client

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
)

func TestTransparentRetry(t *testing.T) {
	t.Parallel()
	stale := func(r fairlead.Reach, code fairlead.Code) func() error {
		return func() error { return fairlead.Errorf(code, "stale").WithReach(r) }
	}
	tests := []struct {
		name  string
		err   func() error
		fails int // the first so many attempts fail
		calls int // attempts
		code  fairlead.Code
	}{
		{"not sent once", stale(fairlead.NotSent, fairlead.Unavailable), 1, 2, fairlead.OK},
		{"not sent three times", stale(fairlead.NotSent, fairlead.Unavailable), 3, 4, fairlead.OK},
		{"not sent four times", stale(fairlead.NotSent, fairlead.Unavailable), 4, 4, fairlead.Unavailable},
		{"refused once", stale(fairlead.Refused, fairlead.Unavailable), 1, 2, fairlead.OK},
		{"refused for excess", stale(fairlead.Refused, fairlead.ResourceExhausted), 1, 2, fairlead.OK},
		{"refused twice", stale(fairlead.Refused, fairlead.Unavailable), 2, 2, fairlead.Unavailable},
		{"unknowable", stale(fairlead.Unknowable, fairlead.Unavailable), 1, 1, fairlead.Unavailable},
		{"the call's own fault", stale(fairlead.NotSent, fairlead.ResourceExhausted), 1, 1, fairlead.ResourceExhausted},
		{"not ours", func() error { return io.ErrUnexpectedEOF }, 1, 1, fairlead.Unknown},
		{
			"the peer's",
			func() error { return fairlead.PeerError(fairlead.Unavailable, "busy", nil) }, 1, 1, fairlead.Unavailable,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			s := w.serve("a:1")
			var calls atomic.Int32
			fail := func(c *fairlead.Call) error {
				if c.ResponseHeader().Len() > 0 || c.Response() != nil {
					t.Error("what the attempt before left is still there")
				}
				if int(calls.Add(1)) > tt.fails {
					return nil
				}
				c.ResponseHeader().Set("left", "over")
				c.SetResponse("left over")
				return tt.err()
			}
			s.handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
				if err := fail(c); err != nil {
					return err
				}
				c.SetResponse(c.Request())
				return nil
			}
			s.open = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error { return fail(c) }
			seen := 0
			count := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
				return func(ctx context.Context, c *fairlead.Call) error { seen++; return next(ctx, c) }
			}
			c, _ := w.client(t, []string{"a:1"}, UsePerAttempt(count))
			var info fairlead.CallInfo
			_, err := say(t.Context(), c, "x", fairlead.WithInfo(&info))
			if got := fairlead.CodeOf(err); got != tt.code || int(calls.Load()) != tt.calls {
				t.Errorf("got %v after %d attempts, want %s after %d", err, calls.Load(), tt.code, tt.calls)
			}
			if seen != 1 || info.Attempts != 1 {
				t.Errorf("the repetition was noticed: %d runs of the middleware, %d attempts", seen, info.Attempts)
			}

			calls.Store(0)
			str, err := open(t.Context(), c)
			if got := fairlead.CodeOf(err); got != tt.code || int(calls.Load()) != tt.calls {
				t.Errorf("stream: got %v after %d attempts, want %s after %d", err, calls.Load(), tt.code, tt.calls)
			}
			if err == nil {
				str.Close()
			}
		})
	}
}

// A repetition goes to another node.
func TestTransparentRetryElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld()
	a, b := w.serve("a:1"), w.serve("b:1")
	a.handle = func(context.Context, *fakeConn, *fairlead.Call) error {
		return fairlead.Errorf(fairlead.Unavailable, "refused").WithReach(fairlead.Refused)
	}
	c, _ := w.client(t, []string{"a:1", "b:1"})
	for range 10 {
		var info fairlead.CallInfo
		if _, err := say(t.Context(), c, "x", fairlead.WithInfo(&info)); err != nil || info.Peer.Addr != "b:1" {
			t.Errorf("got %v from %+v, want an answer of b", err, info.Peer)
		}
	}
	if a.calls() == 0 || b.calls() != 10 {
		t.Errorf("got %d and %d calls, want some and 10", a.calls(), b.calls())
	}
}

// twice is the least that a retry middleware does.
func twice(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		err := next(ctx, c)
		if err == nil {
			return nil
		}
		a := c.Wire().Another()
		err = next(ctx, a)
		c.Wire().Adopt(a)
		return err
	}
}

func TestAttemptsEndAndAvoid(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for _, addr := range []string{"a:1", "b:1", "c:1"} {
		s := w.serve(addr)
		s.handle = func(context.Context, *fakeConn, *fairlead.Call) error {
			return fairlead.Errorf(fairlead.Unavailable, "broken")
		}
		s.open = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
			if c.Attempt() == 0 {
				return fairlead.Errorf(fairlead.Unavailable, "broken")
			}
			return nil
		}
	}
	var went []string
	ends := 0
	note := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			went = append(went, c.Peer().Addr)
			c.OnEnd(func(context.Context, *fairlead.Call, error) { ends++ })
			return next(ctx, c)
		}
	}
	c, _ := w.client(t, []string{"a:1", "b:1", "c:1"}, Use(twice), UsePerAttempt(note))
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		went, ends = nil, 0
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.Unknowable, "broken")
		if len(went) != 2 || went[0] == went[1] || ends != 2 {
			t.Errorf("attempts went to %q and ended %d times, want two nodes and 2", went, ends)
		}
	}

	went, ends = nil, 0
	s, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if ends != 0 {
		t.Errorf("%d attempts have ended before the stream", ends)
	}
	if err := s.Call().WaitHeader(t.Context()); err != nil || s.Call().ResponseHeader().Get("k") != "v" {
		t.Errorf("got %v, header %v", err, s.Call().ResponseHeader())
	}
	if err := s.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want io.EOF", err)
	}
	if len(went) != 2 || ends != 2 {
		t.Errorf("attempts went to %q and ended %d times, want 2", went, ends)
	}
}

// TestLaterAttemptsEnd: attempts after the first end once, whether they succeed or not: streams when they are over, and
// those that are not opened at once.
func TestLaterAttemptsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld()
	s := w.serve("a:1")
	broken := fairlead.Errorf(fairlead.Unavailable, "broken")
	s.handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
		if c.Attempt() == 0 {
			return broken
		}
		c.SetResponse(c.Request())
		return nil
	}
	s.open = func(context.Context, *fakeConn, *fairlead.Call) error { return broken }
	var ends []error
	note := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) { ends = append(ends, err) })
			return next(ctx, c)
		}
	}
	c, _ := w.client(t, []string{"a:1"}, Use(twice), UsePerAttempt(note))
	if got, err := say(t.Context(), c, "x"); err != nil || got != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	if len(ends) != 2 || ends[1] != nil {
		t.Errorf("the attempts ended with %v, want one failure and a success", ends)
	}
	ends = nil
	_, err := open(t.Context(), c)
	wantError(t, err, fairlead.Unavailable, fairlead.Unknowable, "broken")
	if len(ends) != 2 || ends[1] == nil {
		t.Errorf("the attempts ended with %v, want two failures", ends)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		release := make(chan struct{})
		for _, addr := range []string{"a:1", "b:1"} {
			w.serve(addr).handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
				c.SetResponse(c.Request())
				time.Sleep(time.Second)
				return k.wait(ctx, release)
			}
		}
		bal := &turns{watching: true}
		c, _ := w.client(t, []string{"a:1", "b:1"}, Balancer(bal))
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		done := make(chan error)
		for range 4 {
			go func() {
				_, err := say(t.Context(), c, "x")
				done <- err
			}()
		}
		synctest.Wait()
		str, err := open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		nodes := bal.built()[0]
		if got := nodes[0].Inflight.Load() + nodes[1].Inflight.Load(); got != 5 {
			t.Errorf("got %d in flight, want 5", got)
		}
		close(release)
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := nodes[0].Inflight.Load() + nodes[1].Inflight.Load(); got != 1 {
			t.Errorf("got %d in flight, want the stream", got)
		}
		if err := str.Close(); err != nil {
			t.Error(err)
		}
		for _, n := range nodes {
			if n.Inflight.Load() != 0 || time.Duration(n.Latency.Load()) != time.Second {
				t.Errorf("got %d in flight and a latency of %s, want 0 and 1s", n.Inflight.Load(),
					time.Duration(n.Latency.Load()))
			}
		}
		if len(bal.observed) != 5 {
			t.Errorf("observed %q, want 5", bal.observed)
		}
	})
}
