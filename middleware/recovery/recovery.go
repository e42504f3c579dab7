// Package recovery turns panics of handlers and of middleware further inside into errors, so that one bad request does
// not end the process.
package recovery

import (
	"context"
	"errors"
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
// that uses the middleware, or slog.Default() when a chain is built by hand.
func Logger(l *slog.Logger) Option {
	return option(func(c *config) {
		if c.logger = l; l == nil {
			c.errs = append(c.errs, errors.New("recovery: Logger: nil"))
		}
	})
}

// Handle has f decide what the caller gets for the panic value p; the stack is that of the panicking goroutine and may
// be kept. It runs in the call's goroutine, after the panic was logged. A nil error from f counts as the default.
// Default: INTERNAL with the message "internal error", because what a panic says may be nobody else's business.
func Handle(f func(ctx context.Context, c *fairlead.Call, p any, stack []byte) error) Option {
	return option(func(c *config) { c.handle = f })
}

// New makes the middleware. It serves unary calls and streams, on servers and on clients; what is to be caught has to
// be further inside, so it comes early in the list. A call that does not panic costs no allocation. Panics of
// goroutines that a handler starts, and runtime.Goexit, are not caught: the former cannot be, the latter is no panic.
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

// recovered is called while the stack of the panic still stands.
func (cfg *config) recovered(ctx context.Context, at fairlead.Site, c *fairlead.Call, p any) error {
	stack := debug.Stack()
	attrs := []slog.Attr{
		slog.String("method", at.Method.Path),
		slog.String("side", at.Side.String()),
		slog.Any("panic", p),
		slog.String("stack", string(stack)),
	}
	if peer := c.Peer(); peer != nil {
		attrs = append(attrs, slog.String("peer", peer.Addr))
	}
	cfg.logger.LogAttrs(ctx, slog.LevelError, "panic in a call", attrs...)
	if cfg.handle != nil {
		if err := cfg.handle(ctx, c, p, stack); err != nil {
			return err
		}
	}
	return fairlead.Errorf(fairlead.Internal, "internal error")
}
