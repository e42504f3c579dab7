package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/discovery"
)

func TestDialFailsAndBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.up = false
		bal := new(turns)
		c, r := w.client(t, []string{"a:1"}, Balancer(bal))
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "test:///service", "a:1", "dial", "refused")
		if !bal.built()[0][0].Failing.Load() {
			t.Error("the node is not failing")
		}
		select {
		case <-r.sink.Refresh():
		default:
			t.Error("the resolver is not asked for a new look")
		}
		if _, again := say(t.Context(), c, "x"); !errors.Is(again, err) {
			t.Errorf("got %v during the back-off, want the error of before at once", again)
		}

		// A call that waits for ready gets its connection with the next attempt.
		time.AfterFunc(400*time.Second, func() { s.set(func(s *host) { s.up = true }) })
		if _, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true)); err != nil {
			t.Error(err)
		}
		if bal.built()[0][0].Failing.Load() || c.Stats().Instances[0].Err != nil {
			t.Error("the node is failing still")
		}
		dials := w.dials("a:1")
		want := float64(time.Second)
		for i := 1; i < len(dials); i++ {
			if got := float64(dials[i].Sub(dials[i-1])); got < 0.8*want || got > 1.2*want {
				t.Errorf("attempt %d came after %s, want %s within a fifth", i, time.Duration(got), time.Duration(want))
			}
			want = min(want*1.6, float64(120*time.Second))
		}
		if len(dials) < 10 {
			t.Errorf("got %d attempts", len(dials))
		}
	})
}

func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1").black = true
		c, _ := w.client(t, []string{"a:1"})
		begun := time.Now()
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1", "deadline exceeded")
		if d := time.Since(begun); d != 20*time.Second {
			t.Errorf("got the error after %s, want 20s", d)
		}
		_, err = say(t.Context(), c, "x", fairlead.WithWaitForReady(true), fairlead.WithTimeout(time.Second))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "a:1")
	})
}

func TestOtherNodesArePreferred(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1").up = false
		w.serve("b:1").black = true
		good := w.serve("c:1")
		c, _ := w.client(t, []string{"a:1", "b:1", "c:1"})
		begun := time.Now()
		for range 30 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		// The first call gave each of the others its chance.
		if d := time.Since(begun); d > 2*patience {
			t.Errorf("30 calls took %s", d)
		}
		if good.calls() != 30 || good.accepted() != 1 {
			t.Errorf("got %d calls on %d connections", good.calls(), good.accepted())
		}
	})
}

// A call with a hash key waits for its own node while that connects.
func TestHashKeyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1").black = true
		w.serve("b:1")
		c, _ := w.client(t, []string{"b:1", "a:1"})
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			opts []fairlead.CallOption
			want time.Duration
		}{
			{"b", nil, 0},
			{"a with key", []fairlead.CallOption{fairlead.WithHashKey("k")}, 20 * time.Second},
		} {
			begun := time.Now()
			if _, err := say(t.Context(), c, "x", tt.opts...); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if d := time.Since(begun); d != tt.want {
				t.Errorf("%s: took %s, want %s", tt.name, d, tt.want)
			}
		}
	})
}

func TestServerGoneAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"})
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Fatal(err)
		}
		s.stop()
		synctest.Wait()
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1", "connection refused")
		s.set(func(s *host) { s.up = true })
		time.Sleep(2 * time.Second)
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		if s.accepted() != 2 {
			t.Errorf("got %d connections, want 2", s.accepted())
		}
	})
}

func TestGoawayDuringCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		release := make(chan struct{})
		s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			if *c.Request().(*string) == "slow" {
				return k.wait(ctx, release)
			}
			return nil
		}
		c, _ := w.client(t, []string{"a:1"})
		slow := make(chan error)
		go func() {
			_, err := say(t.Context(), c, "slow")
			slow <- err
		}()
		synctest.Wait()
		s.conn(0).goaway()
		if _, err := say(t.Context(), c, "fast"); err != nil {
			t.Error(err)
		}
		close(release)
		if err := <-slow; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s.accepted() != 2 || s.conn(1).calls.Load() != 1 {
			t.Errorf("got %d connections, want the fast call on the second", s.accepted())
		}
	})
}

