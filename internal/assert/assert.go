// Package assert has what tests of several packages measure alike.
package assert

import "testing"

// Allocs fails the test if f allocates more than limit times, on average over a hundred runs after a first one. Under
// the race detector it only runs f once, since that allocates itself and has sync.Pool lose buffers on purpose. The
// test must not be parallel.
func Allocs(t testing.TB, limit float64, f func()) {
	t.Helper()
	if Race {
		f()
		return
	}
	if got := testing.AllocsPerRun(100, f); got > limit {
		t.Errorf("got %v allocations a run, want %v at most", got, limit)
	}
}
