package roundrobin

import (
	"cmp"
	"math"
	"slices"

	"github.com/fairlead-go/fairlead/balance"
)

// A turn has at most this many entries, or so many for each node if there are more. Weights that would take more are
// rounded.
const (
	maxEntries     = 1 << 14
	entriesPerNode = 8
)

// turn lays out the nodes, each in proportion to its weight and at even distances.
func turn(nodes []*balance.Node) []*balance.Node {
	type entry struct {
		at   float64 // in the turn, from 0 to 1
		node *balance.Node
	}
	counts, total := shares(nodes)
	entries := make([]entry, 0, total)
	for i, n := range nodes {
		// Each node begins a little later, since otherwise nodes of the same weight would come in blocks.
		phase := (float64(i) + 0.5) / float64(len(nodes))
		for k := range counts[i] {
			entries = append(entries, entry{(float64(k) + phase) / float64(counts[i]), n})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	list := make([]*balance.Node, len(entries))
	for i := range entries {
		list[i] = entries[i].node
	}
	return list
}

// shares returns how often each node comes in a turn, at least once, and the length of the turn.
func shares(nodes []*balance.Node) (counts []int, total int) {
	var sum, divisor uint64
	for _, n := range nodes {
		w := uint64(n.Instance.Weight)
		sum += w
		divisor = gcd(divisor, w)
	}
	counts = make([]int, len(nodes))
	limit := uint64(max(maxEntries, entriesPerNode*len(nodes)))
	for i, n := range nodes {
		switch {
		case sum == 0:
			counts[i] = 1
		case sum/divisor <= limit:
			counts[i] = int(uint64(n.Instance.Weight) / divisor)
		default:
			share := float64(n.Instance.Weight) / float64(sum)
			counts[i] = max(1, int(math.Round(share*float64(limit))))
		}
		total += counts[i]
	}
	return counts, total
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
