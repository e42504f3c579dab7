package grpc

import (
	"sync"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// deadlines gives up the unary calls of a connection whose time has run out. All share one timer, which is armed for
// the earliest of them: most calls end long before, so it is set about once in the time that calls are given, and a
// call neither starts a timer nor selects over its channel. Safe for concurrent use.
type deadlines struct {
	hc protocol.HTTPConn

	mu    sync.Mutex
	calls []deadline // in no order; attempt.place is where one is
	timer *time.Timer
	armed bool
	over  bool          // the connection has ended: the last call to leave stops the timer
	fires time.Duration // when the timer does, after epoch, if it is armed
}

// deadline is one call's.
type deadline struct {
	at     time.Duration // after epoch
	call   *attempt
	ticket protocol.Ticket
}

// epoch is what deadlines count from.
var epoch = time.Now() //nolint:gochecknoglobals // read-only

// apart is the least time between two looks at the calls, so that many of them cost little: a deadline may be noticed
// that much late.
const apart = time.Millisecond

// add has the call given up at a time, unless remove comes first.
func (d *deadlines) add(a *attempt, t protocol.Ticket, at time.Time) {
	when := at.Sub(epoch)
	d.mu.Lock()
	d.calls = append(d.calls, deadline{when, a, t})
	a.place = len(d.calls)
	if !d.armed || when < d.fires {
		d.arm(when, time.Since(epoch))
	}
	d.mu.Unlock()
}

// arm sets the timer. The lock is held.
func (d *deadlines) arm(when, now time.Duration) {
	d.armed, d.fires = true, when
	if d.timer == nil {
		d.timer = time.AfterFunc(when-now, d.expire)
	} else {
		d.timer.Reset(when - now)
	}
}

// remove forgets a call. When it returns, expire is done with the call.
func (d *deadlines) remove(a *attempt) {
	d.mu.Lock()
	d.drop(a)
	if d.over {
		d.rest()
	}
	d.mu.Unlock()
}

// drop takes a call out of the list, if it is there. The lock is held.
func (d *deadlines) drop(a *attempt) {
	i, last := a.place-1, len(d.calls)-1
	if i < 0 {
		return
	}
	a.place = 0
	if i != last {
		d.calls[i] = d.calls[last]
		d.calls[i].call.place = i + 1
	}
	d.calls[last] = deadline{}
	d.calls = d.calls[:last]
}

// expire gives up the calls whose time has come. It runs in the timer's goroutine.
func (d *deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Since(epoch)
	if !d.armed || now < d.fires {
		return // stopped, or armed anew, since the timer fired
	}
	d.armed = false
	for i := 0; i < len(d.calls); {
		e := d.calls[i]
		if e.at > now {
			if !d.armed || e.at < d.fires {
				d.armed, d.fires = true, e.at
			}
			i++
			continue
		}
		d.drop(e.call)
		if d.hc.Cancel(e.ticket, protocol.ResetCancel) {
			e.call.late = true
			e.call.done <- struct{}{} // has room: the exchange, which is over, has sent nothing
		}
	}
	if d.armed {
		d.arm(max(d.fires, now+apart), now)
	}
}

// stop is called when the connection has ended, and lets go of the timer.
func (d *deadlines) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	d.rest()
}

// rest stops the timer if nobody needs it. The lock is held.
func (d *deadlines) rest() {
	if d.armed && len(d.calls) == 0 {
		d.timer.Stop()
		d.armed = false
	}
}
