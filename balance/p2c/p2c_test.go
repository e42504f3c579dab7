package p2c_test

import (
	"container/heap"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/balance/balancetest"
	"github.com/fairlead-go/fairlead/balance/p2c"
)

func TestSuite(t *testing.T) { //nolint:paralleltest // allocations are counted
	balancetest.Run(t, balancetest.Subject{Balancer: p2c.Balancer{}, Skew: 0.1})
}

func TestFewerCallsUnderWayWin(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Equal(2)
	nodes[0].Inflight.Store(3)
	p := p2c.Balancer{}.Build(nodes)
	if got := balancetest.Count(t, p, nodes, 1000)[0]; got != 0 {
		t.Errorf("the busy node got %d calls of 1000", got)
	}
}

func TestCallsUnderWayCountByWeight(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Nodes(1, 9)
	nodes[0].Inflight.Store(2)
	nodes[1].Inflight.Store(9)
	p := p2c.Balancer{}.Build(nodes)
	if got := balancetest.Count(t, p, nodes, 1000)[0]; got != 0 {
		t.Errorf("the node of weight 1 with 2 calls under way got %d calls of 1000, the one of weight 9 has 9", got)
	}
	nodes[0].Inflight.Store(1)
	nodes[1].Inflight.Store(20)
	if got := balancetest.Count(t, p, nodes, 1000)[1]; got != 0 {
		t.Errorf("the node of weight 9 with 20 calls under way got %d calls of 1000, the one of weight 1 has 1", got)
	}
}

func TestFasterWins(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Equal(2)
	nodes[0].Latency.Store(int64(10 * time.Millisecond))
	nodes[1].Latency.Store(int64(time.Millisecond))
	p := p2c.Balancer{}.Build(nodes)
	if got := balancetest.Count(t, p, nodes, 1000)[0]; got > 1 {
		t.Errorf("the slow node got %d calls of 1000", got)
	}
	// The fast one may have nine times as many calls under way.
	nodes[1].Inflight.Store(20)
	if got := balancetest.Count(t, p, nodes, 1000)[1]; got > 1 {
		t.Errorf("the fast and busy node got %d calls of 1000", got)
	}
}

// TestUnknownLatency has a new node share with known ones, however fast they are.
func TestUnknownLatency(t *testing.T) {
	t.Parallel()
	for _, known := range []time.Duration{time.Microsecond, time.Hour} {
		nodes := balancetest.Equal(4)
		for _, n := range nodes[1:] {
			n.Latency.Store(int64(known))
		}
		got := balancetest.Count(t, p2c.Balancer{}.Build(nodes), nodes, 40_000)[0]
		if got < 9000 || got > 11_000 {
			t.Errorf("beside nodes of latency %v the new one got %d calls of 40000, want 10000", known, got)
		}
	}
}

// TestSmallDifferencesAreNoise lets no node win by a tenth.
func TestSmallDifferencesAreNoise(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Equal(2)
	nodes[0].Latency.Store(int64(100 * time.Microsecond))
	nodes[1].Latency.Store(int64(110 * time.Microsecond))
	got := balancetest.Count(t, p2c.Balancer{}.Build(nodes), nodes, 10_000)[1]
	if got < 4500 || got > 5500 {
		t.Errorf("the node that is slower by a tenth got %d calls of 10000, want 5000", got)
	}
}

// TestLoserIsProbed gives a slow node a call now and then, so that its recovery is seen.
func TestLoserIsProbed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nodes := balancetest.Equal(2)
		nodes[0].Latency.Store(int64(time.Second))
		nodes[1].Latency.Store(int64(time.Millisecond))
		p := p2c.Balancer{}.Build(nodes)
		if got := balancetest.Count(t, p, nodes, 1000)[0]; got != 0 {
			t.Errorf("the slow node got %d calls at first", got)
		}
		for range 5 {
			time.Sleep(6 * time.Second)
			// The state of a node that stays survives a change of the set.
			p = p2c.Balancer{}.Build(nodes)
			if got := balancetest.Count(t, p, nodes, 1000)[0]; got != 1 {
				t.Errorf("after 6 s the slow node got %d calls of 1000, want 1", got)
			}
		}
	})
}

// call is one under way in the simulation.
type call struct {
	ends, took time.Duration
	node       int
}

type calls []call

func (c *calls) Len() int           { return len(*c) }
func (c *calls) Less(i, j int) bool { return (*c)[i].ends < (*c)[j].ends }
func (c *calls) Swap(i, j int)      { (*c)[i], (*c)[j] = (*c)[j], (*c)[i] }
func (c *calls) Push(x any)         { *c = append(*c, x.(call)) }
func (c *calls) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// simulate runs callers that each make one call after another, over nodes that serve one call at a time. It returns how
// often each node was called, and the time that it all took.
func simulate(p balance.Picker, nodes []*balance.Node, serve []time.Duration, callers, n int) ([]int, time.Duration) {
	counts := make([]int, len(nodes))
	free := make([]time.Duration, len(nodes))
	var under calls
	var now time.Duration
	start := func() {
		var i int
		for node := p.Pick(nil, nil); nodes[i] != node; {
			i++
		}
		counts[i]++
		nodes[i].Inflight.Add(1)
		begin := max(now, free[i])
		free[i] = begin + serve[i]
		heap.Push(&under, call{ends: free[i], took: free[i] - now, node: i})
	}
	for range callers {
		start()
	}
	for range n {
		c, _ := heap.Pop(&under).(call)
		now = c.ends
		node := nodes[c.node]
		node.Inflight.Add(-1)
		if old := node.Latency.Load(); old == 0 {
			node.Latency.Store(int64(c.took))
		} else {
			node.Latency.Store(old - old/8 + int64(c.took)/8)
		}
		start()
	}
	return counts, now
}

// TestSlowNodeGetsLess has ten nodes of which one is ten times slower: together they can serve 9.1 calls a millisecond.
func TestSlowNodeGetsLess(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Equal(10)
	serve := make([]time.Duration, len(nodes))
	for i := range serve {
		serve[i] = time.Millisecond
	}
	serve[3] = 10 * time.Millisecond
	const n = 20_000
	counts, took := simulate(p2c.Balancer{}.Build(nodes), nodes, serve, 40, n)
	t.Logf("calls: %v in %v", counts, took)
	if fair := n / len(nodes); counts[3] > fair/3 {
		t.Errorf("the slow node got %d calls, want less than a third of %d", counts[3], fair)
	}
	for i, c := range counts {
		if mean := n / 9; i != 3 && (c < mean*8/10 || c > mean*12/10) {
			t.Errorf("node %d got %d calls, want %d, a fifth more or less", i, c, mean)
		}
	}
	if best := n * time.Millisecond * 10 / 91; took > best*13/10 {
		t.Errorf("it took %v, with perfect knowledge %v", took, best)
	}
}

func BenchmarkPick(b *testing.B) {
	nodes := balancetest.Nodes(1, 2, 3, 4, 5, 6, 7, 8)
	for _, n := range nodes {
		n.Latency.Store(int64(time.Millisecond))
	}
	p := p2c.Balancer{}.Build(nodes)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Pick(nil, nil)
		}
	})
}
