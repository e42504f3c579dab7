package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
)

// callerFunc is a Caller of a function.
type callerFunc func(ctx context.Context, t *Turn) error

func (f callerFunc) Call(ctx context.Context, t *Turn) error { return f(ctx, t) }

// shared has all workers call the same function.
func shared(f callerFunc) func(int) Caller { return func(int) Caller { return f } }

// takes is a call that takes a time, unless it is given up before.
func takes(d time.Duration) callerFunc {
	return func(ctx context.Context, _ *Turn) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// plan is a plan in virtual time.
func plan(open bool, stages ...Stage) *Plan {
	return &Plan{
		Open: open, Stages: stages, Limit: 1000, Interval: time.Second, Grace: 5 * time.Second,
		LateAfter: 2 * time.Millisecond,
	}
}

func mustRun(t *testing.T, p *Plan, f callerFunc) *Outcome {
	t.Helper()
	o, err := Run(t.Context(), p, shared(f))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// near reports whether got is want within a percent.
func near(got, want time.Duration) bool { return got >= want-want/100 && got <= want+want/100 }

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(false, Stage{4, 4, 10 * time.Second})
		p.Warmup = 2 * time.Second
		var reports []Progress
		p.Progress = func(now Progress) { reports = append(reports, now) }
		var made atomic.Int64
		o := mustRun(t, p, func(ctx context.Context, turn *Turn) error {
			made.Add(1)
			turn.Exchanged(10, 20)
			return takes(10*time.Millisecond)(ctx, turn)
		})
		// Each worker makes a hundred calls a second.
		// Some begin another at the very end.
		if o.Succeeded < 4000 || o.Succeeded > 4004 || o.Within.Ended < 3996 || o.Within.Ended > 4004 ||
			o.Took != 10*time.Second {
			t.Errorf("got %d calls in %v, of which %d ended within; want 4000 in 10 s", o.Succeeded, o.Took, o.Within.Ended)
		}
		if got := made.Load(); got < 4796 || got > 4804 {
			t.Errorf("%d calls were made, want 4800 with the warm-up", got)
		}
		if o.Within.BytesSent < 39_960 || o.Within.BytesReceived < 79_920 {
			t.Errorf("got %d bytes sent and %d received", o.Within.BytesSent, o.Within.BytesReceived)
		}
		for _, q := range []float64{0, 50, 99, 100} {
			if got := Quantile(o.Latency, q); !near(got, 10*time.Millisecond) {
				t.Errorf("p%g: got %v, want 10 ms", q, got)
			}
		}
		if o.Workers != 4 || len(o.Failures) != 0 || o.Unfinished != 0 || o.Interrupted {
			t.Errorf("got %+v", o)
		}
		if len(o.Series) != 10 {
			t.Fatalf("got %d points, want 10", len(o.Series))
		}
		for _, i := range o.Series {
			if i.Took != time.Second || i.Ended < 396 || i.Ended > 404 || i.Level != 4 || !near(i.P99, 10*time.Millisecond) {
				t.Errorf("got the point %+v", i)
			}
		}
		if len(reports) < 20 || !reports[0].Warming || reports[len(reports)-1].Warming {
			t.Errorf("got %d reports of progress", len(reports))
		}
		if last := reports[len(reports)-1]; last.PerSec < 390 || last.PerSec > 410 || !near(last.P50, 10*time.Millisecond) {
			t.Errorf("got %+v", last)
		}
	})
}

func TestOpenLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(true, Stage{200, 200, 10 * time.Second})
		p.Warmup = time.Second
		var mu sync.Mutex
		numbers := make(map[int64]bool)
		o := mustRun(t, p, func(ctx context.Context, turn *Turn) error {
			mu.Lock()
			numbers[turn.Seq()] = true
			mu.Unlock()
			return takes(50*time.Millisecond)(ctx, turn)
		})
		if o.Succeeded != 2000 || o.Due != 2000 || o.Late != 0 || o.Blocked != 0 || o.Unsent != 0 {
			t.Errorf("got %d calls of %d due, %d late, %d blocked, %d unsent", o.Succeeded, o.Due, o.Late, o.Blocked, o.Unsent)
		}
		if got := Quantile(o.Latency, 100); !near(got, 50*time.Millisecond) {
			t.Errorf("got at most %v, want 50 ms", got)
		}
		// Ten calls are under way at a time, or eleven when one begins as another ends.
		if o.Workers < 10 || o.Workers > 11 {
			t.Errorf("got %d workers, want 10", o.Workers)
		}
		if len(numbers) != 2200 || !numbers[0] || !numbers[2199] {
			t.Errorf("got %d numbers, want 0 to 2199", len(numbers))
		}
	})
}

// TestCoordinatedOmission is the reason for open loops. A server stalls for 200 ms in every second. A closed loop with
// one worker makes one slow call a second, which hundreds of fast ones hide. Each call that the stall keeps waiting is
// slow in an open loop.
func TestCoordinatedOmission(t *testing.T) {
	t.Parallel()
	server := func() callerFunc {
		free := make(chan struct{}, 1)
		begun := time.Now()
		return func(context.Context, *Turn) error {
			free <- struct{}{} // it serves one call at a time
			defer func() { <-free }()
			if into := time.Since(begun) % time.Second; into < 200*time.Millisecond {
				time.Sleep(200*time.Millisecond - into)
			}
			time.Sleep(100 * time.Microsecond)
			return nil
		}
	}
	t.Run("closed loop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := mustRun(t, plan(false, Stage{1, 1, 10 * time.Second}), server())
			if got := Quantile(o.Latency, 99); got > time.Millisecond {
				t.Errorf("got a p99 of %v: one worker should not see the stall there", got)
			}
			if got := Quantile(o.Latency, 100); got < 199*time.Millisecond {
				t.Errorf("got at most %v, want the stall of 200 ms", got)
			}
		})
	})
	t.Run("open loop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := mustRun(t, plan(true, Stage{1000, 1000, 10 * time.Second}), server())
			if got := Quantile(o.Latency, 99); got < 150*time.Millisecond {
				t.Errorf("got a p99 of %v, want most of the stall of 200 ms", got)
			}
			// A fifth of the calls and those that wait behind them are slow.
			if got := Quantile(o.Latency, 75); got > time.Millisecond {
				t.Errorf("got a p75 of %v, want what calls take that no stall kept waiting", got)
			}
			if o.Due != 10_000 || o.Succeeded != 10_000 || o.Late != 0 {
				t.Errorf("got %d calls of %d due, %d late", o.Succeeded, o.Due, o.Late)
			}
		})
	})
	t.Run("open loop with one worker", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			// It cannot send while the server stalls, but counts from when calls were due.
			p := plan(true, Stage{1000, 1000, 10 * time.Second})
			p.Limit = 1
			o := mustRun(t, p, server())
			if got := Quantile(o.Latency, 99); got < 150*time.Millisecond {
				t.Errorf("got a p99 of %v, want most of the stall of 200 ms", got)
			}
			if o.Late == 0 || o.Blocked == 0 {
				t.Errorf("got %d late calls and %d blocked", o.Late, o.Blocked)
			}
		})
	})
}

// Levels of both loops follow the ramp.
func TestRamps(t *testing.T) {
	t.Parallel()
	t.Run("rate", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := mustRun(t, plan(true, Stage{0, 1000, 10 * time.Second}, Stage{500, 500, 2 * time.Second}),
				takes(time.Millisecond))
			if len(o.Series) != 12 {
				t.Fatalf("got %d points", len(o.Series))
			}
			for n, i := range o.Series {
				want := int64(500)
				if n < 10 {
					want = int64(100*n + 50) // the middle of a second's ramp
				}
				if i.Ended < want-3 || i.Ended > want+3 {
					t.Errorf("second %d: got %d calls, want %d", n, i.Ended, want)
				}
			}
			if o.Due != 6000 {
				t.Errorf("got %d calls due, want 6000", o.Due)
			}
		})
	})
	t.Run("workers", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := plan(false, Stage{1, 10, 9 * time.Second}, Stage{2, 2, 2 * time.Second})
			o := mustRun(t, p, takes(10*time.Millisecond))
			if o.Workers != 10 {
				t.Errorf("got %d workers, want 10", o.Workers)
			}
			for n, i := range o.Series {
				level := 1.5 + float64(n)
				if n >= 9 {
					level = 2
				}
				if want := 100 * level; float64(i.Ended) < 0.93*want-10 || float64(i.Ended) > 1.07*want+10 {
					t.Errorf("second %d: got %d calls, want about %v", n, i.Ended, want)
				}
			}
		})
	})
}

