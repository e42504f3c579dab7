// Package load makes calls at a fixed concurrency (closed loop) or at a given rate (open loop), and measures how long
// they take. It knows nothing of what a call is: a Caller makes one.
//
// In a closed loop a worker makes its next call when the last one has ended. A server that stalls is asked less
// meanwhile, so that few calls see the stall: that is coordinated omission, and the figures of a closed loop say what
// those workers saw, not what independent users would. In an open loop each call has a time at which it is due, and its
// latency counts from then, whether or not it could be sent in time: calls that a stall keeps waiting are slow, each of
// them.
//
// A run reads in this order: plan.go (what to do), profile.go (when, and how many at once), run.go (the run's phases),
// closed.go and open.go (the loops), tally.go (what a worker counts), histogram.go (latencies), series.go (what is read
// from all workers at each interval).
package load
