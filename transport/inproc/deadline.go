package inproc

import (
	"sync"
	"time"
)

// deadline wakes waiters of a condition at its time. Everything is guarded by the condition's lock.
type deadline struct {
	at     time.Time // zero: none
	passed bool
	timer  *time.Timer // made by the first set that needs it, and used again
}

// set changes the deadline. The caller holds the lock.
func (d *deadline) set(t time.Time, c *sync.Cond) {
	d.at, d.passed = t, false
	if d.timer != nil {
		d.timer.Stop()
	}
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	switch {
	case wait <= 0:
		d.passed = true
		c.Broadcast()
	case d.timer != nil:
		d.timer.Reset(wait)
	default:
		d.timer = time.AfterFunc(wait, func() { d.ring(c) })
	}
}

// ring is called by the timer, perhaps late: the deadline may have been changed in the meantime.
func (d *deadline) ring(c *sync.Cond) {
	c.L.Lock()
	defer c.L.Unlock()
	if d.at.IsZero() {
		return
	}
	if left := time.Until(d.at); left > 0 {
		d.timer.Reset(left)
		return
	}
	d.passed = true
	c.Broadcast()
}

// stop ends the deadline. The caller holds the lock.
func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}
