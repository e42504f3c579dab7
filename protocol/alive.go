package protocol

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Connections that live long. One keeper of a server or a client looks at all its connections now and then: it finds
// peers that are gone without a word, and ends connections that nobody uses or that are old. A connection has no timer
// and no goroutine for it, and a call costs nothing: whatever a connection knows by itself (that something was
// received, how many calls there were) is compared with what it was at the last look.

// Alive says how connections are kept alive and when they end by themselves. Whatever is 0 does not happen. Times are
// exact to a tenth of the smallest of them, or to a minute.
type Alive struct {
	// PingAfter is the time without a received byte after which the peer is asked for an answer. If nothing comes
	// within PingTimeout, the connection is closed.
	PingAfter, PingTimeout time.Duration
	// PingIdle has the peer asked also while no call is under way.
	PingIdle bool
	// Idle is the time without a call after which a connection is drained.
	Idle time.Duration
	// Age is the age at which a connection is drained, give or take a tenth, so that the connections that began
	// together do not end together. Grace later it is closed, whatever is under way.
	Age, Grace time.Duration
	// Message is Guard.MessageTimeout, a tenth of it more at worst.
	Message time.Duration
}

// any says whether there is anything to do.
func (a *Alive) any() bool { return a.PingAfter > 0 || a.Idle > 0 || a.Age > 0 || a.Message > 0 }

// Vital is a connection, in either role, as a Keeper sees it. Its methods are safe for concurrent use and wait for
// nothing.
type Vital interface {
	Vitals() Vitals
	// Sweep ends calls whose peer has not gone on for limit with what it has begun. Now is the time on some clock. It is
	// called again and again, while calls are open, and like Vitals by one goroutine at a time.
	Sweep(now, limit time.Duration)
	// Ping asks the peer for any answer.
	Ping()
	// Drain is that of ServerConn and ClientConn, where final has no meaning.
	Drain(final bool)
	// Close ends the connection; it may leave the rest to another goroutine.
	Close(cause error)
}

// Vitals is what a connection knows of itself.
type Vitals struct {
	Heard  bool   // something was received since Vitals was called last
	Called uint32 // changes with each call that begins
	Open   int    // calls under way
}

// Living is a ServerConn or ClientConn that can be looked after. What a connection wraps may not be able to: then Vital
// returns nil.
type Living interface{ Vital() Vital }

// Complained is a ClientConn that knows whether its server had enough of its PINGs.
type Complained interface{ TooManyPings() bool }

const (
	// finalAfter is how long a peer has to confirm that it knows of a drain, until it is final.
	finalAfter = 5 * time.Second
	// maxSlow is how often an interval is doubled at most: ten seconds become three hours.
	maxSlow = 10

	minLook     = time.Millisecond
	maxLook     = time.Minute
	maxSoonLook = time.Second
	looks       = 10 // in the shortest of the times
)

// Keeper looks after the connections of a server or a client. Its goroutine runs only while there are some and
// something is to be done about them. Safe for concurrent use.
type Keeper struct {
	cfg  Alive
	tick time.Duration // between two looks
	soon time.Duration // while an answer, or the end of a drain, is awaited

	mu     sync.Mutex
	list   []*Care
	epoch  time.Time     // what times of Care count from
	stop   chan struct{} // ends the goroutine; nil while there is none
	closed bool
	wg     sync.WaitGroup
}

// Care is a connection that is looked after. Times are nanoseconds since the keeper's epoch.
type Care struct {
	conn    Vital
	heardAt int64  // when something was last received, at the latest
	usedAt  int64  // when a call was last under way, at the latest
	pingAt  int64  // when the peer was asked for an answer that has not come; 0: it was not
	endAt   int64  // when its age is reached (0: never), or since when it is drained
	called  uint32 // Vitals.Called at the last look
	place   int32  // in the keeper's list
	slow    uint8  // how often the interval between PINGs was doubled

	draining, final, aged bool
}

// NewKeeper makes a keeper.
func NewKeeper(cfg Alive) *Keeper {
	k := &Keeper{cfg: cfg, tick: maxLook, soon: maxSoonLook}
	for _, d := range []time.Duration{cfg.PingAfter, cfg.Idle, cfg.Age, cfg.Message} {
		if d > 0 {
			k.tick = min(k.tick, d/looks)
		}
	}
	for _, d := range []time.Duration{cfg.PingTimeout, cfg.Grace} {
		if d > 0 {
			k.soon = min(k.soon, d/looks)
		}
	}
	k.tick = max(k.tick, minLook)
	k.soon = min(max(k.soon, minLook), k.tick)
	return k
}

