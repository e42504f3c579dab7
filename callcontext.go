package fairlead

import (
	"context"
	"errors"
	"sync"
	"time"
)

// callContext is a server's call together with its context. It is one allocation, and it has AfterFunc, without which
// package context starts a goroutine for each context derived from it.
type callContext struct {
	call Call

	parent    context.Context //nolint:containedctx // this is a context's own parent
	authority string
	userAgent string

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*func()]struct{}
	timer *time.Timer
}

// callKey is the key of a server's call among the values of its context.
type callKey struct{}

// closed is what Done returns for a call that ended before the first Done.
//
//nolint:gochecknoglobals // read-only
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Context returns the context that a server's call runs in. It ends when the call ends, the peer cancels it, or the
// deadline passes. A client's call has no context of its own: Context returns context.Background then.
func (c *Call) Context() context.Context {
	if c.ctx == nil {
		return context.Background()
	}
	return c.ctx
}

// CallFrom returns the server's call that ctx belongs to, nil if there is none. In a client's middleware that is the
// inbound call, on whose behalf the outbound call is made; the outbound call is the middleware's parameter.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Cancel ends the context of a server's call, but not the call. The context's Err is context.DeadlineExceeded if err
// is that or the call's deadline has passed, and context.Canceled otherwise, since users of a context expect no third:
// a caller that resets a call because its time is over may come before the timer. Only the first Cancel counts. It does
// nothing to a client's call.
func (w *WireCall) Cancel(err error) {
	if w.ctx != nil {
		w.ctx.cancel(err)
	}
}

func (x *callContext) cancel(err error) {
	x.mu.Lock()
	if x.err != nil {
		x.mu.Unlock()
		return
	}
	x.err = context.Canceled
	if err != context.Canceled && errors.Is(err, context.DeadlineExceeded) || //nolint:errorlint // the usual case first
		!x.call.ended.Load() && x.late() {
		x.err = context.DeadlineExceeded
	}
	if x.done != nil {
		close(x.done)
	}
	if x.timer != nil {
		x.timer.Stop()
	}
	after := x.after
	x.after = nil
	x.mu.Unlock()
	for f := range after {
		go (*f)()
	}
}

// Deadline implements context.Context.
func (x *callContext) Deadline() (time.Time, bool) { return x.call.Deadline() }

// Value implements context.Context: it returns the call for CallFrom's key, and the connection's values for others.
func (x *callContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return &x.call
	}
	if x.parent == nil {
		return nil
	}
	return x.parent.Value(key)
}

// Done implements context.Context. Channel and timer are made at the first use.
func (x *callContext) Done() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done == nil {
		if x.err != nil {
			x.done = closed
			return closed
		}
		x.done = make(chan struct{})
		x.arm()
	}
	return x.done
}

// Err implements context.Context. It looks at the clock, since there may be no timer.
func (x *callContext) Err() error {
	x.mu.Lock()
	err := x.err
	late := err == nil && x.late()
	x.mu.Unlock()
	if late {
		x.cancel(context.DeadlineExceeded)
		x.mu.Lock()
		err = x.err // another end may have come first
		x.mu.Unlock()
	}
	return err
}

// AfterFunc lets package context derive contexts from this one without a goroutine.
func (x *callContext) AfterFunc(f func()) (stop func() bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		go f()
		return func() bool { return false }
	}
	x.arm()
	if x.after == nil {
		x.after = make(map[*func()]struct{})
	}
	key := &f
	x.after[key] = struct{}{}
	return func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		_, ok := x.after[key]
		delete(x.after, key)
		return ok
	}
}

// late reports whether the deadline has passed; x.mu is held.
func (x *callContext) late() bool {
	return !x.call.deadline.IsZero() && !time.Now().Before(x.call.deadline)
}

// tighten brings the deadline forward to t, if it is later; note is the deadline's.
func (x *callContext) tighten(t time.Time, note DeadlineNote) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.call.setEarlier(t, note) {
		return
	}
	if x.timer != nil {
		x.timer.Reset(time.Until(t))
	} else if x.done != nil || len(x.after) > 0 {
		x.arm()
	}
}

// arm starts the deadline's timer, once; x.mu is held.
func (x *callContext) arm() {
	if x.timer == nil && !x.call.deadline.IsZero() {
		x.timer = time.AfterFunc(time.Until(x.call.deadline), func() { x.cancel(context.DeadlineExceeded) })
	}
}
