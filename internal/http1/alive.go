package http1

import (
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// vital is a Conn as a keeper sees it. It is one pointer, so that it fits an interface without an allocation.
type vital struct{ *Conn }

var _ protocol.Vital = vital{}

// Vital implements protocol.Living.
func (c *Conn) Vital() protocol.Vital { return vital{c} }

// Vitals implements protocol.Vital. HTTP/1 has nothing to ask a silent peer with, so the connection always counts as
// heard: TCP's own keepalive finds peers that are gone.
func (v vital) Vitals() protocol.Vitals {
	c := v.Conn
	c.w.Lock()
	defer c.w.Unlock()
	open := 0
	if c.cur != nil {
		open = 1
	} else {
		c.lag = lag{}
		c.w.DropSpare()
	}
	called := c.requests.Load()
	if called == c.seen {
		c.kept.Swap(nil).release() // no request came lately
	}
	c.seen = called
	return protocol.Vitals{Heard: true, Called: called, Open: open}
}

// Ping implements protocol.Vital. It is not called: see Vitals.
func (v vital) Ping() {}

// Drain implements protocol.Vital.
func (v vital) Drain(final bool) {
	if v.client {
		ClientConn(v).Drain()
		return
	}
	ServerConn(v).Drain(final)
}

// lag is how far the peer has come with what it has to go on with, as Sweep found it.
type lag struct {
	s      *stream
	since  time.Duration
	serial uint32
	got    int64
}

// lagStep is how many bytes count as progress: a peer that sends fewer in the time of the limit is cut off.
const lagStep = 64 << 10

// Sweep implements protocol.Vital, for a server: it ends the call whose handler waits for the rest of a message. A peer
// that does not take what was sent is found by the deadline of writing.
func (v vital) Sweep(now, limit time.Duration) {
	c := v.Conn
	if c.client {
		return
	}
	c.w.Lock()
	s := c.cur
	if s == nil || s.p == nil || !s.p.rest {
		c.lag = lag{}
		c.w.Unlock()
		return
	}
	if l := c.lag; l.s != s || l.serial != s.p.serial || s.p.got-l.got >= lagStep {
		c.lag = lag{s, now, s.p.serial, s.p.got}
	}
	late := now-c.lag.since >= limit
	c.w.Unlock()
	if late {
		c.cfg.Guard.Note(protocol.SlowMessage)
		s.Interrupt(slowMessage(limit))
	}
}