func TestCount(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := plan(open, Stage{7, 7, time.Second})
			p.Count, p.Warmup = 101, time.Second
			o := mustRun(t, p, takes(10*time.Millisecond))
			if o.Succeeded != 101 || o.Unfinished != 0 {
				t.Errorf("open %v: got %d calls, %d unfinished; want 101", open, o.Succeeded, o.Unfinished)
			}
			want := 150 * time.Millisecond // 101 calls of 10 ms by seven workers
			if open {
				want = 100*time.Second/7 + 10*time.Millisecond
			}
			if o.Took < want-want/10 || o.Took > want+want/10 {
				t.Errorf("open %v: got %v, want about %v", open, o.Took, want)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		p := plan(false, Stage{1, 1, 4 * time.Second})
		p.Warmup = time.Second
		o := mustRun(t, p, func(ctx context.Context, turn *Turn) error {
			_ = takes(10*time.Millisecond)(ctx, turn)
			switch n.Add(1) % 4 {
			case 0:
				return fairlead.Errorf(fairlead.NotFound, "no ship")
			case 1:
				return fairlead.Errorf(fairlead.DeadlineExceeded, "too slow")
			default:
				return nil
			}
		})
		// One may begin at the very end.
		if o.Succeeded < 200 || o.Succeeded > 201 || o.Failed() < 200 || o.Failed() > 201 || o.EarlyFailures != 50 {
			t.Errorf("got %v and %d failures in the warm-up, want 200, 200 and 50", o, o.EarlyFailures)
		}
		if len(o.Failures) != 2 {
			t.Fatalf("got failures %+v", o.Failures)
		}
		f := o.Failures[0]
		if f.Code != fairlead.NotFound {
			f = o.Failures[1]
		}
		if f.Code != fairlead.NotFound || f.Count < 100 || f.Count > 101 || f.Message != "no ship" || f.After < 0 ||
			f.After > 50*time.Millisecond {
			t.Errorf("got %+v", f)
		}
		// Calls that ran into their deadline are at least that slow; others that failed say nothing about latency.
		if got := o.Latency.TotalCount(); got < 300 || got > 301 {
			t.Errorf("got %d latencies, want 300", got)
		}
		if o.Within.Failed < 199 || o.Within.Failed > 201 {
			t.Errorf("got %d failures within", o.Within.Failed)
		}
	})
}

// A worker whose calls do not leave the client does not spin.
func TestUnsentCallsCool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n int
		mustRun(t, plan(false, Stage{1, 1, 10 * time.Second}), func(context.Context, *Turn) error {
			n++
			return fairlead.Errorf(fairlead.Unavailable, "down").WithReach(fairlead.NotSent)
		})
		if n > 150 {
			t.Errorf("%d calls were tried in 10 s", n)
		}
	})
}

