package fairlead

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var testMethod = NewMethod[struct{}, struct{}](Unary, "test.Service", "Method")

// serverCall makes a call as protocols do; d is its time, 0 for none.
func serverCall(d time.Duration) *Call {
	p := &ServerCall{Method: testMethod}
	if d != 0 {
		p.Deadline = time.Now().Add(d)
	}
	return NewServerCall(p)
}

func TestContextCancel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		cause error
		want  error
	}{
		{"canceled", context.Canceled, context.Canceled},
		{"deadline", context.DeadlineExceeded, context.DeadlineExceeded},
		{"deadline behind wrapping", Errorf(Unknown, "late: %w", context.DeadlineExceeded), context.DeadlineExceeded},
		{"anything else", errors.New("the connection broke"), context.Canceled},
		{"nil", nil, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serverCall(0)
			ctx := c.Context()
			if err := ctx.Err(); err != nil {
				t.Fatalf("before: got %v, want nil", err)
			}
			done := ctx.Done()
			c.Wire().Cancel(tt.cause)
			c.Wire().Cancel(context.DeadlineExceeded) // too late to count
			select {
			case <-done:
			default:
				t.Error("Done is open")
			}
			if err := ctx.Err(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err := context.Cause(ctx); !errors.Is(err, tt.want) {
				t.Errorf("got cause %v, want %v", err, tt.want)
			}
		})
	}
}

// TestContextDoneLate: who asks after the end gets a closed channel, always the same one.
func TestContextDoneLate(t *testing.T) {
	t.Parallel()
	c := serverCall(time.Hour)
	c.Wire().Cancel(context.Canceled)
	ctx := c.Context()
	for range 2 {
		select {
		case <-ctx.Done():
		default:
			t.Fatal("Done is open")
		}
	}
	if c.ctx.timer != nil {
		t.Error("a timer was made for a call that is over")
	}
}

func TestContextDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		c := serverCall(time.Minute)
		ctx := c.Context()
		if got, ok := ctx.Deadline(); !ok || !got.Equal(begin.Add(time.Minute)) {
			t.Errorf("got %v, %v; want a minute from now", got, ok)
		}
		if c.ctx.timer != nil {
			t.Error("the timer was made before anybody waited")
		}
		<-ctx.Done()
		if got := time.Since(begin); got != time.Minute {
			t.Errorf("ended after %v, want 1m", got)
		}
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}

		// Err tells the truth without a timer, and a Done that comes after it agrees.
		c = serverCall(time.Minute)
		time.Sleep(time.Minute)
		if err := c.Context().Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without Done: got %v, want context.DeadlineExceeded", err)
		}
		<-c.Context().Done()

		// A reset that comes when the time is over is that of a caller who gave up because of it.
		c = serverCall(time.Minute)
		time.Sleep(time.Minute)
		c.Wire().Cancel(context.Canceled)
		if err := c.Context().Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a late reset: got %v, want context.DeadlineExceeded", err)
		}

		// An end stops the timer.
		c = serverCall(time.Minute)
		<-afterFunc(c.Context(), func() { c.Wire().End(c.Context(), nil) })
		if c.ctx.timer.Stop() {
			t.Error("the timer still runs")
		}
	})
}

// afterFunc runs f and waits for the functions attached to ctx.
func afterFunc(ctx context.Context, f func()) <-chan struct{} {
	done := make(chan struct{})
	context.AfterFunc(ctx, func() { close(done) })
	f()
	return done
}

func TestTighten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tests := []struct {
			name    string
			own     time.Duration
			tighten time.Duration
			want    time.Duration
		}{
			{"from none", 0, time.Second, time.Second},
			{"forward", time.Minute, time.Second, time.Second},
			{"not back", time.Second, time.Minute, time.Second},
			{"to the past", time.Minute, -time.Second, 0},
		}
		waits := map[string]func(ctx context.Context) <-chan struct{}{
			"before anybody waits": func(context.Context) <-chan struct{} { return nil },
			"while Done is waited for": func(ctx context.Context) <-chan struct{} {
				return ctx.Done()
			},
			"while a function is attached": func(ctx context.Context) <-chan struct{} {
				return afterFunc(ctx, func() {})
			},
		}
		for _, tt := range tests {
			for when, wait := range waits {
				begin := time.Now()
				c := serverCall(tt.own)
				over := wait(c.Context())
				c.Tighten(begin.Add(tt.tighten))
				if over == nil {
					over = c.Context().Done()
				}
				<-over
				if got := time.Since(begin); got != tt.want {
					t.Errorf("%s, %s: ended after %v, want %v", tt.name, when, got, tt.want)
				}
			}
		}
	})
}

