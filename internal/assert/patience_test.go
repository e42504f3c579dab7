package assert

import (
	"testing"
	"time"
)

func TestBusy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, load string
		cpus       int
		want       float64
	}{
		{"nothing else to do", "0.20 0.18 0.12 1/80 11206\n", 2, 1},
		{"busy for a while", "20.00 9.00 4.00 1/300 11206\n", 2, 10},
		{"busy since a moment ago", "0.50 0.40 0.30 22/300 11206\n", 2, 11},
		{"as many threads as CPUs", "8.00 8.00 8.00 8/300 11206\n", 8, 1},
		{"hopeless", "900.00 800.00 700.00 900/1000 11206\n", 2, maxBusy},
		{"nothing", "", 2, unknownBusy},
		{"an average that is no number", "x 0.18 0.12 1/80 11206\n", 2, unknownBusy},
		{"a count that is no number", "0.20 0.18 0.12 x/80 11206\n", 2, unknownBusy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := busy([]byte(tt.load), tt.cpus); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if got := Patience(time.Second); got < time.Second || got > maxBusy*time.Second {
		t.Errorf("got %v for a second", got)
	}
}
