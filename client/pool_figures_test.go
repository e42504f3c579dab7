package client

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
)

// TestBackoffIsSpread looks at many back-offs: they grow up to the limit and differ, so that clients which lost their
// server together do not come back together.
func TestBackoffIsSpread(t *testing.T) {
	t.Parallel()
	c := &config{backoffBase: time.Second, backoffMax: 10 * time.Second}
	for _, tt := range []struct {
		failures int
		middle   time.Duration
	}{
		{1, time.Second}, {2, 1600 * time.Millisecond}, {3, 2560 * time.Millisecond}, {6, 10 * time.Second},
		{1000, 10 * time.Second},
	} {
		// Of 1000 values that are spread evenly, one is in each tenth but for odds of 1e-45.
		low, high := tt.middle-tt.middle/5, tt.middle+tt.middle/5
		least, most := high, low
		for range 1000 {
			d := c.backoff(tt.failures)
			if d < low || d > high {
				t.Fatalf("after %d failures: got %v, want %v to %v", tt.failures, d, low, high)
			}
			least, most = min(least, d), max(most, d)
		}
		if tenth := (high - low) / 10; least > low+tenth || most < high-tenth {
			t.Errorf("after %d failures: got %v to %v, want them spread over %v to %v", tt.failures, least, most, low, high)
		}
	}
}

// TestTurnIsPassedOn has a call that is called give up at the same moment. The next one in line gets the turn at once,
// and not when the pool looks for room by itself.
func TestTurnIsPassedOn(t *testing.T) {
	t.Parallel()
	for range 20 { // which of the two the call notices first is open
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			s := w.serve("a:1")
			s.limit = 1
			release := make(chan struct{})
			s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
				c.SetResponse(c.Request())
				if *c.Request().(*string) == "first" { //nolint:forcetypeassert // all requests are
					return k.wait(ctx, release)
				}
				return nil
			}
			c, _ := w.client(t, []string{"a:1"}, MaxConnections(1))
			begin := func(ctx context.Context, what string) <-chan error {
				err := make(chan error, 1)
				go func() {
					_, failed := say(ctx, c, what)
					err <- failed
				}()
				synctest.Wait()
				return err
			}
			first := begin(t.Context(), "first")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			second, third := begin(ctx, "second"), begin(t.Context(), "third")

			p := c.state.Load().nodes[0].pool
			k := s.conn(0)
			p.mu.Lock()
			cancel()
			for range 1000 {
				runtime.Gosched() // the second call gives up, and waits for the lock
			}
			k.mu.Lock()
			k.limit = 2 // of which nobody is told
			k.mu.Unlock()
			p.dispatch()
			p.mu.Unlock()
			begun := time.Now()
			<-second
			if err := <-third; err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > 0 {
				t.Errorf("the third call waited %v for its turn", took)
			}
			close(release)
			if err := <-first; err != nil {
				t.Error(err)
			}
			if n := p.called.Load(); n != 0 {
				t.Errorf("%d calls have a turn still", n)
			}
		})
	}
}

// TestGivingUpLeavesTheLine: a call that gives up in line is not called, and takes nobody's place.
func TestGivingUpLeavesTheLine(t *testing.T) {
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
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(1))
		errs := make(chan error, 3)
		begin := func(opts ...fairlead.CallOption) {
			go func() {
				_, err := say(t.Context(), c, "x", opts...)
				errs <- err
			}()
			synctest.Wait()
		}
		begin()
		begin(fairlead.WithTimeout(time.Second))
		begin()
		wantError(t, <-errs, fairlead.DeadlineExceeded, fairlead.NotSent, "in line")
		p := c.state.Load().nodes[0].pool
		p.mu.Lock()
		if n := p.line.n; n != 1 || p.waiting.Load() != 1 {
			t.Errorf("got %d in line and %d waiting, want 1", n, p.waiting.Load())
		}
		p.mu.Unlock()
		close(release)
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n, called := p.waiting.Load(), p.called.Load(); n != 0 || called != 0 {
			t.Errorf("got %d waiting and %d called, want none", n, called)
		}
	})
}

// TestGoalAfterLoss: a pool that had grown does not make the connections again that were lost while nobody needed them.
func TestGoalAfterLoss(t *testing.T) {
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
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(4))
		errs := make(chan error)
		for range 4 {
			go func() {
				_, err := say(t.Context(), c, "x")
				errs <- err
			}()
		}
		synctest.Wait()
		close(release)
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := s.accepted(); n != 4 {
			t.Fatalf("got %d connections, want 4", n)
		}
		for i := range 3 {
			s.conn(i).goaway()
		}
		synctest.Wait()
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := s.accepted(); n != 4 {
			t.Errorf("got %d connections made, want the one that is left to do", n)
		}
		s.conn(3).goaway()
		synctest.Wait()
		for range 3 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		if n := s.accepted(); n != 5 {
			t.Errorf("got %d connections made, want one in place of four", n)
		}
	})
}

// TestLatencyIsKept: an instance that has changed and kept its address keeps what is known of its latency.
func TestLatencyIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		w.serve("b:1")
		c, r := w.client(t, []string{"a:1"})
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Fatal(err)
		}
		c.state.Load().nodes[0].Latency.Store(int64(time.Second))
		changed := instance("a:1")
		changed.Weight = 7
		if err := r.update(changed); err != nil {
			t.Fatal(err)
		}
		if got := c.Stats().Instances[0].Latency; got != time.Second {
			t.Errorf("got a latency of %v after a change of the weight, want 1s", got)
		}
		moved := instance("b:1")
		moved.ID = changed.ID
		if err := r.update(moved); err != nil {
			t.Fatal(err)
		}
		if got := c.Stats().Instances[0].Latency; got != 0 {
			t.Errorf("got a latency of %v at another address, want none", got)
		}
	})
}
