// Package app runs a process's components: it starts them in order, waits for a signal, and stops them in reverse
// order.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Component is a part of a process that starts and stops: a server, a client, a registration, a pool, a worker. A
// component may also be a Failing or a Readiness.
type Component interface {
	// Start returns when the component works, or an error if it cannot start. The context limits the start only.
	Start(ctx context.Context) error
	// Stop returns when the component has ended: in good order if possible, and soon after ctx has ended at the latest. It
	// is called once, and only after a Start without error.
	Stop(ctx context.Context) error
}

// Failing is implemented by Components that can fail after their start.
type Failing interface {
	// Failed returns a channel that delivers the error, which stops the App. It is closed if there will be none. Failed is
	// called after Start.
	Failed() <-chan error
}

// Readiness is implemented by Components that publish whether the process wants work. SetReady is called with true when
// all components have started, and with false before the first one stops.
type Readiness interface{ SetReady(ready bool) }

// App is a process's components and the order in which they start and stop.
type App struct {
	name  string
	parts []Component
	ran   atomic.Bool
}

// New makes an App. Log lines have its name. The components are in the order in which they start, and stop in reverse
// order. A component comes after those that it needs: servers after what their handlers use, such as clients, which are
// then closed when the servers have drained; a registration after the servers that it announces.
func New(name string, parts ...Component) (*App, error) {
	if name == "" {
		return nil, errors.New("app: the name is empty")
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("app: %s has no components", name)
	}
	for i, p := range parts {
		if p == nil {
			return nil, fmt.Errorf("app: component %d of %s is nil", i, name)
		}
		if w, ok := p.(*worker); ok && w.work == nil {
			return nil, fmt.Errorf("app: Worker(%q): nil function", w.name)
		}
	}
	return &App{name: name, parts: slices.Clone(parts)}, nil
}

// Name returns the App's name.
func (a *App) Name() string { return a.name }

// Run starts the components, waits until ctx ends, a signal arrives or a component fails, and stops the components. It
// returns nil if all of them worked and stopped in time, and otherwise all errors joined: of the component that could
// not start (those before it are stopped), of one that failed, and of those that did not stop in time. It can be called
// once.
//
// A second signal ends the context of the stopping components, so that they cut off what is left.
func (a *App) Run(ctx context.Context, opts ...Option) error {
	cfg, err := newConfig(opts)
	if err != nil {
		return err
	}
	if !a.ran.CompareAndSwap(false, true) {
		return fmt.Errorf("app: %s was run before", a.name)
	}
	if cfg.gcPercent != nil {
		before := debug.SetGCPercent(*cfg.gcPercent)
		defer debug.SetGCPercent(before)
	}
	signals := make(chan os.Signal, 2)
	if len(cfg.signals) > 0 {
		signal.Notify(signals, cfg.signals...)
		defer signal.Stop(signals)
	}
	r := &run{
		config: cfg,
		parts:  a.parts,
		log:    cfg.logger.With(slog.String("app", a.name)),
		failed: make(chan error, len(a.parts)),
		over:   make(chan struct{}),
	}
	return r.run(ctx, signals)
}

// run is one run of an App.
type run struct {
	*config

	parts   []Component
	started []Component
	log     *slog.Logger
	failed  chan error
	over    chan struct{} // closed when the run ends
	watches sync.WaitGroup
}

func (r *run) run(ctx context.Context, signals <-chan os.Signal) error {
	defer r.watches.Wait()
	defer close(r.over)

	// One goroutine receives the signals: the first ends running, the second ends draining.
	running, stop := context.WithCancel(ctx)
	defer stop()
	hurry := make(chan struct{})
	r.watches.Go(func() { r.listen(signals, stop, hurry) })

	err := r.start(running)
	if err == nil && len(r.started) == len(r.parts) {
		r.setReady(true)
		r.log.InfoContext(ctx, "running", "components", len(r.parts))
		err = r.wait(running)
	}
	if err = errors.Join(err, r.drain(context.WithoutCancel(ctx), hurry)); err != nil {
		r.log.ErrorContext(ctx, "stopped", "error", err)
	} else {
		r.log.InfoContext(ctx, "stopped")
	}
	return err
}

func (r *run) listen(signals <-chan os.Signal, stop context.CancelFunc, hurry chan<- struct{}) {
	for i := range 2 {
		select {
		case s := <-signals:
			if i == 0 {
				r.log.Info("stopping", "signal", s.String(), "drain_timeout", r.drainTimeout)
				stop()
			} else {
				r.log.Warn("stopping at once", "signal", s.String())
				close(hurry)
			}
		case <-r.over:
			return
		}
	}
}

// start starts the components. A signal in the meantime is not an error: the components started so far are stopped.
func (r *run) start(ctx context.Context) error {
	if err := callHooks(ctx, r.beforeStart, "before the start"); err != nil {
		return err
	}
	for _, p := range r.parts {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the run ends without a failure
		}
		begin := time.Now()
		if err := p.Start(ctx); err != nil {
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return fmt.Errorf("app: starting %s: %w", describe(p), err)
		}
		r.started = append(r.started, p)
		r.log.DebugContext(ctx, "started", "component", describe(p), "took", time.Since(begin))
		if f, ok := p.(Failing); ok {
			r.watch(p, f.Failed())
		}
	}
	return callHooks(ctx, r.afterStart, "after the start")
}

// watch ends the run with the error of a component.
func (r *run) watch(p Component, failed <-chan error) {
	r.watches.Go(func() {
		select {
		case err, ok := <-failed:
			if ok && err != nil {
				r.failed <- fmt.Errorf("app: %s failed: %w", describe(p), err)
			}
		case <-r.over:
		}
	})
}

// wait returns nil when running ends, or the error of a component that failed.
func (r *run) wait(ctx context.Context) error {
	select {
	case err := <-r.failed:
		r.log.ErrorContext(ctx, "stopping", "error", err)
		return err
	case <-ctx.Done():
		return nil
	}
}

// drain reports that the process wants no work, waits for the time of Settle, and stops the components.
func (r *run) drain(ctx context.Context, hurry <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, r.drainTimeout)
	defer cancel()
	r.watches.Go(func() {
		select {
		case <-hurry:
			cancel()
		case <-r.over:
		}
	})
	r.setReady(false)
	var errs []error
	errs = append(errs, callHooks(ctx, r.beforeStop, "before the stop"))
	if len(r.started) > 0 {
		sleep(ctx, r.settle)
	}
	for _, p := range slices.Backward(r.started) {
		begin := time.Now()
		if err := p.Stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("app: stopping %s: %w", describe(p), err))
		}
		r.log.DebugContext(ctx, "stopped", "component", describe(p), "took", time.Since(begin))
	}
	errs = append(errs, callHooks(ctx, r.afterStop, "after the stop"))
	// A component that has failed in the meantime is reported, although the run is over.
	for {
		select {
		case err := <-r.failed:
			errs = append(errs, err)
			continue
		default:
		}
		break
	}
	return errors.Join(errs...)
}

func (r *run) setReady(ready bool) {
	for _, p := range r.started {
		if x, ok := p.(Readiness); ok {
			x.SetReady(ready)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func callHooks(ctx context.Context, hooks []Hook, when string) error {
	var errs []error
	for _, h := range hooks {
		if err := h(ctx); err != nil {
			errs = append(errs, fmt.Errorf("app: hook %s: %w", when, err))
		}
	}
	return errors.Join(errs...)
}
