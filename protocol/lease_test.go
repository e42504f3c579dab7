package protocol

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// job is a Task.
type job struct {
	cost *Cost
	run  func()
}

func (j *job) Run()        { j.run() }
func (j *job) Cost() *Cost { return j.cost }

// desk is a connection whose calls are what is sent to jobs. It has the shape of a real one: no state on Serve's stack.
type desk struct {
	jobs   chan *job
	lease  *Lease
	serves atomic.Int64 // goroutines that are in Serve and hold the role
	twice  atomic.Bool
}

func newDesk(w *Watch) *desk {
	d := &desk{jobs: make(chan *job, 100)}
	d.lease = w.Lease(d)
	return d
}

var errOver = errors.New("over")

func (d *desk) Serve() error {
	for {
		if d.serves.Add(1) != 1 {
			d.twice.Store(true)
		}
		j, ok := <-d.jobs
		d.serves.Add(-1)
		if !ok {
			return errOver
		}
		if !d.lease.Run(j) {
			return nil
		}
	}
}

func (d *desk) Drain(bool)  {}
func (d *desk) Close(error) {}

// serving is a watch whose connections, when served again, report the end of Serve.
func serving() (w *Watch, serve func(ServerConn), over chan error) {
	over = make(chan error, 100)
	serve = func(c ServerConn) {
		if err := c.Serve(); err != nil {
			over <- err
		}
	}
	return NewWatch(serve), serve, over
}

func TestLeaseStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, serve, over := serving()
		d := newDesk(w)
		go serve(d)
		cost, release := new(Cost), make(chan struct{})
		begin := time.Now()
		answered := make(chan time.Duration, 1)
		d.jobs <- &job{cost, func() { <-release }}
		d.jobs <- &job{new(Cost), func() { answered <- time.Since(begin) }}
		if got := <-answered; got > 3*time.Millisecond {
			t.Errorf("the next call waited %v, want 3ms at most", got)
		}
		if got := w.Stolen(); got != 1 {
			t.Errorf("got %d stolen, want 1", got)
		}
		for i := range minPenalty {
			if cost.Inline() {
				t.Fatalf("call %d after a stall may run inline, want %d that may not", i, minPenalty)
			}
		}
		if !cost.Inline() {
			t.Error("the penalty does not end")
		}
		close(release)
		close(d.jobs)
		if err := <-over; !errors.Is(err, errOver) {
			t.Errorf("got %v, want %v", err, errOver)
		}
		w.Close()
		if d.twice.Load() {
			t.Error("two goroutines held the role")
		}
	})
}

// TestLeaseStalls: each stall doubles the penalty.
func TestLeaseStalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, serve, over := serving()
		d := newDesk(w)
		go serve(d)
		cost := new(Cost)
		for want := int64(minPenalty); want <= 2*maxPenalty; want *= 2 {
			d.jobs <- &job{cost, func() { time.Sleep(10 * time.Millisecond) }}
			time.Sleep(20 * time.Millisecond)
			if got := cost.skip.Load(); got != min(want, maxPenalty) {
				t.Errorf("got a penalty of %d calls, want %d", got, min(want, maxPenalty))
			}
			cost.skip.Store(0)
		}
		close(d.jobs)
		<-over
		w.Close()
	})
}

func TestLeaseGoexit(t *testing.T) {
	t.Parallel()
	for _, stalls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, serve, over := serving()
			d := newDesk(w)
			go serve(d)
			for range 10 {
				d.jobs <- &job{new(Cost), func() {
					if stalls {
						time.Sleep(10 * time.Millisecond)
					}
					runtime.Goexit()
				}}
			}
			ran := make(chan struct{})
			d.jobs <- &job{new(Cost), func() { close(ran) }}
			<-ran
			close(d.jobs)
			<-over
			w.Close()
			time.Sleep(time.Second) // so that the slow jobs end in the bubble
			if d.twice.Load() {
				t.Errorf("stalls %v: two goroutines held the role", stalls)
			}
			if got, want := w.Stolen(), map[bool]int64{false: 0, true: 10}[stalls]; got != want {
				t.Errorf("stalls %v: got %d stolen, want %d", stalls, got, want)
			}
		})
	}
}

