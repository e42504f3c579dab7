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

// How much the heap grows between two collections, in percent of what is alive. With large contracts most of what is
// resident is garbage between two collections: Go's own 100 take a third more memory for a tenth less work.
const (
	usual = 50
	least = 25 // when usual is more than enough
)

// enough is the growth from which on the usual percentage is lowered, as far as least: 256 MB.
const enough = 256 << 20

// Up to where the heap may grow by a large spare, and the limit of all memory. The first one is kept by the
// percentage, which is set behind a collection, and so too late on a busy machine. Near the limit the runtime gives
// memory back to the system all the time, which takes longer than collecting.
const (
	most  = 900 << 20
	limit = 1350 << 20
)

// Pace makes the garbage collector run when spare bytes were allocated, or half as many as are alive, whichever is
// more; of what is more than 512 MB, a smaller part, and from 1 GB on a quarter. A large spare is used up to 0.9 GB,
// and the collector runs sooner when all memory is 1.35 GB, and a quarter more than what is alive. Pace looks after
// each collection at what is alive. Where little is, a large spare saves most of the collector's work. It does
// nothing when the environment variable GOGC or GOMEMLIMIT is set. It goes on until stop is called, after which the
// percentage stays what it is.
func Pace(spare uint64) (stop func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	old := debug.SetMemoryLimit(limit)
	p := &pacer{spare: spare, live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.collected(new(sentinel))
	return func() {
		p.stopped.Store(true)
		debug.SetMemoryLimit(old)
	}
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
	live := p.live[0].Value.Uint64()
	debug.SetMemoryLimit(int64(max(limit, min(live+live/4, math.MaxInt64))))
	debug.SetGCPercent(percent(live, p.spare))
	runtime.SetFinalizer(s, p.collected)
}

// percent returns how much the heap may grow, in percent of the live bytes, so that there is room for spare.
func percent(live, spare uint64) int {
	if live == 0 || spare/live > math.MaxInt32/100 {
		return usual
	}
	spare = min(spare, most-min(most, live))
	return int(max(least, min(usual, 100*enough/live), 100*spare/live))
}
