// Package either has middleware for either side.
package either

import (
	"context"
	"os/signal"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/server"
)

func Deferred(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel() // want `cancel ends a client's stream as soon as it is open, .*; use c.CancelOnEnd\(cancel\)`
		return next(ctx, c)
	}
}

func InLiteral(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		defer func() { // want `cancel ends a client's stream`
			println(c.Attempt())
			cancel()
		}()
		return next(ctx, c)
	}
}

func Cause(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil) // want `cancel it with the call's OnEnd`
		return next(ctx, c)
	}
}

func Values(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	type key struct{}
	return func(ctx context.Context, c *fairlead.Call) error {
		limited, cancel := context.WithDeadline(ctx, time.Now())
		defer cancel() // want `cancel ends a client's stream`
		with := context.WithValue(limited, key{}, 1)
		return next(context.WithValue(with, key{}, 2), c)
	}
}

func Signal(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop() // want `stop ends a client's stream`
		err := next(ctx, c)
		return err
	}
}

func Sometimes(limit time.Duration) fairlead.Middleware {
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			if limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, limit)
				defer cancel() // want `cancel ends a client's stream`
			}
			return next(ctx, c)
		}
	}
}

func Around(do func(func() error) error) fairlead.Middleware {
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel() // want `cancel ends a client's stream`
			return do(func() error { return next(ctx, c) })
		}
	}
}

func Directly(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		err := next(ctx, c)
		cancel() // want `cancel ends a client's stream`
		return err
	}
}

func Attempts(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // want `cancel ends a client's stream`
		a := c.Wire().Another()
		err := next(ctx, a)
		c.Wire().Adopt(a)
		return err
	}
}

type breaker struct{ next fairlead.Handler }

func (b *breaker) handle(ctx context.Context, c *fairlead.Call) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // want `cancel ends a client's stream`
	return b.next(ctx, c)
}

func run(ctx context.Context, c *fairlead.Call, next func(context.Context, *fairlead.Call) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // want `cancel ends a client's stream`
	return next(ctx, c)
}

func onBoth(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // want `cancel ends a client's stream`
		return next(ctx, c)
	}
}

func ClientBranch(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	if at.Side == fairlead.ServerSide {
		return next
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // want `cancel ends a client's stream`
		return next(ctx, c)
	}
}

func StreamBranch(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // want `cancel ends a client's stream`
		if at.Method.Kind != fairlead.Unary {
			return next(ctx, c)
		}
		return next(ctx, c)
	}
}

var (
	_ = client.Use(onBoth, func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel() // want `cancel ends a client's stream`
			return next(ctx, c)
		}
	})
	_ = server.Use(onBoth)
)

// From here on nothing is wrong.

func OnEnd(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		c.CancelOnEnd(cancel)
		return next(ctx, c)
	}
}

func WhenItFails(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) (err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer func() {
			if err != nil {
				cancel()
			}
		}()
		return next(ctx, c)
	}
}

func AfterFailure(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithCancel(ctx)
		err := next(ctx, c)
		if err == nil {
			c.CancelOnEnd(cancel)
			return nil
		}
		cancel()
		return err
	}
}

func check(ctx context.Context, c *fairlead.Call) error { return ctx.Err() }

func Before(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := check(short, c); err != nil {
			return err
		}
		return next(ctx, c)
	}
}

func Detached(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return next(context.WithoutCancel(short), c)
	}
}

func Own(ctx context.Context, b fairlead.Binder, m *fairlead.Method) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c := fairlead.NewCall(m, nil)
	return b.Bind(m)(ctx, c)
}
