package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// pool holds the connections to one address. Calls find shared ones without a lock, and take those that carry one call
// at a time out of it: see idle.go. A call that finds none, or no room, goes on in await or in the line.
type pool struct {
	client *Client
	target transport.Target
	serial bool // connections carry one call at a time

	list    atomic.Pointer[connList] // never nil
	fault   atomic.Pointer[fairlead.Error]
	dialers atomic.Int32 // goroutines that run dial; changes under the lock
	waiting atomic.Int32 // calls in line
	called  atomic.Int32 // calls that have left the line and not taken their place yet

	ctx    context.Context //nolint:containedctx // the pool's life, the parent of dialling
	cancel context.CancelFunc
	nudged chan struct{} // cuts a back-off short

	mu        sync.Mutex
	node      *node // whose Failing is set
	goal      int   // connections wanted, of shared ones
	line      line
	idle      idleList  // if serial
	failures  int       // in a row
	failedAt  time.Time // when the last of them was noted
	strangers int       // connections in a row that broke before any call on them was answered
	strangeAt time.Time // when the last of them was noted
	retryAt   time.Time // the end of the back-off
	slow      int       // how often the server had too many PINGs
	retired   bool
}

// conn is a connection in a pool.
type conn struct {
	protocol.ClientConn

	born   time.Time
	served atomic.Bool   // the server has answered a call, or a stream was opened
	lined  chan struct{} // wakes watch: calls are in line

	// Of a connection that carries one call at a time; the pool's lock guards them.
	place        place
	since        time.Time // when it became idle
	above, below *conn     // in the list of idle ones
}

// connList is a list of live connections; it is read-only.
type connList struct {
	conns []*conn
	short bool // there are fewer than there should be
}

// maxStrangers is the number of connections in a row that may break before any call on them was answered, until that
// counts as failing to connect. It spares a server that accepts and hangs up a connection per call.
const maxStrangers = 3

func newPool(c *Client, n *node, e discovery.Endpoint) *pool {
	p := &pool{
		client: c,
		target: transport.Target{Network: e.Network, Addr: e.Addr, TLS: c.cfg.tls},
		serial: c.cfg.serial,
		nudged: make(chan struct{}, 1),
		node:   n,
		goal:   c.cfg.connections,
	}
	p.ctx, p.cancel = context.WithCancel(c.ctx)
	p.list.Store(&connList{})
	return p
}

// named reports whether the pool belongs to one of the nodes.
func (p *pool) named(nodes []*node) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool { return n.pool == p })
}

// adopt makes n the pool's node.
func (p *pool) adopt(n *node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.node = n
	n.Failing.Store(p.fault.Load() != nil)
}

// ready reports whether there is a connection.
func (p *pool) ready() bool { return len(p.list.Load().conns) > 0 }

// choose returns the connection with the most room, nil if there is no connection. If connections carry one call at a
// time, it takes one without a call, which checkIn gives back; nil then also means that there is none.
func (p *pool) choose() *conn {
	l := p.list.Load()
	if l.short {
		p.kick()
	}
	if p.serial {
		return p.checkOut()
	}
	if len(l.conns) == 1 {
		return l.conns[0]
	}
	var best *conn
	most := -1
	for _, k := range l.conns {
		if free := k.Free(); free > most {
			best, most = k, free
		}
	}
	return best
}