// A server that accepts and hangs up is not dialled once per call for ever.
func TestHangup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.hangup = true
		c, _ := w.client(t, []string{"a:1"})
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1", "before any call", "EOF")
		if n := len(w.dials("a:1")); n > maxStrangers+1 { // one may have been under way
			t.Errorf("got %d connections, want %d", n, maxStrangers)
		}
		s.set(func(s *host) { s.hangup = false })
		if _, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true)); err != nil {
			t.Error(err)
		}
	})
}

// One that closes each connection after a call is a nuisance, but serves.
func TestOneCallPerConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.handle = func(_ context.Context, k *fakeConn, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			k.goaway()
			return nil
		}
		c, _ := w.client(t, []string{"a:1"})
		for range 20 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		if s.accepted() != 20 {
			t.Errorf("got %d connections for 20 calls", s.accepted())
		}
	})
}

func TestConnectionsGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.limit = 10
		release := make(chan struct{})
		s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return k.wait(ctx, release)
		}
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(3))
		var wg sync.WaitGroup
		var failed atomic.Int32
		for range 45 {
			wg.Go(func() {
				if _, err := say(t.Context(), c, "x"); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		st := c.Stats().Instances[0]
		if st.Connections != 3 || st.Waiting != 15 {
			t.Errorf("got %+v, want 3 connections and 15 calls in line", st)
		}
		_, err := say(t.Context(), c, "x", fairlead.WithTimeout(time.Second))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "in line", "all 3 connections to a:1", "streams")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = say(ctx, c, "x")
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "in line")
		if st := c.Stats().Instances[0]; st.Waiting != 15 {
			t.Errorf("got %d in line after two gave up, want 15", st.Waiting)
		}
		close(release)
		wg.Wait()
		if s.calls() != 45 {
			t.Errorf("got %d calls, want 45", s.calls())
		}
	})
}

// TestServerTakesNone: a server that allows no calls for a while gets no connection after connection. Its calls wait
// until it does, or as long as they would for a connection.
func TestServerTakesNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		c, _ := w.client(t, []string{"a:1"})
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Fatal(err)
		}
		k := s.conn(0)
		k.allow(0)
		var wg sync.WaitGroup
		var answered atomic.Int32
		for range 5 {
			wg.Go(func() {
				if _, err := say(t.Context(), c, "x"); err != nil {
					t.Error(err)
				}
				answered.Add(1)
			})
		}
		time.Sleep(10 * time.Second)
		if got := answered.Load(); got != 0 {
			t.Errorf("got %d calls answered while none is allowed", got)
		}
		k.allow(100)
		wg.Wait()

		k.allow(0)
		begun := time.Now()
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "a:1 has allowed no calls", "MAX_CONCURRENT_STREAMS", "20s")
		if got, want := time.Since(begun), 20*time.Second; got != want {
			t.Errorf("the call failed after %v, want %v", got, want)
		}
		wg.Go(func() {
			if _, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true)); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Minute)
		k.allow(100)
		wg.Wait()
		if got := s.accepted(); got != 1 {
			t.Errorf("got %d connections, want 1", got)
		}
	})
}

func TestLineIsFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.limit = 1
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
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(1))
		var wg sync.WaitGroup
		want := []string{"a", "b", "c", "d", "e"}
		for _, text := range want {
			wg.Go(func() {
				if _, err := say(t.Context(), c, text); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for range want {
			release <- struct{}{}
			synctest.Wait()
		}
		wg.Wait()
		if !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
	})
}

