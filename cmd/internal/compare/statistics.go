package compare

import (
	"errors"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// summary is a side's samples of a metric.
type summary struct {
	n      int
	center float64 // the median, or the mean
	spread float64 // half the distance of the quartiles, relative to the center; 0 for a center of 0
}

func summarize(samples []float64, mean bool) summary {
	s := summary{n: len(samples)}
	if s.n == 0 {
		return s
	}
	sample := stats.Sample{Xs: slices.Clone(samples)}
	sample.Sort()
	s.center = sample.Quantile(0.5)
	if mean {
		s.center = sample.Mean()
	}
	if s.center != 0 {
		s.spread = (sample.Quantile(0.75) - sample.Quantile(0.25)) / 2 / math.Abs(s.center)
	}
	return s
}

// minSamples is the least number of samples on either side with which the test can find anything at a level of 0.05.
const minSamples = 4

// comparison is how a side's metric differs from that of the first side.
type comparison struct {
	delta       float64 // relative to the first side; for shares the difference itself
	p           float64 // that chance alone makes such a difference or a larger one
	significant bool
	better      bool // if significant
	regression  bool // significant, worse, and beyond the threshold
	few         bool // there are too few samples to tell
}

// limits are when a difference counts.
type limits struct {
	alpha     float64 // p below it is significant
	threshold float64 // relative
}

// shareThreshold is the threshold of shares: a tenth of a percent of the calls.
const shareThreshold = 0.001

// compareSamples tests whether the metric of b differs from that of a, with the test of Mann and Whitney: it asks
// nothing of the distribution, which for latencies is never the normal one.
func compareSamples(m *metric, a, b []float64, l limits) comparison {
	c := comparison{p: 1, few: len(a) < minSamples || len(b) < minSamples}
	from, to := summarize(a, m.mean).center, summarize(b, m.mean).center
	switch {
	case len(a) == 0 || len(b) == 0:
		return c
	case m.mean:
		c.delta = to - from
	case from != 0:
		c.delta = to/from - 1
	case to != 0:
		c.delta = math.Inf(1)
	}
	result, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers)
	switch {
	case errors.Is(err, stats.ErrSamplesEqual):
		return c // p is 1
	case err != nil:
		return c
	}
	c.p = result.P
	c.significant = c.p < l.alpha && c.delta != 0
	c.better = (c.delta > 0) == m.higher
	threshold := l.threshold
	if m.mean {
		threshold = shareThreshold
	}
	c.regression = c.significant && !c.better && math.Abs(c.delta) > threshold
	return c
}