// Add begins to look after a connection, if it is Living and there is anything to do; otherwise it returns nil. The
// time between PINGs is doubled slow times.
func (k *Keeper) Add(conn any, slow int) *Care {
	l, ok := conn.(Living)
	if !ok || !k.cfg.any() {
		return nil
	}
	v := l.Vital()
	if v == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	if k.stop == nil {
		k.epoch = time.Now().Add(-1) // so that no time is 0
		k.stop = make(chan struct{})
		stop := k.stop
		k.wg.Go(func() { k.run(stop) })
	}
	now := k.now()
	c := &Care{conn: v, heardAt: now, usedAt: now, place: int32(len(k.list))}
	c.slow = uint8(min(slow, maxSlow))
	if k.cfg.Age > 0 {
		c.endAt = now + int64(float64(k.cfg.Age)*(0.9+0.2*rand.Float64())) //nolint:gosec // it need not be a secret
	}
	k.list = append(k.list, c)
	return c
}

// now returns the time since the epoch. The lock is held.
func (k *Keeper) now() int64 { return int64(time.Since(k.epoch)) }

// Remove ends what Add began; nil is allowed. It must be called when the connection has ended.
func (k *Keeper) Remove(c *Care) {
	if c == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.list) - 1
	if int(c.place) > n || k.list[c.place] != c {
		return // it was removed already
	}
	last := k.list[n]
	k.list[c.place], last.place = last, c.place
	k.list[n] = nil
	k.list = k.list[:n]
	if n == 0 {
		k.list = nil
		k.halt()
	}
}

// halt ends the goroutine. The lock is held.
func (k *Keeper) halt() {
	if k.stop != nil {
		close(k.stop)
		k.stop = nil
	}
}

// Close ends the keeper for good and waits for its goroutine. The connections stay as they are.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.closed = true
	k.halt()
	k.mu.Unlock()
	k.wg.Wait()
}

// run is the keeper's goroutine.
func (k *Keeper) run(stop <-chan struct{}) {
	t := time.NewTimer(k.tick)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
		}
		t.Reset(k.round())
	}
}

// step is what is due for a connection.
type step uint8

const (
	stepNone step = iota
	stepPing
	stepDrain
	stepFinal
	stepLost // the peer does not answer
	stepCut  // the grace is over
	stepSweep
)

// due is a step to be taken without the keeper's lock.
type due struct {
	conn Vital
	step step
	slow uint8
}

// round looks at all connections once, and returns the time until the next look.
func (k *Keeper) round() time.Duration {
	var todo []due
	wait := k.tick
	k.mu.Lock()
	now := k.now()
	for _, c := range k.list {
		v := c.conn.Vitals()
		if s := k.look(c, v, now); s != stepNone {
			todo = append(todo, due{c.conn, s, c.slow})
		}
		if v.Open > 0 && k.cfg.Message > 0 {
			todo = append(todo, due{c.conn, stepSweep, 0})
		}
		if c.pingAt != 0 || c.draining {
			wait = k.soon
		}
	}
	k.mu.Unlock()
	for _, d := range todo {
		k.take(d, time.Duration(now))
	}
	return wait
}

// look brings what is known of a connection up to date and returns what is due. The lock is held.
func (k *Keeper) look(c *Care, v Vitals, now int64) step {
	if v.Heard {
		c.heardAt, c.pingAt = now, 0
	}
	if v.Open > 0 || v.Called != c.called {
		c.usedAt, c.called = now, v.Called
	}
	cfg := &k.cfg
	switch since := func(at int64) time.Duration { return time.Duration(now - at) }; {
	case c.pingAt != 0 && since(c.pingAt) >= cfg.PingTimeout:
		c.heardAt, c.pingAt = now, 0
		return stepLost
	case c.aged && cfg.Grace > 0 && since(c.endAt) >= cfg.Grace:
		c.aged = false
		return stepCut
	case c.draining && !c.final && since(c.endAt) >= finalAfter:
		c.final = true
		return stepFinal
	case !c.draining && c.endAt != 0 && now >= c.endAt:
		c.draining, c.aged, c.endAt = true, true, now
		return stepDrain
	case !c.draining && cfg.Idle > 0 && since(c.usedAt) >= cfg.Idle:
		c.draining, c.endAt = true, now
		return stepDrain
	case cfg.PingAfter > 0 && c.pingAt == 0 && since(c.heardAt) >= cfg.PingAfter<<c.slow && (cfg.PingIdle || v.Open > 0):
		c.pingAt = now
		return stepPing
	}
	return stepNone
}

// take takes a step. The connection may have ended meanwhile.
func (k *Keeper) take(d due, now time.Duration) {
	switch d.step {
	case stepPing:
		d.conn.Ping()
	case stepDrain:
		d.conn.Drain(false)
	case stepFinal:
		d.conn.Drain(true)
	case stepLost:
		d.conn.Close(&Failure{Kind: FailedLost, Cause: fmt.Errorf(
			"keepalive: nothing was received for %v, and no answer to a PING within %v",
			k.cfg.PingAfter<<d.slow, k.cfg.PingTimeout)})
	case stepCut:
		d.conn.Close(&Failure{Kind: FailedClosed, Cause: fmt.Errorf(
			"the connection has reached its maximum age, and was drained for %v", k.cfg.Grace)})
	case stepSweep:
		d.conn.Sweep(now, k.cfg.Message)
	case stepNone:
	}
}