// Those in line go elsewhere when their connection is gone or their instance removed.
func TestLineMovesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, how := range []string{"goaway", "removed"} {
			w := newWorld()
			a := w.serve("a:1")
			w.serve("b:1")
			a.limit = 1
			release := make(chan struct{})
			a.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
				c.SetResponse(c.Request())
				return k.wait(ctx, release)
			}
			c, r := w.client(t, []string{"a:1"}, MaxConnections(1))
			errs := make(chan error, 2)
			for range 2 {
				go func() {
					_, err := say(t.Context(), c, "x")
					errs <- err
				}()
			}
			synctest.Wait()
			if how == "goaway" {
				a.conn(0).goaway() // the second call has a new connection made
				synctest.Wait()
				if a.accepted() != 2 {
					t.Errorf("%s: got %d connections, want 2", how, a.accepted())
				}
			} else {
				if err := r.update(instance("b:1")); err != nil {
					t.Fatal(err)
				}
				if err := <-errs; err != nil {
					t.Errorf("%s: %v", how, err)
				}
				errs <- nil
			}
			close(release)
			for range 2 {
				if err := <-errs; err != nil {
					t.Errorf("%s: %v", how, err)
				}
			}
		}
	})
}

func TestSeveralConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		release := make(chan struct{})
		s.handle = func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return k.wait(ctx, release)
		}
		c, _ := w.client(t, []string{"a:1"}, Connections(4))
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if _, err := say(t.Context(), c, "x"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for i := range 4 {
			// Calls that look at the same time see the same room.
			if n := s.conn(i).calls.Load(); n < 5 || n > 20 {
				t.Errorf("connection %d has %d of 40 calls", i, n)
			}
		}
		close(release)
		wg.Wait()
		// A lost one is made again with the next call.
		s.conn(2).end(nil)
		synctest.Wait()
		if n := c.Stats().Instances[0].Connections; n != 3 {
			t.Errorf("got %d connections after a loss, want 3", n)
		}
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := c.Stats().Instances[0].Connections; n != 4 {
			t.Errorf("got %d connections after the next call, want 4", n)
		}
	})
}

// Many goroutines call while nodes come and go, connections break and drain, and limits are hit.
func TestChurn(t *testing.T) {
	t.Parallel()
	w := newWorld()
	addrs := []string{"a:1", "b:1", "c:1", "d:1"}
	for _, a := range addrs {
		w.serve(a).limit = 5
	}
	c, r := w.client(t, addrs, MaxConnections(2), Connections(2), Backoff(time.Millisecond, 5*time.Millisecond))
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var chaos, callers sync.WaitGroup
	chaos.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			list := make([]discovery.Instance, 0, len(addrs))
			for _, a := range addrs {
				if in := instance(a); a == "a:1" || rand.IntN(3) > 0 {
					in.Weight = uint32(1 + rand.IntN(2))
					list = append(list, in)
				}
			}
			if err := r.update(list...); err != nil {
				t.Error(err)
			}
			s := w.servers[addrs[rand.IntN(len(addrs))]]
			if n := s.accepted(); n > 0 {
				s.conn(n - 1).goaway()
			}
			_ = c.Stats()
		}
	})
	var ok atomic.Int32
	for range 200 {
		callers.Go(func() {
			for i := range 50 {
				if i%10 == 9 {
					ctx, cancel := context.WithCancel(t.Context())
					if s, err := open(ctx, c); err == nil {
						text := "x"
						_ = s.Send(&text)
						_, _ = s.Recv()
					}
					cancel()
					continue
				}
				_, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true), fairlead.WithTimeout(time.Minute))
				if err != nil {
					t.Error(err)
					return
				}
				ok.Add(1)
			}
		})
	}
	callers.Wait()
	close(stop)
	chaos.Wait()
	if ok.Load() != 200*45 {
		t.Errorf("got %d calls through, want %d", ok.Load(), 200*45)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for _, a := range addrs {
		for i := range w.servers[a].accepted() {
			select {
			case <-w.servers[a].conn(i).Done():
			default:
				t.Errorf("a connection to %s outlives the client", a)
			}
		}
	}
}
