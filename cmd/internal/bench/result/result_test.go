package result

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	h := hdrhistogram.New(1, int64(time.Hour), 3)
	for i := range int64(5000) {
		if err := h.RecordValue((i + 1) * 1000); err != nil {
			t.Fatal(err)
		}
	}
	r := FromHDR(h)
	if r.Count != 5000 || r.Min > 1000 || r.Max < 5e6 || r.Mean < 2.49e6 || r.Mean > 2.51e6 {
		t.Errorf("got %+v", r)
	}
	if v, ok := r.At(99); !ok || v < 4940*time.Microsecond || v > 4960*time.Microsecond {
		t.Errorf("got a p99 of %v, %v", v, ok)
	}
	// One of 5000 is slower than the percentile 99.98, so nothing can be said of 99.99.
	if _, ok := r.At(99.9); !ok {
		t.Error("p99.9 is missing")
	}
	if v, ok := r.At(99.99); ok {
		t.Errorf("got a p99.99 of %v of 5000 values", v)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Histogram
	if err := json.Unmarshal(b, &again); err != nil {
		t.Fatal(err)
	}
	back, err := again.HDR()
	if err != nil {
		t.Fatal(err)
	}
	if !back.Equals(h) {
		t.Error("the histogram is another after writing and reading it")
	}
}

func TestEmptyHistogram(t *testing.T) {
	t.Parallel()
	r := FromHDR(hdrhistogram.New(1, int64(time.Hour), 3))
	b, err := json.Marshal(r)
	want := `{"count":0,"min_ns":0,"max_ns":0,"mean_ns":0,"stddev_ns":0,"percentiles":[],"buckets":[]}`
	if err != nil || string(b) != want {
		t.Errorf("got %s, %v; want %s", b, err, want)
	}
}

func TestBadHistogram(t *testing.T) {
	t.Parallel()
	for _, h := range []Histogram{
		{Count: 2, Buckets: [][2]int64{{5, 1}}},
		{Count: -1, Buckets: [][2]int64{{5, -1}}},
		{Count: 1, Buckets: [][2]int64{{-5, 1}}},
		{Count: 1, Buckets: [][2]int64{{1 << 60, 1}}},
	} {
		if _, err := h.HDR(); err == nil {
			t.Errorf("%+v: got no error", h)
		}
	}
}
