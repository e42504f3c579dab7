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

// start begins to watch the target, once.
func (c *Client) start() {
	if c.started.Load() || !c.started.CompareAndSwap(false, true) {
		return
	}
	c.spawn(c.watch)
	for _, f := range c.cfg.filters {
		c.spawn(func() { c.watchFilter(f) })
	}
}

// watch runs the resolver until the client is closed. One that gives up is started again, after a back-off.
func (c *Client) watch() {
	for failures := 0; c.ctx.Err() == nil; {
		s := &sink{client: c}
		err := c.resolver.Watch(c.ctx, c.target.endpoint, s)
		if c.ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("the resolver stopped")
		}
		s.Fail(err)
		if s.answered {
			failures = 0
		}
		failures++
		if !sleep(c.ctx, c.cfg.backoff(failures), c.refresh) {
			return
		}
	}
}

// watchFilter has the nodes filtered anew when the filter's state has changed.
func (c *Client) watchFilter(f balance.Filter) {
	for {
		select {
		case <-f.Changed():
			c.update.Lock()
			c.publish()
			c.update.Unlock()
		case <-c.ctx.Done():
			return
		}
	}
}

// lookAgain asks the resolver for a new look, because an instance cannot be reached.
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
	if err != nil {
		c.cfg.logger.Warn("list of instances refused", "target", c.target.text, "error", err)
		return err
	}
	s.answered = true
	gone := c.nodes
	c.nodes = nodes
	c.publish()
	for _, n := range gone {
		if !n.pool.named(nodes) {
			n.pool.retire()
		}
	}
	return nil
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

// publish has the nodes filtered and a picker made of them, unless they are the ones of before. The lock c.update is
// held.
func (c *Client) publish() {
	if c.ctx.Err() != nil || len(c.nodes) == 0 {
		return
	}
	s := newSnapshot(c.nodes, c.cfg.filters)
	if before := c.state.Load(); before != nil && before.same(s) {
		return
	}
	s.build(c.cfg.balancer, c.cfg.filters)
	c.state.Store(s)
	c.changed.notify()
}
