package protocol

import (
	"sync"
	"sync/atomic"
	"time"
)

// Inline execution. A handler that takes a microsecond is cheaper if the goroutine that read its request runs it (20 to
// 30 % more calls a second in the prototype that preceded this code), but a handler that waits must not delay the calls
// behind it. So the cost of methods is sampled, only cheap ones run inline, and a watch takes the reading role from a
// handler that has stalled and gives it to a new goroutine.
const (
	// inlineMax is the handler time in nanoseconds above which a new goroutine is the better choice.
	inlineMax = 4000
	// sampleMax limits a sample, in nanoseconds: a handler that was descheduled while it was timed is not a slow one.
	sampleMax = 4 * inlineMax
	// sampleEvery is the number of calls of which one is timed. It is a power of two.
	sampleEvery = 32
	// After a stall the method runs in goroutines for this many calls, doubled with each stall that follows within
	// oftenBelow calls.
	minPenalty, maxPenalty = 1024, 1 << 20
	// A stall after more calls than that is taken to be the machine's, not the handler's: on a busy host the watch sees
	// about 50 in a million calls of a handler that never waits. It costs this many calls.
	rarePenalty = 64
	oftenBelow  = 4096
	// tick is the watch's period. A handler has stalled if the watch sees it twice.
	tick = time.Millisecond
	// quietTicks is how long a lease that runs nothing stays on the watch list.
	quietTicks = 64
)

// Cost is the sampled run time of a method's handler. The zero value is that of an unknown handler, which counts as
// cheap. It is safe for concurrent use.
type Cost struct {
	mean    atomic.Int64 // moving average, nanoseconds
	skip    atomic.Int64 // calls still to be run in goroutines
	penalty atomic.Int64
	calls   atomic.Uint32
	stallAt atomic.Uint32 // calls at the last stall
}

// Inline reports whether the next call should run in the reading goroutine.
func (c *Cost) Inline() bool {
	if c.skip.Load() > 0 {
		c.skip.Add(-1)
		return false
	}
	return c.mean.Load() < inlineMax
}

// Begin is called before the handler. It returns the zero time for calls that are not timed.
func (c *Cost) Begin() time.Time {
	if c.calls.Add(1)%sampleEvery != 0 {
		return time.Time{}
	}
	return time.Now()
}

// End is called after the handler, with the result of Begin.
func (c *Cost) End(begin time.Time) {
	if begin.IsZero() {
		return
	}
	took := min(int64(time.Since(begin)), sampleMax)
	mean := c.mean.Load()
	c.mean.Store(mean - mean/8 + took/8)
	if p := c.penalty.Load(); p > 0 && c.skip.Load() <= 0 {
		c.penalty.Store(p - p/64 - 1)
	}
}

// stalled makes the next calls run in goroutines.
func (c *Cost) stalled() {
	n := c.calls.Load()
	if n-c.stallAt.Swap(n) > oftenBelow {
		c.skip.Store(rarePenalty)
		return
	}
	p := min(max(2*c.penalty.Load(), minPenalty), maxPenalty)
	c.penalty.Store(p)
	c.skip.Store(p)
}

// Turn is one goroutine's time with the reading role of a connection, from its call of Serve to its return. It belongs
// to that goroutine.
type Turn struct{ lost bool }

// Lost reports whether a Run of this turn has lost the role. Then another goroutine reads the connection, and Serve
// must return nil without using what belongs to the role, which includes the connection's current turn. So a caller
// that needs Lost after something that may call Run must have the Turn before.
func (t *Turn) Lost() bool { return t.lost }

// Lease is the reading role of one connection. The goroutine that runs the connection's Serve holds it. While a handler
// runs under Run, the watch may take the role away and call Serve in another goroutine.
type Lease struct {
	// state is serial<<1 | running; the role is taken away by changing it while running is set.
	state  atomic.Uint64
	listed atomic.Bool
	watch  *Watch
	conn   ServerConn
	// cost is that of the running method. It is written before state says running, and read by the goroutine that has won
	// the role. It belongs to the route: the task may be in use again by then.
	cost *Cost
	turn *Turn // of the goroutine that holds the role; nil: Begin was not called

	seen  uint64 // the watch's
	quiet int
}

