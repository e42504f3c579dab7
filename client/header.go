package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// header is a pair of metadata that each call gets.
type header struct {
	name  string
	value func(ctx context.Context) (string, error)
}

// addHeader keeps one entry for each name, the last.
func (c *config) addHeader(h header) {
	if h.value == nil {
		c.errs = append(c.errs, fmt.Errorf("client: Header(%q) was given a nil function", h.name))
		return
	}
	h.name = strings.ToLower(h.name)
	if i := slices.IndexFunc(c.headers, func(o header) bool { return o.name == h.name }); i >= 0 {
		c.headers[i] = h
		return
	}
	c.headers = append(c.headers, h)
}

// checkHeaders returns what is wrong with the names.
func (c *config) checkHeaders() error {
	var errs []error
	checker, _ := c.protocol.(protocol.NameChecker)
	for _, h := range c.headers {
		err := errors.New("the name is empty")
		if h.name != "" {
			err = nil
			if checker != nil {
				err = checker.CheckName(h.name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("client: Header(%q): %w", h.name, err))
		}
	}
	return errors.Join(errs...)
}

// withHeaders adds the headers to each call.
func withHeaders(list []header, next fairlead.Handler) fairlead.Handler {
	if len(list) == 0 {
		return next
	}
	return func(ctx context.Context, call *fairlead.Call) error {
		if _, ok := call.Wire().Driver().(*refused); ok {
			return next(ctx, call)
		}
		md := call.RequestHeader()
		for i := range list {
			h := &list[i]
			if md.Has(h.name) {
				continue // the caller's, or an earlier attempt's
			}
			value, err := h.get(ctx, call)
			if err != nil {
				return explained(ctx, call, h.failed(call, err))
			}
			if value != "" {
				md.Append(h.name, value)
			}
		}
		return next(ctx, call)
	}
}

// get calls the function with a context that ends at the call's deadline.
func (h *header) get(ctx context.Context, call *fairlead.Call) (string, error) {
	deadline, ok := call.Deadline()
	if !ok {
		return h.value(ctx)
	}
	if own, has := ctx.Deadline(); has && !deadline.Before(own) {
		return h.value(ctx)
	}
	w := &within{Context: ctx, deadline: deadline}
	defer w.stop()
	return h.value(w)
}

// failed is the error of a call whose header could not be had.
func (h *header) failed(call *fairlead.Call, err error) error {
	code := fairlead.CodeOf(err)
	if code == fairlead.Unknown {
		code = fairlead.Unauthenticated
	}
	return fairlead.Errorf(code, "%s: header %q: %w", call.Method().Path, h.name, err).WithReach(fairlead.NotSent)
}

// within is a context that also ends at a deadline. Most functions of Header have their value at hand and do not use
// their context, so its timer is made when Done is called.
type within struct {
	context.Context //nolint:containedctx // it is a context

	deadline time.Time

	mu     sync.Mutex
	timed  context.Context //nolint:containedctx // the parent with a timer; nil: Done was not called
	cancel context.CancelFunc
}

// Deadline implements context.Context.
func (w *within) Deadline() (time.Time, bool) { return w.deadline, true }

// Done implements context.Context.
func (w *within) Done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timed == nil {
		w.timed, w.cancel = context.WithDeadline(w.Context, w.deadline)
	}
	return w.timed.Done()
}

// Err implements context.Context.
func (w *within) Err() error {
	w.mu.Lock()
	timed := w.timed
	w.mu.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if err := w.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(w.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// stop stops the timer.
func (w *within) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cancel != nil {
		w.cancel()
	}
}
