package client

import (
	"context"
	"slices"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
)

// node is an instance with the connections to its address. If only the weight or the labels of an instance change, its
// next node has the same pool.
type node struct {
	balance.Node

	picked fairlead.Picked
	pool   *pool
}

// snapshot is the state of the target that calls work with; it is read-only.
type snapshot struct {
	nodes     []*node // those the balancer was given
	only      *node   // the only node; nil if there are more
	picker    balance.Picker
	byNode    map[*balance.Node]*node
	observers []balance.Observer
	measure   bool            // Inflight and Latency are kept, or observers want to know
	err       *fairlead.Error // why there are no nodes
}

// newSnapshot makes a snapshot of the nodes that have a weight and that the filters leave.
func newSnapshot(all []*node, filters []balance.Filter) *snapshot {
	list := make([]*balance.Node, 0, len(all))
	byNode := make(map[*balance.Node]*node, len(all))
	for _, n := range all {
		byNode[&n.Node] = n
		if n.Instance.Weight > 0 {
			list = append(list, &n.Node)
		}
	}
	for _, f := range filters {
		// A filter may keep or change what it is given.
		left := slices.Clone(f.Filter(slices.Clone(list)))
		left = slices.DeleteFunc(left, func(n *balance.Node) bool { return byNode[n] == nil })
		if len(left) > 0 {
			list = left
		}
	}
	s := &snapshot{byNode: byNode}
	for _, n := range list {
		s.nodes = append(s.nodes, byNode[n])
	}
	return s
}

// same reports whether o has the same nodes.
func (s *snapshot) same(o *snapshot) bool { return slices.Equal(s.nodes, o.nodes) }

// build makes the picker of the snapshot.
func (s *snapshot) build(b balance.Balancer, filters []balance.Filter) {
	list := make([]*balance.Node, len(s.nodes))
	for i, n := range s.nodes {
		list[i] = &n.Node
	}
	s.picker = b.Build(list)
	if o, ok := s.picker.(balance.Observer); ok {
		s.observers = append(s.observers, o)
	}
	for _, f := range filters {
		if o, ok := f.(balance.Observer); ok {
			s.observers = append(s.observers, o)
		}
	}
	if len(s.nodes) == 1 {
		s.only = s.nodes[0]
	}
	s.measure = s.only == nil || len(s.observers) > 0
}

// pick returns a node for the call, nil if the picker returns none.
func (s *snapshot) pick(call *fairlead.Call, tried []*balance.Node) *node {
	if s.only != nil {
		return s.only
	}
	if s.picker == nil {
		return nil
	}
	return s.byNode[s.picker.Pick(call, tried)]
}

// anyReady returns a node that has a connection, if possible one that was not tried. It returns nil if there is none.
func (s *snapshot) anyReady(tried []*balance.Node) *node {
	var second *node
	for _, n := range s.nodes {
		if !n.pool.ready() {
			continue
		}
		if !slices.Contains(tried, &n.Node) {
			return n
		}
		second = n
	}
	return second
}

// connectAll starts to connect every node that has no connection. With nudge it does not wait for the end of a
// back-off.
func (s *snapshot) connectAll(nudge bool) {
	for _, n := range s.nodes {
		if nudge {
			n.pool.nudge()
		} else {
			n.pool.kick()
		}
	}
}

// allFailing returns why none of the nodes can be reached, nil if one of them has not failed.
func (s *snapshot) allFailing() error {
	var err error
	for _, n := range s.nodes {
		fault := n.pool.fault.Load()
		if fault == nil {
			return nil
		}
		err = fault
	}
	return err
}

// tried returns the nodes that earlier attempts of the call went to.
func tried(call *fairlead.Call) []*balance.Node {
	var list []*balance.Node
	for _, p := range call.Wire().Tried() {
		if n, ok := p.Node.(*node); ok {
			list = append(list, &n.Node)
		}
	}
	return list
}

// attempt is the handler below the middleware of the whole call: it picks a node and runs one attempt.
func (m *method) attempt(ctx context.Context, call *fairlead.Call) error {
	err := m.runAttempt(ctx, call)
	if err != nil {
		err = explained(ctx, call, err)
	}
	if call.Attempt() > 0 { // a copy, which ends here
		if err != nil || m.unary {
			if end := call.Wire().End(ctx, err); err == nil {
				err = end
			}
		} else {
			err = m.client.watchStream(ctx, call)
		}
	}
	return err
}

func (m *method) runAttempt(ctx context.Context, call *fairlead.Call) error {
	c := m.client
	if r, ok := call.Wire().Driver().(*refused); ok {
		return r.err
	}
	if c.over(ctx, call) {
		return c.gaveUp(ctx, "before it was sent")
	}
	var n *node
	before := tried(call)
	s := c.state.Load()
	if s != nil {
		n = s.pick(call, before)
	}
	if n == nil || !n.pool.ready() {
		var err error
		if n, err = c.await(ctx, call, before, s, n); err != nil {
			return err
		}
	}
	call.Wire().SetPicked(&n.picked)
	if m.chain != nil {
		return m.chain(ctx, call)
	}
	return m.roundTrip(ctx, call, n)
}

// onPicked is the handler below the middleware of the attempt: it runs the attempt on the node that was picked.
func (m *method) onPicked(ctx context.Context, call *fairlead.Call) error {
	n, ok := call.Wire().Picked().Node.(*node)
	if !ok {
		return fairlead.Errorf(fairlead.Internal, "%s: a middleware replaced the picked instance", call.Method().Path)
	}
	return m.roundTrip(ctx, call, n)
}
