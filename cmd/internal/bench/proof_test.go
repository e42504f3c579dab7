package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/payload"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// inBubble serves e in process, within the test's bubble, and makes a target of its method Say.
func (e *echo) inBubble(t *testing.T, data string) *target {
	t.Helper()
	n := inproc.New()
	s, err := preset.NewServer("echo:80", server.Transport(n), server.Service(e.implement(t)...))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(time.Minute))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	c, err := preset.NewClient("static:///echo:80", client.Dialer(n), client.Codec(countCodec{}), client.MaxConnections(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return targetOf(t, data, c)
}

func targetOf(t testing.TB, data string, b fairlead.Binder) *target {
	t.Helper()
	src, _ := contract(t)
	m, err := src.Method(t.Context(), echoService+"/Say")
	if err != nil {
		t.Fatal(err)
	}
	template, err := payload.Parse("data", data, dynamic.DescriptorOf(m).Input(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return newTarget(m, template, nil, b)
}

// TestStall is the proof that an open loop shows what a closed one hides: the server stalls for 200 ms in every second.
// Server, client and clock are real but for the time, which is that of the test's bubble.
func TestStall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		open     bool
		level    float64
		low, top time.Duration // of p99
	}{
		// One call a second waits. The others are 99.9 %.
		"closed loop, one worker": {level: 1, top: 2 * time.Millisecond},
		// Each of the fifth of the calls that are due during the stall waits for its end.
		"open loop": {open: true, level: 500, low: 180 * time.Millisecond, top: 205 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				e := &echo{before: func(context.Context) {
					if into := time.Since(begun) % time.Second; into < 200*time.Millisecond {
						time.Sleep(200*time.Millisecond - into)
					}
					time.Sleep(time.Millisecond)
				}}
				target := e.inBubble(t, `{"text": "x"}`)
				o, err := load.Run(t.Context(), &load.Plan{
					Open: tt.open, Stages: []load.Stage{{From: tt.level, To: tt.level, Over: 5 * time.Second}},
					Warmup: time.Second, Limit: 1000, Interval: time.Second, Grace: time.Second, LateAfter: lateAfter,
				}, target.caller)
				if err != nil {
					t.Fatal(err)
				}
				if o.Failed() > 0 || o.Succeeded == 0 {
					t.Fatalf("got %v: %+v", o, o.Failures)
				}
				if got := load.Quantile(o.Latency, 99); got < tt.low || got > tt.top {
					t.Errorf("got a p99 of %v, want %v to %v", got, tt.low, tt.top)
				}
				if got := load.Quantile(o.Latency, 100); got < 195*time.Millisecond {
					t.Errorf("got at most %v, want the stall", got)
				}
				if tt.open && o.Due != 2500 {
					t.Errorf("got %d calls due, want 2500", o.Due)
				}
			})
		})
	}
}

// A call's deadline counts from when it is sent, and is in time that passes.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		target := new(echo).inBubble(t, `{"text": "sleep"}`)
		target.timeout = 300 * time.Millisecond
		o, err := load.Run(t.Context(), &load.Plan{
			Stages: []load.Stage{{From: 2, To: 2, Over: time.Second}}, Interval: time.Second, Grace: time.Second,
		}, target.caller)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Failures) != 1 || o.Failures[0].Code != fairlead.DeadlineExceeded || o.Succeeded != 0 {
			t.Fatalf("got %v: %+v", o, o.Failures)
		}
		low, high := load.Quantile(o.Latency, 0), load.Quantile(o.Latency, 100)
		if low < 299*time.Millisecond || high > 310*time.Millisecond {
			t.Errorf("got latencies from %v to %v, want 300 ms", low, high)
		}
	})
}
