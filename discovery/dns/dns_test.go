package dns_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/discovery/discoverytest"
	"github.com/fairlead-go/fairlead/discovery/dns"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// zone answers lookups from a table.
type zone struct {
	mu    sync.Mutex
	hosts map[string][]string
	err   error
	slow  bool // wait for the context's end
	asked []time.Time
}

func (z *zone) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.asked = append(z.asked, time.Now())
	if z.slow {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if z.err != nil {
		return nil, z.err
	}
	if network != "ip" {
		return nil, errors.New("unexpected network " + network)
	}
	var addrs []netip.Addr
	for _, a := range z.hosts[host] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

func (z *zone) set(host string, addrs ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.hosts = map[string][]string{host: addrs}
	z.err = nil
}

func (z *zone) fail(err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.err = err
}

func (z *zone) lookups() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.asked)
}

func newResolver(t *testing.T, z *zone, opts ...dns.Option) *dns.Resolver {
	t.Helper()
	r, err := dns.New(append([]dns.Option{dns.Lookup(z)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// watch starts a watch, which stop ends.
func watch(t *testing.T, r *dns.Resolver, endpoint string) (sink *discoverytest.Sink, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	sink = discoverytest.NewSink()
	done := make(chan error, 1)
	go func() { done <- r.Watch(ctx, endpoint, sink) }()
	return sink, func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch: got error %v, want context.Canceled", err)
		}
	}
}

func addrs(instances []discovery.Instance) []string {
	var list []string
	for i := range instances {
		list = append(list, instances[i].Endpoints[0].Addr)
	}
	return list
}

func TestSuite(t *testing.T) {
	t.Parallel()
	malformed := []string{
		"greeter", "::1", "[::1]", "greeter:", "greeter:0", "greeter:http", "a:b:c", "//8.8.8.8/greeter:8080", "a b:1",
	}
	t.Run("name", func(t *testing.T) {
		t.Parallel()
		z := new(zone)
		z.set("greeter", "10.0.0.2", "10.0.0.1")
		discoverytest.Run(t, discoverytest.Subject{
			Resolver: newResolver(t, z), Endpoint: "greeter:8080", Malformed: malformed,
		})
	})
	t.Run("address", func(t *testing.T) {
		t.Parallel()
		discoverytest.Run(t, discoverytest.Subject{
			Resolver: newResolver(t, new(zone)), Endpoint: "[::1]:8080", Malformed: malformed,
		})
	})
}

func TestInstances(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		endpoint string
		host     string
		found    []string
		want     []string
		lookups  int
	}{
		{"sorted, once", "greeter:80", "greeter", []string{"10.0.0.2", "::2", "10.0.0.1", "10.0.0.2"},
			[]string{"10.0.0.1:80", "10.0.0.2:80", "[::2]:80"}, 1},
		{"IPv4 as IPv6", "greeter:80", "greeter", []string{"::ffff:10.0.0.1", "10.0.0.1"}, []string{"10.0.0.1:80"}, 1},
		{"localhost", ":80", "localhost", []string{"127.0.0.1"}, []string{"127.0.0.1:80"}, 1},
		{"trailing dot", "greeter.:80", "greeter.", []string{"10.0.0.1"}, []string{"10.0.0.1:80"}, 1},
		{"IPv4", "10.0.0.7:80", "", nil, []string{"10.0.0.7:80"}, 0},
		{"IPv6", "[fe80::1%eth0]:80", "", nil, []string{"[fe80::1%eth0]:80"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				z := new(zone)
				z.set(tt.host, tt.found...)
				sink, stop := watch(t, newResolver(t, z), tt.endpoint)
				got := sink.NextUpdate(t)
				stop()
				if !slices.Equal(addrs(got), tt.want) {
					t.Errorf("got %q, want %q", addrs(got), tt.want)
				}
				for _, in := range got {
					if in.ID != in.Endpoints[0].Addr || in.Weight != 1 || in.Endpoints[0].Network != "tcp" {
						t.Errorf("got %+v, want its address for an ID, weight 1 and network tcp", in)
					}
				}
				if n := z.lookups(); n != tt.lookups {
					t.Errorf("got %d lookups, want %d", n, tt.lookups)
				}
			})
		})
	}
}

// about reports whether d is want, give or take a fifth.
func about(d, want time.Duration) bool { return d >= want*8/10 && d <= want*12/10 }

func TestPeriod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("greeter", "10.0.0.1")
		sink, stop := watch(t, newResolver(t, z), "greeter:80")
		defer stop()
		last := sink.Next(t)
		z.set("greeter", "10.0.0.1", "10.0.0.2")
		different := false
		for range 20 {
			e := sink.Next(t)
			if got := e.At.Sub(last.At); !about(got, 30*time.Second) {
				t.Errorf("the next lookup came after %v, want 30 s, give or take a fifth", got)
			}
			different = different || e.At.Sub(last.At) != 30*time.Second
			if got := len(e.Instances); got != 2 {
				t.Errorf("got %d instances, want 2", got)
			}
			last = e
		}
		if !different {
			t.Error("the period has no jitter")
		}
	})
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("greeter", "10.0.0.1")
		sink, stop := watch(t, newResolver(t, z, dns.Period(time.Hour)), "greeter:80")
		defer stop()
		first := sink.Next(t)
		// Soon after a lookup: it waits.
		sink.AskRefresh()
		second := sink.Next(t)
		if got := second.At.Sub(first.At); !about(got, 5*time.Second) {
			t.Errorf("a lookup asked for at once came after %v, want 5 s, give or take a fifth", got)
		}
		// Later: it comes at once.
		time.Sleep(10 * time.Second)
		sink.AskRefresh()
		third := sink.Next(t)
		if got := third.At.Sub(second.At); got != 10*time.Second {
			t.Errorf("a lookup asked for after 10 s came after %v", got)
		}
		// Again and again: no more often than the interval allows.
		before := z.lookups()
		begin := time.Now()
		for time.Since(begin) < time.Minute {
			sink.AskRefresh()
			time.Sleep(100 * time.Millisecond)
		}
		if got := z.lookups() - before; got < 9 || got > 16 {
			t.Errorf("got %d lookups in a minute of wishes, want about 12", got)
		}
	})
}

