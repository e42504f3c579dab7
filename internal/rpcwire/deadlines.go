package rpcwire

import (
	"sync"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// Deadlines gives up the unary calls of a connection at their deadlines. All share one timer, which is set for the
// earliest deadline. Most calls end long before theirs, so that the timer is set about once in the time that calls are
// given. It is safe for concurrent use.
type Deadlines struct {
	Conn protocol.HTTPConn

	mu    sync.Mutex
	calls []deadline // in no order; Expiry.place is where one is
	timer *time.Timer
	armed bool
	over  bool          // the connection has ended: the last call to leave stops the timer
	fires time.Duration // when the timer does, after epoch, if it is armed
}

// Expiry is the state of one call in Deadlines. The zero value is ready to use.
type Expiry struct {
	// Late is set if the call was given up at its deadline. It may be read after the value of done has been received.
	Late bool

	place int // in the list, counted from 1; 0: nowhere
}

// deadline is one call's.
type deadline struct {
	at     time.Duration // after epoch
	call   *Expiry
	done   chan<- struct{}
	ticket protocol.Ticket
}

// epoch is what deadlines count from.
var epoch = time.Now() //nolint:gochecknoglobals // read-only

// apart is the least time between two looks at the calls, so that many deadlines cost little. A call may be given up
// that much too late.
const apart = time.Millisecond

// Add cancels the call with the ticket at a time, unless Remove is called before that. If it does so, the Receiver gets
// no End, and Deadlines sends a value to done, which must have room for it.
func (d *Deadlines) Add(e *Expiry, t protocol.Ticket, at time.Time, done chan<- struct{}) {
	when := at.Sub(epoch)
	d.mu.Lock()
	d.calls = append(d.calls, deadline{when, e, done, t})
	e.place = len(d.calls)
	if !d.armed || when < d.fires {
		d.arm(when, time.Since(epoch))
	}
	d.mu.Unlock()
}

// arm sets the timer. The lock is held.
func (d *Deadlines) arm(when, now time.Duration) {
	d.armed, d.fires = true, when
	if d.timer == nil {
		d.timer = time.AfterFunc(when-now, d.expire)
	} else {
		d.timer.Reset(when - now)
	}
}

// Remove forgets a call. After it has returned, e and done are not used any more.
func (d *Deadlines) Remove(e *Expiry) {
	d.mu.Lock()
	d.drop(e)
	if d.over {
		d.rest()
	}
	d.mu.Unlock()
}

// drop takes a call out of the list, if it is there. The lock is held.
func (d *Deadlines) drop(e *Expiry) {
	i, last := e.place-1, len(d.calls)-1
	if i < 0 {
		return
	}
	e.place = 0
	if i != last {
		d.calls[i] = d.calls[last]
		d.calls[i].call.place = i + 1
	}
	d.calls[last] = deadline{}
	d.calls = d.calls[:last]
}

// expire gives up the calls whose time has come. It runs in the timer's goroutine.
func (d *Deadlines) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Since(epoch)
	if !d.armed || now < d.fires {
		return // the timer was stopped or set again since it fired
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
		if d.Conn.Cancel(e.ticket, protocol.ResetCancel) {
			e.call.Late = true
			e.done <- struct{}{} // the exchange, which is over, has sent nothing
		}
	}
	if d.armed {
		d.arm(max(d.fires, now+apart), now)
	}
}

// Stop must be called when the connection has ended. The timer is stopped when no call is left.
func (d *Deadlines) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	d.rest()
}

// rest stops the timer if nobody needs it. The lock is held.
func (d *Deadlines) rest() {
	if d.armed && len(d.calls) == 0 {
		d.timer.Stop()
		d.armed = false
	}
}
