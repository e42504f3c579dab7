package compare

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// summary is a side's samples of a metric.
type summary struct {
	n      int
	center float64 // the median; of a share the share of all calls
	spread float64 // half the distance of the quartiles, relative to the center; 0 for a center of 0
}

func summarize(samples []float64) summary {
	s := summary{n: len(samples)}
	if s.n == 0 {
		return s
	}
	sample := stats.Sample{Xs: slices.Clone(samples)}
	sample.Sort()
	s.center = sample.Quantile(0.5)
	if s.center != 0 {
		s.spread = (sample.Quantile(0.75) - sample.Quantile(0.25)) / 2 / math.Abs(s.center)
	}
	return s
}

// summarizeShare is summarize for a share of the calls: each call counts once, however many ended in its interval or
// run. The samples are the runs or, if not, the calls.
func summarizeShare(part, of int64, runs int, byRun bool) summary {
	s := summary{n: int(of)}
	if byRun {
		s.n = runs
	}
	if of > 0 {
		s.center = float64(part) / float64(of)
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
	from, to := summarize(a).center, summarize(b).center
	switch {
	case len(a) == 0 || len(b) == 0:
		return c
	case from != 0:
		c.delta = to/from - 1
	case to != 0:
		c.delta = math.Inf(1)
	}
	c.p = mannWhitney(a, b)
	c.judge(m, l)
	return c
}

// compareShares tests whether a share of the calls of b differs from that of a: by run with the shares of the runs as
// samples, otherwise with the calls.
func compareShares(m *metric, a, b *side, byRun bool, l limits) comparison {
	partA, ofA := a.calls(m)
	partB, ofB := b.calls(m)
	if ofA == 0 || ofB == 0 {
		return comparison{p: 1, few: true}
	}
	c := comparison{delta: float64(partB)/float64(ofB) - float64(partA)/float64(ofA)}
	if byRun {
		first, second := a.samples(m, true), b.samples(m, true)
		c.p, c.few = mannWhitney(first, second), len(first) < minSamples || len(second) < minSamples
	} else {
		c.p = proportions(partA, ofA, partB, ofB)
	}
	c.judge(m, l)
	return c
}

// judge decides what the difference means.
func (c *comparison) judge(m *metric, l limits) {
	c.significant = c.p < l.alpha && c.delta != 0
	c.better = (c.delta > 0) == m.higher
	threshold := l.threshold
	if m.share != nil {
		threshold = shareThreshold
	}
	c.regression = c.significant && !c.better && math.Abs(c.delta) > threshold
}

// mannWhitney returns the p of the test of Mann and Whitney, 1 where it says nothing.
func mannWhitney(a, b []float64) float64 {
	result, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers)
	if err != nil { // all samples are equal, or there are none
		return 1
	}
	return result.P
}

// maxExact is the number of terms up to which proportions is exact.
const maxExact = 10_000

// proportions returns the p of k of n and l of m being shares of the same: by Fisher's exact test, and where that takes
// long by the normal distribution.
func proportions(k, n, l, m int64) float64 {
	if k+l > (n+m)/2 { // the others are fewer
		k, l = n-k, m-l
	}
	total := k + l
	if total > maxExact {
		pooled := float64(total) / float64(n+m)
		deviation := math.Sqrt(pooled * (1 - pooled) * (1/float64(n) + 1/float64(m)))
		return math.Erfc(math.Abs(float64(k)/float64(n)-float64(l)/float64(m)) / deviation / math.Sqrt2)
	}
	// The chance that x of the total are among the n.
	chance := func(x int64) float64 {
		return math.Exp(choices(n, x) + choices(m, total-x) - choices(n+m, total))
	}
	seen, p := chance(k)*(1+1e-7), 0.0
	for x := max(0, total-m); x <= min(total, n); x++ {
		if c := chance(x); c <= seen {
			p += c
		}
	}
	return min(p, 1)
}

// choices returns the logarithm of the number of ways to choose k of n.
func choices(n, k int64) float64 {
	log := func(n int64) float64 {
		v, _ := math.Lgamma(float64(n + 1))
		return v
	}
	return log(n) - log(k) - log(n-k)
}
