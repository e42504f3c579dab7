package peer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// phase is where a run stands.
type phase = int32

const (
	warming phase = iota
	measuring
	stopping
)

// caller is one of the concurrent callers of a closed loop: it makes its next call when the last one has ended.
type caller struct {
	calls   atomic.Int64
	latency *hdrhistogram.Histogram // nil: not recorded
	slow    bool
	_       [64]byte // callers count on cache lines of their own
}

// run is a load in progress.
type run struct {
	load  *load
	phase atomic.Int32
	abort context.CancelCauseFunc

	mu     sync.Mutex
	errors int64
	first  error
}

// fail counts a failed call, and ends the run unless it may go on.
func (r *run) fail(err error) (goOn bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors++
	if r.first == nil {
		r.first = err
	}
	if !r.load.allowErrors {
		r.abort(err)
	}
	return r.load.allowErrors
}

// closedLoop has all callers call as fast as they get answers.
func (l *load) closedLoop(ctx context.Context) (*Result, error) {
	if err := l.connect(ctx, l.conns); err != nil {
		return nil, err
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	r := &run{load: l, abort: abort}
	callers := make([]*caller, l.callers)
	var wg sync.WaitGroup
	for i := range callers {
		c := &caller{slow: i < l.slowCallers}
		if !c.slow && (l.mode == Unary || l.mode == Bidi) {
			c.latency = newHistogram()
		}
		callers[i] = c
		action := ""
		if c.slow {
			action = l.slow
		}
		made := l.channels[i%len(l.channels)].Caller(action)
		wg.Go(func() { r.drive(ctx, c, made) })
	}
	count := func() (n int64) {
		for _, c := range callers {
			if !c.slow {
				n += c.calls.Load()
			}
		}
		return n
	}
	w, err := l.window(ctx, r, count)
	r.phase.Store(stopping)
	if l.mode != Unary && l.mode != Bidi {
		abort(errOver) // a stream may have far to go
	}
	wg.Wait()
	if err != nil {
		return nil, err
	}
	result := l.result()
	merged := newHistogram()
	for _, c := range callers {
		if c.latency != nil {
			merged.Merge(c.latency)
		}
	}
	r.fill(result, w, merged)
	return result, nil
}

// errOver ends streams when the measurement is over.
var errOver = errors.New("peer: the measurement is over")

// drive makes calls until the run stops.
func (r *run) drive(ctx context.Context, c *caller, made Caller) {
	var err error
	for r.phase.Load() != stopping {
		switch r.load.mode {
		case ServerStream:
			err = made.Receive(ctx, streamLength, &c.calls)
		case ClientStream:
			err = made.Send(ctx, streamLength, &c.calls)
		case Bidi:
			err = r.chat(ctx, c, made)
		default:
			err = r.unary(ctx, c, made)
		}
		if err == nil {
			continue
		}
		if r.phase.Load() == stopping || ctx.Err() != nil || !r.fail(err) {
			return
		}
	}
}

func (r *run) unary(ctx context.Context, c *caller, made Caller) error {
	for r.phase.Load() != stopping {
		start := time.Now()
		if err := made.Unary(ctx); err != nil {
			return err
		}
		r.count(c, start)
		if c.slow && r.load.slowPause > 0 {
			_ = wait(ctx, r.load.slowPause) // when ctx has ended the next call says so
		}
	}
	return nil
}

func (r *run) chat(ctx context.Context, c *caller, made Caller) error {
	s, err := made.Chat(ctx)
	if err != nil {
		return err
	}
	for r.phase.Load() != stopping {
		start := time.Now()
		if err := s.Turn(); err != nil {
			return err
		}
		r.count(c, start)
	}
	return s.Close()
}

// count counts a call that began at start.
func (r *run) count(c *caller, start time.Time) {
	c.calls.Add(1)
	if c.latency != nil && r.phase.Load() == measuring {
		record(c.latency, time.Since(start))
	}
}
