package load

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/fairlead-go/fairlead"
)

// Outcome is the result of a run.
type Outcome struct {
	Begun time.Time     // the measurement, after the warm-up
	Took  time.Duration // the measurement
	// Interrupted: the context ended before the plan did.
	Interrupted bool

	// Latency is that of calls that succeeded or ran into their deadline, which are at least that slow; calls that failed
	// in another way are not in it. It counts from when a call began or, in an open loop, was due. It has all calls that
	// began within the measurement, also those that ended after it.
	Latency *hdrhistogram.Histogram
	// Parts has the times that Turn.First and Turn.Since recorded.
	Parts *hdrhistogram.Histogram
	// Lag is, in an open loop, the time from when a call was due to when it was sent.
	Lag *hdrhistogram.Histogram

	Succeeded int64     // calls that began within the measurement
	Failures  []Failure // of those, the most frequent first
	// Within counts what happened within the measurement's time, whenever the calls began: it is what rates are made of.
	Within Totals
	// EarlyFailures are calls of the warm-up that failed.
	EarlyFailures int64
	// Unfinished are calls that were under way at the end and given up.
	Unfinished int64

	// For open loops: calls that were due, that could not be sent before the end, that were sent late, and how often
	// no worker was free when a call was due because as many were under way as the plan allows.
	Due, Unsent, Late, Blocked int64
	// Workers is the number of workers that were needed.
	Workers int

	CPU    CPU
	Series []Interval
}

// run is a run under way.
type run struct {
	plan      *Plan
	newCaller func(worker int) Caller
	epoch     time.Time
	whole     profile
	end       time.Duration // of the plan's time, warm-up included; only without a count
	random    *rand.Rand

	active   atomic.Int64 // workers of a closed loop with a lower number go on
	left     atomic.Int64 // calls of the count that nobody has taken
	seq      atomic.Int64
	stopping atomic.Bool
	stop     chan struct{} // closed with stopping
	aborted  atomic.Bool   // calls under way were given up

	unfinished atomic.Int64
	due        atomic.Int64 // measured calls of an open loop that were due
	late       atomic.Int64
	blocked    atomic.Int64
	unsent     atomic.Int64

	tallies []*tally
	wg      sync.WaitGroup

	mu      sync.Mutex
	callers []Caller // by worker
}

// Run carries out the plan. What newCaller returns for a worker is used by that worker alone; workers are numbered from
// 0. When ctx ends, so does the run, and what was measured until then is returned.
func Run(ctx context.Context, p *Plan, newCaller func(worker int) Caller) (*Outcome, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r := newRun(p, newCaller)
	// Calls do not end with ctx: those that are under way when the run is interrupted are waited for. They have no use for
	// its values either, for which each would have to ask.
	calls, abort := context.Background(), p.Abort
	if abort == nil {
		var cancel context.CancelFunc
		calls, cancel = context.WithCancel(calls)
		defer cancel()
		abort = cancel
	}
	finished := make(chan struct{})
	o := &Outcome{}
	s := newSampler(r)
	if p.Warmup == 0 {
		s.begin() // before the first call, so that none is missed
	}
	r.start(calls, finished)
	if p.Warmup > 0 {
		o.Interrupted = !r.pass(ctx, s, p.Warmup)
		s.begin()
	}
	begun := s.begun.at
	o.Begun = r.epoch.Add(begun)
	if !o.Interrupted {
		o.Interrupted = !r.measure(ctx, s, finished)
	}
	s.finish()
	o.Took = r.now() - begun
	r.halt()
	r.await(ctx, finished, abort)
	r.wg.Wait()
	s.fill(o)
	r.fill(o)
	return o, nil
}

func newRun(p *Plan, newCaller func(worker int) Caller) *run {
	r := &run{plan: p, newCaller: newCaller, whole: p.whole(), stop: make(chan struct{})}
	r.end = r.whole.length()
	n := p.Limit
	if !p.Open {
		n = int(r.whole.peak() + 0.5)
	}
	r.tallies = slices.Grow(r.tallies, maxTallies)
	for range min(max(n, 1), maxTallies) {
		r.tallies = append(r.tallies, new(tally))
	}
	if p.Poisson {
		r.random = rand.New(rand.NewPCG(p.Seed, 0)) //nolint:gosec // spacing needs no secrecy
	}
	r.left.Store(p.Count)
	r.epoch = time.Now()
	return r
}

// now is the time since the epoch, by the monotonic clock alone.
func (r *run) now() time.Duration { return time.Since(r.epoch) }

// from is when the measurement begins.
func (r *run) from() time.Duration { return r.plan.Warmup }

