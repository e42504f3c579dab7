package load

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept in nanoseconds, from 1 ns to an hour, with three significant digits. The counters are those of an
// HDR histogram with these bounds, at the same places, so that a histogram is made of them without moving a value.
const (
	Lowest  = 1
	Highest = int64(time.Hour)
	Digits  = 3
)

// With three digits a range of values from a power of two to the next is cut into 1024 parts; the values below 2048
// stand for themselves.
const (
	partBits = 10
	parts    = 1 << partBits
	chunks   = 33 // the last one holds an hour
)

// recorder is a histogram that is recorded into without a lock and may be read meanwhile. A worker's latencies are
// alike, so only the few ranges that they fall into take memory. The zero recorder is ready for use.
type recorder struct {
	chunks [chunks]atomic.Pointer[chunk]
}

type chunk [parts]atomic.Uint32

// record counts d.
func (r *recorder) record(d time.Duration) {
	i := place(min(max(int64(d), 0), Highest))
	c := r.chunks[i>>partBits].Load()
	if c == nil {
		c = r.grow(i >> partBits)
	}
	c[i&(parts-1)].Add(1)
}

// place is the index of the counter of v.
func place(v int64) int {
	// Values below 2048 have no bits to drop.
	drop := max(bits.Len64(uint64(v))-partBits-1, 0)
	return drop<<partBits + int(v>>drop)
}

// grow makes the chunk at i, unless another worker that shares the recorder was faster.
func (r *recorder) grow(i int) *chunk {
	r.chunks[i].CompareAndSwap(nil, new(chunk))
	return r.chunks[i].Load()
}

// addTo adds the counters to sum, which has chunks*parts places.
func (r *recorder) addTo(sum []int64) {
	for i := range r.chunks {
		c := r.chunks[i].Load()
		if c == nil {
			continue
		}
		part := sum[i<<partBits : (i+1)<<partBits]
		for j := range c {
			part[j] += int64(c[j].Load())
		}
	}
}

// histogram makes a histogram of counters.
func histogram(counts []int64) *hdrhistogram.Histogram {
	return hdrhistogram.Import(&hdrhistogram.Snapshot{
		LowestTrackableValue: Lowest, HighestTrackableValue: Highest, SignificantFigures: Digits, Counts: counts,
	})
}
