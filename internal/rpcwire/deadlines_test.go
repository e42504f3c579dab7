package rpcwire

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// cancelConn is a connection that notes what is cancelled on it. Tickets from 100 on are over already.
type cancelConn struct {
	protocol.HTTPConn

	at map[protocol.Ticket]time.Time
}

func (c *cancelConn) Cancel(t protocol.Ticket, _ protocol.ResetCode) bool {
	if t >= 100 {
		return false
	}
	c.at[t] = time.Now()
	return true
}

// TestDeadlines: calls are given up when their time has come, in whatever order they came, unless they were removed or
// are over. A call that comes while the timer is set for a later one is given up in time as well.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hc := &cancelConn{at: make(map[protocol.Ticket]time.Time)}
		d := &Deadlines{Conn: hc}
		begun := time.Now()
		calls := []struct {
			ms     int
			ticket protocol.Ticket
			remove bool // before its time
			late   bool
		}{
			{ms: 500, ticket: 1, late: true},
			{ms: 100, ticket: 2, late: true},
			{ms: 300, ticket: 3, remove: true},
			{ms: 100, ticket: 4, late: true},
			{ms: 101, ticket: 100},
			{ms: 102, ticket: 5, late: true},
			{ms: 5000, ticket: 6},
		}
		entries := make([]Expiry, len(calls))
		done := make([]chan struct{}, len(calls))
		for i, c := range calls {
			done[i] = make(chan struct{}, 1)
			d.Add(&entries[i], c.ticket, begun.Add(time.Duration(c.ms)*time.Millisecond), done[i])
		}
		for i, c := range calls {
			if c.remove {
				d.Remove(&entries[i])
				d.Remove(&entries[i]) // once is enough
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, c := range calls {
			want := begun.Add(time.Duration(c.ms) * time.Millisecond)
			at, canceled := hc.at[c.ticket]
			if canceled != c.late || canceled && (at.Before(want) || at.After(want.Add(apart))) {
				t.Errorf("ticket %d: cancelled %v after %v, want %v after %d ms", c.ticket, canceled, at.Sub(begun), c.late, c.ms)
			}
			if entries[i].Late != c.late || len(done[i]) == 1 != c.late {
				t.Errorf("ticket %d: got late %v and %d values, want %v", c.ticket, entries[i].Late, len(done[i]), c.late)
			}
		}
		if len(d.calls) != 1 || !d.armed {
			t.Errorf("%d calls are left, armed: %v", len(d.calls), d.armed)
		}
		d.Stop()
		if !d.armed {
			t.Error("the timer is stopped although a call is left")
		}
		d.Remove(&entries[6])
		if len(d.calls) != 0 || d.armed {
			t.Errorf("after the last call: %d calls, armed: %v", len(d.calls), d.armed)
		}
		time.Sleep(10 * time.Second)
		if _, canceled := hc.at[6]; canceled {
			t.Error("a call that was removed was cancelled")
		}
	})
}