// start starts the loop; finished is closed when it has ended, with all its calls.
func (r *run) start(ctx context.Context, finished chan struct{}) {
	r.wg.Go(func() {
		defer close(finished)
		if r.plan.Open {
			r.openLoop(ctx)
		} else {
			r.closedLoop(ctx)
		}
	})
}

// halt ends the loop, but not the calls under way.
func (r *run) halt() {
	if r.stopping.CompareAndSwap(false, true) {
		r.active.Store(0)
		close(r.stop)
	}
}

// pass lets time go by until the given one, and takes samples. It returns false when ctx ended first. The time is the
// plan's even if the loop has made its last call before: the time up to when the next would be due belongs to the
// measurement.
func (r *run) pass(ctx context.Context, s *sampler, until time.Duration) bool {
	for r.now() < until {
		if !r.wait(ctx, min(until, s.next()), nil) {
			return false
		}
		s.sample()
	}
	return ctx.Err() == nil
}

// measure is the measurement: until the end of the plan's time, or all calls of the count have ended.
func (r *run) measure(ctx context.Context, s *sampler, finished <-chan struct{}) bool {
	if r.plan.Count == 0 {
		return r.pass(ctx, s, r.end)
	}
	for r.wait(ctx, s.next(), finished) {
		s.sample()
	}
	return ctx.Err() == nil
}

// wait waits until the given time; false: ctx or the loop ended before.
func (r *run) wait(ctx context.Context, until time.Duration, finished <-chan struct{}) bool {
	t := time.NewTimer(until - r.now())
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-finished:
		return false
	}
}

// await waits for calls under way, and gives up those that take longer than the plan's grace.
func (r *run) await(ctx context.Context, finished <-chan struct{}, abort func()) {
	grace := r.plan.Grace
	if ctx.Err() != nil {
		grace = min(grace, time.Second) // somebody is waiting for us
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-t.C:
	case <-finished:
		return
	}
	r.aborted.Store(true)
	abort()
}

// caller returns the worker's Caller.
func (r *run) caller(worker int) Caller {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.callers) <= worker {
		r.callers = append(r.callers, r.newCaller(len(r.callers)))
	}
	return r.callers[worker]
}

// turn makes the worker's Turn.
func (r *run) turn(worker int) *Turn {
	return &Turn{run: r, tally: r.tallies[worker%len(r.tallies)], open: r.plan.Open}
}

// account counts a call that ended at the given time.
func (r *run) account(t *Turn, end time.Duration, err error) {
	measured := t.start >= r.from()
	if err == nil {
		t.tally.ended.Add(1)
		if measured {
			t.tally.latency.record(end - t.start)
		}
		return
	}
	if r.aborted.Load() {
		r.unfinished.Add(1)
		return
	}
	t.tally.ended.Add(1)
	if measured && fairlead.CodeOf(err) == fairlead.DeadlineExceeded {
		t.tally.latency.record(end - t.start)
	}
	t.tally.fail(err, measured, end-r.from())
}

// fill puts the totals into the outcome.
func (r *run) fill(o *Outcome) {
	sum := func(of func(*tally) *recorder) *hdrhistogram.Histogram {
		counts := make([]int64, chunks*parts)
		for _, t := range r.tallies {
			of(t).addTo(counts)
		}
		return histogram(counts)
	}
	o.Latency = sum(func(t *tally) *recorder { return &t.latency })
	o.Parts = sum(func(t *tally) *recorder { return &t.within })
	o.Lag = sum(func(t *tally) *recorder { return &t.lag })
	failures := make(map[fairlead.Code]*Failure)
	for _, t := range r.tallies {
		o.EarlyFailures += t.early
		for code, f := range t.failures {
			all := failures[code]
			if all == nil {
				all = &Failure{Code: code, Message: f.Message, After: f.After}
				failures[code] = all
			}
			all.Count += f.Count
			if f.After < all.After {
				all.Message, all.After = f.Message, f.After
			}
		}
	}
	o.Succeeded = o.Latency.TotalCount()
	for code, f := range failures {
		if code == fairlead.DeadlineExceeded {
			o.Succeeded -= f.Count // they are in the histogram
		}
		o.Failures = append(o.Failures, *f)
	}
	slices.SortFunc(o.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	o.Unfinished = r.unfinished.Load()
	o.Due, o.Unsent = r.due.Load(), r.unsent.Load()
	o.Late, o.Blocked = r.late.Load(), r.blocked.Load()
	r.mu.Lock()
	o.Workers = len(r.callers)
	r.mu.Unlock()
}

// Failed is the number of calls that failed.
func (o *Outcome) Failed() (n int64) {
	for _, f := range o.Failures {
		n += f.Count
	}
	return n
}

// String sums the outcome up, for logs and tests.
func (o *Outcome) String() string {
	return fmt.Sprintf("%d calls succeeded, %d failed, in %v", o.Succeeded, o.Failed(), o.Took)
}
