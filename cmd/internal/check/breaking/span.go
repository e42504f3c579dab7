package breaking

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"
)

// The greatest numbers that the language allows, for which it writes "max".
const (
	maxFieldNumber = 1<<29 - 1
	maxEnumNumber  = math.MaxInt32
)

// span is a range of numbers, both ends included.
type span struct{ first, last int }

// spans are ranges of numbers in ascending order, none of which overlap.
type spans []span

// newSpans returns the ranges in list, which it changes.
func newSpans(list []span) spans {
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	merged := list[:0]
	for _, s := range list {
		if n := len(merged); n > 0 && s.first <= merged[n-1].last {
			merged[n-1].last = max(merged[n-1].last, s.last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// from returns those of s that end at number or above.
func (s spans) from(number int) spans {
	return s[sort.Search(len(s), func(i int) bool { return s[i].last >= number }):]
}

// has reports whether a number is in one of s.
func (s spans) has(number int) bool {
	rest := s.from(number)
	return len(rest) > 0 && rest[0].first <= number
}

// lack returns the parts of want that are in none of s.
func (s spans) lack(want span) []span {
	var gaps []span
	next := want.first
	for _, other := range s.from(want.first) {
		if next > want.last || other.first > want.last {
			break
		}
		if other.first > next {
			gaps = append(gaps, span{next, other.first - 1})
		}
		next = max(next, other.last+1)
	}
	if next <= want.last {
		gaps = append(gaps, span{next, want.last})
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
