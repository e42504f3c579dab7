package roundrobin_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/balance/balancetest"
	"github.com/fairlead-go/fairlead/balance/roundrobin"
)

func TestSuite(t *testing.T) { //nolint:paralleltest // allocations are counted
	balancetest.Run(t, balancetest.Subject{Balancer: roundrobin.Balancer{}, Skew: 0.005})
}

// sequence returns the names of the nodes picked, one turn.
func sequence(p balance.Picker, n int) string {
	s := ""
	for range n {
		s += p.Pick(nil, nil).Instance.ID
	}
	return s
}

func TestTurn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		weights []uint32
		want    string
	}{
		{[]uint32{1, 1, 1}, "012"},
		{[]uint32{3, 3, 3}, "012"},
		{[]uint32{2, 1}, "001"},
		{[]uint32{5, 1, 1}, "0001002"},
		{[]uint32{0, 20, 10}, "112"},
		{[]uint32{4, 4, 2}, "01201"},
	} {
		// It begins anywhere.
		n := len(tt.want)
		got := sequence(roundrobin.Balancer{}.Build(balancetest.Nodes(tt.weights...)), 3*n)
		found := false
		for i := range n {
			found = found || got[i:i+n] == tt.want && got[i+n:i+2*n] == tt.want
		}
		if !found {
			t.Errorf("weights %v: got %s, want %s again and again", tt.weights, got, tt.want)
		}
	}
}

func TestRandomStart(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Equal(10)
	first := map[string]bool{}
	for range 200 {
		first[sequence(roundrobin.Balancer{}.Build(nodes), 1)] = true
	}
	if len(first) < 9 {
		t.Errorf("200 pickers began with %d of 10 nodes", len(first))
	}
}

// TestFailingTakesItsWeight shares the calls of a failing node by weight.
func TestFailingTakesItsWeight(t *testing.T) {
	t.Parallel()
	nodes := balancetest.Nodes(4, 2, 1, 1)
	nodes[0].Failing.Store(true)
	counts := balancetest.Count(t, roundrobin.Balancer{}.Build(nodes), nodes, 40_000)
	for i, want := range []int{0, 20_000, 10_000, 10_000} {
		if got := counts[i]; got < want*8/10 || got > want*12/10 {
			t.Errorf("node %d: got %d calls, want about %d", i, got, want)
		}
	}
}

func TestManyNodesOfOddWeights(t *testing.T) {
	t.Parallel()
	weights := make([]uint32, 3000)
	for i := range weights {
		weights[i] = uint32(1_000_003 + 7*i) //nolint:gosec // small
	}
	nodes := balancetest.Nodes(weights...)
	counts := balancetest.Count(t, roundrobin.Balancer{}.Build(nodes), nodes, 24_000)
	for i, n := range counts {
		if n < 7 || n > 9 {
			t.Errorf("node %d: got %d calls, want 7 to 9", i, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	p := roundrobin.Balancer{}.Build(balancetest.Nodes(1, 2, 3, 4, 5, 6, 7, 8))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Pick(nil, nil)
		}
	})
}
