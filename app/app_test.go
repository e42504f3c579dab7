package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// diary notes what happens, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, lines) {
		t.Errorf("got %q, want %q", d.lines, lines)
	}
}

// part is a component that notes what it is told.
type part struct {
	name     string
	diary    *diary
	startErr error
	stopErr  error
	stopping func(ctx context.Context) // during Stop
	failed   chan error
}

func (p *part) String() string { return p.name }

func (p *part) Start(context.Context) error {
	p.diary.note("start " + p.name)
	return p.startErr
}

func (p *part) Stop(ctx context.Context) error {
	if p.stopping != nil {
		p.stopping(ctx)
	}
	p.diary.note("stop " + p.name)
	if p.stopErr != nil {
		return p.stopErr
	}
	return ctx.Err()
}

func (p *part) Failed() <-chan error { return p.failed }

// ready is a part that is told about readiness.
type ready struct{ part }

func (p *ready) SetReady(yes bool) {
	p.diary.note(p.name + map[bool]string{true: " ready", false: " unready"}[yes])
}

func quietly() Option { return Logger(slog.New(slog.DiscardHandler)) }

func newApp(t *testing.T, parts ...Component) *App {
	t.Helper()
	a, err := New("test", parts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(diary)
		hook := func(name string) Hook {
			return func(context.Context) error { d.note(name); return nil }
		}
		a := newApp(t, &ready{part{name: "health", diary: d}}, &part{name: "db", diary: d}, &part{name: "server", diary: d})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() {
			result <- a.Run(ctx, quietly(), Signals(), Settle(5*time.Second), BeforeStart(hook("before start")),
				AfterStart(hook("after start")), BeforeStop(hook("before stop")), AfterStop(hook("after stop")))
		}()
		synctest.Wait()
		d.want(t, "before start", "start health", "start db", "start server", "after start", "health ready")
		d.lines = nil
		begin := time.Now()
		cancel()
		if err := <-result; err != nil {
			t.Errorf("got %v, want nil", err)
		}
		d.want(t, "health unready", "before stop", "stop server", "stop db", "stop health", "after stop")
		if got := time.Since(begin); got != 5*time.Second {
			t.Errorf("stopped after %v, want the 5s to settle", got)
		}
		if err := a.Run(ctx, quietly()); err == nil {
			t.Error("a second Run: got no error")
		}
	})
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	d := new(diary)
	failure, second := errors.New("no route"), errors.New("does not stop")
	a := newApp(t, &part{name: "a", diary: d}, &part{name: "b", diary: d, stopErr: second},
		&part{name: "c", diary: d, startErr: failure}, &part{name: "d", diary: d})
	err := a.Run(t.Context(), quietly(), Signals())
	if !errors.Is(err, failure) || !errors.Is(err, second) || !strings.Contains(err.Error(), "starting c") ||
		!strings.Contains(err.Error(), "stopping b") {
		t.Errorf("got %v, want both failures and their components", err)
	}
	d.want(t, "start a", "start b", "start c", "stop b", "stop a")
}

func TestHookFails(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	bad := func(context.Context) error { return failure }
	for name, tt := range map[string]struct {
		opt  Option
		want []string
	}{
		"before start": {BeforeStart(bad), nil},
		"after start":  {AfterStart(bad), []string{"start a", "stop a"}},
	} {
		d := new(diary)
		err := newApp(t, &part{name: "a", diary: d}).Run(t.Context(), quietly(), Signals(), tt.opt)
		if !errors.Is(err, failure) {
			t.Errorf("%s: got %v, want %v", name, err, failure)
		}
		d.want(t, tt.want...)
	}
}

func TestComponentFails(t *testing.T) {
	t.Parallel()
	d := new(diary)
	failure := errors.New("listener broke")
	p := &part{name: "server", diary: d, failed: make(chan error, 1)}
	p.failed <- failure
	err := newApp(t, &part{name: "db", diary: d}, p).Run(t.Context(), quietly(), Signals())
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "server failed") {
		t.Errorf("got %v, want %v", err, failure)
	}
	d.want(t, "start db", "start server", "stop server", "stop db")
}

func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := new(diary)
		ctx, cancel := context.WithCancel(t.Context())
		cancel2 := AfterStart(func(context.Context) error { cancel(); return nil })
		slow := &part{name: "slow", diary: d, stopping: func(ctx context.Context) { <-ctx.Done() }}
		begin := time.Now()
		err := newApp(t, &part{name: "other", diary: d}, slow).Run(ctx, quietly(), Signals(), cancel2,
			DrainTimeout(7*time.Second))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopping slow") {
			t.Errorf("got %v, want the slow component's context.DeadlineExceeded", err)
		}
		if got := time.Since(begin); got != 7*time.Second {
			t.Errorf("took %v, want 7s", got)
		}
		d.want(t, "start other", "start slow", "stop slow", "stop other")
	})
}

