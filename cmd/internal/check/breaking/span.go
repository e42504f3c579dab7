package breaking

import (
	"math"
	"slices"
	"strings"
)

// The greatest numbers that the language allows, for which it writes "max".
const (
	maxFieldNumber = 1<<29 - 1
	maxEnumNumber  = math.MaxInt32
)

// span is a range of numbers, both ends included.
type span struct{ first, last int }

// without returns the parts of s that lie in none of others.
func (s span) without(others []span) []span {
	sorted := slices.SortedFunc(slices.Values(others), func(a, b span) int { return a.first - b.first })
	var gaps []span
	next := s.first
	for _, other := range sorted {
		if next > s.last || other.first > s.last {
			break
		}
		if other.first > next {
			gaps = append(gaps, span{next, other.first - 1})
		}
		next = max(next, other.last+1)
	}
	if next <= s.last {
		gaps = append(gaps, span{next, s.last})
	}
	return gaps
}

// spansText writes spans as a reserved statement would.
func spansText(spans []span, maximum int) string {
	texts := make([]string, len(spans))
	for i, s := range spans {
		texts[i] = rangeText(s.first, s.last, maximum)
	}
	return strings.Join(texts, ", ")
}
