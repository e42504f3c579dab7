package result

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram is an HDR histogram: its figures, and buckets from which it can be made again.
type Histogram struct {
	Count  int64 `json:"count"`
	Min    int64 `json:"min_ns"`
	Max    int64 `json:"max_ns"`
	Mean   int64 `json:"mean_ns"`
	StdDev int64 `json:"stddev_ns"`
	// Percentiles are in ascending order, the ones of Percentiles that the count has something to say about.
	Percentiles []Percentile `json:"percentiles"`
	// Buckets are pairs of a latency in nanoseconds, exact to three significant digits, and how often it occurred, in
	// ascending order.
	Buckets [][2]int64 `json:"buckets"`
}

// Percentile is the latency that a share of the calls did not exceed.
type Percentile struct {
	Q     float64 `json:"q"` // percent
	Value int64   `json:"ns"`
}

// Percentiles are those that results list.
func Percentiles() []float64 { return []float64{50, 75, 90, 95, 99, 99.9, 99.99, 99.999} }

// FromHDR makes a Histogram.
func FromHDR(h *hdrhistogram.Histogram) Histogram {
	r := Histogram{Count: h.TotalCount(), Percentiles: []Percentile{}, Buckets: [][2]int64{}}
	if r.Count == 0 {
		return r
	}
	r.Min, r.Max = h.Min(), h.Max()
	r.Mean, r.StdDev = int64(h.Mean()), int64(h.StdDev())
	for _, q := range Percentiles() {
		// With fewer calls it would be the slowest one, under another name.
		if q > 50 && float64(r.Count)*(1-q/100) < 1 {
			break
		}
		r.Percentiles = append(r.Percentiles, Percentile{Q: q, Value: h.ValueAtQuantile(q)})
	}
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			r.Buckets = append(r.Buckets, [2]int64{b.From, b.Count})
		}
	}
	return r
}

// HDR makes the histogram again, with the bounds of its buckets.
func (h *Histogram) HDR() (*hdrhistogram.Histogram, error) {
	out := hdrhistogram.New(1, int64(time.Hour), 3)
	var total int64
	for _, b := range h.Buckets {
		if err := out.RecordValues(b[0], b[1]); err != nil || b[1] < 0 {
			return nil, fmt.Errorf("bucket of %d ns: %w", b[0], errors.Join(err, errNegative(b[1])))
		}
		total += b[1]
	}
	if total != h.Count {
		return nil, fmt.Errorf("the buckets hold %d values, not %d", total, h.Count)
	}
	return out, nil
}

func errNegative(count int64) error {
	if count < 0 {
		return fmt.Errorf("count is %d", count)
	}
	return nil
}

// At returns the latency at a percentile of Percentiles; false: the histogram has too few values for it.
func (h *Histogram) At(q float64) (time.Duration, bool) {
	for _, p := range h.Percentiles {
		if p.Q == q {
			return time.Duration(p.Value), true
		}
	}
	return 0, false
}
