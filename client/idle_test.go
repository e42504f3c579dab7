package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// serialWorld is a network whose connections carry one call at a time.
func serialWorld() *world {
	w := newWorld()
	w.serial = true
	return w
}

// held has the server hold calls until something comes from the channel that it returns, or until that is closed.
func (s *host) held() chan struct{} {
	release := make(chan struct{})
	s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
		c.SetResponse(c.Request())
		return k.wait(ctx, release)
	}
	return release
}

// callsAtOnce makes n calls at a time, none of which may fail.
func callsAtOnce(t *testing.T, c *Client, n int) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	return &wg
}

// one returns the only pool of c.
func one(c *Client) *pool { return c.state.Load().only.pool }

// idles returns the number of connections without a call.
func idles(p *pool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := p.idle.top; k != nil; k = k.below {
		n++
	}
	return n
}

func TestSerialDefaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		serial bool
		opts   []Option
		conns  int
		idle   time.Duration
		keeper time.Duration
	}{
		{"shared", false, nil, 8, 30 * time.Minute, 30 * time.Minute},
		{"serial", true, nil, 256, 45 * time.Second, 0},
		{"shared, set", false, []Option{MaxConnections(3), IdleTimeout(time.Second)}, 3, time.Second, time.Second},
		{"serial, set", true, []Option{MaxConnections(3), IdleTimeout(time.Second)}, 3, time.Second, 0},
		{"never idle", true, []Option{IdleTimeout(0)}, 256, 0, 0},
		{"more to begin with", true, []Option{Connections(300)}, 300, 45 * time.Second, 0},
	} {
		w := newWorld()
		w.serial = tt.serial
		c, _ := w.client(t, []string{"a:1"}, tt.opts...)
		cfg := &c.cfg
		if cfg.maxConnections != tt.conns || cfg.alive.Idle != tt.idle || cfg.keep().Idle != tt.keeper {
			t.Errorf("%s: got %d connections, idle for %v and %v; want %d, %v, %v", tt.name,
				cfg.maxConnections, cfg.alive.Idle, cfg.keep().Idle, tt.conns, tt.idle, tt.keeper)
		}
	}
}

// TestSerialDialsSideBySide: calls wait for as many attempts to connect as follow one another, not for one after
// another.
func TestSerialDialsSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		s.slow = 100 * time.Millisecond
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, 1+2*maxDialers)
		// The first shows that the server is there; then as many as are allowed at a time.
		for i, want := range []int{1, 1 + maxDialers, 1 + 2*maxDialers, 1 + 2*maxDialers} {
			time.Sleep(100*time.Millisecond + 1)
			if got := s.accepted(); got != want {
				t.Errorf("after %d times as long as one takes: got %d connections, want %d", i+1, got, want)
			}
		}
		close(release)
		wg.Wait()
		if got := idles(one(c)); got != 1+2*maxDialers {
			t.Errorf("got %d connections without a call, want all", got)
		}
	})
}

// TestSerialConnect: Connections are made at once and side by side.
func TestSerialConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		s.slow = time.Second
		c, _ := w.client(t, []string{"a:1"}, Connections(5))
		begun := time.Now()
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, took := s.accepted(), time.Since(begun); got != 5 || took != time.Second {
			t.Errorf("got %d connections in %v, want 5 in 1s", got, took)
		}
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		s.conn(3).end(io.EOF)
		synctest.Wait()
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if got := s.accepted(); got != 6 {
			t.Errorf("got %d connections, want one more for the lost one", got)
		}
	})
}

