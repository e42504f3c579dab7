// Package balancetest is a test suite for implementations of balance.Balancer.
package balancetest

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// Subject is a balancer, and what the suite needs to know of it.
type Subject struct {
	Balancer balance.Balancer
	// Skew is how much the number of calls of an idle node may differ from its fair share, as a fraction of that; 0: a
	// tenth.
	Skew float64
	// Unweighted reports whether the balancer ignores weights, except that nodes of weight 0 get no calls.
	Unweighted bool
}

// picks is the number of calls over which shares are measured.
const picks = 40_000

// Run runs the suite. The test that calls it must not be parallel, since allocations are counted.
func Run(t *testing.T, s Subject) {
	t.Helper()
	if s.Skew == 0 {
		s.Skew = 0.1
	}
	if s.Balancer.Name() == "" {
		t.Error("Name: got none")
	}
	t.Run("Allocations", s.allocations)
	for name, f := range map[string]func(*testing.T){
		"NoNodes":    s.noNodes,
		"OneNode":    s.oneNode,
		"Even":       s.even,
		"Weights":    s.weights,
		"NoWeight":   s.noWeight,
		"Tried":      s.tried,
		"Failing":    s.failing,
		"Recovered":  s.recovered,
		"Rank":       s.ranks,
		"Spread":     s.spread,
		"Rebuild":    s.rebuild,
		"Concurrent": s.concurrent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t)
		})
	}
}

// Nodes makes one node for each weight, named "0", "1" and so on.
func Nodes(weights ...uint32) []*balance.Node {
	nodes := make([]*balance.Node, len(weights))
	for i, w := range weights {
		name := strconv.Itoa(i)
		nodes[i] = &balance.Node{
			Instance: &discovery.Instance{
				ID: name, Weight: w, Endpoints: []discovery.Endpoint{{Network: "tcp", Addr: name + ":1"}},
			},
			Since: time.Now(),
		}
	}
	return nodes
}

// Equal makes n nodes of weight 1.
func Equal(n int) []*balance.Node { return Nodes(slices.Repeat([]uint32{1}, n)...) }

// Count picks n times and returns how often each of nodes was picked.
func Count(t testing.TB, p balance.Picker, nodes []*balance.Node, n int, tried ...*balance.Node) []int {
	t.Helper()
	counts := make([]int, len(nodes))
	for range n {
		i := slices.Index(nodes, p.Pick(nil, tried))
		if i < 0 {
			t.Fatal("Pick returned none of the nodes")
		}
		counts[i]++
	}
	return counts
}

// shares checks that the nodes were picked in proportion to want.
func (s *Subject) shares(t *testing.T, counts []int, want ...float64) {
	t.Helper()
	total, sum := 0, 0.0
	for i := range counts {
		total += counts[i]
		sum += want[i]
	}
	worst := 0.0
	for i, n := range counts {
		fair := float64(total) * want[i] / sum
		if fair == 0 {
			if n > 0 {
				t.Errorf("node %d: got %d calls of %d, want none", i, n, total)
			}
			continue
		}
		off := float64(n)/fair - 1
		worst = max(worst, math.Abs(off))
		if math.Abs(off) > s.Skew {
			t.Errorf("node %d: got %d calls of %d, want %.0f, %.0f %% more or less", i, n, total, fair, 100*s.Skew)
		}
	}
	t.Logf("the number of calls is up to %.1f %% from a fair share", 100*worst)
}

func (s *Subject) noNodes(t *testing.T) {
	for _, nodes := range [][]*balance.Node{nil, {}} {
		if n := s.Balancer.Build(nodes).Pick(nil, nil); n != nil {
			t.Errorf("Pick: got %v, want nil", n.Instance)
		}
	}
}

func (s *Subject) oneNode(t *testing.T) {
	nodes := Equal(1)
	p := s.Balancer.Build(nodes)
	Count(t, p, nodes, 10)
	Count(t, p, nodes, 10, nodes[0])
	nodes[0].Failing.Store(true)
	Count(t, p, nodes, 10, nodes[0])
}

func (s *Subject) even(t *testing.T) {
	for _, n := range []int{2, 3, 10} {
		nodes := Equal(n)
		s.shares(t, Count(t, s.Balancer.Build(nodes), nodes, picks), slices.Repeat([]float64{1}, n)...)
	}
}

func (s *Subject) weights(t *testing.T) {
	for _, weights := range [][]uint32{{1, 2}, {1, 2, 4, 1}, {100, 50, 50}, {1 << 31, 1 << 30}, {7919, 104729, 65537}} {
		nodes := Nodes(weights...)
		want := make([]float64, len(weights))
		for i, w := range weights {
			want[i] = float64(w)
			if s.Unweighted {
				want[i] = 1
			}
		}
		s.shares(t, Count(t, s.Balancer.Build(nodes), nodes, picks), want...)
	}
}

