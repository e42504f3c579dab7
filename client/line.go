package client

import (
	"context"
	"fmt"
	"time"

	"github.com/fairlead-go/fairlead"
)

// line is a queue of calls that wait for room on the connections of a pool.
type line struct {
	first, last *waiter
	n           int
}

// waiter is one call in line.
type waiter struct {
	next, prev *waiter
	called     bool          // its turn has come, and it is in line no longer
	conn       *conn         // with its turn, if connections carry one call at a time: the one taken for it
	turn       chan struct{} // closed when it is this call's turn
}

func (l *line) pushBack(w *waiter) {
	w.prev = l.last
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

func (l *line) pushFront(w *waiter) {
	w.next = l.first
	if l.first != nil {
		l.first.prev = w
	} else {
		l.last = w
	}
	l.first = w
	l.n++
}

func (l *line) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.prev, w.next = nil, nil
	l.n--
}

// queue waits until there may be room on a connection, or there is no connection any more. A call that was called and
// found its place taken goes to the front. If connections carry one call at a time, it returns one that was taken for
// this call, nil if there are none.
func (p *pool) queue(ctx context.Context, call *fairlead.Call, front bool) (*conn, error) {
	w := &waiter{turn: make(chan struct{})}
	p.mu.Lock()
	if !p.ready() {
		p.mu.Unlock()
		return nil, nil //nolint:nilnil // documented: there are none
	}
	if front {
		p.line.pushFront(w)
	} else {
		p.line.pushBack(w)
	}
	if p.waiting.Add(1) == 1 && !p.serial {
		for _, k := range p.list.Load().conns {
			select {
			case k.lined <- struct{}{}:
			default:
			}
		}
	}
	p.dispatch() // there may be room since ErrFull, which was signalled before
	p.growLocked()
	p.mu.Unlock()

	end := p.awaitTurn(ctx, call, w)
	if end == waitTurn {
		p.called.Add(-1)
		return w.conn, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.called {
		p.called.Add(-1)
		if w.conn != nil && w.conn.place == placeBusy {
			w.conn.place = placeSettling
			p.settle(w.conn)
		}
		p.dispatch() // the next one's turn
	} else {
		p.line.remove(w)
		p.waiting.Add(-1)
	}
	have := len(p.list.Load().conns)
	switch {
	case p.client.ctx.Err() != nil:
		return nil, errClosed()
	case end == waitShut:
		return nil, fairlead.Errorf(fairlead.Unavailable,
			"%s: %s has allowed no calls on its %d connections for %v (SETTINGS_MAX_CONCURRENT_STREAMS is 0)",
			p.client.target.text, p.target.Addr, have, p.client.cfg.connectTimeout).WithReach(fairlead.NotSent)
	}
	all := "have their limit of concurrent streams"
	if p.serial {
		all = "carry a call (MaxConnections)"
		if have < p.client.cfg.maxConnections {
			all = "carry a call, and more are being made"
		}
	}
	return nil, p.client.gaveUp(ctx, fmt.Sprintf("in line: all %d connections to %s %s", have, p.target.Addr, all))
}

// waitEnd is the reason why a call has stopped waiting in line.
type waitEnd uint8

const (
	waitTurn waitEnd = iota // it is its turn
	waitOver                // the call is over, or the client
	waitShut                // the server allows no calls at all
)

// awaitTurn waits for a call's turn. A server that allows no calls is waited for as long as one that cannot be reached,
// if the call does not wait for servers to be ready.
func (p *pool) awaitTurn(ctx context.Context, call *fairlead.Call, w *waiter) waitEnd {
	var timeout, look <-chan time.Time
	if d, ok := call.Deadline(); ok {
		t := p.client.timer(time.Until(d))
		defer p.client.stop(t)
		timeout = t.C
	}
	var t *time.Timer
	if !p.serial && !call.Wire().WaitForReady(p.client.cfg.waitForReady) {
		t = p.client.timer(p.client.cfg.connectTimeout)
		defer p.client.stop(t)
		look = t.C
	}
	for was := !p.serial && p.shut(); ; {
		select {
		case <-w.turn:
			return waitTurn
		case <-look:
			now := p.shut()
			if was && now {
				return waitShut
			}
			was = now
			t.Reset(p.client.cfg.connectTimeout)
		case <-timeout:
			return waitOver
		case <-ctx.Done():
			return waitOver
		case <-p.client.ctx.Done():
			return waitOver
		}
	}
}

// lookForRoom is how often a pool with calls in line looks for room by itself. Room that comes with the end of a call
// is noticed at once; this is for what a connection frees later, such as the place of a call that was given up.
const lookForRoom = 5 * time.Millisecond

// callNext is called when there may be room.
func (p *pool) callNext() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dispatch()
}

// dispatch calls as many waiters as there is room for, and all of them if there is no connection. A waiter that finds
// no place after all comes back to the front. The lock is held.
func (p *pool) dispatch() {
	if p.line.n == 0 {
		return
	}
	conns := p.list.Load().conns
	if p.serial && len(conns) > 0 {
		for p.line.n > 0 {
			k := p.take()
			if k == nil {
				return
			}
			p.callFirst(k)
		}
		return
	}
	free := -int(p.called.Load())
	for _, k := range conns {
		if free += k.Free(); free >= p.line.n {
			break
		}
	}
	if len(conns) == 0 {
		free = p.line.n
	}
	for ; free > 0 && p.line.n > 0; free-- {
		p.callFirst(nil)
	}
}

// callFirst calls the first in line, to k if that is not nil. The lock is held.
func (p *pool) callFirst(k *conn) {
	w := p.line.first
	p.line.remove(w)
	p.waiting.Add(-1)
	w.called, w.conn = true, k
	p.called.Add(1)
	close(w.turn)
}