// TestSerialTakesTheLast: calls one after another use one connection, and the others grow old and are closed.
func TestSerialTakesTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, 5)
		synctest.Wait()
		close(release)
		wg.Wait()
		for range 9 {
			time.Sleep(10 * time.Second)
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		open, most := 0, int32(0)
		for i := range s.accepted() {
			select {
			case <-s.conn(i).Done():
			default:
				open++
				most = s.conn(i).calls.Load()
			}
		}
		if s.accepted() != 5 || open != 1 || most != 10 {
			t.Errorf("got %d connections, %d of them open, with %d calls; want 5, 1, 10", s.accepted(), open, most)
		}
		if got := c.Stats().Instances[0]; got.Connections != 1 || got.Err != nil {
			t.Errorf("got %+v, want one connection and no error", got)
		}
		time.Sleep(2 * idleSerial)
		if got := c.Stats().Instances[0]; got.Connections != 0 || got.Err != nil {
			t.Errorf("got %+v after the idle time-out, want no connection and no error", got)
		}
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
	})
}

// TestSerialIdleTimeoutIsExact: a connection ends when it was idle for as long as the option says, not earlier.
func TestSerialIdleTimeoutIsExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"}, IdleTimeout(10*time.Second))
		for range 3 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
			time.Sleep(7 * time.Second)
		}
		if s.accepted() != 1 {
			t.Errorf("got %d connections, want 1", s.accepted())
		}
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		if got := c.Stats().Instances[0].Connections; got != 1 {
			t.Errorf("got %d connections just before the time-out, want 1", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := c.Stats().Instances[0].Connections; got != 0 {
			t.Errorf("got %d connections at the time-out, want 0", got)
		}
	})
}

// TestSerialBusyIsNotIdle: a call that takes longer than the idle time-out keeps its connection.
func TestSerialBusyIsNotIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"}, IdleTimeout(10*time.Second))
		wg := callsAtOnce(t, c, 1)
		time.Sleep(time.Minute)
		close(release)
		wg.Wait()
		time.Sleep(10*time.Second - 1)
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		if s.accepted() != 1 {
			t.Errorf("got %d connections, want 1", s.accepted())
		}
	})
}

// TestSerialLine: at the limit calls wait in their order; those that give up let the others pass.
func TestSerialLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		var mu sync.Mutex
		var order []string
		release := make(chan struct{})
		s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			mu.Lock()
			order = append(order, *c.Request().(*string))
			mu.Unlock()
			c.SetResponse(c.Request())
			return k.wait(ctx, release)
		}
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(2))
		if _, err := c.Bind(echo), c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for i := range 8 {
			wg.Go(func() {
				text := fmt.Sprint(i)
				switch i {
				case 3:
					_, err := say(ctx, c, text)
					wantError(t, err, fairlead.Canceled, fairlead.NotSent, "in line", "all 2 connections to a:1", "MaxConnections")
				case 5:
					_, err := say(t.Context(), c, text, fairlead.WithTimeout(time.Second))
					wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "in line")
				default:
					if _, err := say(t.Context(), c, text); err != nil {
						t.Error(err)
					}
				}
			})
			synctest.Wait()
		}
		if got := c.Stats().Instances[0]; got.Connections != 2 || got.Waiting != 6 {
			t.Errorf("got %+v, want 2 connections and 6 calls in line", got)
		}
		cancel()
		time.Sleep(2 * time.Second)
		for range 6 {
			release <- struct{}{}
			synctest.Wait()
		}
		wg.Wait()
		if want := []string{"0", "1", "2", "4", "6", "7"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		if s.accepted() != 2 || idles(one(c)) != 2 {
			t.Errorf("got %d connections, %d without a call; want 2 and 2", s.accepted(), idles(one(c)))
		}
	})
}

