package load

import (
	"math"
	"math/rand/v2"
	"time"
)

// Stage is a time during which the level, calls a second or workers, goes from one value to another in a straight line.
type Stage struct {
	From, To float64
	Over     time.Duration
}

// profile is a list of stages, one after the other; after the last one its level stays.
type profile []Stage

// length is the time of all stages.
func (p profile) length() (d time.Duration) {
	for _, s := range p {
		d += s.Over
	}
	return d
}

// level returns the level at t after the start.
func (p profile) level(t time.Duration) float64 {
	for _, s := range p {
		if t < s.Over {
			return s.From + (s.To-s.From)*float64(t)/float64(s.Over)
		}
		t -= s.Over
	}
	if len(p) == 0 {
		return 0
	}
	return p[len(p)-1].To
}

// peak is the highest level.
func (p profile) peak() (most float64) {
	for _, s := range p {
		most = max(most, s.From, s.To)
	}
	return most
}

// arrivals are the times at which the calls of an open loop are due. The area below the profile up to a time is the
// number of calls that are due by then.
type arrivals struct {
	rest   profile       // from the current stage on
	before time.Duration // of the stages that have passed
	area   float64       // under the current stage, up to the last call
	first  bool
	random *rand.Rand // nil: evenly spaced
}

func newArrivals(p profile, random *rand.Rand) *arrivals {
	return &arrivals{rest: p, first: true, random: random}
}

// next returns when the next call is due, after the start. After the last stage its level goes on; false: that level is
// 0, so that no more calls are due.
func (a *arrivals) next() (time.Duration, bool) {
	switch {
	case a.random != nil:
		a.area += a.random.ExpFloat64() // the gaps of a Poisson process
	case a.first:
	default:
		a.area++
	}
	a.first = false
	for len(a.rest) > 1 || (len(a.rest) == 1 && a.rest[0].From != a.rest[0].To) {
		s := a.rest[0]
		whole := (s.From + s.To) / 2 * s.Over.Seconds()
		if a.area < whole {
			break
		}
		a.area -= whole
		a.before += s.Over
		if a.rest = a.rest[1:]; len(a.rest) == 0 {
			a.rest = profile{{From: s.To, To: s.To, Over: time.Second}} // it stays at that level
		}
	}
	if len(a.rest) == 0 {
		return 0, false
	}
	s := a.rest[0]
	if s.From == 0 && s.To == 0 {
		return 0, false
	}
	return a.before + s.when(a.area), true
}

// when returns the time at which the area below the line reaches k.
func (s Stage) when(k float64) time.Duration {
	if k <= 0 {
		return 0
	}
	slope := 0.0
	if s.Over > 0 {
		slope = (s.To - s.From) / s.Over.Seconds()
	}
	// The root of From·t + slope/2·t² = k, in the form that loses no digits where the slope is small.
	root := math.Sqrt(max(s.From*s.From+2*slope*k, 0))
	return time.Duration(2 * k / (s.From + root) * float64(time.Second))
}