// noWeight checks that a node of weight 0 gets no calls unless there is no other.
func (s *Subject) noWeight(t *testing.T) {
	nodes := Nodes(0, 1, 0, 1)
	p := s.Balancer.Build(nodes)
	s.shares(t, Count(t, p, nodes, picks), 0, 1, 0, 1)
	s.shares(t, Count(t, p, nodes, picks, nodes[1]), 0, 0, 0, 1)
	nodes = Nodes(0, 0)
	s.shares(t, Count(t, s.Balancer.Build(nodes), nodes, picks), 1, 1)
}

func (s *Subject) tried(t *testing.T) {
	nodes := Equal(5)
	p := s.Balancer.Build(nodes)
	for i := range nodes {
		others := slices.Delete(slices.Clone(nodes), i, i+1)
		if got := Count(t, p, nodes, 100, others...)[i]; got != 100 {
			t.Errorf("all others were tried: node %d got %d calls of 100", i, got)
		}
	}
	Count(t, p, nodes, 100, nodes...)
}

func (s *Subject) failing(t *testing.T) {
	nodes := Equal(5)
	p := s.Balancer.Build(nodes)
	for i := range nodes {
		for j := range nodes {
			nodes[j].Failing.Store(i != j)
		}
		if got := Count(t, p, nodes, 100)[i]; got != 100 {
			t.Errorf("all others are failing: node %d got %d calls of 100", i, got)
		}
	}
}

func (s *Subject) recovered(t *testing.T) {
	nodes := Equal(4)
	p := s.Balancer.Build(nodes)
	nodes[2].Failing.Store(true)
	if got := Count(t, p, nodes, 1000)[2]; got != 0 {
		t.Errorf("the failing node got %d calls", got)
	}
	nodes[2].Failing.Store(false)
	s.shares(t, Count(t, p, nodes, picks), 1, 1, 1, 1)
}

// ranks checks the order in which nodes that should not be used are used.
func (s *Subject) ranks(t *testing.T) {
	nodes := Equal(4)
	p := s.Balancer.Build(nodes)
	healthy, tried, failing, both := nodes[0], nodes[1], nodes[2], nodes[3]
	failing.Failing.Store(true)
	both.Failing.Store(true)
	for _, tt := range []struct {
		name  string
		spoil func()
		want  *balance.Node
	}{
		{"one is neither failing nor tried", func() {}, healthy},
		{"one was tried and is not failing", func() { healthy.Failing.Store(true) }, tried},
	} {
		tt.spoil()
		for range 100 {
			if got := p.Pick(nil, []*balance.Node{tried, both}); got != tt.want {
				t.Errorf("%s: got node %s, want %s", tt.name, got.Instance.ID, tt.want.Instance.ID)
				break
			}
		}
	}
	tried.Failing.Store(true)
	for range 100 {
		if got := p.Pick(nil, []*balance.Node{tried, both}); got != failing && got != healthy {
			t.Errorf("all are failing: got node %s, which was tried", got.Instance.ID)
			break
		}
	}
}

// spread checks that the calls of a failing node do not all go to one other node.
func (s *Subject) spread(t *testing.T) {
	nodes := Equal(5)
	nodes[1].Failing.Store(true)
	even := *s
	even.Skew = max(s.Skew, 0.1)
	even.shares(t, Count(t, s.Balancer.Build(nodes), nodes, picks), 1, 0, 1, 1, 1)
}

// rebuild checks that a node that stays keeps its State, and that the list belongs to the caller.
func (s *Subject) rebuild(t *testing.T) {
	nodes := Equal(4)
	s.Balancer.Build(nodes)
	states := make([]any, len(nodes))
	for i, n := range nodes {
		states[i] = n.State
	}
	list := append(slices.Clone(nodes[1:]), Equal(1)...)
	want := slices.Clone(list)
	p := s.Balancer.Build(list)
	if !slices.Equal(list, want) {
		t.Error("Build changed the list")
	}
	clear(list)
	Count(t, p, want, 100)
	for i, n := range nodes {
		if n.State != states[i] {
			t.Errorf("node %d: Build replaced its State", i)
		}
	}
}

func (s *Subject) allocations(t *testing.T) {
	nodes := Nodes(1, 2, 3, 4)
	p := s.Balancer.Build(nodes)
	assert.Allocs(t, 0, func() { p.Pick(nil, nil) })
	tried := nodes[:3]
	assert.Allocs(t, 0, func() { p.Pick(nil, tried) })
	for _, n := range nodes {
		n.Failing.Store(true)
	}
	assert.Allocs(t, 0, func() { p.Pick(nil, tried) })
}

// concurrent picks in several goroutines while the nodes change and pickers are built, for the race detector.
func (s *Subject) concurrent(t *testing.T) {
	nodes := Equal(8)
	p := s.Balancer.Build(nodes)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				n := p.Pick(nil, nodes[:i%len(nodes)])
				if n == nil {
					t.Error("Pick: got nil")
					return
				}
				n.Inflight.Add(1)
				n.Latency.Store(int64(1+i%7) * int64(time.Millisecond))
				n.Failing.Store((i+g)%5 == 0)
				n.Inflight.Add(-1)
			}
		})
	}
	for i := range 50 {
		s.Balancer.Build(nodes[i%4:])
	}
	wg.Wait()
}
