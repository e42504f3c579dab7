package lint

// shownCycle is how many of what form a cycle a finding names: in one of n, all that take part would have n names each.
const shownCycle = 50

// cycles are the groups of what leads to each other.
type cycles[N comparable] struct {
	of   map[N]int // the group of each
	size []int     // of a group
}

// findCycles returns the groups of all that can be reached from nodes: two are in one group if each leads to the other.
// It is Tarjan's algorithm for strongly connected components, which takes time in proportion to what next yields, with
// a stack of its own: contracts may be deep.
func findCycles[N comparable](nodes []N, next func(N) []N) *cycles[N] {
	type visit struct {
		node N
		rest []N
	}
	c := &cycles[N]{of: make(map[N]int)}
	index, low := make(map[N]int), make(map[N]int)
	var open []N // without a group yet
	for _, start := range nodes {
		if _, seen := index[start]; seen {
			continue
		}
		var way []visit
		enter := func(n N) {
			index[n], low[n] = len(index), len(index)
			open, way = append(open, n), append(way, visit{n, next(n)})
		}
		enter(start)
		for len(way) > 0 {
			at := &way[len(way)-1]
			if len(at.rest) > 0 {
				to := at.rest[0]
				at.rest = at.rest[1:]
				if _, seen := index[to]; !seen {
					enter(to)
				} else if _, grouped := c.of[to]; !grouped {
					low[at.node] = min(low[at.node], index[to])
				}
				continue
			}
			node := at.node
			way = way[:len(way)-1]
			if len(way) > 0 {
				before := way[len(way)-1].node
				low[before] = min(low[before], low[node])
			}
			if low[node] == index[node] {
				open = c.group(open, node)
			}
		}
	}
	return c
}

// group makes a group of the end of open, from node on, and returns what is left of open.
func (c *cycles[N]) group(open []N, node N) []N {
	number := len(c.size)
	for size := 1; ; size++ {
		last := open[len(open)-1]
		open = open[:len(open)-1]
		c.of[last] = number
		if last == node {
			c.size = append(c.size, size)
			return open
		}
	}
}

// together returns how many there are in the group of a and b, 0 when they are not in one.
func (c *cycles[N]) together(a, b N) int {
	if c.of[a] != c.of[b] {
		return 0
	}
	return c.size[c.of[a]]
}
