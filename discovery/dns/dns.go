// Package dns resolves targets by the domain name system: "dns:///greeter:8080" has one instance for each address of
// the host greeter.
package dns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead/discovery"
)

// A failed lookup is repeated after a time that begins with backoffBase and grows by backoffFactor up to the period.
const (
	backoffBase   = time.Second
	backoffFactor = 1.6
	jitter        = 0.2
)

// Resolver looks up the addresses (records A and AAAA) of a target's host repeatedly. It is safe for concurrent use;
// make it with New.
type Resolver struct{ cfg config }

var _ discovery.Resolver = (*Resolver)(nil)

// New makes a Resolver.
func New(opts ...Option) (*Resolver, error) {
	r := &Resolver{config{
		period:      30 * time.Second,
		minInterval: 5 * time.Second,
		timeout:     10 * time.Second,
		lookup:      net.DefaultResolver,
	}}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("dns: nil Option")
		}
		o.apply(&r.cfg)
	}
	if err := r.cfg.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// Scheme returns "dns".
func (*Resolver) Scheme() string { return "dns" }

// Check returns an error if endpoint is not a host (a name, or an address, in brackets if it is IPv6) and a port
// number: "greeter:8080", "10.0.0.7:8080", "[::1]:8080". An empty host is localhost.
func (*Resolver) Check(endpoint string) error {
	_, err := parse(endpoint)
	return err
}

// Watch reports the addresses of endpoint's host after each lookup: sorted, without duplicates, with weight 1, and with
// the address as ID. A host that is an address is reported once, without a lookup. Failed lookups are reported to
// sink.Fail.
func (r *Resolver) Watch(ctx context.Context, endpoint string, sink discovery.Sink) error {
	t, err := parse(endpoint)
	if err != nil {
		return err
	}
	if t.addr.IsValid() {
		if err := sink.Update(instances([]netip.Addr{t.addr}, t.port)); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	for failures := 0; ; {
		addrs, err := r.lookup(ctx, t.host)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("dns: %s: %w", endpoint, err)
			sink.Fail(err)
		} else {
			err = sink.Update(instances(addrs, t.port)) // the error is the sink's
		}
		wait := r.cfg.period
		if err != nil {
			wait = r.backoff(failures)
			failures++
		} else {
			failures = 0
		}
		if err := r.wait(ctx, vary(wait), sink.Refresh()); err != nil {
			return err
		}
	}
}

// lookup returns the addresses of a host, at least one.
func (r *Resolver) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.timeout)
	defer cancel()
	found, err := r.cfg.lookup.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	addrs := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		addrs = append(addrs, a.Unmap()) // package net gives addresses of IPv4 as those of IPv6
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	if len(addrs) == 0 {
		return nil, errors.New("the host has no addresses")
	}
	return addrs, nil
}

// wait waits for d, or until a new lookup is wanted. It returns ctx's error when ctx ends.
func (r *Resolver) wait(ctx context.Context, d time.Duration, refresh <-chan struct{}) error {
	since := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return nil
		case <-refresh:
			refresh = nil
			left := vary(r.cfg.minInterval) - time.Since(since)
			if left <= 0 {
				return nil
			}
			if left < d-time.Since(since) {
				timer.Reset(left)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// backoff returns the time until the next lookup, after one failure and failures before it.
func (r *Resolver) backoff(failures int) time.Duration {
	d := min(backoffBase, r.cfg.period)
	for ; failures > 0 && d < r.cfg.period; failures-- {
		d = time.Duration(float64(d) * backoffFactor)
	}
	return min(d, r.cfg.period)
}

// vary returns d, changed at random by up to a fifth.
func vary(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + jitter*(2*rand.Float64()-1))) //nolint:gosec // no secret
}

func instances(addrs []netip.Addr, port uint16) []discovery.Instance {
	list := make([]discovery.Instance, len(addrs))
	for i, a := range addrs {
		addr := netip.AddrPortFrom(a, port).String()
		list[i] = discovery.Instance{
			ID: addr, Weight: 1, Endpoints: []discovery.Endpoint{{Network: "tcp", Addr: addr}},
		}
	}
	return list
}