// Calls under way at the end are waited for, for a while.
func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(false, Stage{3, 3, time.Second})
		o := mustRun(t, p, takes(700*time.Millisecond))
		if o.Succeeded != 6 || o.Unfinished != 0 || o.Within.Ended != 3 {
			t.Errorf("waited for: got %d calls, %d within, %d unfinished", o.Succeeded, o.Within.Ended, o.Unfinished)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := plan(false, Stage{3, 3, time.Second})
		p.Grace = 100 * time.Millisecond
		o := mustRun(t, p, takes(700*time.Millisecond))
		if o.Succeeded != 3 || o.Unfinished != 3 || o.Failed() != 0 {
			t.Errorf("given up: got %d calls, %d unfinished", o.Succeeded, o.Unfinished)
		}
	})
	synctest.Test(t, func(t *testing.T) { // streams that never end
		begun := time.Now()
		o := mustRun(t, plan(false, Stage{3, 3, time.Second}), func(ctx context.Context, turn *Turn) error {
			for ctx.Err() == nil {
				time.Sleep(10 * time.Millisecond)
				turn.Received(1)
			}
			return ctx.Err()
		})
		if o.Succeeded != 0 || o.Unfinished != 3 || o.Failed() != 0 || o.Within.MessagesReceived < 290 ||
			o.Within.MessagesReceived > 300 {
			t.Errorf("cut short: got %d calls, %d unfinished, %d messages", o.Succeeded, o.Unfinished,
				o.Within.MessagesReceived)
		}
		if got, want := time.Since(begun), 6*time.Second; got < want || got > want+10*time.Millisecond {
			t.Errorf("cut short: got %v, want the second and the grace", got)
		}
	})
}

// The time of the last call of an open loop ends when the next would be due: five calls at one a second take five
// seconds, and not the four between the first and the last.
func TestWindow(t *testing.T) {
	t.Parallel()
	for _, count := range []int64{0, 5} {
		synctest.Test(t, func(t *testing.T) {
			p := plan(true, Stage{1, 1, 5 * time.Second})
			p.Count = count
			o := mustRun(t, p, takes(time.Millisecond))
			if o.Within.Ended != 5 || o.Took != 5*time.Second || o.Interrupted {
				t.Errorf("count %d: got %d calls in %v, interrupted %v; want 5 in 5s", count, o.Within.Ended, o.Took,
					o.Interrupted)
			}
		})
	}
}

// A rate that is too high for the server and the limit is not reached, and the outcome says so.
func TestOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := plan(true, Stage{100, 100, 10 * time.Second})
		p.Limit = 5
		o := mustRun(t, p, takes(100*time.Millisecond)) // 50 a second
		if o.Due != 1000 || o.Unsent < 480 || o.Unsent > 510 || o.Blocked == 0 || o.Late == 0 {
			t.Errorf("got %d due, %d unsent, %d blocked, %d late", o.Due, o.Unsent, o.Blocked, o.Late)
		}
		if got := Quantile(o.Latency, 100); got < 4*time.Second {
			t.Errorf("got at most %v: latency counts from when calls were due", got)
		}
	})
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{500 * time.Millisecond, 3 * time.Second} {
		for _, open := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				time.AfterFunc(after, func() { cancel(errors.New("enough")) })
				p := plan(open, Stage{10, 10, time.Hour})
				p.Warmup = time.Second
				o, err := Run(ctx, p, shared(takes(10*time.Millisecond)))
				if err != nil || !o.Interrupted {
					t.Fatalf("got %+v, %v", o, err)
				}
				if o.Failed() != 0 || (after > p.Warmup) != (o.Succeeded > 0) {
					t.Errorf("open %v, after %v: got %v", open, after, o)
				}
			})
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := mustRun(t, plan(false, Stage{1, 1, time.Second}), func(_ context.Context, turn *Turn) error {
			time.Sleep(5 * time.Millisecond) // preparations
			turn.Prepared()
			time.Sleep(3 * time.Millisecond)
			turn.First()
			mark := turn.Mark()
			time.Sleep(3 * time.Millisecond)
			turn.Since(mark)
			return nil
		})
		if got := Quantile(o.Latency, 100); !near(got, 6*time.Millisecond) {
			t.Errorf("got %v for the call, want 6 ms: preparations are not part of it", got)
		}
		if got := Quantile(o.Parts, 0); !near(got, 3*time.Millisecond) || o.Parts.TotalCount() != 2*o.Succeeded {
			t.Errorf("got %d parts from %v", o.Parts.TotalCount(), got)
		}
	})
}
