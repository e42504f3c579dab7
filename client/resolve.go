package client

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/discovery"
)

// start starts to watch the target, once.
func (c *Client) start() {
	if c.started.Load() || !c.started.CompareAndSwap(false, true) {
		return
	}
	c.spawn(func() { c.watch(0) })
	for _, f := range c.cfg.filters {
		c.spawn(func() { c.watchFilter(f) })
	}
}

// watch runs the resolver until the client is closed, after a number of failures in a row. One that gives up, or
// panics, is started again, after a back-off.
func (c *Client) watch(failures int) {
	for c.ctx.Err() == nil {
		s := &sink{client: c}
		if err := c.runResolver(s, failures); err != nil {
			s.Fail(err)
		}
		if s.answered {
			failures = 0
		}
		failures++
		if !sleep(c.ctx, c.cfg.backoff(failures), c.refresh) {
			return
		}
	}
}

// runResolver runs the resolver until it gives up, and returns why; nil: the client is closed.
func (c *Client) runResolver(s *sink, failures int) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		err = c.cfg.panics.Caught(nil, "the resolver", p)
		if p == nil { // runtime.Goexit
			s.Fail(err)
			c.spawn(func() {
				if sleep(c.ctx, c.cfg.backoff(failures+1), c.refresh) {
					c.watch(failures + 1)
				}
			})
		}
	}()
	err = c.resolver.Watch(c.ctx, c.target.endpoint, s)
	returned = true
	switch {
	case c.ctx.Err() != nil:
		return nil
	case err == nil:
		return errors.New("the resolver stopped")
	}
	return err
}

// watchFilter filters the nodes again when the filter's state has changed.
func (c *Client) watchFilter(f balance.Filter) {
	returned := false
	defer func() {
		if !returned { // runtime.Goexit in a filter or a balancer: its panics do not get here
			c.spawn(func() { c.watchFilter(f) })
		}
	}()
	for {
		select {
		case <-f.Changed():
			c.refilter()
		case <-c.ctx.Done():
			returned = true
			return
		}
	}
}

// refilter makes a new snapshot of the same nodes. If a filter or the balancer panics, the last one stays in force.
func (c *Client) refilter() {
	c.update.Lock()
	defer c.update.Unlock()
	if s, err := c.snapshot(c.nodes); err == nil {
		c.publish(s)
	}
}

// lookAgain asks the resolver to resolve the target again, because an instance cannot be reached.
func (c *Client) lookAgain() {
	select {
	case c.refresh <- struct{}{}:
	default: // it was asked already
	}
}

// sink takes what the resolver finds.
type sink struct {
	client   *Client
	answered bool // guarded by client.update
}

// Refresh implements discovery.Sink.
func (s *sink) Refresh() <-chan struct{} { return s.client.refresh }

// Update implements discovery.Sink.
func (s *sink) Update(instances []discovery.Instance) error {
	c := s.client
	c.update.Lock()
	defer c.update.Unlock()
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	nodes, err := c.merge(instances)
	if err == nil {
		err = c.take(nodes)
	}
	if err != nil {
		c.cfg.logger.Warn("list of instances refused", "target", c.target.text, "error", err)
		return err
	}
	s.answered = true
	return nil
}

// take puts nodes, which merge has made, in the place of those of before. If a filter or the balancer panics, or calls
// runtime.Goexit, the nodes of before stay in force. The lock c.update is held.
func (c *Client) take(nodes []*node) error {
	before, taken := c.nodes, false
	defer func() {
		if !taken {
			retire(nodes, before)
			for _, n := range before {
				n.pool.adopt(n)
			}
		}
	}()
	s, err := c.snapshot(nodes)
	if err != nil {
		return err
	}
	c.nodes, taken = nodes, true
	c.publish(s)
	retire(before, nodes)
	return nil
}

// retire lets go of the pools of nodes that are not in kept.
func retire(nodes, kept []*node) {
	for _, n := range nodes {
		if !n.pool.named(kept) {
			n.pool.retire()
		}
	}
}

