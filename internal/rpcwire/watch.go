package rpcwire

import (
	"context"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// watch ends the stream with its context and its deadline.
func (st *ClientStream) watch() {
	lapse := st.lapse
	if st.ctx.Done() != nil {
		st.stop = context.AfterFunc(st.ctx, lapse)
	}
	at, timed := st.call.Deadline()
	if !timed {
		return
	}
	st.until = at
	if own, has := st.ctx.Deadline(); st.stop == nil || !has || at.Before(own) {
		st.timer = time.AfterFunc(time.Until(at), lapse)
	}
}

// unwatch stops what watch began.
func (st *ClientStream) unwatch() {
	if st.timer != nil {
		st.timer.Stop()
	}
	if st.stop != nil {
		st.stop()
	}
}

// lapse ends the stream because its context has ended or its deadline has passed. It runs in a goroutine of its own.
func (st *ClientStream) lapse() {
	cause := ErrDeadline()
	if st.ctx.Err() != nil {
		cause = ContextError(st.ctx)
	}
	st.Reset(protocol.ResetCancel, cause)
	st.mu.Lock()
	st.lapsed = true
	notify := st.notify
	st.mu.Unlock()
	if notify != nil {
		notify()
	}
}

// Watch implements protocol.Watching.
func (st *ClientStream) Watch(ctx context.Context, c *fairlead.Call, f func()) bool {
	if ctx.Done() != st.ctx.Done() {
		return false
	}
	if at, timed := c.Deadline(); timed && (st.until.IsZero() || at.Before(st.until)) {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.notify = f; st.lapsed {
		go f()
	}
	return true
}
