package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Lookuper finds the addresses of a host. *net.Resolver is one. It is safe for concurrent use.
type Lookuper interface {
	// LookupNetIP returns the addresses of host; network is "ip".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Lookuper = (*net.Resolver)(nil)

// Option changes how New makes a Resolver.
type Option interface{ apply(c *config) }

type optionFunc func(c *config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	period, minInterval, timeout time.Duration
	lookup                       Lookuper
}

// Period sets the time between the lookups of a host, which is changed at random by up to a fifth so that clients do
// not all ask at the same time. Default: 30 s.
func Period(d time.Duration) Option { return optionFunc(func(c *config) { c.period = d }) }

// MinInterval sets the least time between a lookup and the next one asked for by sink.Refresh, changed at random by up
// to a fifth. Default: 5 s.
func MinInterval(d time.Duration) Option { return optionFunc(func(c *config) { c.minInterval = d }) }

// Timeout limits a lookup. Default: 10 s.
func Timeout(d time.Duration) Option { return optionFunc(func(c *config) { c.timeout = d }) }

// Lookup sets what finds the addresses, such as a *net.Resolver with a Dial function that reaches a particular name
// server. Default: net.DefaultResolver.
func Lookup(l Lookuper) Option { return optionFunc(func(c *config) { c.lookup = l }) }

func (c *config) check() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Period", c.period}, {"MinInterval", c.minInterval}, {"Timeout", c.timeout}} {
		if d.value <= 0 {
			return fmt.Errorf("dns: %s is %v, want more than 0", d.name, d.value)
		}
	}
	if c.lookup == nil {
		return errors.New("dns: Lookup is nil")
	}
	return nil
}