// TestLeaseQuiet: what runs nothing inline costs the watch nothing, and comes back when it runs something.
func TestLeaseQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, serve, over := serving()
		state := func() (listed int, running bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.leases), w.running
		}
		desks := []*desk{newDesk(w), newDesk(w), newDesk(w)}
		for _, d := range desks {
			go serve(d)
		}
		if listed, running := state(); listed != 0 || running {
			t.Errorf("before any call: got %d listed, running: %v", listed, running)
		}
		for range 3 {
			for _, d := range desks {
				d.jobs <- &job{new(Cost), func() {}}
			}
			synctest.Wait()
			if listed, running := state(); listed != 3 || !running {
				t.Errorf("after calls: got %d listed, running: %v; want 3, true", listed, running)
			}
			time.Sleep((quietTicks + 5) * tick)
			if listed, running := state(); listed != 0 || running {
				t.Errorf("after a while: got %d listed, running: %v; want 0, false", listed, running)
			}
		}
		// One that comes back is watched.
		answered := make(chan struct{})
		desks[0].jobs <- &job{new(Cost), func() { time.Sleep(time.Second) }}
		desks[0].jobs <- &job{new(Cost), func() { close(answered) }}
		begin := time.Now()
		<-answered
		if got := time.Since(begin); got > 3*time.Millisecond {
			t.Errorf("the next call waited %v, want 3ms at most", got)
		}
		for _, d := range desks {
			close(d.jobs)
			<-over
		}
		w.Close()
		time.Sleep(2 * time.Second) // so that the slow job ends in the bubble
	})
}

// TestLeaseKept: a long run of short tasks is no stall, although something runs at each look.
func TestLeaseKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, serve, over := serving()
		d := newDesk(w)
		go serve(d)
		for range 200 {
			d.jobs <- &job{new(Cost), func() { time.Sleep(900 * time.Microsecond) }}
		}
		close(d.jobs)
		<-over
		w.Close()
		if got := w.Stolen(); got != 0 {
			t.Errorf("got %d stolen, want 0", got)
		}
	})
}

func TestWatchClose(t *testing.T) {
	t.Parallel()
	w, serve, over := serving()
	d := newDesk(w)
	go serve(d)
	ran := make(chan struct{})
	d.jobs <- &job{new(Cost), func() { close(ran) }}
	<-ran
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(w.Close)
	}
	wg.Wait()
	if w.running {
		t.Error("the watch runs after Close")
	}
	// Tasks still run, unwatched.
	d.jobs <- &job{new(Cost), func() {}}
	close(d.jobs)
	<-over
	if len(w.leases) > 0 && w.running {
		t.Error("a lease was listed after Close")
	}
}

// TestLeaseStress has many connections whose tasks are short, long, and never return to their caller, in real time.
func TestLeaseStress(t *testing.T) {
	t.Parallel()
	w, serve, over := serving()
	const conns, tasks = 8, 300
	var ran atomic.Int64
	desks := make([]*desk, conns)
	var wg sync.WaitGroup
	for i := range desks {
		d := newDesk(w)
		desks[i] = d
		go serve(d)
		wg.Go(func() {
			cost := new(Cost)
			for n := range tasks {
				d.jobs <- &job{cost, func() {
					ran.Add(1)
					switch n % 60 {
					case 17:
						time.Sleep(3 * time.Millisecond) // a slow handler
					case 31:
						runtime.Goexit()
					case 47:
						time.Sleep(2 * time.Millisecond)
						runtime.Goexit()
					}
				}}
			}
			close(d.jobs)
		})
	}
	wg.Wait()
	for range desks {
		<-over
	}
	w.Close()
	if got := ran.Load(); got != conns*tasks {
		t.Errorf("got %d tasks run, want %d", got, conns*tasks)
	}
	for i, d := range desks {
		if d.twice.Load() {
			t.Errorf("connection %d: two goroutines held the role", i)
		}
	}
	if w.Stolen() == 0 {
		t.Error("nothing was stolen")
	}
}