// TestSerialTurnPassesOn: a call whose end comes with its turn gives the connection to the next, or back.
func TestSerialTurnPassesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(1))
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := one(c)
		text := "x"
		took, gave := 0, 0
		for range 100 {
			k := p.choose()
			if k == nil {
				t.Fatal("the connection was lost")
			}
			ctx, cancel := context.WithCancel(t.Context())
			results := make(chan *conn, 2)
			for _, ctx := range []context.Context{ctx, t.Context()} {
				go func() {
					k, err := p.queue(ctx, fairlead.NewCall(echo, &text), false)
					if err != nil && fairlead.CodeOf(err) != fairlead.Canceled {
						t.Error(err)
					}
					results <- k
					if k != nil {
						var none error
						p.checkIn(k, &none)
					}
				}()
				synctest.Wait()
			}
			// Both at once.
			p.mu.Lock()
			cancel()
			k.place = placeSettling
			p.settle(k)
			p.mu.Unlock()
			for range 2 {
				if r := <-results; r == nil {
					gave++
				} else {
					took++
				}
			}
			synctest.Wait()
		}
		if took < 100 || took+gave != 200 || p.line.n != 0 || p.called.Load() != 0 || p.waiting.Load() != 0 {
			t.Errorf("got %d turns taken, %d given up, %d in line, %d called; want each connection taken", took, gave,
				p.line.n, p.called.Load())
		}
		if took == 200 || gave == 0 {
			t.Errorf("no call gave up its turn")
		}
	})
}

// TestSerialBrokenWhileIdle: no call gets a connection that has ended, noticed or not.
func TestSerialBrokenWhileIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, 3)
		synctest.Wait()
		close(release)
		wg.Wait()
		top := one(c).idle.top.ClientConn.(*fakeConn)
		top.end(io.EOF) // watch has not run yet
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s.accepted() != 3 || s.calls() != 4 || top.calls.Load() != 1 {
			t.Errorf("got %d connections with %d calls, %d of them on the broken one; want 3, 4, 1",
				s.accepted(), s.calls(), top.calls.Load())
		}
		if got := idles(one(c)); got != 2 || c.Stats().Instances[0].Connections != 2 {
			t.Errorf("got %d connections without a call, want 2", got)
		}
		for i := range 3 {
			s.conn(i).end(io.EOF)
		}
		synctest.Wait()
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		if s.accepted() != 4 {
			t.Errorf("got %d connections, want a new one", s.accepted())
		}
	})
}

// TestSerialStale: however many connections turn out to have ended when a call is written to them, the call goes on to
// the next, and to a new one.
func TestSerialStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 10
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, n)
		synctest.Wait()
		close(release)
		wg.Wait()
		var failed atomic.Int32
		s.handle = func(_ context.Context, k *fakeConn, c *fairlead.Call) error {
			if slices.Index(s.conns, k) >= n {
				c.SetResponse(c.Request())
				return nil
			}
			failed.Add(1)
			k.end(io.EOF)
			return fairlead.Errorf(fairlead.Unavailable, "it has ended").WithReach(fairlead.NotSent)
		}
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		if failed.Load() != n || s.accepted() != n+1 {
			t.Errorf("got %d failures and %d connections, want %d and %d", failed.Load(), s.accepted(), n, n+1)
		}
		// A new one that fails so is none of these.
		s.handle = func(_ context.Context, k *fakeConn, _ *fairlead.Call) error {
			failed.Add(1)
			k.end(io.EOF)
			return fairlead.Errorf(fairlead.Unavailable, "it has ended").WithReach(fairlead.NotSent)
		}
		failed.Store(0)
		_, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true))
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "it has ended")
		if got := failed.Load(); got != 1+maxUnsent {
			t.Errorf("got %d failures, want %d", got, 1+maxUnsent)
		}
	})
}

// TestSerialRefusesWithoutCall: a connection that takes no call although none is on it is not tried again and again.
func TestSerialRefusesWithoutCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"})
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.handle = func(_ context.Context, k *fakeConn, c *fairlead.Call) error {
			if k == s.conns[0] {
				return protocol.ErrFull
			}
			c.SetResponse(c.Request())
			return nil
		}
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		if s.conn(0).calls.Load() != 1 || s.accepted() != 2 {
			t.Errorf("got %d calls on the first of %d connections, want 1 of 2", s.conn(0).calls.Load(), s.accepted())
		}
	})
}

