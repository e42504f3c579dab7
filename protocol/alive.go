package protocol

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Connections that live long. A server or a client has one keeper, which looks at all connections from time to time: it
// finds peers that have gone silently, and ends connections that are idle or old. A connection needs no timer and no
// goroutine for this, and a call costs nothing: the keeper compares what a connection knows (whether something was
// received, how many calls there were) with what it knew at the last look.

// Alive configures how connections are kept alive and when they end. A zero value turns a feature off. Times are exact
// to a tenth of the shortest of them, or to a minute.
type Alive struct {
	// PingAfter is the time without a received byte after which the peer is pinged. If nothing is received within
	// PingTimeout, the connection is closed.
	PingAfter, PingTimeout time.Duration
	// PingIdle makes the keeper ping also while there is no call.
	PingIdle bool
	// Idle is the time without a call after which a connection is drained.
	Idle time.Duration
	// Age is the age at which a connection is drained, changed at random by up to a tenth, so that connections that began
	// together do not end together. After Grace it is closed, even if calls are in progress.
	Age, Grace time.Duration
	// Message is Guard.MessageTimeout. Calls end up to a tenth of it later.
	Message time.Duration
}

// any reports whether any feature is on.
func (a *Alive) any() bool { return a.PingAfter > 0 || a.Idle > 0 || a.Age > 0 || a.Message > 0 }

// Vital is a connection, of a server or a client, as a Keeper sees it. Its methods are safe for concurrent use and do
// not block.
type Vital interface {
	Vitals() Vitals
	// Sweep ends calls whose peer has not continued a message for limit. Now is the time on some clock. It is called
	// repeatedly while there are calls, and, like Vitals, by one goroutine at a time.
	Sweep(now, limit time.Duration)
	// Ping asks the peer for an answer.
	Ping()
	// Drain is that of ServerConn or ClientConn; on a client final has no meaning.
	Drain(final bool)
	// Close ends the connection. It may leave some of the work to another goroutine.
	Close(cause error)
}

// Vitals is what a connection knows about itself.
type Vitals struct {
	Heard  bool   // something was received since the last call of Vitals
	Called uint32 // changes with each call that begins
	Open   int    // calls in progress
}

// Living is implemented by ServerConns and ClientConns that a Keeper can look after. Vital returns nil if the
// connection that it wraps cannot be.
type Living interface{ Vital() Vital }

// Complained is implemented by ClientConns that know whether their server has ended them for too many PINGs.
type Complained interface{ TooManyPings() bool }

const (
	// finalAfter is how long a peer may take to confirm a drain before it becomes final.
	finalAfter = 5 * time.Second
	// maxSlow is how often an interval is doubled at most: ten seconds become three hours.
	maxSlow = 10

	minLook     = time.Millisecond
	maxLook     = time.Minute
	maxSoonLook = time.Second
	looks       = 10 // in the shortest of the times
)

// Keeper looks after the connections of a server or a client. Its goroutine runs only while there are connections and a
// feature is on. It is safe for concurrent use.
type Keeper struct {
	cfg  Alive
	tick time.Duration // between two looks
	soon time.Duration // while waiting for an answer or the end of a drain

	mu     sync.Mutex
	list   []*Care
	epoch  time.Time     // what times of Care count from
	stop   chan struct{} // ends the goroutine; nil while there is none
	closed bool
	wg     sync.WaitGroup
}

// Care is a connection that a Keeper looks after. Times are nanoseconds since the keeper's epoch.
type Care struct {
	conn    Vital
	heardAt int64  // the latest time at which something was last received
	usedAt  int64  // the latest time at which a call was last in progress
	pingAt  int64  // when the PING was sent that is not answered yet; 0: there is none
	endAt   int64  // when it reaches its age (0: never), or when its drain began
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

// Add starts to look after a connection. It returns nil if the connection is not Living or no feature is on. The time
// between PINGs is doubled slow times.
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

// Remove ends what Add began. It must be called when the connection has ended; c may be nil.
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

// Close stops the keeper and waits for its goroutine. It does not change the connections.
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

// step is what has to be done to a connection.
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

// due is a step that is taken without the keeper's lock.
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

// look updates what is known of a connection and returns what has to be done. The lock is held.
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

// take takes a step. The connection may have ended in the meantime.
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