// TestRefreshDoesNotPostpone asks just before the period is over.
func TestRefreshDoesNotPostpone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("greeter", "10.0.0.1")
		r := newResolver(t, z, dns.Period(10*time.Second), dns.MinInterval(time.Hour))
		sink, stop := watch(t, r, "greeter:80")
		defer stop()
		first := sink.Next(t)
		sink.AskRefresh()
		if got := sink.Next(t).At.Sub(first.At); !about(got, 10*time.Second) {
			t.Errorf("the next lookup came after %v, want 10 s, give or take a fifth", got)
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		want := errors.New("no such host")
		z.fail(want)
		sink, stop := watch(t, newResolver(t, z), "greeter:80")
		defer stop()
		last := sink.Next(t)
		if !errors.Is(last.Err, want) || !strings.Contains(last.Err.Error(), "greeter:80") {
			t.Errorf("got error %v, want %v with the target's name", last.Err, want)
		}
		wait := time.Second
		for range 12 {
			e := sink.Next(t)
			if got := e.At.Sub(last.At); !about(got, wait) {
				t.Errorf("the next lookup came after %v, want %v, give or take a fifth", got, wait)
			}
			wait = min(wait*16/10, 30*time.Second)
			last = e
		}
		// Success ends the back-off, and the next failure begins it anew.
		z.set("greeter", "10.0.0.1")
		sink.NextUpdate(t)
		z.fail(want)
		last = sink.Next(t)
		if last.Err == nil {
			t.Fatal("got no error")
		}
		if got := sink.Next(t).At.Sub(last.At); !about(got, time.Second) {
			t.Errorf("after a success the next lookup came after %v, want 1 s, give or take a fifth", got)
		}
	})
}

func TestNoAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("greeter")
		sink, stop := watch(t, newResolver(t, z), "greeter:80")
		defer stop()
		if e := sink.Next(t); e.Err == nil || !strings.Contains(e.Err.Error(), "no addresses") {
			t.Errorf("got %+v, want an error about no addresses", e)
		}
	})
}

func TestRefusedListIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		z.set("greeter", "10.0.0.1")
		r := newResolver(t, z)
		sink := discoverytest.NewSink()
		sink.Refuse(errors.New("refused"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Watch(ctx, "greeter:80", sink) }()
		first := sink.Next(t)
		sink.Refuse(nil)
		second := sink.Next(t)
		if got := second.At.Sub(first.At); !about(got, time.Second) || second.Err != nil {
			t.Errorf("got error %v after %v, want a list after 1 s, give or take a fifth", second.Err, got)
		}
		cancel()
		<-done
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		z := &zone{slow: true}
		sink, stop := watch(t, newResolver(t, z, dns.Timeout(3*time.Second)), "greeter:80")
		begin := time.Now()
		e := sink.Next(t)
		if got := e.At.Sub(begin); got != 3*time.Second || !errors.Is(e.Err, context.DeadlineExceeded) {
			t.Errorf("got error %v after %v, want context.DeadlineExceeded after 3 s", e.Err, got)
		}
		stop() // also while a lookup is under way
	})
}

func TestErrorsNameTheTarget(t *testing.T) {
	t.Parallel()
	r := newResolver(t, new(zone))
	for _, tt := range []struct{ endpoint, want string }{
		{"greeter", `dns: "greeter" has no port`},
		{"::1", `dns: "::1" has no port`},
		{"[::1]", `dns: "[::1]" has no port`},
		{"greeter:http", `dns: "greeter:http": "http" is not the number of a port`},
		{"//8.8.8.8/greeter:80", `dns: "//8.8.8.8/greeter:80": a target cannot name its name server`},
	} {
		if err := r.Check(tt.endpoint); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Check(%q): got error %v, want %s", tt.endpoint, err, tt.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]dns.Option{
		"Period":      dns.Period(0),
		"MinInterval": dns.MinInterval(-1),
		"Timeout":     dns.Timeout(0),
		"Lookup":      dns.Lookup(nil),
		"nil Option":  nil,
	} {
		if _, err := dns.New(opt); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New: got error %v, want one that names %s", err, name)
		}
	}
}

// TestLocalhost asks the machine's own resolver.
func TestLocalhost(t *testing.T) {
	t.Parallel()
	r, err := dns.New()
	if err != nil {
		t.Fatal(err)
	}
	sink, stop := watch(t, r, "localhost:80")
	defer stop()
	for _, in := range sink.NextUpdate(t) {
		if a := netip.MustParseAddrPort(in.ID).Addr(); !a.IsLoopback() {
			t.Errorf("localhost has the address %s", a)
		}
	}
}