// TestSerialBackoff: a server that cannot be reached is tried by one at a time, however many calls wait, and gets all
// of them when it is back.
func TestSerialBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, 50)
		synctest.Wait()
		close(release)
		wg.Wait()
		s.stop()
		synctest.Wait()
		before := len(w.dials("a:1"))
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1", "refused")
		var ready sync.WaitGroup
		for range 50 {
			ready.Go(func() {
				if _, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true)); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		if got := len(w.dials("a:1")) - before; got < 4 || got > 6 { // after 1 s, 1.6 s, 2.56 s, 4.1 s
			t.Errorf("got %d attempts in ten seconds, want 5", got)
		}
		s.set(func(s *host) { s.up = true; s.handle = nil })
		ready.Wait()

		// What has failed is forgotten with the first answer: connections are made side by side again.
		s.stop()
		synctest.Wait()
		_, err = say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1", "refused")
		first := true
		release = make(chan struct{})
		s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			s.mu.Lock()
			answer := first
			first = false
			s.mu.Unlock()
			c.SetResponse(c.Request())
			if answer {
				return nil
			}
			return k.wait(ctx, release)
		}
		before = s.accepted()
		for range 20 {
			ready.Go(func() {
				if _, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true)); err != nil {
					t.Error(err)
				}
			})
		}
		s.set(func(s *host) { s.up = true; s.slow = 100 * time.Millisecond })
		time.Sleep(1500 * time.Millisecond)
		if got := s.accepted() - before; got != 19 {
			t.Errorf("got %d connections a moment after the first answer, want one for each of the 19 other calls", got)
		}
		close(release)
		ready.Wait()
	})
}

// TestSerialFailuresSideBySide: attempts that were under way together count as one for the back-off.
func TestSerialFailuresSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, 1)
		synctest.Wait()
		s.set(func(s *host) { s.up = false; s.slow = 100 * time.Millisecond })
		more := callsAtOnce(t, c, 20)
		before := len(w.dials("a:1"))
		time.Sleep(200 * time.Millisecond)
		p := one(c)
		p.mu.Lock()
		failures, left := p.failures, time.Until(p.retryAt)
		p.mu.Unlock()
		if got := len(w.dials("a:1")) - before; got < 20 || failures != 1 || left > 1200*time.Millisecond {
			t.Errorf("got %d attempts, %d failures and %v until the next; want 20 attempts that count as one failure", got,
				failures, left)
		}
		time.Sleep(5 * time.Second)
		if got := len(w.dials("a:1")) - before - 20; got < 2 || got > 4 { // after 1 s, 1.6 s, 2.56 s
			t.Errorf("got %d attempts in five seconds, want 3, one after another", got)
		}
		_, err := say(t.Context(), c, "x", fairlead.WithTimeout(time.Second))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "in line", "1 connections to a:1",
			"more are being made")
		// The one connection that there is serves them all.
		close(release)
		wg.Wait()
		more.Wait()
	})
}

// TestSerialUnusedConnections: connections that were made for calls which found others, and that the server closes
// after some seconds, are no sign of a bad server.
func TestSerialUnusedConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"}, Connections(20))
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		for i := range s.accepted() {
			s.conn(i).end(io.EOF)
		}
		synctest.Wait()
		if got := c.Stats().Instances[0]; got.Err != nil || got.Connections != 0 {
			t.Errorf("got %+v, want no connection and no error", got)
		}
		// The same at once, when all end together, because the server has restarted.
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		for i := range 20 {
			s.conn(20 + i).end(io.EOF)
		}
		synctest.Wait()
		if got := c.Stats().Instances[0]; got.Err != nil || got.Connections != 0 {
			t.Errorf("got %+v, want no connection and no error", got)
		}
		s.set(func(s *host) { s.hangup = true })
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "before any call")
	})
}