// Begin begins the turn of the calling goroutine, which holds the role. A Serve that calls Run indirectly calls Begin
// first, each time, to find out later what Run returned; one that calls Run directly needs no Turn.
func (l *Lease) Begin() *Turn {
	l.turn = new(Turn)
	return l.turn
}

// Run runs t in the calling goroutine, which holds the role. It returns false if another goroutine has got the role in
// the meantime: the caller's Serve must then return nil at once without using the connection. If Run does not return
// because of runtime.Goexit, another goroutine has the role as well.
func (l *Lease) Run(t Task) (kept bool) {
	running := l.state.Load() + 2 | 1
	turn := l.turn // now: the goroutine that has the role afterwards has another one
	l.cost = t.Cost()
	l.state.Store(running)
	if !l.listed.Load() {
		l.watch.list(l)
	}
	finished := false
	defer func() {
		if finished {
			return
		}
		// The task called runtime.Goexit, or panics although it should recover: this goroutine ends, reading goes on.
		if turn != nil {
			turn.lost = true
		}
		if l.state.CompareAndSwap(running, running&^1) {
			go l.watch.serve(l.conn)
		}
	}()
	t.Run()
	finished = true
	kept = l.state.CompareAndSwap(running, running&^1)
	if !kept && turn != nil {
		turn.lost = true
	}
	return kept
}

// Pass gives the role to another goroutine. The calling goroutine holds the role and is about to end by runtime.Goexit.
func (l *Lease) Pass() { go l.watch.serve(l.conn) }

// Watch takes the reading role from stalled handlers. A server has one Watch for all its connections; its goroutine
// runs only while handlers run inline.
type Watch struct {
	serve  func(ServerConn)
	stolen atomic.Int64

	mu      sync.Mutex
	leases  []*Lease
	running bool
	closed  bool
	wg      sync.WaitGroup
}

// NewWatch makes a watch. It calls serve in a new goroutine with a connection whose reading role is free; serve calls
// the connection's Serve.
func NewWatch(serve func(ServerConn)) *Watch { return &Watch{serve: serve} }

// Lease makes the reading role of c.
func (w *Watch) Lease(c ServerConn) *Lease { return &Lease{watch: w, conn: c} }

// Stolen returns how often the role was taken away.
func (w *Watch) Stolen() int64 { return w.stolen.Load() }

// Close stops the watch and waits for its goroutine.
func (w *Watch) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wg.Wait()
}

// list puts l on the list and starts the goroutine if it is not running.
func (w *Watch) list(l *Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.listed.Load() || w.closed {
		return
	}
	l.listed.Store(true)
	l.quiet = 0
	w.leases = append(w.leases, l)
	if !w.running {
		w.running = true
		w.wg.Add(1)
		go w.loop()
	}
}

// loop looks at the listed leases each tick and ends when there are none.
func (w *Watch) loop() {
	defer w.wg.Done()
	t := time.NewTicker(tick)
	defer t.Stop()
	for range t.C {
		if !w.look() {
			return
		}
	}
}

func (w *Watch) look() (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.leases[:0]
	for _, l := range w.leases {
		if w.check(l) {
			kept = append(kept, l)
		}
	}
	clear(w.leases[len(kept):])
	w.leases = kept
	w.running = len(kept) > 0 && !w.closed
	return w.running
}

// check takes the role away if the same task runs as at the last look. It reports whether l stays on the list.
func (w *Watch) check(l *Lease) bool {
	state := l.state.Load()
	if state != l.seen {
		l.seen, l.quiet = state, 0
		return true
	}
	if state&1 == 0 {
		if l.quiet++; l.quiet < quietTicks {
			return true
		}
		l.listed.Store(false)
		if l.state.Load() == state {
			return false
		}
		// A task began before it could see that l is no longer listed.
		l.listed.Store(true)
		l.quiet = 0
		return true
	}
	if l.state.CompareAndSwap(state, (state+2)&^1) {
		l.cost.stalled()
		w.stolen.Add(1)
		go w.serve(l.conn)
	}
	return true
}
