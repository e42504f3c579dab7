package timeout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead-go/fairlead"
)

// Option configures the middleware.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	Policy

	keepSet bool
	name    string
	note    fairlead.DeadlineNote // made once, so that calls do not allocate it
}

// Default sets the time for calls that get no deadline from caller, context, method or inbound call. Default: 0, no
// limit.
func Default(d time.Duration) Option { return option(func(c *config) { c.Default = d }) }

// Keep sets the least time that an inbound call keeps for itself, out of its time left. Default: 1 ms, or 0 if the
// share is 1.
func Keep(d time.Duration) Option { return option(func(c *config) { c.Keep, c.keepSet = d, true }) }

// Least makes calls fail at once with DEADLINE_EXCEEDED if they have that much time left or less: their response could
// not arrive in time. Default: 0, which refuses calls whose deadline has passed.
func Least(d time.Duration) Option { return option(func(c *config) { c.Least = d }) }

// Named sets the name that errors use for what set the share: an option of a package that makes this middleware.
// Default: "timeout.Share".
func Named(name string) Option { return option(func(c *config) { c.name = name }) }

// Share makes the middleware, for clients and servers.
//
// On a client the deadline of a call becomes the earliest of the context's, the caller's (fairlead.WithTimeout), the
// method's timeout and, if the call is made on behalf of an inbound call, share times the time that the inbound call
// has left; a share of 1 is all of it. A call is made on behalf of an inbound call if its context is the inbound
// call's, or derived from it with its deadline: a context detached by context.WithoutCancel has all its own time. The
// middleware makes no timer and no context, and does not allocate. It is for client.Deadline. It also works as a
// middleware of the call; of several the shortest time counts.
//
// The error of a call that was cut by its share explains it.
//
// On a server the middleware refuses calls whose deadline has passed before their handler would run, and gives calls
// without a deadline the method's timeout, or else the default.
func Share(share float64, opts ...Option) (fairlead.Middleware, error) {
	cfg := &config{Policy: Policy{Share: share}, name: "timeout.Share"}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("timeout: nil Option")
		}
		o.apply(cfg)
	}
	if !cfg.keepSet && share < 1 {
		cfg.Keep = DefaultKeep
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.name == "" {
		return nil, errors.New("timeout: Named: the name is empty")
	}
	cfg.note = cfg.explain
	return cfg.wrap, nil
}

func (cfg *config) wrap(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	method := at.Method
	if at.Side == fairlead.ServerSide {
		return func(ctx context.Context, c *fairlead.Call) error {
			now := time.Now()
			own, _ := c.Deadline()
			if err := cfg.bound(ctx, c, now, cfg.Inbound(now, own, method.Timeout), nil); err != nil {
				return err
			}
			return next(ctx, c)
		}
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		now := time.Now()
		own, inbound := deadlines(ctx, c)
		deadline, cut := cfg.Outgoing(now, own, inbound, method.Timeout)
		var note fairlead.DeadlineNote
		if cut {
			note = cfg.note
		}
		if err := cfg.bound(ctx, c, now, deadline, note); err != nil {
			return err
		}
		return next(ctx, c)
	}
}

// bound sets the deadline of c, or returns the error of a call that is too late.
func (cfg *config) bound(
	ctx context.Context, c *fairlead.Call, now, deadline time.Time, note fairlead.DeadlineNote,
) error {
	if deadline.IsZero() {
		return nil
	}
	c.TightenFor(deadline, note)
	if !cfg.Late(now, deadline) {
		return nil
	}
	why := ""
	if note != nil {
		why = " (" + note(ctx, c) + ")"
	}
	return fairlead.Errorf(fairlead.DeadlineExceeded, "%s: too late to begin: %w%s", c.Method().Path,
		context.DeadlineExceeded, why).WithReach(fairlead.NotSent)
}

// explain is the note of a deadline that is a share.
func (cfg *config) explain(ctx context.Context, c *fairlead.Call) string {
	why := fmt.Sprintf("%s gives a call %v of its caller's time", cfg.name, cfg.Share)
	own, _ := c.Deadline()
	if in := fairlead.CallFrom(ctx); in != nil {
		if t, ok := in.Deadline(); ok {
			return fmt.Sprintf("its deadline was %s before its caller's of %s: %s", t.Sub(own).Round(time.Microsecond),
				t.UTC().Format("2006-01-02T15:04:05.000Z"), why)
		}
	}
	return why
}

// deadlines returns the deadline set by caller and context, and the inbound call's. A context that ends later than the
// inbound call, or never, was detached from it: the call is not made on its behalf.
func deadlines(ctx context.Context, c *fairlead.Call) (own, inbound time.Time) {
	own, _ = c.Deadline()
	ends, ok := ctx.Deadline()
	if !ok {
		return own, inbound
	}
	own = earlier(own, ends)
	if in := fairlead.CallFrom(ctx); in != nil {
		if t, ok := in.Deadline(); ok && !ends.After(t) {
			inbound = t
		}
	}
	return own, inbound
}