// TestContextChildren: contexts derived from a call need no goroutine each, and end with it.
func TestContextChildren(t *testing.T) { //nolint:paralleltest // it counts goroutines
	c := serverCall(0)
	before := runtime.NumGoroutine()
	var children []context.Context
	for range 100 {
		child, cancel := context.WithCancel(c.Context())
		defer cancel()
		children = append(children, child)
	}
	if got := runtime.NumGoroutine(); got > before+2 { // other tests' may come and go
		t.Errorf("100 derived contexts made %d goroutines", got-before)
	}
	c.Wire().Cancel(context.DeadlineExceeded)
	for _, child := range children {
		<-child.Done()
		if err := child.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want context.DeadlineExceeded", err)
		}
	}
	if len(c.ctx.after) != 0 {
		t.Errorf("%d functions are still attached", len(c.ctx.after))
	}
}

func TestAfterFunc(t *testing.T) {
	t.Parallel()
	c := serverCall(0)
	var ran atomic.Int32
	stopped := context.AfterFunc(c.Context(), func() { ran.Add(100) })
	done := make(chan struct{}, 2)
	kept := context.AfterFunc(c.Context(), func() { ran.Add(1); done <- struct{}{} })
	if !stopped() {
		t.Error("stop before the end: got false")
	}
	if stopped() {
		t.Error("a second stop: got true")
	}
	c.Wire().Cancel(context.Canceled)
	<-done
	if kept() {
		t.Error("stop after the end: got true")
	}
	late := context.AfterFunc(c.Context(), func() { ran.Add(1); done <- struct{}{} })
	<-done
	if late() {
		t.Error("stop of one attached after the end: got true")
	}
	if got := ran.Load(); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
}

type valueKey struct{}

func TestContextValues(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancel(context.WithValue(context.Background(), valueKey{}, "v"))
	c := NewServerCall(&ServerCall{Method: testMethod, Context: parent})
	ctx := context.WithValue(c.Context(), callKey{}, nil) // only an impostor inside the package could
	if got := CallFrom(ctx); got != nil {
		t.Errorf("got %p behind a nil value", got)
	}
	ctx, cancelChild := context.WithCancel(c.Context())
	defer cancelChild()
	if got := CallFrom(ctx); got != c {
		t.Errorf("got call %p, want %p", got, c)
	}
	if got := ctx.Value(valueKey{}); got != "v" {
		t.Errorf("got the connection's value %v, want v", got)
	}
	// The connection's context is for its values; its end is the protocol's to announce.
	cancel()
	if err := c.Context().Err(); err != nil {
		t.Errorf("got %v after the end of the connection's context", err)
	}
	if got := CallFrom(context.Background()); got != nil {
		t.Errorf("got %p without a call", got)
	}
	if got := serverCall(0).Context().Value(valueKey{}); got != nil {
		t.Errorf("got %v without a connection's context", got)
	}
}

// TestContextRaces has everything happen at once, for the race detector.
func TestContextRaces(t *testing.T) {
	t.Parallel()
	for range 200 {
		c := serverCall(time.Millisecond)
		ctx := c.Context()
		var ran atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { <-ctx.Done() })
			wg.Go(func() { _ = ctx.Err() })
			wg.Go(func() { c.Wire().Cancel(context.Canceled) })
			wg.Go(func() { c.Wire().End(ctx, nil) })
			wg.Go(func() {
				child, cancel := context.WithCancel(ctx)
				<-child.Done()
				cancel()
			})
			wg.Add(1)
			context.AfterFunc(ctx, func() { ran.Add(1); wg.Done() })
		}
		wg.Wait()
		if got := ran.Load(); got != 2 {
			t.Fatalf("got %d functions run, want 2", got)
		}
	}
}
