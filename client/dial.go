package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
)

// kick has the connections made that are missing, unless that is under way.
func (p *pool) kick() {
	if p.dialing.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kickLocked()
}

func (p *pool) kickLocked() {
	if p.retired || len(p.list.Load().conns) >= p.goal || !p.dialing.CompareAndSwap(false, true) {
		return
	}
	if !p.client.spawn(p.dial) {
		p.dialing.Store(false)
	}
}

// nudge is kick without a back-off.
func (p *pool) nudge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || len(p.list.Load().conns) > 0 {
		return
	}
	p.retryAt = time.Time{}
	// A fault from before is no answer to the one who asks for a new attempt.
	p.setFault(nil)
	select {
	case p.nudged <- struct{}{}:
	default:
	}
	p.kickLocked()
}

// dial makes connections until there are as many as wanted, one after another, with a back-off after failures. One
// goroutine at a time runs it.
func (p *pool) dial() {
	for failed := false; p.wants(failed); {
		p.mu.Lock()
		wait := time.Until(p.retryAt)
		p.mu.Unlock()
		if !sleep(p.ctx, wait, p.nudged) {
			continue // retired or closed: nothing is wanted
		}
		begun := time.Now()
		k, err := p.connect()
		if failed = err != nil; failed {
			p.mu.Lock()
			p.failLocked(begun, err)
			p.mu.Unlock()
		} else if !p.add(k) {
			k.end()
		}
	}
}

// wants says whether one more connection is wanted. If not, the goroutine that asks is done: dialing is false then.
func (p *pool) wants(failed bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	have := len(p.list.Load().conns)
	if failed && have >= p.client.cfg.connections && p.line.n == 0 {
		p.goal = have // the call that wanted more room has gone
	}
	if p.retired || p.ctx.Err() != nil || have >= p.goal {
		p.dialing.Store(false)
		return false
	}
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
	cc, err := c.cfg.protocol.NewConn(ctx, tc, &c.protocol)
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", c.cfg.protocol.Name(), err)
	}
	return &conn{ClientConn: cc, born: time.Now(), lined: make(chan struct{}, 1)}, nil
}

// add puts k into the pool; false: the pool was retired or the client closed.
func (p *pool) add(k *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || !p.client.spawn(func() { p.watch(k) }) {
		return false
	}
	p.setConns(append(slices.Clip(p.list.Load().conns), k))
	p.setFault(nil)
	p.dispatch()
	p.growLocked()
	p.client.changed.notify()
	p.client.cfg.logger.Debug("connected", "target", p.client.target.text, "address", p.target.Addr)
	return true
}

// failLocked notes that an attempt to connect, begun then, failed. The lock is held.
func (p *pool) failLocked(begun time.Time, err error) {
	if p.ctx.Err() != nil {
		return // it was called off
	}
	p.failures++
	p.retryAt = begun.Add(p.client.cfg.backoff(p.failures))
	fault := fairlead.Errorf(fairlead.Unavailable, "%s: no connection to %s: %w",
		p.client.target.text, p.target.Addr, err).WithReach(fairlead.NotSent)
	if len(p.list.Load().conns) == 0 {
		p.setFault(fault)
	}
	p.client.cfg.logger.Warn("cannot connect", "target", p.client.target.text, "address", p.target.Addr,
		"failures", p.failures, "error", err)
	p.client.lookAgain()
	p.client.changed.notify()
}
