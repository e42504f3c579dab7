package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
)

// maxDialers is the number of connections to an instance that are being made at a time, if each carries one call at a
// time. Shared ones are made one after another, because one may be enough for those who wait.
const maxDialers = 32

// kick makes the connections that are missing, in other goroutines, unless that is under way.
func (p *pool) kick() {
	if p.dialers.Load() > 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kickLocked()
}

func (p *pool) kickLocked() {
	for !p.retired && p.missing() > 0 && p.dialers.Load() < p.maxDialers() {
		p.dialers.Add(1)
		if !p.client.spawn(p.dial) {
			p.dialers.Add(-1)
			return
		}
	}
}

// missing returns the number of connections that are wanted and neither there nor being made. The lock is held.
func (p *pool) missing() int {
	have := len(p.list.Load().conns)
	want := p.goal
	if p.serial {
		want = min(max(p.client.cfg.connections, have+p.line.n), p.client.cfg.maxConnections)
	}
	return want - have - int(p.dialers.Load())
}

// maxDialers returns how many connections may be made at a time. A server that could not be reached, or did not answer,
// is tried by one. The lock is held.
func (p *pool) maxDialers() int32 {
	if p.serial && p.failures == 0 {
		return maxDialers
	}
	return 1
}

// nudge is kick that does not wait for the end of a back-off.
func (p *pool) nudge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || len(p.list.Load().conns) > 0 {
		return
	}
	p.retryAt = time.Time{}
	// An earlier fault is no answer to a caller who asks for a new attempt.
	p.setFault(nil)
	select {
	case p.nudged <- struct{}{}:
	default:
	}
	p.kickLocked()
}

// dial makes connections until there are as many as wanted, one after another, with a back-off after failures.
// maxDialers is the number of goroutines that run it at a time.
func (p *pool) dial() {
	for failed := false; p.wants(failed); {
		p.mu.Lock()
		wait := time.Until(p.retryAt)
		p.mu.Unlock()
		if !sleep(p.ctx, wait, p.nudged) {
			continue // retired or closed: nothing is wanted
		}
		k := p.attempt()
		if failed = k == nil; !failed && !p.add(k) {
			k.end()
		}
	}
}

// attempt makes one connection; nil: it failed. If the dialer calls runtime.Goexit, another goroutine goes on with
// dial.
func (p *pool) attempt() (k *conn) {
	begun := time.Now()
	var err error
	returned := false
	defer func() {
		left := false
		if !returned {
			v := recover()
			k, err, left = nil, p.client.cfg.panics.Caught(nil, "the dialer", v), v == nil
		}
		if err != nil {
			p.mu.Lock()
			p.failLocked(begun, err)
			p.mu.Unlock()
		}
		if left && !p.client.spawn(p.dial) {
			p.dialers.Add(-1)
		}
	}()
	k, err = p.connect()
	returned = true
	return k
}

// wants reports whether one more connection is wanted of the goroutine that asks. If not, it is no dialer any more.
func (p *pool) wants(failed bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialers.Add(-1)
	have := len(p.list.Load().conns)
	if failed && have >= p.client.cfg.connections && p.line.n == 0 {
		p.goal = have // the call that wanted more room has gone
	}
	if p.retired || p.ctx.Err() != nil || p.missing() <= 0 || p.dialers.Load() >= p.maxDialers() {
		return false
	}
	p.dialers.Add(1)
	return true
}

// connect makes one connection.
func (p *pool) connect() (*conn, error) {
	c := p.client
	p.mu.Lock()
	timeout := c.cfg.connectTimeout
	if p.failures > 0 {
		timeout = max(timeout, c.cfg.backoff(p.failures))
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	tc, err := c.cfg.dialer.Dial(ctx, p.target)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	begun := false
	defer func() {
		if !begun {
			_ = tc.Close() // the protocol has closed it, unless it panicked
		}
	}()
	cc, err := c.cfg.protocol.NewConn(ctx, tc, &c.protocol)
	begun = err == nil
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", c.cfg.protocol.Name(), err)
	}
	return &conn{ClientConn: cc, born: time.Now(), lined: make(chan struct{}, 1)}, nil
}

// add puts k into the pool. It returns false if the pool was retired or the client closed.
func (p *pool) add(k *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || !p.client.spawn(func() { p.watch(k) }) {
		return false
	}
	p.setConns(append(slices.Clip(p.list.Load().conns), k))
	p.setFault(nil)
	if p.serial {
		k.place = placeSettling
		p.settle(k)
	}
	p.dispatch()
	p.growLocked()
	p.client.changed.notify()
	p.client.cfg.logger.Debug("connected", "target", p.client.target.text, "address", p.target.Addr)
	return true
}

// failLocked notes that an attempt to connect failed, which began at begun. The lock is held.
func (p *pool) failLocked(begun time.Time, err error) {
	if p.ctx.Err() != nil {
		return // it was called off
	}
	fault := fairlead.Errorf(fairlead.Unavailable, "%s: no connection to %s: %w",
		p.client.target.text, p.target.Addr, err).WithReach(fairlead.NotSent)
	if len(p.list.Load().conns) == 0 {
		p.setFault(fault)
	}
	if p.serial && begun.Before(p.failedAt) {
		// It was begun beside the one that has failed: the server was not tried again meanwhile.
		p.client.changed.notify()
		return
	}
	p.failures++
	p.failedAt = time.Now()
	p.retryAt = begun.Add(p.client.cfg.backoff(p.failures))
	p.client.cfg.logger.Warn("cannot connect", "target", p.client.target.text, "address", p.target.Addr,
		"failures", p.failures, "error", err)
	p.client.lookAgain()
	p.client.changed.notify()
}