// TestSerialStream: a stream has its connection until it is over.
func TestSerialStream(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"end", "close", "context"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := serialWorld()
				s := w.serve("a:1")
				c, _ := w.client(t, []string{"a:1"})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				st, err := open(ctx, c)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if _, err := say(t.Context(), c, "x"); err != nil {
						t.Error(err)
					}
				}
				if s.accepted() != 2 || s.conn(0).calls.Load() != 1 {
					t.Errorf("got %d connections, %d calls on the stream's; want 2 and 1", s.accepted(), s.conn(0).calls.Load())
				}
				switch how {
				case "end":
					if err := st.CloseSend(); err != nil {
						t.Error(err)
					}
					if _, err := st.Recv(); !errors.Is(err, io.EOF) {
						t.Errorf("got %v, want EOF", err)
					}
				case "close":
					_ = st.Close()
				case "context":
					cancel()
				}
				synctest.Wait()
				if got := idles(one(c)); got != 2 {
					t.Errorf("got %d connections without a call, want 2", got)
				}
				if _, err := say(t.Context(), c, "x"); err != nil || s.conn(0).calls.Load() != 2 {
					t.Errorf("got %v, and %d calls on the stream's connection, which was used last; want 2", err,
						s.conn(0).calls.Load())
				}
			})
		})
	}
}

// TestSerialRemoved: when an instance is removed, calls under way end there, those in line go elsewhere, and its
// connections are closed.
func TestSerialRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		a, b := w.serve("a:1"), w.serve("b:1")
		release := a.held()
		c, r := w.client(t, []string{"a:1"}, MaxConnections(3))
		wg := callsAtOnce(t, c, 3)
		synctest.Wait()
		release <- struct{}{}
		synctest.Wait() // one is idle
		more := callsAtOnce(t, c, 4)
		synctest.Wait()
		if err := r.update(instance("b:1")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if b.calls() != 3 {
			t.Errorf("got %d calls at the other instance, want the 3 in line", b.calls())
		}
		close(release)
		wg.Wait()
		more.Wait()
		synctest.Wait()
		for i := range a.accepted() {
			select {
			case <-a.conn(i).Done():
			default:
				t.Errorf("connection %d to the removed instance is open", i)
			}
		}
	})
}

// TestSerialPanic: a codec that panics does not take the connection with it.
func TestSerialPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(1))
		s.handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
			if *c.Request().(*string) == "panic" {
				panic("codec")
			}
			c.SetResponse(c.Request())
			return nil
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("it did not panic")
				}
			}()
			_, _ = say(t.Context(), c, "panic")
		}()
		if _, err := say(t.Context(), c, "x", fairlead.WithTimeout(time.Second)); err != nil {
			t.Error(err)
		}
	})
}

// TestSerialBackInLine: a call whose connection turns out to have ended goes in line when all others are busy.
func TestSerialBackInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := serialWorld()
		s := w.serve("a:1")
		release := s.held()
		c, _ := w.client(t, []string{"a:1"})
		wg := callsAtOnce(t, c, 2)
		synctest.Wait()
		release <- struct{}{}
		synctest.Wait()
		idle := one(c).idle.top.ClientConn.(*fakeConn)
		s.handle = func(_ context.Context, k *fakeConn, c *fairlead.Call) error {
			if k == idle {
				k.end(io.EOF)
				return fairlead.Errorf(fairlead.Unavailable, "it has ended").WithReach(fairlead.NotSent)
			}
			c.SetResponse(c.Request())
			return nil
		}
		s.set(func(s *host) { s.slow = time.Hour })
		more := callsAtOnce(t, c, 1)
		synctest.Wait()
		if got := c.Stats().Instances[0]; got.Waiting != 1 || got.Connections != 1 {
			t.Errorf("got %+v, want one connection and one call in line", got)
		}
		close(release)
		wg.Wait()
		more.Wait()
	})
}
