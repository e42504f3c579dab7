// Package recovery turns panics of handlers, and of middleware closer to them, into errors, so that one bad request
// does not end the process.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/fairlead-go/fairlead"
)

// Option configures the middleware.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	logger *slog.Logger // nil: the site's
	errs   []error
	handle func(ctx context.Context, c *fairlead.Call, p any, stack []byte) error
}

// Logger sets where panics are logged, at error level and with their stack. Default: the logger of the server or client
// that uses the middleware, or slog.Default() if a chain is built by hand.
func Logger(l *slog.Logger) Option {
	return option(func(c *config) {
		if c.logger = l; l == nil {
			c.errs = append(c.errs, errors.New("recovery: Logger: nil"))
		}
	})
}

// Handle sets the function that makes the caller's error of the panic value p; the stack is that of the panicking
// goroutine and may be kept. f is called in the call's goroutine, after the panic was logged. If f returns nil or
// panics, the caller gets the default; a panic of f is logged.
// Default: INTERNAL with the message "internal error", because the text of a panic may be private.
func Handle(f func(ctx context.Context, c *fairlead.Call, p any, stack []byte) error) Option {
	return option(func(c *config) {
		if c.handle = f; f == nil {
			c.errs = append(c.errs, errors.New("recovery: Handle: nil"))
		}
	})
}

// New makes the middleware. It serves unary calls and streams, on servers and on clients. It recovers from panics of
// what it wraps, so it should be early in the list. A call that does not panic costs no allocation. The middleware does
// not catch panics of goroutines that a handler starts, which is impossible, or runtime.Goexit, which is not a panic.
//
// A server recovers from panics of handlers without it as well. With it, middleware that is outside of it sees an
// error, and Handle chooses the error.
func New(opts ...Option) (fairlead.Middleware, error) {
	cfg := new(config)
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("recovery: nil Option")
		}
		o.apply(cfg)
	}
	if err := errors.Join(cfg.errs...); err != nil {
		return nil, err
	}
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		cfg := *cfg
		if cfg.logger == nil {
			cfg.logger = at.Logger
		}
		if cfg.logger == nil {
			cfg.logger = slog.Default()
		}
		return func(ctx context.Context, c *fairlead.Call) (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = cfg.recovered(ctx, at, c, p)
				}
			}()
			return next(ctx, c)
		}
	}, nil
}

// recovered is called before the stack of the panic is unwound. It must not panic itself, although log handlers and
// Handle may: the panic's value can be an error whose methods panic.
func (cfg *config) recovered(ctx context.Context, at fairlead.Site, c *fairlead.Call, p any) error {
	stack := debug.Stack()
	if !cfg.log(ctx, at, c, "panic in a call", slog.Any("panic", p), stack) {
		cfg.log(ctx, at, c, "panic in a call", typeOf(p), stack)
	}
	if cfg.handle != nil {
		if err := cfg.handled(ctx, at, c, p, stack); err != nil {
			return err
		}
	}
	return fairlead.Errorf(fairlead.Internal, "internal error")
}

// log reports whether the logger took the entry. If not, the logger has panicked.
func (cfg *config) log(
	ctx context.Context, at fairlead.Site, c *fairlead.Call, message string, p slog.Attr, stack []byte,
) (ok bool) {
	defer func() { _ = recover() }()
	attrs := []slog.Attr{
		slog.String("method", c.Method().Path),
		slog.String("side", at.Side.String()),
		p,
		slog.String("stack", string(stack)),
	}
	if peer := c.Peer(); peer != nil {
		attrs = append(attrs, slog.String("peer", peer.Addr))
	}
	cfg.logger.LogAttrs(ctx, slog.LevelError, message, attrs...)
	return true
}

// handled calls the function of Handle, and returns nil if that panics.
func (cfg *config) handled(
	ctx context.Context, at fairlead.Site, c *fairlead.Call, p any, stack []byte,
) (err error) {
	defer func() {
		if again := recover(); again != nil {
			err = nil
			cfg.log(ctx, at, c, "panic in the function of recovery.Handle", typeOf(again), debug.Stack())
		}
	}()
	return cfg.handle(ctx, c, p, stack)
}

// typeOf describes the value of a panic without calling methods of the value.
func typeOf(p any) slog.Attr { return slog.String("panic", fmt.Sprintf("a value of type %T", p)) }
