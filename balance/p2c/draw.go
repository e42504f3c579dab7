package p2c

import (
	"math"
	"math/rand/v2"
)

// draw draws candidates by weight in constant time, by Walker's alias method: there is a column for each candidate; a
// random column gives its own candidate or, above a threshold, its alias.
type draw []column

type column struct {
	threshold uint32
	alias     uint32
}

// newDraw fills the columns by the method of M. D. Vose ("A linear algorithm for generating random numbers with a given
// distribution", 1991): what a candidate of little weight leaves free in its column goes to one of more weight.
func newDraw(candidates []candidate) draw {
	d := make(draw, len(candidates))
	left := make([]float64, len(candidates)) // of the weights, which are 1 on average
	var small, large []int
	for i := range candidates {
		d[i] = column{threshold: math.MaxUint32, alias: uint32(i)}
		left[i] = candidates[i].weight
		if left[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		d[s] = column{threshold: uint32(left[s] * math.MaxUint32), alias: uint32(l)}
		left[l] -= 1 - left[s]
		if left[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return d
}

// one draws a candidate.
func (d draw) one() int {
	r := rand.Uint64() //nolint:gosec // no secret
	i := int(r >> 32 * uint64(len(d)) >> 32)
	if c := d[i]; uint32(r) > c.threshold {
		return int(c.alias)
	}
	return i
}
