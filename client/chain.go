package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// method is a method as this client calls it.
type method struct {
	client *Client
	bind   protocol.Binding
	unary  bool
	oneWay bool
	chain  fairlead.Handler // the middleware of an attempt around m.onPicked; nil: there is none
}

// Bind makes the handler that calls m: once for each client and method, later calls return the same. A method that the
// protocol cannot bind, such as one whose messages the codec does not know, gets a handler that returns the reason.
func (c *Client) Bind(m *fairlead.Method) fairlead.Handler {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.bound[m]
	if h == nil {
		h = c.bindLocked(m)
		c.bound[m] = h
	}
	return h
}

func (c *Client) bindLocked(desc *fairlead.Method) fairlead.Handler {
	at := fairlead.Site{Side: fairlead.ClientSide, Method: desc, Target: c.target.text, Logger: c.cfg.usersLogger}
	m := &method{client: c, unary: desc.Kind == fairlead.Unary, oneWay: desc.OneWay}
	run := m.attempt
	bind, err := c.cfg.protocol.Bind(desc, &c.protocol)
	if m.oneWay && !m.unary {
		err = fmt.Errorf("it is one-way and %s; one-way methods are unary", desc.Kind)
	}
	if err != nil {
		err = errBind(desc, err)
		run = func(context.Context, *fairlead.Call) error { return err }
	}
	m.bind = bind
	if len(c.cfg.attempt) > 0 {
		m.chain = fairlead.Chain(at, m.onPicked, c.cfg.attempt...)
	}
	run = withHeaders(c.cfg.headers, run)
	if c.cfg.deadline == nil {
		return bounded(desc, m.handler(fairlead.Chain(at, run, c.cfg.call...)))
	}
	return bounded(desc, m.handler(c.withDeadline(at, fairlead.Chain(at, run, c.cfg.call...))))
}

// withDeadline puts the middleware of Deadline around next. A call that it refuses goes on to next as well, which
// returns the error at its end: so the middleware of Use, such as an access log, sees it. The call's driver tells
// whether the middleware has called what follows, and carries its error.
func (c *Client) withDeadline(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	passed := &driver{c.driver.protocol, c.driver.panics}
	limited := fairlead.Chain(at, func(ctx context.Context, call *fairlead.Call) error {
		call.Wire().SetDriver(passed)
		return next(ctx, call)
	}, c.cfg.deadline)
	return func(ctx context.Context, call *fairlead.Call) error {
		err := limited(ctx, call)
		if err == nil {
			return nil
		}
		if d, ok := call.Wire().Driver().(*driver); !ok || d != &c.driver {
			return err
		}
		call.Wire().SetDriver(&refused{c.driver, err})
		return next(ctx, call)
	}
}

// refused is the driver of a call that was refused before its middleware ran. What is below the middleware returns err.
type refused struct {
	driver

	err error
}

// bounded gives calls the method's timeout, if it has one.
func bounded(desc *fairlead.Method, next fairlead.Handler) fairlead.Handler {
	timeout := desc.Timeout
	if timeout <= 0 {
		return next
	}
	return func(ctx context.Context, call *fairlead.Call) error {
		call.Tighten(time.Now().Add(timeout))
		return next(ctx, call)
	}
}

// driver is the Driver of calls whose stream is not open, and of those that have none.
type driver struct {
	protocol string
	panics   *protocol.Panics
}

// Protocol implements fairlead.Driver.
func (d *driver) Protocol() string { return d.protocol }

// SendHeader implements fairlead.Driver. Only servers send one.
func (*driver) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver. There is no stream to wait for.
func (*driver) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (*driver) Draining() <-chan struct{} { return nil }

// ReportPanic implements fairlead.PanicReporter.
func (d *driver) ReportPanic(c *fairlead.Call, what string, value any) *fairlead.Error {
	return d.panics.Caught(c.Method(), what, value)
}

// handler is the outermost: it gives the call its driver, its deadline and its end. A panic of middleware, of a picker
// or of another function that the caller's goroutine calls goes on there; the call has its end all the same.
func (m *method) handler(next fairlead.Handler) fairlead.Handler {
	driver := &m.client.driver
	if m.unary {
		return func(ctx context.Context, call *fairlead.Call) error {
			call.Wire().SetDriver(driver)
			if d, ok := ctx.Deadline(); ok {
				call.Tighten(d)
			}
			returned := false
			defer func() {
				if !returned {
					left(ctx, call)
				}
			}()
			err := next(ctx, call)
			returned = true
			if err == nil && ctx.Err() != nil {
				// The response came first, but the context's owner may rely on its end.
				call.SetResponse(nil)
				err = errEnded(ctx, call, ctx.Err())
			}
			if end := call.Wire().End(ctx, err); err == nil {
				return end
			}
			return err
		}
	}
	return func(ctx context.Context, call *fairlead.Call) error {
		call.Wire().SetDriver(driver)
		if d, ok := ctx.Deadline(); ok {
			call.Tighten(d)
		}
		returned := false
		defer func() {
			if !returned {
				left(ctx, call)
			}
		}()
		err := next(ctx, call)
		returned = true
		if err == nil && call.Stream() == nil {
			err = fairlead.Errorf(fairlead.Internal, "%s: a middleware opened no stream", call.Method().Path)
		}
		if err != nil {
			_ = call.Wire().End(ctx, err) // it is err
			return err
		}
		return m.client.watchStream(ctx, call)
	}
}

// left ends a call that the caller's goroutine leaves by a panic or runtime.Goexit.
func left(ctx context.Context, call *fairlead.Call) {
	if s := call.Stream(); s != nil {
		_ = s.Close() // nobody has it
	}
	_ = call.Wire().End(ctx, fairlead.Errorf(fairlead.Internal, "%s: the call did not return", call.Method().Path))
}

// explained returns err, which ended call: with the deadline's note, if it was the deadline and there is one.
func explained(ctx context.Context, call *fairlead.Call, err error) error {
	if fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
		return err
	}
	note := call.Wire().DeadlineNote(ctx)
	if note == "" {
		return err
	}
	e := *fairlead.ErrorOf(err)
	if note = " (" + note + ")"; strings.HasSuffix(e.Message, note) {
		return err // it was explained at the end of an attempt
	}
	e.Message += note
	return &e
}

// errEnded is the error of a call whose context or deadline has ended with err.
func errEnded(ctx context.Context, call *fairlead.Call, err error) error {
	return explained(ctx, call, fairlead.Errorf(fairlead.CodeOf(err), "%s: %w", call.Method().Path, err))
}

func errBind(m *fairlead.Method, err error) error {
	code := fairlead.CodeOf(err)
	if code == fairlead.Unknown {
		code = fairlead.Internal
	}
	return fairlead.Errorf(code, "%s: %w", m.Path, err).WithReach(fairlead.NotSent)
}
