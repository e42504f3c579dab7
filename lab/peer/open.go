package peer

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// beat is the time between two bursts of an open loop.
const beat = time.Millisecond

// openLoop makes calls at a given rate whether or not earlier ones have ended. Latency counts from the time at which a
// call was due, so that calls kept waiting by a slow server or by too few free callers are seen as slow: that is the
// correction for coordinated omission.
func (l *load) openLoop(ctx context.Context) (*Result, error) {
	if err := l.connect(ctx, l.conns); err != nil {
		return nil, err
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	r := &run{load: l, abort: abort}

	due := make(chan time.Time, int(l.rate*(l.warmup+l.duration).Seconds())+1)
	var calls atomic.Int64
	shards := make([]shard, 2*runtime.GOMAXPROCS(0))
	for i := range shards {
		shards[i].histogram = newHistogram()
	}
	var wg sync.WaitGroup
	for i := range l.callers {
		made, s := l.channels[i%len(l.channels)].Caller(""), &shards[i%len(shards)]
		wg.Go(func() {
			for at := range due {
				if err := made.Unary(ctx); err != nil {
					if ctx.Err() != nil || !r.fail(err) {
						return
					}
					continue
				}
				calls.Add(1)
				if r.phase.Load() == measuring {
					s.record(time.Since(at))
				}
			}
		})
	}
	wg.Go(func() {
		defer close(due)
		pace(&r.phase, l.rate, due)
	})
	w, err := l.window(ctx, r, calls.Load)
	r.phase.Store(stopping)
	if err == nil {
		abort(errOver)
	}
	wg.Wait()
	if err != nil {
		return nil, err
	}
	merged := newHistogram()
	for i := range shards {
		merged.Merge(shards[i].histogram)
	}
	result := l.result()
	r.fill(result, w, merged)
	return result, nil
}

// pace sends the times at which calls are due, in one burst each beat, until the run stops.
func pace(phase *atomic.Int32, rate float64, due chan<- time.Time) {
	runtime.LockOSThread() // sleep blocks a thread
	defer runtime.UnlockOSThread()
	start := time.Now()
	sent := 0
	for n := 1; phase.Load() != stopping; n++ {
		at := start.Add(time.Duration(n) * beat)
		sleep(time.Until(at))
		for want := int(rate * at.Sub(start).Seconds()); sent < want; sent++ {
			select {
			case due <- at:
			default:
				return // more than the whole run was to have: it is over
			}
		}
	}
}

// shard is a histogram that several callers share.
type shard struct {
	mu        sync.Mutex
	histogram *hdrhistogram.Histogram
	_         [64]byte
}

func (s *shard) record(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record(s.histogram, d)
}
