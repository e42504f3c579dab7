package timeout

import (
	"context"
	"time"

	"github.com/fairlead-go/fairlead"
)

// Option configures the middleware.
type Option interface{ apply(p *Policy) }

type option func(*Policy)

func (o option) apply(p *Policy) { o(p) }

// Default sets the time of calls for which nothing else sets any, neither caller, context, method nor an inbound call.
// Default: 0, none, so that such calls may take for ever.
func Default(d time.Duration) Option { return option(func(p *Policy) { p.Default = d }) }

// Least has calls with that much time left, or less, fail at once with DEADLINE_EXCEEDED: their answer could not arrive
// in time. Default: 0, which refuses those whose deadline has passed.
func Least(d time.Duration) Option { return option(func(p *Policy) { p.Least = d }) }

// Share makes the middleware, for clients and servers.
//
// On a client a call's deadline becomes the earliest of the context's, the caller's (fairlead.WithTimeout), the
// method's timeout and, when the call is made on behalf of an inbound one, share times what that has left: 1 passes all
// of it on. It makes no timer and no context, and costs no allocation. It belongs among the middleware of the call, not
// of the attempt.
//
// On a server it refuses calls whose deadline has passed before their handler would run, and gives those without a
// deadline the method's timeout or else the default.
func Share(share float64, opts ...Option) (fairlead.Middleware, error) {
	p := &Policy{Share: share}
	for _, o := range opts {
		o.apply(p)
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		method := at.Method
		if at.Side == fairlead.ServerSide {
			return func(ctx context.Context, c *fairlead.Call) error {
				now := time.Now()
				own, _ := c.Deadline()
				if err := p.bound(c, now, p.Inbound(now, own, method.Timeout)); err != nil {
					return err
				}
				return next(ctx, c)
			}
		}
		return func(ctx context.Context, c *fairlead.Call) error {
			now := time.Now()
			own, inbound := known(ctx, c)
			if err := p.bound(c, now, p.Outgoing(now, own, inbound, method.Timeout)); err != nil {
				return err
			}
			return next(ctx, c)
		}
	}, nil
}

// bound gives c the deadline, or returns the error of a call that is too late.
func (p *Policy) bound(c *fairlead.Call, now, deadline time.Time) error {
	if p.Late(now, deadline) {
		return fairlead.Errorf(fairlead.DeadlineExceeded, "%s: too late to begin: %w", c.Method().Path,
			context.DeadlineExceeded).WithReach(fairlead.NotSent)
	}
	if !deadline.IsZero() {
		c.Tighten(deadline)
	}
	return nil
}

// known returns the deadline that caller and context set, and the inbound call's.
func known(ctx context.Context, c *fairlead.Call) (own, inbound time.Time) {
	own, _ = c.Deadline()
	if t, ok := ctx.Deadline(); ok {
		own = earlier(own, t)
	}
	if in := fairlead.CallFrom(ctx); in != nil {
		inbound, _ = in.Deadline()
	}
	return own, inbound
}
