package fairlead

import (
	"context"
	"errors"
	"sync"
	"time"
)

// callState is the context half of a server's call.
type callState struct {
	parent context.Context //nolint:containedctx // this is a context's own parent

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*func()]struct{}
	timer *time.Timer
}

// callContext gives a Call the methods of a context. It is the Call itself, so that it costs nothing to make, and it
// has AfterFunc, without which package context spends a goroutine on each context derived from it.
type callContext Call

// callKey is the key under which a server's call finds itself.
type callKey struct{}

// closed is what Done returns for calls that ended before anybody asked.
//
//nolint:gochecknoglobals // read-only
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Context is the context that a server's call runs in; it ends when the call ends, the peer gives it up, or the
// deadline passes. Client side calls have none of their own.
func (c *Call) Context() context.Context { return (*callContext)(c) }

// CallFrom returns the server's call that ctx belongs to, nil when there is none. In a client's middleware that is the
// inbound call on whose behalf the outbound one is made; the outbound call is the middleware's parameter.
func CallFrom(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Cancel ends the context of a server's call, but not the call. The context's Err is context.DeadlineExceeded if err
// is that, and context.Canceled otherwise, since users of a context expect no third. Only the first Cancel counts.
func (w *WireCall) Cancel(err error) {
	s := &w.ctx
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = context.Canceled
	if err != context.Canceled && errors.Is(err, context.DeadlineExceeded) { //nolint:errorlint // the usual case first
		s.err = context.DeadlineExceeded
	}
	if s.done != nil {
		close(s.done)
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	after := s.after
	s.after = nil
	s.mu.Unlock()
	for f := range after {
		go (*f)()
	}
}

// Deadline implements context.Context.
func (x *callContext) Deadline() (time.Time, bool) { return x.deadline, !x.deadline.IsZero() }

// Value implements context.Context: CallFrom's key, then the connection's values.
func (x *callContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return (*Call)(x)
	}
	if x.ctx.parent == nil {
		return nil
	}
	return x.ctx.parent.Value(key)
}

// Done implements context.Context. Channel and timer are made at the first use.
func (x *callContext) Done() <-chan struct{} {
	s := &x.ctx
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		if s.err != nil {
			s.done = closed
			return closed
		}
		s.done = make(chan struct{})
		x.arm()
	}
	return s.done
}

// Err implements context.Context. It looks at the clock, since the timer may not have been made.
func (x *callContext) Err() error {
	s := &x.ctx
	s.mu.Lock()
	err := s.err
	late := err == nil && !x.deadline.IsZero() && !time.Now().Before(x.deadline)
	s.mu.Unlock()
	if late {
		(*WireCall)(x).Cancel(context.DeadlineExceeded)
		s.mu.Lock()
		err = s.err // another end may have come first
		s.mu.Unlock()
	}
	return err
}

// AfterFunc lets context.WithCancel and context.AfterFunc attach without a goroutine.
func (x *callContext) AfterFunc(f func()) (stop func() bool) {
	s := &x.ctx
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		go f()
		return func() bool { return false }
	}
	x.arm()
	if s.after == nil {
		s.after = make(map[*func()]struct{})
	}
	key := &f
	s.after[key] = struct{}{}
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, ok := s.after[key]
		delete(s.after, key)
		return ok
	}
}

// arm starts the deadline's timer, once; the lock is held.
func (x *callContext) arm() {
	if x.ctx.timer == nil && !x.deadline.IsZero() {
		x.ctx.timer = time.AfterFunc(time.Until(x.deadline), func() { (*WireCall)(x).Cancel(context.DeadlineExceeded) })
	}
}
