// Package roundrobin balances by taking the nodes in turn, heavier ones more often.
package roundrobin

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
)

// Balancer takes the nodes in turn. Each gets calls in proportion to its instance's weight, evenly spread; nodes of
// weight 0 get none as long as others have a weight. The first call goes to a random node, so that clients that start
// together do not all begin with the same. The zero value is ready for use. A Balancer is safe for concurrent use.
type Balancer struct{}

var _ balance.Balancer = Balancer{}

// Name returns "round_robin".
func (Balancer) Name() string { return "round_robin" }

// Build lays out one turn.
func (Balancer) Build(nodes []*balance.Node) balance.Picker {
	p := &picker{nodes: weighted(nodes)}
	p.turn = turn(p.nodes)
	p.count.Store(rand.Uint64() >> 1) //nolint:gosec // no secret; far from an overflow
	return p
}

// weighted returns the nodes that get calls.
func weighted(nodes []*balance.Node) []*balance.Node {
	list := make([]*balance.Node, 0, len(nodes))
	for _, n := range nodes {
		if n.Instance.Weight > 0 {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		return append(list, nodes...)
	}
	return list
}

// picker picks from one set of nodes. Only count changes.
type picker struct {
	nodes []*balance.Node
	turn  []*balance.Node // each node in proportion to its weight
	count atomic.Uint64
}

// probes is how many entries of the turn are tried instead of one that cannot be used, so that its calls are shared by
// weight as well. After that all nodes are considered.
const probes = 8

// Pick returns the next node of the turn, or another if that is failing or was tried.
func (p *picker) Pick(_ *fairlead.Call, tried []*balance.Node) *balance.Node {
	if len(p.turn) == 0 {
		return nil
	}
	count, length := p.count.Add(1), uint64(len(p.turn))
	n := p.turn[count%length]
	if usable(n, tried) {
		return n
	}
	// Another takes its place, as if drawn at random: the next one would get all calls of one that fails.
	at := count
	for range probes {
		at = scramble(at + 1)
		n = p.turn[at%length]
		if usable(n, tried) {
			return n
		}
	}
	return p.best(at, tried)
}

func usable(n *balance.Node, tried []*balance.Node) bool {
	return !n.Failing.Load() && (len(tried) == 0 || !slices.Contains(tried, n))
}

// scramble returns a number in which all bits depend on all bits of x (the finalizer of SplitMix64, by Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", 2014).
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// best considers all nodes, beginning with node from, and returns one that is neither failing nor tried, or else one
// that was tried, or else one that is failing, or else any.
func (p *picker) best(from uint64, tried []*balance.Node) *balance.Node {
	var found *balance.Node
	least := 4
	for i := range uint64(len(p.nodes)) {
		n := p.nodes[(from%uint64(len(p.nodes))+i)%uint64(len(p.nodes))]
		rank := 0
		if slices.Contains(tried, n) {
			rank++
		}
		if n.Failing.Load() {
			rank += 2
		}
		if rank == 0 {
			return n
		}
		if rank < least {
			found, least = n, rank
		}
	}
	return found
}
