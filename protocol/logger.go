package protocol

import (
	"context"
	"log/slog"
)

// ContainLogger returns a logger like l that recovers from panics of its handler: a log call of the framework's
// goroutines must not end the process. The entry is lost then.
func ContainLogger(l *slog.Logger) *slog.Logger { return slog.New(contained{l.Handler()}) }

// contained is a slog.Handler that recovers from the panics of another.
type contained struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h contained) Enabled(ctx context.Context, level slog.Level) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return h.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h contained) Handle(ctx context.Context, r slog.Record) error {
	defer func() { _ = recover() }()
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h contained) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func() slog.Handler { return h.Handler.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h contained) WithGroup(name string) slog.Handler {
	return h.with(func() slog.Handler { return h.Handler.WithGroup(name) })
}

// with returns the handler that f makes, or h if f panics.
func (h contained) with(f func() slog.Handler) (made slog.Handler) {
	defer func() {
		if recover() != nil {
			made = h
		}
	}()
	return contained{f()}
}
