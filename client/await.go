package client

import (
	"context"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
)

// patience is how long a call waits for the first connection to a node before another node is made to connect as well.
const patience = 250 * time.Millisecond

// await picks a node that has a connection. It waits for the resolver's first answer and for connections that are being
// made. If the target could not be resolved, or no node can be reached, it waits only if the call is to wait for ready.
// The call may have picked n in s before.
func (c *Client) await(
	ctx context.Context, call *fairlead.Call, before []*balance.Node, s *snapshot, n *node,
) (*node, error) {
	c.start()
	wait := call.Wire().WaitForReady(c.cfg.waitForReady)
	for {
		changed := c.changed.wait()
		now := c.state.Load()
		if c.ctx.Err() != nil {
			return nil, errClosed()
		}
		what := "while " + c.target.text + " was being resolved"
		if now != nil {
			// The choice stands until the node fails: pickers that take turns would skip nodes otherwise.
			if n == nil || now != s || n.pool.fault.Load() != nil || slices.Contains(before, &n.Node) {
				s, n = now, now.pick(call, before)
			}
			ready, err := s.direct(call, n, before)
			if ready != nil {
				return ready, nil
			}
			if err != nil && !wait {
				return nil, err
			}
			what = c.waitingFor(n, err)
		}
		patient, err := c.waitChange(ctx, call, changed, s != nil && len(s.nodes) > 1, what)
		if err != nil {
			return nil, err
		}
		if !patient && n != nil && call.Wire().HashKey() == "" && !slices.Contains(before, &n.Node) {
			before = append(slices.Clip(before), &n.Node)
		}
	}
}

// direct returns the node for a call that picked n. It returns nil and an error if no node can be reached, and nil and
// nil while a connection is being made.
func (s *snapshot) direct(call *fairlead.Call, n *node, before []*balance.Node) (*node, error) {
	if len(s.nodes) == 0 {
		return nil, s.err
	}
	if n == nil {
		return nil, fairlead.Errorf(fairlead.Unavailable, "the balancer picked none of %d instances", len(s.nodes)).
			WithReach(fairlead.NotSent)
	}
	if n.pool.ready() {
		return n, nil
	}
	n.pool.kick()
	if r := s.instead(call, n, before); r != nil {
		return r, nil
	}
	fault := n.pool.fault.Load()
	if fault == nil {
		return nil, nil //nolint:nilnil // documented: a connection is being made
	}
	// A picker takes a failing node when it has no others, or when this call has tried them.
	for _, o := range s.nodes {
		if o.pool.fault.Load() == nil {
			o.pool.kick()
			return nil, nil //nolint:nilnil // documented: a connection is being made
		}
	}
	return nil, fault
}

// instead returns another node that has a connection, for a call that picked n, which has none. It returns nil if the
// call should wait for n: n has not failed, and the call has a hash key or has tried all other nodes.
func (s *snapshot) instead(call *fairlead.Call, n *node, before []*balance.Node) *node {
	failing := n.pool.fault.Load() != nil
	if !failing && call.Wire().HashKey() != "" {
		return nil
	}
	r := s.anyReady(before)
	if r == nil || !failing && slices.Contains(before, &r.Node) && !slices.Contains(before, &n.Node) {
		return nil
	}
	return r
}

// waitingFor describes, for the error of a call that gives up, what it was waiting for.
func (c *Client) waitingFor(n *node, err error) string {
	switch {
	case err != nil:
		return "while waiting for an instance (" + err.Error() + ")"
	case n != nil:
		return "while a connection to " + n.pool.target.Addr + " was being made"
	}
	return "while waiting for an instance"
}

// waitChange waits until changed is closed, and returns true. If impatient is set, it returns false after a while.
func (c *Client) waitChange(
	ctx context.Context, call *fairlead.Call, changed <-chan struct{}, impatient bool, what string,
) (bool, error) {
	var timeout <-chan time.Time
	deadline, bounded := call.Deadline()
	if bounded || impatient {
		d := patience
		if bounded {
			d = time.Until(deadline)
		}
		if impatient {
			d = min(d, patience)
		}
		t := c.timer(d)
		defer c.stop(t)
		timeout = t.C
	}
	select {
	case <-changed:
		return true, nil
	case <-timeout:
		if bounded && !time.Now().Before(deadline) {
			return false, c.gaveUp(ctx, what)
		}
		return false, nil
	case <-ctx.Done():
		return false, c.gaveUp(ctx, what)
	case <-c.ctx.Done():
		return true, nil // the caller checks the client's context
	}
}

// over reports whether the call's context has ended or its deadline has passed.
func (c *Client) over(ctx context.Context, call *fairlead.Call) bool {
	if ctx.Err() != nil {
		return true
	}
	d, ok := call.Deadline()
	return ok && !time.Now().Before(d)
}

// gaveUp returns the error of a call that was not sent because its context ended or its deadline passed.
func (c *Client) gaveUp(ctx context.Context, what string) *fairlead.Error {
	cause := ctx.Err()
	if cause == nil {
		cause = context.DeadlineExceeded
	}
	return fairlead.Errorf(fairlead.CodeOf(cause), "%s: the call ended %s: %w", c.target.text, what, cause).
		WithReach(fairlead.NotSent)
}
