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

// pool holds the connections to one address. Calls find them without a lock; whoever finds none, or no room, goes on in
// await or in the line.
type pool struct {
	client *Client
	target transport.Target

	list    atomic.Pointer[connList] // never nil
	fault   atomic.Pointer[fairlead.Error]
	dialing atomic.Bool  // a goroutine runs dial
	waiting atomic.Int32 // calls in line
	called  atomic.Int32 // calls that have left the line and not taken their place yet

	ctx    context.Context //nolint:containedctx // the pool's life, the parent of dialling
	cancel context.CancelFunc
	nudged chan struct{} // cuts a back-off short

	mu        sync.Mutex
	node      *node // whose Failing is set
	goal      int   // connections wanted
	line      line
	failures  int       // in a row
	strangers int       // connections in a row that broke before any call on them was answered
	retryAt   time.Time // the end of the back-off
	slow      int       // how often the server had too many PINGs
	retired   bool
}

// conn is a connection in a pool.
type conn struct {
	protocol.ClientConn

	born   time.Time
	served atomic.Bool   // the server has answered a call, or a stream was opened
	lined  chan struct{} // tells watch that calls are in line
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
		nudged: make(chan struct{}, 1),
		node:   n,
		goal:   c.cfg.connections,
	}
	p.ctx, p.cancel = context.WithCancel(c.ctx)
	p.list.Store(&connList{})
	return p
}

// named says whether one of the nodes is about this pool.
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

// ready says whether there is a connection.
func (p *pool) ready() bool { return len(p.list.Load().conns) > 0 }

// choose returns the connection with the most room, nil if there is no connection.
func (p *pool) choose() *conn {
	l := p.list.Load()
	if l.short {
		p.kick()
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

// answered notes that the server serves on k.
func (p *pool) answered(k *conn) {
	if !k.served.CompareAndSwap(false, true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures, p.strangers = 0, 0
}

// setFault sets why there is no connection, or that there may be. The lock is held.
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
	for open := true; open; {
		// Room is of interest only while calls wait for it: a connection may tell of it after every call, or once
		// after ErrFull and not for each call that ends.
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
			p.lost(k)
			k.Drain() // calls under way end in their own time
			open = false
		case <-closing:
			open = false
		}
		p.client.stop(t)
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

// end cuts the connection because the client is closed, or the pool retired before any call.
func (k *conn) end() {
	k.Close(ErrClosed)
	<-k.Done()
}

// errGoaway is why a connection that has not ended takes no more calls.
var errGoaway = errors.New("the server takes no more calls on it")

// lost takes k out of the pool. The next call has another made.
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
	p.calmDown(k)
	switch {
	case k.served.Load() || time.Since(k.born) >= p.client.cfg.longLived():
		p.failures, p.strangers = 0, 0
	default:
		if p.strangers++; p.strangers >= maxStrangers {
			p.failLocked(k.born, fmt.Errorf("the connection ended before any call was answered: %w", err))
			p.kickLocked()
		}
	}
	p.dispatch()
	p.growLocked()
	p.client.changed.notify()
}

// calmDown has fewer PINGs sent on later connections if the server had too many on k. The lock is held.
func (p *pool) calmDown(k *conn) {
	if c, ok := k.ClientConn.(protocol.Complained); !ok || !c.TooManyPings() {
		return
	}
	p.slow++
	p.client.cfg.logger.Warn("the server had too many PINGs (KeepAlive); they will come at half the rate",
		"target", p.client.target.text, "address", p.target.Addr)
}

// longLived is the age from which on a connection's end says nothing about the server.
func (c *config) longLived() time.Duration {
	if c.alive.Idle > 0 {
		return min(c.connectTimeout, c.alive.Idle)
	}
	return c.connectTimeout
}

// growLocked has one more connection made than there is, if calls are in line and MaxConnections allows. The lock is
// held.
func (p *pool) growLocked() {
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

// retire is called when the instance is no longer named: calls under way go on, new ones go elsewhere.
func (p *pool) retire() {
	p.mu.Lock()
	p.retired = true
	p.cancel()
	conns := p.list.Load().conns
	p.setConns(nil)
	p.dispatch()
	p.mu.Unlock()
	for _, k := range conns {
		k.Drain()
	}
}