func TestSignals(t *testing.T) { //nolint:paralleltest // it sends signals to the process
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	kill := func() {
		if err := self.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
	}
	t.Run("one", func(t *testing.T) {
		d := new(diary)
		err := newApp(t, &part{name: "a", diary: d}).Run(t.Context(), quietly(),
			AfterStart(func(context.Context) error { kill(); return nil }))
		if err != nil {
			t.Errorf("got %v, want nil", err)
		}
		d.want(t, "start a", "stop a")
	})
	t.Run("two", func(t *testing.T) {
		d := new(diary)
		a := &part{name: "a", diary: d, stopping: func(ctx context.Context) { kill(); <-ctx.Done() }}
		err := newApp(t, a).Run(t.Context(), quietly(), DrainTimeout(time.Hour),
			AfterStart(func(context.Context) error { kill(); return nil }))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("while starting", func(t *testing.T) {
		d := new(diary)
		slow := Func("slow", func(ctx context.Context) error {
			kill()
			<-ctx.Done()
			return ctx.Err()
		}, func(context.Context) error {
			t.Error("stopped without having started")
			return nil
		})
		a := newApp(t, &ready{part{name: "a", diary: d}}, slow, &part{name: "b", diary: d})
		if err := a.Run(t.Context(), quietly()); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		d.want(t, "start a", "a unready", "stop a")
	})
}

func TestWorker(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	tests := []struct {
		name string
		work func(ctx context.Context) error
		want error // nil: none
		text string
	}{
		{"until it is stopped", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, nil, ""},
		{"quietly", func(ctx context.Context) error { <-ctx.Done(); return nil }, nil, ""},
		{"an error at the end", func(ctx context.Context) error { <-ctx.Done(); return failure }, failure, "stopping work"},
		{"an error before", func(context.Context) error { return failure }, failure, "work failed"},
		{"returning", func(context.Context) error { return nil }, nil, "it returned"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
				defer cancel()
				err := newApp(t, Worker("work", tt.work)).Run(ctx, quietly(), Signals())
				if tt.want != nil && !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil && tt.text == "") {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if err != nil && (!strings.Contains(err.Error(), tt.text) || strings.Count(err.Error(), "\n") > 0) {
					t.Errorf("got %q, want %q in it and nothing else", err, tt.text)
				}
			})
		})
	}
	t.Run("one that does not stop", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := Worker("work", func(context.Context) error { <-release; return nil })
		if err := w.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.Stop(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		close(release)
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	if _, err := New("", Func("a", nil, nil)); err == nil {
		t.Error("no name: got no error")
	}
	if _, err := New("test"); err == nil {
		t.Error("no components: got no error")
	}
	if _, err := New("test", nil); err == nil {
		t.Error("a nil component: got no error")
	}
	if _, err := New("test", Worker("reports", nil)); err == nil || !strings.Contains(err.Error(), "reports") {
		t.Errorf("a worker without a function: got %v, want an error that names it", err)
	}
	for want, opt := range map[string]Option{
		"Logger": Logger(nil), "DrainTimeout": DrainTimeout(0), "Settle": Settle(time.Hour), "GCPercent": GCPercent(0),
		"Signals": Signals(nil), "Hook": BeforeStop(nil), "Option": nil,
	} {
		d := new(diary)
		err := newApp(t, &part{name: "a", diary: d}).Run(t.Context(), opt)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
		d.want(t)
	}
}

func TestGCPercent(t *testing.T) { //nolint:paralleltest // it changes the process
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	var during int
	a := newApp(t, Func("look", func(context.Context) error {
		during = debug.SetGCPercent(123)
		return errors.New("enough")
	}, nil))
	_ = a.Run(t.Context(), quietly(), Signals(), GCPercent(321))
	if after := debug.SetGCPercent(100); during != 321 || after != 100 {
		t.Errorf("got %d during the run and %d after it, want 321 and 100", during, after)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	err := newApp(t, Func("part", nil, nil)).Run(ctx, Signals(),
		Logger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		AfterStart(func(context.Context) error { cancel(); return nil }))
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{"app=test", "component=part", "msg=running", "msg=stopped"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in %q", want, &log)
		}
	}
}
