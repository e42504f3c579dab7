package app

import (
	"context"
	"errors"
	"fmt"
)

// describe returns a component's name for people: its String method's, or else its type.
func describe(p Component) string {
	if s, ok := p.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", p)
}

// Func makes a component of two functions, either of which may be nil.
func Func(name string, start, stop func(ctx context.Context) error) Component {
	return &funcs{name, start, stop}
}

type funcs struct {
	name        string
	start, stop func(ctx context.Context) error
}

func (f *funcs) String() string { return f.name }

func (f *funcs) Start(ctx context.Context) error {
	if f.start == nil {
		return nil
	}
	return f.start(ctx)
}

func (f *funcs) Stop(ctx context.Context) error {
	if f.stop == nil {
		return nil
	}
	return f.stop(ctx)
}

// Worker makes a component of a function, which is called in a goroutine of its own and works until its context ends.
// Stop cancels the context. If work returns before that, the run ends with its error, or with one that says so if it
// returned nil. A nil work is an error of New.
func Worker(name string, work func(ctx context.Context) error) Component {
	return &worker{name: name, work: work, failed: make(chan error, 1), done: make(chan struct{})}
}

type worker struct {
	name   string
	work   func(ctx context.Context) error
	cancel context.CancelFunc
	failed chan error
	done   chan struct{}
	err    error // of work; read after done
}

func (w *worker) String() string { return w.name }

// Start starts the goroutine. Its context has the values of ctx, but does not end with it.
func (w *worker) Start(ctx context.Context) error {
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(w.done)
		w.err = w.work(ctx)
		if ctx.Err() == nil {
			if w.err == nil {
				w.err = errors.New("it returned")
			}
			w.failed <- w.err
			w.err = nil // it has been reported
		}
	}()
	return nil
}

// Stop waits for the work to return.
func (w *worker) Stop(ctx context.Context) error {
	w.cancel()
	select {
	case <-w.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if errors.Is(w.err, context.Canceled) {
		return nil
	}
	return w.err
}

// Failed implements Failing.
func (w *worker) Failed() <-chan error { return w.failed }
