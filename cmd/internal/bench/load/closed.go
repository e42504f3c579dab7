package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
)

// closedLoop keeps as many workers going as the profile says, until the run stops or the count is used up.
func (r *run) closedLoop(ctx context.Context) {
	steady := len(r.whole) == 0
	for _, s := range r.whole {
		steady = s.From == s.To && s.To == r.whole[0].From
		if !steady {
			break
		}
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	var running []*atomic.Bool
	for {
		level := int(r.whole.level(r.now()) + 0.5)
		if r.stopping.Load() {
			return
		}
		r.active.Store(int64(level))
		for i := range level {
			if i == len(running) {
				running = append(running, new(atomic.Bool))
			}
			if flag := running[i]; flag.CompareAndSwap(false, true) {
				workers.Go(func() {
					defer flag.Store(false)
					r.work(ctx, i)
				})
			}
		}
		if r.stopping.Load() {
			r.active.Store(0) // it may have been set after halt
			return
		}
		if steady {
			return
		}
		if !r.pause(rampStep) || (r.plan.Count > 0 && r.left.Load() <= 0) {
			return
		}
	}
}

// pause waits; false: the run stops.
func (r *run) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.stop:
		return false
	}
}

// work is a worker: it makes its next call when the last one has ended.
func (r *run) work(ctx context.Context, worker int) {
	caller, t := r.caller(worker), r.turn(worker)
	number, counted := int64(worker), r.plan.Count > 0
	share := min(max(r.plan.Count/int64(r.whole.peak()*32+1), 1), 64)
	var mine int64 // calls of the count that this worker has taken and not made
	failures := 0
	start := r.now()
	for r.active.Load() > number {
		if counted && start >= r.from() {
			if mine == 0 {
				mine = r.take(share)
			}
			if mine == 0 {
				return
			}
			mine--
		}
		t.start, t.sent = start, start
		err := caller.Call(ctx, t)
		end := r.now()
		r.account(t, end, err)
		start = end
		if err == nil {
			failures = 0
			continue
		}
		if failures++; r.cool(err, failures) {
			start = r.now()
		}
	}
	r.left.Add(mine)
}

// take takes up to n calls of the count.
func (r *run) take(n int64) int64 {
	left := r.left.Add(-n) + n
	return min(max(left, 0), n)
}

// cool pauses a worker whose calls do not even leave the client, which would otherwise use up all CPU failing. It
// returns whether it did.
func (r *run) cool(err error, failures int) bool {
	if e := fairlead.ErrorOf(err); e.Reach != fairlead.NotSent {
		return false
	}
	return r.pause(min(time.Millisecond<<min(failures, 10), 100*time.Millisecond))
}
