// Package client makes calls: it resolves a target, picks an instance, keeps connections to it and runs each attempt
// through a protocol.
//
// A call goes through the files in this order: chain.go (the chain around the whole call, made once per method),
// pick.go (an instance, and the chain around the attempt; await.go when there is no connection yet), roundtrip.go (the
// attempt and its transparent repetitions), pool.go (the connections of an instance; dial.go makes them, idle.go has
// those without a call if each carries one at a time, line.go is where calls wait for room), stream.go (the end of a
// streaming call). resolve.go and target.go find the instances. The package knows interfaces only; package preset names
// the implementations.
package client

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/protocol"
)

// ErrClosed is the cause, found by errors.Is, of calls that fail because Close was called.
var ErrClosed = errors.New("client: closed")

// Client makes calls to one target. It is the fairlead.Binder that stubs are made with, and an app.Component. Safe for
// concurrent use.
type Client struct {
	cfg      config
	protocol protocol.ClientConfig
	target   target
	resolver discovery.Resolver
	driver   driver

	state   atomic.Pointer[snapshot] // nil before the first answer of the resolver
	started atomic.Bool              // the resolver was started
	changed signal                   // what calls without a connection wait for
	refresh chan struct{}            // asks the resolver for a new look
	timers  sync.Pool                // of *time.Timer, stopped
	keeper  *protocol.Keeper

	ctx    context.Context //nolint:containedctx // the client's life, the parent of what its goroutines do
	cancel context.CancelFunc
	wg     sync.WaitGroup // all goroutines of the client

	mu     sync.Mutex
	closed bool
	bound  map[*fairlead.Method]fairlead.Handler

	update sync.Mutex // held while nodes and state change
	nodes  []*node    // of all instances, in the resolver's order
}

// New makes a client for target: "dns:///greeter:8080", "static:///10.0.0.7:8080,10.0.0.8:8080",
// "unix:///run/greeter.sock", or with any other scheme that a resolver was given for. "greeter:8080" is short for
// "dns:///greeter:8080", and "unix:/run/greeter.sock" and "unix:greeter.sock", relative to the working directory, do as
// well as "unix://". It checks the target and the options, and its error names what is wrong. It does not connect:
// the first call does, or Connect. Protocol, Dialer, Codec, Balancer and Resolver must be among the options.
func New(target string, opts ...Option) (*Client, error) {
	cfg := defaults()
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("client: nil Option")
		}
		o.apply(&cfg)
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.usersLogger = cfg.logger
	cfg.logger = protocol.ContainLogger(cfg.logger)
	cfg.panics = protocol.NewPanics(fairlead.ClientSide, cfg.usersLogger)
	t, r, err := cfg.resolve(target)
	if err != nil {
		return nil, err
	}
	if err := cfg.secure(t.host()); err != nil {
		return nil, err
	}
	c := &Client{
		cfg:      cfg,
		protocol: cfg.forProtocol(t.authority()),
		target:   t,
		resolver: r,
		driver:   driver{cfg.protocol.Name(), cfg.panics},
		refresh:  make(chan struct{}, 1),
		bound:    make(map[*fairlead.Method]fairlead.Handler),
		keeper:   protocol.NewKeeper(cfg.keep()),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Target returns the target that New was given.
func (c *Client) Target() string { return c.target.text }

// Connect resolves the target and connects to all its instances, without waiting for a call or for the end of a
// back-off. It returns nil as soon as one instance is connected, and an error if the target cannot be resolved, no
// instance can be reached, or ctx ends.
func (c *Client) Connect(ctx context.Context) error {
	c.start()
	for nudged := false; ; {
		changed := c.changed.wait()
		s := c.state.Load()
		if c.ctx.Err() != nil {
			return errClosed()
		}
		switch {
		case s == nil:
		case len(s.nodes) == 0:
			c.lookAgain()
			return s.err
		case s.anyReady(nil) != nil:
			s.connectAll(false)
			return nil
		default:
			s.connectAll(!nudged)
			nudged = true
			if err := s.allFailing(); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fairlead.ErrorOf(ctx.Err())
		case <-c.ctx.Done():
		}
	}
}

// Start is for app.App, of which a Client is a component: it begins to resolve the target and to connect, and does not
// wait for either, so that a process starts although what it calls is not there yet. It fails when the client is
// closed.
func (c *Client) Start(context.Context) error {
	if !c.spawn(func() { _ = c.Connect(c.ctx) }) { // the logger is told what fails, and calls try again
		return errClosed()
	}
	return nil
}

// Stop is Close, for app.App. Clients come before the servers whose handlers use them: they are then closed when those
// have drained.
func (c *Client) Stop(context.Context) error { return c.Close() }

// String returns what app.App calls the client in errors and logs.
func (c *Client) String() string { return "the client of " + c.target.text }

// Close closes the client. Calls under way and later calls fail with an error whose cause is ErrClosed or the
// protocol's equivalent. When Close returns, the client's goroutines have ended. It returns nil and may be called more
// than once.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.update.Lock()
	c.state.Store(&snapshot{err: errClosed()})
	c.update.Unlock()
	c.wg.Wait()
	c.keeper.Close()
	return nil
}

// spawn runs f in a goroutine that Close waits for; it returns false when the client is closed. What f waits for must
// end with c.ctx.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(func() {
		defer c.contain()
		f()
	})
	return true
}

// contain is deferred by the client's goroutines. They recover themselves from panics of what they call, such as a
// dialer, so that what gets here is a fault of a protocol. It does not end the process, except in builds that look for
// faults.
func (c *Client) contain() {
	if buffer.Poisoning {
		return
	}
	if p := recover(); p != nil {
		_ = c.cfg.panics.Caught(nil, "a goroutine of the client", p)
	}
}

// timer returns a running timer. Timers are pooled per client: those of one synctest bubble do not get into another.
func (c *Client) timer(d time.Duration) *time.Timer {
	if t, ok := c.timers.Get().(*time.Timer); ok {
		t.Reset(d)
		return t
	}
	return time.NewTimer(d)
}

// stop stops a timer and gives it back. t may be nil.
func (c *Client) stop(t *time.Timer) {
	if t != nil {
		t.Stop()
		c.timers.Put(t)
	}
}

func errClosed() *fairlead.Error {
	return fairlead.Errorf(fairlead.Canceled, "%w", ErrClosed).WithReach(fairlead.NotSent)
}

// signal wakes any number of goroutines when something has changed. The zero value is ready for use.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns a channel that the next notify closes. Callers look at what may change after wait, not before.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
