package cli

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TimeoutError reports that a command's time was over.
type TimeoutError struct {
	Flag  string // that set it
	Limit time.Duration
	Doing string // what it was doing, "" if that is clear
}

// Error names the flag and its value.
func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("the time of %s %s is over", e.Flag, e.Limit)
	if e.Doing != "" {
		text = e.Doing + ": " + text
	}
	return text
}

// Unwrap returns context.DeadlineExceeded.
func (*TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// WithTimeout returns a context that ends after the time that flag sets. Without a time it never does.
func WithTimeout(ctx context.Context, flag string, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, limit, &TimeoutError{Flag: flag, Limit: limit})
}

// Ended returns the error for a context that has ended while a command was doing something: a *TimeoutError, or that it
// was interrupted.
func Ended(ctx context.Context, doing string) error {
	if over, ok := errors.AsType[*TimeoutError](context.Cause(ctx)); ok {
		return &TimeoutError{Flag: over.Flag, Limit: over.Limit, Doing: doing}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	return errors.New("interrupted")
}
