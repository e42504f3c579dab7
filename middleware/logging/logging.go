// Package logging writes a line for each call when it has ended.
package logging

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/fairlead-go/fairlead"
)

// Level returns the level at which an outcome is logged.
type Level func(at fairlead.Site, code fairlead.Code) slog.Level

// Option configures the middleware.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	level   Level
	message string
}

// Levels sets the function that chooses the level by site and code. f is called when a chain is built, once for each
// code, and not per call. Default: DefaultLevel.
func Levels(f Level) Option { return option(func(c *config) { c.level = f }) }

// Message sets the line's message. Default: "call".
func Message(m string) Option { return option(func(c *config) { c.message = m }) }

// DefaultLevel logs success at debug level, outcomes that the caller caused (a bad argument, a missing right,
// cancellation) at info, those that mean overload or a temporary fault (UNAVAILABLE, RESOURCE_EXHAUSTED,
// DEADLINE_EXCEEDED, ABORTED) at warn, and those that mean a fault of the program (UNKNOWN, INTERNAL, DATA_LOSS,
// UNIMPLEMENTED on the client's side) at error.
func DefaultLevel(at fairlead.Site, code fairlead.Code) slog.Level {
	switch code {
	case fairlead.OK:
		return slog.LevelDebug
	case fairlead.Canceled, fairlead.InvalidArgument, fairlead.NotFound, fairlead.AlreadyExists,
		fairlead.PermissionDenied, fairlead.FailedPrecondition, fairlead.OutOfRange, fairlead.Unauthenticated:
		return slog.LevelInfo
	case fairlead.Unavailable, fairlead.ResourceExhausted, fairlead.DeadlineExceeded, fairlead.Aborted:
		return slog.LevelWarn
	case fairlead.Unimplemented:
		if at.Side == fairlead.ServerSide {
			return slog.LevelInfo // any client may ask a server for what it does not have
		}
	case fairlead.Unknown, fairlead.Internal, fairlead.DataLoss:
	}
	return slog.LevelError
}

// codes is the number of codes that have a level of their own; unknown numbers are logged as Unknown.
const codes = int(fairlead.Unauthenticated) + 1

// New makes the middleware, which logs to l. If l is nil it logs to the logger of the server or client that uses it
// (fairlead.Site's Logger), or to slog.Default() if a chain is built by hand. It serves unary calls and streams, on
// servers and clients, and writes its line when the call is over: for a stream that is when the last message or the
// error was received, not when the stream opened. The line has method, kind, side, peer, code, took and, for failures,
// error. A call whose level is not enabled costs no allocation.
func New(l *slog.Logger, opts ...Option) (fairlead.Middleware, error) {
	cfg := &config{level: DefaultLevel, message: "call"}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("logging: nil Option")
		}
		o.apply(cfg)
	}
	switch {
	case cfg.level == nil:
		return nil, errors.New("logging: Levels: nil")
	case cfg.message == "":
		return nil, errors.New("logging: Message: it is empty")
	}
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		s := newSite(cmp.Or(l, at.Logger, slog.Default()), cfg, at)
		end := s.end // made once, so that OnEnd does not allocate
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(end)
			return next(ctx, c)
		}
	}, nil
}

// site is what is known of a method when its chain is built.
type site struct {
	logger  *slog.Logger
	message string
	levels  [codes]slog.Level
	path    string
	method  slog.Attr
	kind    slog.Attr
	side    slog.Attr
}

func newSite(l *slog.Logger, cfg *config, at fairlead.Site) *site {
	s := &site{
		logger:  l,
		message: cfg.message,
		path:    at.Method.Path,
		method:  slog.String("method", at.Method.Path),
		kind:    slog.String("kind", at.Method.Kind.String()),
		side:    slog.String("side", at.Side.String()),
	}
	for code := range s.levels {
		s.levels[code] = cfg.level(at, fairlead.Code(code))
	}
	return s
}

// end is the site's fairlead.EndFunc.
func (s *site) end(ctx context.Context, c *fairlead.Call, err error) {
	code := fairlead.OK
	if err != nil {
		code = fairlead.CodeOf(err)
	}
	level := s.levels[fairlead.Unknown]
	if int(code) < codes {
		level = s.levels[code]
	}
	if s.logger.Enabled(ctx, level) {
		s.write(ctx, level, c, code, err)
	}
}

func (s *site) write(ctx context.Context, level slog.Level, c *fairlead.Call, code fairlead.Code, err error) {
	peer := ""
	if p := c.Peer(); p != nil {
		peer = p.Addr
	}
	method := s.method
	if path := c.Method().Path; path != s.path { // behind a server's fallback
		method = slog.String("method", path)
	}
	attrs := [...]slog.Attr{
		method, s.kind, s.side,
		slog.String("peer", peer),
		slog.String("code", code.String()),
		slog.Duration("took", c.Elapsed()),
		{}, {},
	}
	n := len(attrs) - 2
	if err != nil {
		attrs[n] = slog.String("error", err.Error())
		n++
	}
	if at := c.Attempt(); at > 0 {
		attrs[n] = slog.Int("attempt", at)
		n++
	}
	s.logger.LogAttrs(ctx, level, s.message, attrs[:n]...)
}