// Fail implements discovery.Sink.
func (s *sink) Fail(err error) {
	c := s.client
	c.update.Lock()
	defer c.update.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	c.cfg.logger.Warn("target cannot be resolved", "target", c.target.text, "error", err)
	if len(c.nodes) > 0 {
		return // the last good answer stays in force
	}
	c.state.Store(&snapshot{err: fairlead.Errorf(fairlead.Unavailable, "%s: no instances: %w", c.target.text, err).
		WithReach(fairlead.NotSent)})
	c.changed.notify()
}

// merge makes the list of nodes out of a list of instances; what has stayed as it was keeps its node, and what has kept
// its address keeps its connections. The lock c.update is held.
func (c *Client) merge(instances []discovery.Instance) ([]*node, error) {
	usable, err := c.usable(instances)
	if err != nil {
		return nil, err
	}
	old := make(map[string]*node, len(c.nodes))
	for _, n := range c.nodes {
		old[n.Instance.ID] = n
	}
	nodes := make([]*node, 0, len(usable))
	for _, u := range usable {
		nodes = append(nodes, c.node(old[u.instance.ID], u.instance, u.endpoint))
	}
	return nodes, nil
}

// usable is an instance with the endpoint that this client uses.
type usable struct {
	instance *discovery.Instance
	endpoint discovery.Endpoint
}

// usable returns the instances that this client can call, or why it refuses the list.
func (c *Client) usable(instances []discovery.Instance) ([]usable, error) {
	if len(instances) == 0 {
		return nil, errors.New("client: the list of instances is empty")
	}
	seen := make(map[string]bool, len(instances))
	list := make([]usable, 0, len(instances))
	var unusable error
	weights := uint64(0)
	for i := range instances {
		in := instances[i]
		if seen[in.ID] {
			return nil, fmt.Errorf("client: two instances have the ID %q", in.ID)
		}
		seen[in.ID] = true
		e, err := address(&in, c.cfg.protocol.Name(), c.cfg.tls != nil)
		if err != nil {
			unusable = fmt.Errorf("client: instance %q: %w", in.ID, err)
			continue
		}
		weights += uint64(in.Weight)
		list = append(list, usable{&in, e})
	}
	if len(list) == 0 {
		return nil, unusable
	}
	if weights == 0 {
		return nil, errors.New("client: no instance has a weight")
	}
	if unusable != nil {
		c.cfg.logger.Warn("instance left out", "target", c.target.text, "error", unusable)
	}
	return list, nil
}

// node returns the node of an instance, which may have had one.
func (c *Client) node(old *node, in *discovery.Instance, e discovery.Endpoint) *node {
	if old != nil && reflect.DeepEqual(old.Instance, in) {
		return old
	}
	n := &node{picked: fairlead.Picked{Peer: fairlead.Peer{Addr: e.Addr}}}
	n.picked.Node = n
	n.Instance = in
	if old != nil && old.pool.target.Network == e.Network && old.pool.target.Addr == e.Addr {
		n.Since, n.pool = old.Since, old.pool
		n.Latency.Store(old.Latency.Load())
		n.pool.adopt(n)
		return n
	}
	n.Since = time.Now()
	n.pool = newPool(c, n, e)
	return n
}

// snapshot filters nodes and makes a picker of them. Nil: they are the ones of before, or there are none. It fails if a
// filter or the balancer panics. The lock c.update is held.
func (c *Client) snapshot(nodes []*node) (s *snapshot, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, c.cfg.panics.Caught(nil, "a filter or the balancer", p)
		}
	}()
	if c.ctx.Err() != nil || len(nodes) == 0 {
		return nil, nil //nolint:nilnil // nil is an answer here
	}
	s = newSnapshot(nodes, c.cfg.filters)
	if before := c.state.Load(); before != nil && before.same(s) {
		return nil, nil //nolint:nilnil // as above
	}
	s.build(c.cfg.balancer, c.cfg.filters)
	return s, nil
}

// publish has calls see a snapshot; nil: nothing has changed. The lock c.update is held.
func (c *Client) publish(s *snapshot) {
	if s != nil {
		c.state.Store(s)
		c.changed.notify()
	}
}
