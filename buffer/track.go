package buffer

import "sync/atomic"

// Counting is for tests: it slows the pool down and is off otherwise.
var (
	counting atomic.Bool
	out      atomic.Int64
)

// Count has the pool count the buffers that were got and not put back; Out returns their number. It is for tests that
// look for leaks.
func Count(on bool) {
	counting.Store(on)
	out.Store(0)
}

// Out returns the number of buffers got and not put back since Count.
func Out() int64 { return out.Load() }

func track(n int64) {
	if counting.Load() {
		out.Add(n)
	}
}