// TestCost: methods that are cheap run inline, others do not, and both are found out and may change.
func TestCost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := new(Cost)
		run := func(calls int, took time.Duration) (inline int) {
			for range calls {
				if c.Inline() {
					inline++
				}
				begin := c.Begin()
				time.Sleep(took)
				c.End(begin)
			}
			return inline
		}
		if got := run(1000, time.Microsecond); got != 1000 {
			t.Errorf("cheap: got %d of 1000 inline, want all", got)
		}
		if got := run(1000, 50*time.Microsecond); got > 100 {
			t.Errorf("dear: got %d of 1000 inline, want few", got)
		}
		run(2000, time.Microsecond)
		if got := run(100, time.Microsecond); got != 100 {
			t.Errorf("cheap again: got %d of 100 inline, want all", got)
		}
	})
}

func TestLeaseAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	w, _, _ := serving()
	l := w.Lease(nil)
	j := &job{new(Cost), func() {}}
	assert.Allocs(t, 0, func() {
		begin := j.cost.Begin()
		l.Run(j)
		j.cost.End(begin)
	})
	w.Close()
}

// TestCostRareStall: a stall long after the last one is taken for the machine's and costs few calls; one that follows
// soon is the handler's.
func TestCostRareStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { rareStalls(t) }) // where the machine's own delays do not count
}

func rareStalls(t *testing.T) {
	t.Helper()
	cost := new(Cost)
	run := func(calls int) (inline int) {
		for range calls {
			cost.End(cost.Begin())
			if cost.Inline() {
				inline++
			}
		}
		return inline
	}
	run(oftenBelow + 1)
	cost.stalled()
	if got, want := run(2*rarePenalty), rarePenalty; got != want {
		t.Errorf("after a rare stall %d of %d calls run inline, want %d", got, 2*rarePenalty, want)
	}
	run(oftenBelow - 2*rarePenalty)
	cost.stalled()
	if got, want := run(2*minPenalty), minPenalty; got != want {
		t.Errorf("after a stall that follows %d calls after another %d of %d calls run inline, want %d",
			oftenBelow, got, 2*minPenalty, want)
	}
	run(oftenBelow)
	cost.stalled()
	if got, want := run(2*rarePenalty), rarePenalty; got != want {
		t.Errorf("after another rare stall %d of %d calls run inline, want %d", got, 2*rarePenalty, want)
	}
}

// TestCostOutlier: a sample during which the processor was taken away does not make a fast method a slow one, while
// calls that are slow again and again do.
func TestCostOutlier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cost := new(Cost)
		sample := func(took time.Duration) {
			for {
				begin := cost.Begin()
				if begin.IsZero() {
					continue
				}
				time.Sleep(took)
				cost.End(begin)
				return
			}
		}
		sample(time.Second)
		if got := cost.mean.Load(); got > sampleMax/8 {
			t.Errorf("one sample of 1s moves the mean to %d ns, want %d at most", got, sampleMax/8)
		}
		if !cost.Inline() {
			t.Error("one outlier sends the method to goroutines")
		}
		for range 30 {
			sample(100 * time.Microsecond)
		}
		if cost.Inline() {
			t.Error("a slow method runs inline")
		}
		for range 30 {
			sample(time.Microsecond)
		}
		if !cost.Inline() {
			t.Error("a method that has become fast does not run inline")
		}
	})
}

// deep is a connection whose Serve finds out from its turn that it has lost the role.
type deep struct {
	*desk
	turns chan *Turn
}

func (d *deep) Serve() error {
	turn := d.lease.Begin()
	d.turns <- turn
	for j := range d.jobs {
		d.lease.Run(j)
		if turn.Lost() {
			return nil
		}
	}
	return errOver
}

// A turn is lost for the goroutine whose handler has stalled, and not for the one that goes on.
func TestTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, serve, over := serving()
		d := &deep{&desk{jobs: make(chan *job, 100)}, make(chan *Turn, 10)}
		d.lease = w.Lease(d)
		go serve(d)
		d.jobs <- &job{new(Cost), func() {}}
		first := <-d.turns
		release := make(chan struct{})
		d.jobs <- &job{new(Cost), func() { <-release }}
		second := <-d.turns // the role was taken away
		close(release)
		synctest.Wait()
		if !first.Lost() || second.Lost() {
			t.Errorf("lost: got %v of the stalled turn and %v of the next, want true and false", first.Lost(), second.Lost())
		}
		close(d.jobs)
		if err := <-over; !errors.Is(err, errOver) {
			t.Errorf("got %v", err)
		}
		w.Close()
	})
}
