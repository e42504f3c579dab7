package heap

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestPercent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		live, spare uint64
		want        int
	}{
		{100, 0, 50}, {100, 50, 50}, {100, 60, 60}, {100, 400, 400}, {1 << 30, 1 << 29, 25}, {0, 100, 50},
		{1 << 29, 0, 50}, {3 << 28, 0, 33}, {1 << 30, 0, 25}, {1 << 32, 0, 25}, {250 << 20, 200 << 20, 80},
		{225 << 20, 2000 << 20, 300}, {800 << 20, 400 << 20, 32}, {1200 << 20, 400 << 20, 25},
		{1, math.MaxUint64, 50},
	}
	for _, tt := range tests {
		if got := percent(tt.live, tt.spare); got != tt.want {
			t.Errorf("with %d live bytes and %d to spare the percentage is %d, want %d", tt.live, tt.spare, got, tt.want)
		}
	}
}

// TestPace counts the collections that allocating takes, with much to spare and with little.
//
//nolint:paralleltest // it counts for the process
func TestPace(t *testing.T) {
	t.Setenv("GOGC", "")
	old := debug.SetGCPercent(100)
	defer debug.SetGCPercent(old)
	count := func(spare uint64) uint32 {
		stop := Pace(spare)
		defer stop()
		for range 3 { // the percentage is set behind a collection
			runtime.GC()
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 64 {
			allocated = make([]byte, 1<<20)
		}
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC
	}
	if often, seldom := count(0), count(32<<20); often <= 8 || seldom > 8 {
		t.Errorf("the collector ran %d times with nothing to spare, and %d times with half of what was allocated", often,
			seldom)
	}
}

var allocated []byte
