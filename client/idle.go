package client

import (
	"errors"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Connections that carry one call at a time (protocol.Serial). A call takes the idle connection that was used last, so
// that surplus connections stay idle until they are closed. If none is idle, the call waits in line.

// place is where such a connection is. The pool's lock guards it.
type place uint8

const (
	placeBusy     place = iota // a call has it
	placeSettling              // its call is a stream, or was given up: it comes back when it is free, or ends
	placeIdle
	placeGone // not in the pool any more
)

// idleList is the list of connections without a call, the one used last at its top.
type idleList struct{ top *conn }

func (l *idleList) push(k *conn) {
	k.place, k.since = placeIdle, time.Now()
	k.above, k.below = nil, l.top
	if l.top != nil {
		l.top.above = k
	}
	l.top = k
}

// remove takes k out of the list, if it is there, to another place.
func (l *idleList) remove(k *conn, to place) {
	if k.place == placeIdle {
		if k.above != nil {
			k.above.below = k.below
		} else {
			l.top = k.below
		}
		if k.below != nil {
			k.below.above = k.above
		}
		k.above, k.below = nil, nil
	}
	k.place = to
}

// take takes the connection that was used last from the idle ones. It returns nil if none is idle. A connection that
// has just ended is left to watch. The lock is held.
func (p *pool) take() *conn {
	for p.idle.top != nil {
		k := p.idle.top
		if k.Free() > 0 {
			p.idle.remove(k, placeBusy)
			return k
		}
		p.idle.remove(k, placeSettling)
	}
	return nil
}

// checkOut is take for a call that is not in line; those in line come first.
func (p *pool) checkOut() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line.n > 0 {
		return nil
	}
	return p.take()
}

// checkIn gives back a connection that a call has taken, when a unary call on it has ended with *err or a stream was
// opened. A connection that is not free yet comes back later, by settled.
func (p *pool) checkIn(k *conn, err *error) {
	if errors.Is(*err, protocol.ErrFull) {
		k.Drain() // it has ended, or has a call that the pool does not know
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if k.place == placeBusy {
		k.place = placeSettling
	}
	p.settle(k)
}

// allBusy reports whether there are connections, none of which is free for a call that is not in line.
func (p *pool) allBusy() bool { return p.serial && p.ready() }

// stale reports whether err, before which nothing was sent, says no more than that the server had ended a connection
// while it was idle: k has been in use, and is of no use any more.
func (p *pool) stale(k *conn, err error) bool {
	return p.serial && k.served.Load() && k.Free() == 0 && repeatable(err) == fairlead.NotSent
}

// settled is called when a connection signals that it may be free.
func (p *pool) settled(k *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(k)
}

// settle passes a connection whose call is over to the first call in line, or puts it among the idle ones. The lock is
// held.
func (p *pool) settle(k *conn) {
	if k.place != placeSettling || k.Free() == 0 {
		return
	}
	p.idle.push(k)
	p.dispatch()
}

// age drains a connection that was idle for too long. It returns the time after which it is to be called again.
func (p *pool) age(k *conn) time.Duration {
	limit := p.client.cfg.alive.Idle
	p.mu.Lock()
	if k.place != placeIdle {
		p.mu.Unlock()
		return limit
	}
	left := limit - time.Since(k.since)
	if left > 0 {
		p.mu.Unlock()
		return left
	}
	p.idle.remove(k, placeSettling)
	p.mu.Unlock()
	k.Drain()
	return limit
}