// answered notes that the server has answered on k.
func (p *pool) answered(k *conn) {
	if !k.served.CompareAndSwap(false, true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures, p.strangers = 0, 0
	if p.serial {
		p.growLocked() // while it was doubtful, one at a time was made
	}
}

// setFault sets why there is no connection; nil: there is one, or the reason is not known. The lock is held.
func (p *pool) setFault(e *fairlead.Error) {
	p.fault.Store(e)
	p.node.Failing.Store(e != nil)
}

// setConns sets the connections. The lock is held.
func (p *pool) setConns(conns []*conn) {
	p.list.Store(&connList{conns: conns, short: len(conns) < p.client.cfg.connections})
}

// watch looks after one connection: it tells those in line that there is room, takes it out of the pool when it takes
// no more calls, and cuts it when the client is closed.
func (p *pool) watch(k *conn) {
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	care := p.client.keeper.Add(k.ClientConn, slow)
	defer p.client.keeper.Remove(care)
	closing := p.client.ctx.Done()
	if p.serial {
		p.watchSerial(k)
	} else {
		p.watchShared(k)
	}
	select {
	case <-k.Done():
		k.Close(ErrClosed) // lets go of what outlives the connection
		return
	case <-closing:
	}
	if p.client.ctx.Err() != nil {
		k.end()
	}
}

// watchShared tells those in line of room until the connection takes no more calls or the client is closed.
func (p *pool) watchShared(k *conn) {
	for {
		// Room matters only while calls wait for it. A connection may signal it after every call, or once after ErrFull and
		// not for each call that ends.
		var freed <-chan struct{}
		var again <-chan time.Time
		var t *time.Timer
		if p.waiting.Load() > 0 {
			t = p.client.timer(lookForRoom)
			freed, again = k.Freed(), t.C
		}
		select {
		case <-k.lined:
		case <-freed:
			p.callNext()
		case <-again:
			p.callNext()
		case <-k.Closed():
			p.client.stop(t)
			p.closed(k)
			return
		case <-p.client.ctx.Done():
			p.client.stop(t)
			return
		}
		p.client.stop(t)
	}
}

// watchSerial puts the connection back when it is free later than its call is over, and drains it when it is idle for
// too long, until it takes no more calls or the client is closed.
func (p *pool) watchSerial(k *conn) {
	var idle <-chan time.Time
	var t *time.Timer
	if d := p.client.cfg.alive.Idle; d > 0 {
		t = time.NewTimer(d)
		defer t.Stop()
		idle = t.C
	}
	for {
		select {
		case <-k.Freed():
			p.settled(k)
		case <-idle:
			t.Reset(p.age(k))
		case <-k.Closed():
			p.closed(k)
			return
		case <-p.client.ctx.Done():
			return
		}
	}
}

// closed is called when k takes no more calls: those under way end in their own time.
func (p *pool) closed(k *conn) {
	p.lost(k)
	k.Drain()
}

// end cuts the connection because the client is closed, or the pool retired before any call.
func (k *conn) end() {
	k.Close(ErrClosed)
	<-k.Done()
}

// errGoaway is why a connection that has not ended takes no more calls.
var errGoaway = errors.New("the server takes no more calls on it")

// lost takes k out of the pool. The next call starts to make another.
func (p *pool) lost(k *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.list.Load().conns
	conns := slices.DeleteFunc(slices.Clone(was), func(o *conn) bool { return o == k })
	if len(conns) == len(was) {
		return // retired
	}
	err := k.Err()
	if err == nil {
		err = errGoaway
	}
	p.client.cfg.logger.Debug("connection ended", "target", p.client.target.text, "address", p.target.Addr,
		"error", err)
	p.goal = max(p.client.cfg.connections, min(p.goal, len(conns)))
	p.setConns(conns)
	p.idle.remove(k, placeGone)
	p.calmDown(k)
	switch {
	case k.served.Load() || time.Since(k.born) >= p.client.cfg.longLived():
		p.failures, p.strangers = 0, 0
	case p.serial && k.born.Before(p.strangeAt):
		// It was made beside the last of them.
	default:
		p.strangeAt = time.Now()
		if p.strangers++; p.strangers >= maxStrangers {
			p.failLocked(k.born, fmt.Errorf("the connection ended before any call was answered: %w", err))
			p.kickLocked()
		}
	}
	p.dispatch()
	p.growLocked()
	p.client.changed.notify()
}

// calmDown halves the rate of PINGs on later connections if the server complained of too many on k. The lock is held.
func (p *pool) calmDown(k *conn) {
	if c, ok := k.ClientConn.(protocol.Complained); !ok || !c.TooManyPings() {
		return
	}
	p.slow++
	p.client.cfg.logger.Warn("the server had too many PINGs (KeepAlive); they will come at half the rate",
		"target", p.client.target.text, "address", p.target.Addr)
}

// serialLongLived is the age from which on the end of a connection that carries one call at a time says nothing about
// the server: connections that were made for calls which have found others since are never used, and servers close them
// after some seconds.
const serialLongLived = time.Second

// longLived is the age from which on a connection's end says nothing about the server.
func (c *config) longLived() time.Duration {
	age := c.connectTimeout
	if c.alive.Idle > 0 {
		age = min(age, c.alive.Idle)
	}
	if c.serial {
		age = min(age, serialLongLived)
	}
	return age
}

// growLocked starts to make one more connection than there is, and with connections that carry one call at a time one
// for each call in line, if calls are in line and MaxConnections allows. The lock is held.
func (p *pool) growLocked() {
	if p.serial {
		if p.line.n > 0 {
			p.kickLocked()
		}
		return
	}
	conns := p.list.Load().conns
	have := len(conns)
	if p.line.n == 0 || p.goal > have || have >= p.client.cfg.maxConnections {
		return
	}
	for _, k := range conns {
		select {
		case <-k.Closed():
			return // not full but gone: lost comes next, and back here
		default:
		}
		if k.takesNone() {
			return // another would be no better
		}
	}
	p.goal = have + 1
	p.kickLocked()
}

// takesNone reports whether the server allows no calls on the connection for now, however few there are: HTTP/2's
// SETTINGS_MAX_CONCURRENT_STREAMS is 0.
func (k *conn) takesNone() bool {
	l, ok := k.ClientConn.(protocol.Limited)
	return ok && l.Limit() == 0
}

// shut reports whether the server allows no calls on any connection.
func (p *pool) shut() bool {
	conns := p.list.Load().conns
	return len(conns) > 0 && !slices.ContainsFunc(conns, func(k *conn) bool { return !k.takesNone() })
}

// retire is called when the resolver no longer names the instance. Calls under way go on, new ones go elsewhere.
func (p *pool) retire() {
	p.mu.Lock()
	p.retired = true
	p.cancel()
	conns := p.list.Load().conns
	p.setConns(nil)
	for _, k := range conns {
		p.idle.remove(k, placeGone)
	}
	p.dispatch()
	p.mu.Unlock()
	for _, k := range conns {
		k.Drain()
	}
}
