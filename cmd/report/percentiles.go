package report

import "math"

// Run is a distribution of latencies with a name, for Percentiles.
type Run struct {
	Name  string
	Count int64
	// At returns the latency in nanoseconds that a share of q percent does not exceed.
	At    func(q float64) int64
	Color int // as Series.Color
}

// ticksPerDecade is the number of points of a percentile curve from 90 % to 99 %, and so on.
const ticksPerDecade = 16

// Percentiles makes the chart that HdrHistogram made customary: latency by percentile, with room for the nines. A curve
// ends where its run has no more values to tell percentiles apart.
func Percentiles(runs ...Run) Chart {
	c := Chart{
		ID: "percentiles", Title: "Latency by percentile",
		X: Axis{Title: "percentile", Unit: Percent, Scale: Nines},
		Y: Axis{Title: "latency", Unit: Nanoseconds},
	}
	for _, r := range runs {
		s := Series{Name: r.Name, Color: r.Color}
		last := 1.0
		for i := 0; r.Count > 0; i++ {
			// All runs have the same places, so that a cursor finds values of each.
			x := math.Pow(10, float64(i)/ticksPerDecade)
			if x > float64(r.Count) {
				break
			}
			s.X, s.Y = append(s.X, x), append(s.Y, float64(r.At(100*(1-1/x))))
			last = x
		}
		if n := float64(r.Count); n > last {
			s.X, s.Y = append(s.X, n), append(s.Y, float64(r.At(100))) // the slowest of all
		}
		c.Series = append(c.Series, s)
	}
	return c
}
