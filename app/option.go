package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"time"
)

// Option changes how an App is run.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Hook is called at one point of a run. Its error counts like that of a component.
type Hook func(ctx context.Context) error

type config struct {
	logger       *slog.Logger
	drainTimeout time.Duration
	settle       time.Duration
	signals      []os.Signal
	gcPercent    *int

	beforeStart, afterStart, beforeStop, afterStop []Hook
}

// Logger sets the logger of starts and stops. Default: slog.Default() when Run is called.
func Logger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }

// DrainTimeout sets the time that all components together have to stop. After that their context ends, and they cut off
// what is left. It should be less than what the process's supervisor allows. Default: 30 s.
func DrainTimeout(d time.Duration) Option { return option(func(c *config) { c.drainTimeout = d }) }

// Settle sets the time between reporting that no work is wanted (Readiness, the hooks of BeforeStop) and stopping the
// first component, for load balancers and clients to notice. It is a part of the drain timeout. Default: 0.
func Settle(d time.Duration) Option { return option(func(c *config) { c.settle = d }) }

// Signals sets the signals that end the run. Without any, signals are not handled. Default: SIGTERM and SIGINT.
func Signals(s ...os.Signal) Option { return option(func(c *config) { c.signals = s }) }

// GCPercent sets the garbage collector's percentage while the App runs, for the whole process, like debug.SetGCPercent.
// Small services with many short-lived messages gain throughput from 200 to 400, at the price of that much memory.
// Default: the process's own, GOGC.
func GCPercent(percent int) Option { return option(func(c *config) { c.gcPercent = &percent }) }

// BeforeStart adds hooks that run before the first component starts. An error ends the run.
func BeforeStart(h ...Hook) Option {
	return option(func(c *config) { c.beforeStart = append(c.beforeStart, h...) })
}

// AfterStart adds hooks that run when all components have started, before the process is ready. An error ends the run.
func AfterStart(h ...Hook) Option {
	return option(func(c *config) { c.afterStart = append(c.afterStart, h...) })
}

// BeforeStop adds hooks that run before the first component stops, when the process is no longer ready.
func BeforeStop(h ...Hook) Option {
	return option(func(c *config) { c.beforeStop = append(c.beforeStop, h...) })
}

// AfterStop adds hooks that run when all components have stopped.
func AfterStop(h ...Hook) Option {
	return option(func(c *config) { c.afterStop = append(c.afterStop, h...) })
}

func newConfig(opts []Option) (*config, error) {
	c := &config{
		logger:       slog.Default(),
		drainTimeout: 30 * time.Second,
		signals:      []os.Signal{syscall.SIGTERM, os.Interrupt},
	}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("app: nil Option")
		}
		o.apply(c)
	}
	var errs []error
	if c.logger == nil {
		errs = append(errs, errors.New("app: Logger: nil"))
	}
	if c.drainTimeout <= 0 {
		errs = append(errs, fmt.Errorf("app: DrainTimeout: %v is not positive", c.drainTimeout))
	}
	if c.settle < 0 || c.settle >= c.drainTimeout && c.settle > 0 {
		errs = append(errs, fmt.Errorf("app: Settle: %v is negative, or not less than the DrainTimeout of %v",
			c.settle, c.drainTimeout))
	}
	if c.gcPercent != nil && *c.gcPercent < 1 {
		errs = append(errs, fmt.Errorf("app: GCPercent: %d is not positive", *c.gcPercent))
	}
	if slices.Contains(c.signals, nil) {
		errs = append(errs, errors.New("app: Signals: nil"))
	}
	for _, list := range [][]Hook{c.beforeStart, c.afterStart, c.beforeStop, c.afterStop} {
		for _, h := range list {
			if h == nil {
				errs = append(errs, errors.New("app: nil Hook"))
			}
		}
	}
	return c, errors.Join(errs...)
}
