package load

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A recorder's counters are where hdrhistogram has them: recording here and there gives equal histograms.
func TestRecorder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	values := []int64{0, 1, 2, 1023, 1024, 2046, 2047, 2048, 2049, 4095, 4096, 1e6, 1e9, Highest - 1, Highest}
	for range 20_000 {
		values = append(values, int64(math.Exp(r.Float64()*math.Log(float64(Highest)))))
	}
	var rec recorder
	want := hdrhistogram.New(Lowest, Highest, Digits)
	for _, v := range values {
		rec.record(time.Duration(v))
		if err := want.RecordValue(v); err != nil {
			t.Fatalf("%d: %v", v, err)
		}
	}
	counts := make([]int64, chunks*parts)
	rec.addTo(counts)
	got := histogram(counts)
	if !got.Equals(want) {
		t.Errorf("got another histogram: %d values, p50 %d, max %d; want %d, %d, %d", got.TotalCount(),
			got.ValueAtQuantile(50), got.Max(), want.TotalCount(), want.ValueAtQuantile(50), want.Max())
	}
}

func TestRecorderBounds(t *testing.T) {
	t.Parallel()
	var rec recorder
	rec.record(-time.Second) // a clock that was set back
	rec.record(100 * time.Hour)
	counts := make([]int64, chunks*parts)
	rec.addTo(counts)
	h := histogram(counts)
	if got := h.Min(); got != 0 {
		t.Errorf("got a minimum of %d, want 0", got)
	}
	if got := time.Duration(h.Max()); got < time.Hour || got > time.Hour+4*time.Second {
		t.Errorf("got a maximum of %v, want an hour", got)
	}
}

func TestRecorderShared(t *testing.T) {
	t.Parallel()
	var rec recorder
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 1000 {
				rec.record(time.Duration(i*j) * time.Microsecond)
			}
		})
	}
	wg.Wait()
	counts := make([]int64, chunks*parts)
	rec.addTo(counts)
	if got := histogram(counts).TotalCount(); got != 8000 {
		t.Errorf("got %d values, want 8000", got)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var rec recorder
	for i := range 1000 {
		rec.record(time.Duration(i+1) * time.Millisecond)
	}
	counts := make([]int64, chunks*parts)
	rec.addTo(counts)
	h := histogram(counts)
	for q, want := range map[float64]time.Duration{
		50: 500 * time.Millisecond, 99: 990 * time.Millisecond, 99.9: 999 * time.Millisecond, 100: time.Second,
	} {
		got := Quantile(h, q)
		if off := math.Abs(float64(got-want)) / float64(want); off > 0.001 {
			t.Errorf("p%g: got %v, want %v within 0.1 %%", q, got, want)
		}
	}
}
