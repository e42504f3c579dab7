// Package server has middleware of which can be seen that no client's stream comes to it.
package server

import (
	"context"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/server"
)

func Before(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	if at.Side == fairlead.ClientSide {
		return next
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return next(ctx, c)
	}
}

func Within(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		if c.Side() == fairlead.ServerSide && at.Method.Timeout > 0 {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return next(ctx, c)
		}
		return next(ctx, c)
	}
}

func Else(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	if fairlead.ClientSide == at.Side {
		return next
	} else {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return next(ctx, c)
		}
	}
}

func Unary(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	unary := at.Method.Kind == fairlead.Unary
	if !unary {
		return next
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return next(ctx, c)
	}
}

func Streams(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	if at.Method.Kind.ClientStreams() || at.Method.Kind.ServerStreams() {
		return next
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return next(ctx, c)
	}
}

func Switch(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	switch {
	case at.Side == fairlead.ServerSide:
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return next(ctx, c)
		}
	default:
		return next
	}
}

func Host(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if c.Authority() == "" {
			return fairlead.Errorf(fairlead.InvalidArgument, "no host")
		}
		return next(ctx, c)
	}
}

func used(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return next(ctx, c)
	}
}

func made(d time.Duration) (fairlead.Middleware, error) {
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			return next(ctx, c)
		}
	}, nil
}

func Options(impl *fairlead.Implementation) ([]server.Option, error) {
	mw, err := made(time.Second)
	if err != nil {
		return nil, err
	}
	local := func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return next(ctx, c)
		}
	}
	return []server.Option{
		server.Use(used, mw),
		server.Service(fairlead.Wrap(impl, local)),
		server.Use(func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				return next(ctx, c)
			}
		}),
	}, nil
}
