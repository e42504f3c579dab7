package load

import (
	"context"
	"sync"
	"time"
)

// ticket is a call that is due.
type ticket struct {
	seq int64
	due time.Duration
}

// openLoop makes calls when they are due, whether or not earlier ones have ended: by a worker that is free, or by a
// new one while there are fewer than the plan's limit. When there are as many, calls wait, and are late.
func (r *run) openLoop(ctx context.Context) {
	tickets := make(chan ticket)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(tickets)
	plan := r.plan
	calls := newArrivals(r.whole, r.random)
	count, n, measured := plan.Count, 0, int64(0)
	for seq := int64(0); ; seq++ {
		due, ok := calls.next()
		if !ok || (count == 0 && due >= r.end) {
			return
		}
		if count > 0 && measured == count {
			r.until(due) // the time of the last call ends when the next would be due
			return
		}
		if !r.until(due) {
			r.giveUp(due, calls)
			return
		}
		k := ticket{seq, due}
		if due >= r.from() {
			measured++
		}
		select {
		case tickets <- k:
			r.dispatched(due)
			continue
		default:
		}
		if n < plan.Limit {
			worker := n
			n++
			r.dispatched(due)
			workers.Go(func() { r.serve(ctx, worker, k, tickets) })
			continue
		}
		r.blocked.Add(1)
		select {
		case tickets <- k:
			r.dispatched(due)
		case <-r.stop:
			r.giveUp(due, calls)
			return
		}
	}
}

// dispatched counts a call that a worker has taken.
func (r *run) dispatched(due time.Duration) {
	if due >= r.from() {
		r.due.Add(1)
	}
}

// giveUp counts the calls from the one at due on that were due before the end and could not be sent.
func (r *run) giveUp(due time.Duration, calls *arrivals) {
	end := r.now()
	if r.plan.Count == 0 {
		end = min(end, r.end)
	}
	for ok := true; ok && due < end; due, ok = calls.next() {
		if due >= r.from() {
			r.due.Add(1)
			r.unsent.Add(1)
		}
	}
}

// fine is the time before a call is due that is waited for with the plan's Sleep, which the end of the run does not cut
// short.
const fine = 2 * time.Millisecond

// until waits for a time; false: the run stops.
func (r *run) until(at time.Duration) bool {
	sleep := r.plan.Sleep
	for {
		left := at - r.now()
		switch {
		case r.stopping.Load():
			return false
		case left <= 0:
			return true
		case sleep == nil:
			if !r.pause(left) {
				return false
			}
		case left > fine:
			if !r.pause(left - fine) {
				return false
			}
		default:
			sleep(left)
		}
	}
}

// serve is a worker of an open loop: it makes the calls whose tickets it gets.
func (r *run) serve(ctx context.Context, worker int, k ticket, tickets <-chan ticket) {
	caller, t := r.caller(worker), r.turn(worker)
	for ok := true; ok; k, ok = <-tickets {
		t.seq, t.start, t.sent = k.seq, k.due, r.now()
		if k.due >= r.from() {
			lag := t.sent - k.due
			t.tally.lag.record(lag)
			if lag >= r.plan.LateAfter {
				r.late.Add(1)
			}
		}
		err := caller.Call(ctx, t)
		r.account(t, r.now(), err)
	}
}
