// Package heap sets how often the garbage collector runs in commands that have work for it.
package heap

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// least is how much the heap grows between two collections at least, in percent of what is alive. With large contracts
// most of what is resident is garbage between two collections: Go's own 100 take a third more memory for a tenth less
// work.
const least = 50

// Pace has the garbage collector run when spare bytes were allocated, or half as many as are alive, whichever is more:
// it looks after each collection at what is alive. Where little is, a large spare saves most of the collector's work.
// It does nothing where the environment variable GOGC decides. It goes on until stop is called, after which the
// percentage stays what it is.
func Pace(spare uint64) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	p := &pacer{spare: spare, live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.collected(new(sentinel))
	return func() { p.stopped.Store(true) }
}

type pacer struct {
	spare   uint64
	live    []metrics.Sample
	stopped atomic.Bool
}

// sentinel is garbage at every collection. It is large enough to have memory of its own.
type sentinel [64]byte

// collected is called after each collection.
func (p *pacer) collected(s *sentinel) {
	if p.stopped.Load() {
		return
	}
	metrics.Read(p.live)
	debug.SetGCPercent(percent(p.live[0].Value.Uint64(), p.spare))
	runtime.SetFinalizer(s, p.collected)
}

// percent returns how much the heap may grow, in percent of the live bytes, so that there is room for spare.
func percent(live, spare uint64) int {
	if live == 0 || spare/live > math.MaxInt32/100 {
		return least
	}
	return int(max(least, 100*spare/live))
}
