// Package p2c balances by the power of two choices: it takes two nodes at random and sends the call to the one that is
// likely to answer sooner. It needs no state shared between clients, clients do not all run to the best node, and slow
// or busy nodes get fewer calls.
package p2c

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
)

const (
	// clearly is how much better the second choice must be. Small differences are noise; a node that won by them would get
	// all calls of a client that makes one at a time.
	clearly = 0.8
	// probePeriod is the least time between two calls that a node gets although it lost, so that the client notices when
	// its latency has recovered.
	probePeriod = 5 * time.Second
	// probeOdds is the number of picks of which one checks whether it is time for a probe. It is a power of two.
	probeOdds = 16
)

// Balancer takes two nodes at random, by weight, and picks the one with the lower
//
//	latency × (1 + calls in progress / weight)
//
// where the weight is relative to the mean of all weights, and the latency counts if both are known. If no calls are in
// progress, or the same number on both, nodes get calls in proportion to their weights; nodes of weight 0 get none as
// long as others have a weight. A node that always loses gets a call about every five seconds. The zero value is ready
// for use. A Balancer is safe for concurrent use.
type Balancer struct{}

var _ balance.Balancer = Balancer{}

// Name returns "p2c".
func (Balancer) Name() string { return "p2c" }

// state is what the balancer knows of a node across changes of the set of nodes.
type state struct {
	probed atomic.Int64 // when it last got a call although it lost, in nanoseconds since 1970
}

// candidate is a node that gets calls.
type candidate struct {
	node   *balance.Node
	state  *state
	weight float64 // relative to the mean
}

// Build prepares the draw by weight.
func (Balancer) Build(nodes []*balance.Node) balance.Picker {
	sum := 0.0
	for _, n := range nodes {
		sum += float64(n.Instance.Weight)
	}
	p := &picker{candidates: make([]candidate, 0, len(nodes))}
	for _, n := range nodes {
		if sum > 0 && n.Instance.Weight == 0 {
			continue
		}
		s, ok := n.State.(*state)
		if !ok {
			s = new(state)
			s.probed.Store(time.Now().UnixNano())
			n.State = s
		}
		p.candidates = append(p.candidates, candidate{node: n, state: s, weight: float64(n.Instance.Weight)})
	}
	for i := range p.candidates {
		if sum == 0 {
			p.candidates[i].weight = 1
		} else {
			p.candidates[i].weight *= float64(len(p.candidates)) / sum
		}
	}
	p.draw = newDraw(p.candidates)
	return p
}

// picker picks from one set of nodes. It does not change.
type picker struct {
	candidates []candidate
	draw       draw
}

// Pick returns the better of two nodes. If both are failing or were tried it considers all.
func (p *picker) Pick(_ *fairlead.Call, tried []*balance.Node) *balance.Node {
	switch len(p.candidates) {
	case 0:
		return nil
	case 1:
		return p.candidates[0].node
	}
	i, j := p.two()
	a, b := &p.candidates[i], &p.candidates[j]
	aRank, bRank := rank(a.node, tried), rank(b.node, tried)
	switch {
	case aRank > 0 && bRank > 0:
		return p.best(i, tried)
	case aRank > 0:
		return b.node
	case bRank > 0:
		return a.node
	}
	if better(b, a) {
		a, b = b, a
	}
	if b.due() {
		return b.node
	}
	return a.node
}

// two draws two different candidates.
func (p *picker) two() (first, second int) {
	first = p.draw.one()
	// With weights the second is drawn again if it is the first, but only a few times: that may have most of the weight.
	for range 3 {
		if second = p.draw.one(); second != first {
			return first, second
		}
	}
	second = rand.IntN(len(p.candidates) - 1) //nolint:gosec // no secret
	if second >= first {
		second++
	}
	return first, second
}

// rank returns 0 for a node that should be used, and more the less it should be: tried, failing, both.
func rank(n *balance.Node, tried []*balance.Node) int {
	r := 0
	if len(tried) > 0 && slices.Contains(tried, n) {
		r++
	}
	if n.Failing.Load() {
		r += 2
	}
	return r
}

// better reports whether a is clearly better than b.
func better(a, b *candidate) bool {
	la, lb := float64(a.node.Latency.Load()), float64(b.node.Latency.Load())
	if la <= 0 || lb <= 0 {
		la, lb = 1, 1
	}
	return la*a.load() < clearly*lb*b.load()
}

// load returns 1 for an idle candidate, and more for calls in progress.
func (c *candidate) load() float64 { return 1 + float64(max(c.node.Inflight.Load(), 0))/c.weight }

// due reports whether c, which has lost, gets the call nevertheless.
func (c *candidate) due() bool {
	if rand.Uint32()%probeOdds != 0 { //nolint:gosec // no secret
		return false
	}
	now, last := time.Now().UnixNano(), c.state.probed.Load()
	return now-last >= int64(probePeriod) && c.state.probed.CompareAndSwap(last, now)
}

// best returns the best candidate of the lowest rank, beginning with candidate from.
func (p *picker) best(from int, tried []*balance.Node) *balance.Node {
	var found *candidate
	least := 0
	for i := range p.candidates {
		c := &p.candidates[(from+i)%len(p.candidates)]
		r := rank(c.node, tried)
		if found == nil || r < least || r == least && better(c, found) {
			found, least = c, r
		}
	}
	return found.node
}
