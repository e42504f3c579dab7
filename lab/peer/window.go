package peer

import (
	"context"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// window is the measured part of a run, seen from both sides.
type window struct {
	calls          int64
	took           time.Duration
	client, server delta
}

// delta is what a process used meanwhile.
type delta struct {
	cpuMicros int64
	mallocs   uint64
	bytes     uint64
}

func between(from, to *Stats) delta {
	return delta{
		cpuMicros: to.CPUMicros() - from.CPUMicros(),
		mallocs:   to.Mallocs - from.Mallocs,
		bytes:     to.Bytes - from.Bytes,
	}
}

// window waits for the warm-up to pass, measures for the duration, and returns what count and the processes' figures
// say about it.
func (l *load) window(ctx context.Context, r *run, count func() int64) (*window, error) {
	if err := wait(ctx, l.warmup); err != nil {
		return nil, err
	}
	server0, err := fetchStats(ctx, l.admin, false)
	if err != nil {
		return nil, err
	}
	client0 := ReadStats(false)
	r.phase.Store(measuring)
	from, calls := time.Now(), count()
	err = wait(ctx, l.duration)
	w := &window{calls: count() - calls, took: time.Since(from)}
	if err != nil {
		return w, err
	}
	client1 := ReadStats(false)
	server1, err := fetchStats(ctx, l.admin, false)
	if err != nil {
		return nil, err
	}
	w.client, w.server = between(&client0, &client1), between(server0, server1)
	return w, nil
}

// wait waits for d; it returns early with the cause when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fill puts the figures of a window into a Result.
func (r *run) fill(result *Result, w *window, latency *hdrhistogram.Histogram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	result.Errors = r.errors
	if r.first != nil {
		result.FirstError = r.first.Error()
	}
	if w == nil || w.calls == 0 {
		return
	}
	n := float64(w.calls)
	result.Calls = w.calls
	result.Seconds = w.took.Seconds()
	result.CallsPerSecond = n / w.took.Seconds()
	result.ClientCPUMicros = float64(w.client.cpuMicros) / n
	result.ServerCPUMicros = float64(w.server.cpuMicros) / n
	result.ClientMallocs = float64(w.client.mallocs) / n
	result.ServerMallocs = float64(w.server.mallocs) / n
	result.ClientBytes = float64(w.client.bytes) / n
	result.ServerBytes = float64(w.server.bytes) / n
	if latency.TotalCount() > 0 {
		result.P50 = micros(latency.ValueAtQuantile(50))
		result.P90 = micros(latency.ValueAtQuantile(90))
		result.P99 = micros(latency.ValueAtQuantile(99))
		result.P999 = micros(latency.ValueAtQuantile(99.9))
		result.Max = micros(latency.Max())
	}
}

// Latencies are recorded in nanoseconds, from 1 µs to a minute, with three digits.
const (
	lowest  = int64(time.Microsecond)
	highest = int64(time.Minute)
	digits  = 3
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(lowest, highest, digits) }

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(int64(d), highest)) // within bounds it cannot fail
}

func micros(ns int64) float64 { return float64(ns) / 1000 }
