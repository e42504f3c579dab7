package client

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/discovery"
)

func TestFirstResolutionIsAwaited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		c, r := w.client(t, nil)
		if r.watches != 0 {
			t.Error("the resolver runs before the first call")
		}
		_, err := say(t.Context(), c, "x", fairlead.WithTimeout(time.Second))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "test:///service", "resolved")
		done := make(chan error)
		go func() {
			_, err := say(t.Context(), c, "x")
			done <- err
		}()
		synctest.Wait()
		if err := r.update(instance("a:1")); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if r.watches != 1 {
			t.Errorf("got %d watches, want 1", r.watches)
		}
	})
}

func TestResolverFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		c, r := w.client(t, nil)
		cause := errors.New("no such host")
		r.failing = cause
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "test:///service", "no such host")
		if !errors.Is(err, cause) || !errors.Is(c.Stats().Err, cause) {
			t.Errorf("got %v, want the cause inside", err)
		}
		_, err = say(t.Context(), c, "x", fairlead.WithWaitForReady(true), fairlead.WithTimeout(time.Second/2))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "no such host")

		done := make(chan error)
		go func() {
			_, err := say(t.Context(), c, "x", fairlead.WithWaitForReady(true))
			done <- err
		}()
		synctest.Wait()
		r.mu.Lock()
		r.failing, r.first = nil, instances("a:1")
		r.mu.Unlock()
		begun := time.Now()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if d := time.Since(begun); d > 3*time.Second {
			t.Errorf("the resolver was started again after %s, want a back-off of about 1s", d)
		}
		// Later failures change nothing.
		r.sink.Fail(cause)
		if _, err := say(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
	})
}

// TestResolverStops: a resolver that returns without an error is said to have stopped.
func TestResolverStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c, err := New("test:///service", w.options(stopped{})...)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = say(t.Context(), c, "x")
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "test:///service", "the resolver stopped")
	})
}

// stopped is a resolver that has nothing to say.
type stopped struct{}

func (stopped) Scheme() string                                      { return "test" }
func (stopped) Check(string) error                                  { return nil }
func (stopped) Watch(context.Context, string, discovery.Sink) error { return nil }

func TestRefusedLists(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.serve("a:1")
	c, r := w.client(t, []string{"a:1"})
	if _, err := say(t.Context(), c, "x"); err != nil {
		t.Fatal(err)
	}
	weightless := instance("a:1")
	weightless.Weight = 0
	other := instance("b:1")
	other.Endpoints[0].Protocols = []string{"thrift"}
	encrypted := instance("c:1")
	encrypted.Endpoints[0].TLS = true
	tests := []struct {
		name string
		list []discovery.Instance
	}{
		{"empty", nil},
		{"twice the same", instances("b:1", "b:1")},
		{"no weight", []discovery.Instance{weightless}},
		{"other protocol", []discovery.Instance{other}},
		{"wants TLS", []discovery.Instance{encrypted}},
		{"no endpoint", []discovery.Instance{{ID: "x", Weight: 1}}},
	}
	for _, tt := range tests {
		if err := r.update(tt.list...); err == nil {
			t.Errorf("%s: got no error", tt.name)
		}
		if got := c.Stats().Instances; len(got) != 1 || got[0].ID != "a:1" || got[0].Weight != 1 {
			t.Errorf("%s: got %+v, want the list of before", tt.name, got)
		}
	}
	if err := r.update(instance("a:1"), other); err != nil {
		t.Errorf("got %v, want the other instance left out", err)
	}
	if _, err := say(t.Context(), c, "x"); err != nil || w.servers["a:1"].accepted() != 1 {
		t.Errorf("got %v, want the connection of before", err)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	plain := discovery.Endpoint{Network: "tcp", Addr: "plain"}
	secret := discovery.Endpoint{Network: "tcp", Addr: "secret", TLS: true}
	only := discovery.Endpoint{Network: "unix", Addr: "only", Protocols: []string{"fake", "x"}}
	tests := []struct {
		name      string
		endpoints []discovery.Endpoint
		encrypted bool
		want      string
	}{
		{"first", []discovery.Endpoint{only, plain}, false, "only"},
		{"plaintext", []discovery.Endpoint{secret, plain}, false, "plain"},
		{"rather encrypted", []discovery.Endpoint{plain, secret}, true, "secret"},
		{"encrypted anyway", []discovery.Endpoint{plain}, true, "plain"},
		{"network", []discovery.Endpoint{{Network: "udp", Addr: "x"}, plain}, false, "plain"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := address(&discovery.Instance{Endpoints: tt.endpoints}, "fake", tt.encrypted)
			if e.Addr != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", e.Addr, err, tt.want)
			}
		})
	}
}

func TestNodesStayAndDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a, b := w.serve("a:1"), w.serve("b:1")
		w.serve("c:1")
		release := make(chan struct{})
		hold := func(ctx context.Context, k *fakeConn, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return k.wait(ctx, release)
		}
		a.handle, b.handle = hold, hold
		bal := new(turns)
		c, r := w.client(t, []string{"a:1", "b:1"}, Balancer(bal))
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := say(t.Context(), c, "x")
				errs <- err
			}()
		}
		synctest.Wait()

		heavier := instance("a:1")
		heavier.Weight = 5
		for _, list := range [][]discovery.Instance{
			instances("a:1", "b:1"), instances("a:1", "c:1"), {heavier, instance("c:1")},
		} {
			if err := r.update(list...); err != nil {
				t.Fatal(err)
			}
		}
		builds := bal.built()
		if len(builds) != 3 {
			t.Fatalf("got %d builds, want 3: none for an unchanged list", len(builds))
		}
		if builds[0][0] != builds[1][0] {
			t.Error("a node that stays is another pointer")
		}
		if builds[1][0] == builds[2][0] || builds[2][0].Instance.Weight != 5 || builds[1][0].Instance.Weight != 1 {
			t.Error("a changed instance needs a node of its own")
		}
		if builds[1][1] != builds[2][1] {
			t.Error("a node that stays is another pointer")
		}
		if got := len(errs); got != 0 {
			t.Errorf("%d calls ended when their instance was removed", got)
		}
		select {
		case <-b.conn(0).Closed():
		default:
			t.Error("the connection to the removed instance does not drain")
		}
		close(release)
		for range 2 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		for range 4 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		if a.accepted() != 1 || b.calls() != 1 {
			t.Errorf("got %d connections to a and %d calls on b, want 1 and 1", a.accepted(), b.calls())
		}
	})
}

// evens is a filter that leaves out what the test says.
type evens struct {
	without string
	changed chan struct{}
	seen    []string
}

func (f *evens) Filter(nodes []*balance.Node) []*balance.Node {
	return slices.DeleteFunc(nodes, func(n *balance.Node) bool {
		return f.without == "all" || n.Instance.ID == f.without
	})
}
func (f *evens) Changed() <-chan struct{} { return f.changed }

func (f *evens) Observe(n *balance.Node, _ *fairlead.Call, _ time.Duration, err error) {
	f.seen = append(f.seen, n.Instance.ID+" "+fairlead.CodeOf(err).String())
}

func TestFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a, b := w.serve("a:1"), w.serve("b:1")
		f := &evens{without: "a:1", changed: make(chan struct{})}
		bal := &turns{watching: true}
		c, _ := w.client(t, []string{"a:1", "b:1"}, Balancer(bal), Filter(f))
		for range 3 {
			if _, err := say(t.Context(), c, "x"); err != nil {
				t.Error(err)
			}
		}
		if a.calls() != 0 || b.calls() != 3 {
			t.Errorf("got %d and %d calls, want 0 and 3", a.calls(), b.calls())
		}
		f.without = "b:1"
		f.changed <- struct{}{}
		synctest.Wait()
		if _, err := say(t.Context(), c, "x"); err != nil || a.calls() != 1 {
			t.Errorf("got %v, %d calls on a, want 1", err, a.calls())
		}
		f.without = "all" // is passed over
		f.changed <- struct{}{}
		synctest.Wait()
		if got := bal.built(); len(got) != 3 || len(got[2]) != 2 {
			t.Errorf("got %d builds, want the third with all nodes", len(got))
		}
		want := []string{"b:1 OK", "b:1 OK", "b:1 OK", "a:1 OK"}
		if !slices.Equal(f.seen, want) || !slices.Equal(bal.observed, want) {
			t.Errorf("observed %q and %q, want %q", f.seen, bal.observed, want)
		}
	})
}
