package load

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Totals are counters over some time.
type Totals struct {
	Ended            int64 // calls, whatever came of them
	Failed           int64 // of these
	MessagesSent     int64 // of streams
	MessagesReceived int64
	BytesSent        int64 // of messages, without framing and headers
	BytesReceived    int64
}

func (t Totals) minus(o Totals) Totals {
	return Totals{
		Ended:            t.Ended - o.Ended,
		Failed:           t.Failed - o.Failed,
		MessagesSent:     t.MessagesSent - o.MessagesSent,
		MessagesReceived: t.MessagesReceived - o.MessagesReceived,
		BytesSent:        t.BytesSent - o.BytesSent,
		BytesReceived:    t.BytesReceived - o.BytesReceived,
	}
}

// Interval is a point of the series: what happened since the one before.
type Interval struct {
	Totals

	At    time.Duration // its end, from the start of the measurement
	Took  time.Duration
	Level float64 // planned at its end: calls a second, or workers
	// Latencies of calls that ended in it; all 0 if there were none.
	Recorded                        int64
	P50, P90, P95, P99, P999, Worst time.Duration
	Cores                           float64 // that this process kept busy
}

// sample holds the values of all counters at one time.
type sample struct {
	at     time.Duration
	counts []int64 // of latencies
	totals Totals
	cpu    CPU
}

// read reads the counters into s.
func (r *run) read(s *sample) {
	s.at, s.cpu, s.totals = r.now(), readCPU(), Totals{}
	clear(s.counts)
	for _, t := range r.tallies {
		t.latency.addTo(s.counts)
		s.totals.Ended += t.ended.Load()
		s.totals.Failed += t.failed.Load()
		s.totals.MessagesSent += t.messagesSent.Load()
		s.totals.MessagesReceived += t.messagesReceived.Load()
		s.totals.BytesSent += t.bytesSent.Load()
		s.totals.BytesReceived += t.bytesReceived.Load()
	}
}

// sampler takes the points of the series and reports progress. It belongs to the goroutine of Run.
type sampler struct {
	run       *run
	measuring bool
	begun     sample // when the measurement began
	last      sample // the last point of the series
	now       sample // scratch
	told      sample // the last report of progress
	point     time.Duration
	report    time.Duration
	scratch   []int64
	series    []Interval
	within    Totals
	cpu       CPU
}

func newSampler(r *run) *sampler {
	s := &sampler{run: r, scratch: make([]int64, chunks*parts)}
	for _, k := range []*sample{&s.begun, &s.last, &s.now, &s.told} {
		k.counts = make([]int64, chunks*parts)
	}
	s.told.cpu = readCPU()
	s.report = progressEvery
	return s
}

// next is when sample wants to be called.
func (s *sampler) next() time.Duration {
	switch {
	case !s.measuring:
		return s.report
	case s.run.plan.Progress == nil:
		return s.point
	default:
		return min(s.point, s.report)
	}
}

// begin starts the measurement.
func (s *sampler) begin() {
	s.run.read(&s.begun)
	s.last.copy(&s.begun)
	s.told.copy(&s.begun)
	s.measuring = true
	s.point = s.begun.at + s.run.plan.Interval
	s.report = s.begun.at + progressEvery
}

func (k *sample) copy(from *sample) {
	copy(k.counts, from.counts)
	k.at, k.totals, k.cpu = from.at, from.totals, from.cpu
}

// sample takes what is due.
func (s *sampler) sample() {
	now := s.run.now()
	if s.measuring && now >= s.point {
		s.run.read(&s.now)
		s.series = append(s.series, s.interval())
		s.last, s.now = s.now, s.last
		for s.point <= now { // more than once when the process was stopped for a while: one long interval
			s.point += s.run.plan.Interval
		}
	}
	if now >= s.report {
		s.tell()
		s.report = now + progressEvery
	}
}

// finish ends the measurement. What is left of an interval becomes one if it is not too short to say something.
func (s *sampler) finish() {
	s.run.read(&s.now)
	if s.now.at-s.last.at >= s.run.plan.Interval/2 || len(s.series) == 0 {
		s.series = append(s.series, s.interval())
	}
	s.within = s.now.totals.minus(s.begun.totals)
	s.cpu = s.now.cpu.minus(s.begun.cpu)
}

// since returns a histogram of the latencies recorded between two samples.
func (s *sampler) since(from, to *sample) *hdrhistogram.Histogram {
	for i := range s.scratch {
		s.scratch[i] = to.counts[i] - from.counts[i]
	}
	return histogram(s.scratch)
}

// interval makes a point of what happened from last to now.
func (s *sampler) interval() Interval {
	i := Interval{
		Totals: s.now.totals.minus(s.last.totals),
		At:     s.now.at - s.begun.at,
		Took:   s.now.at - s.last.at,
		Level:  s.run.whole.level(s.now.at - 1),
		Cores:  cores(s.now.cpu.minus(s.last.cpu), s.now.at-s.last.at),
	}
	h := s.since(&s.last, &s.now)
	if i.Recorded = h.TotalCount(); i.Recorded > 0 {
		i.P50, i.P90, i.P95 = Quantile(h, 50), Quantile(h, 90), Quantile(h, 95)
		i.P99, i.P999, i.Worst = Quantile(h, 99), Quantile(h, 99.9), Quantile(h, 100)
	}
	return i
}

// Quantile returns the latency that q percent of those in h do not exceed.
func Quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q))
}

// tell reports progress.
func (s *sampler) tell() {
	f := s.run.plan.Progress
	if f == nil {
		return
	}
	s.run.read(&s.now)
	p := Progress{
		Warming: !s.measuring,
		Passed:  s.now.at - s.begun.at,
		Ended:   s.now.totals.Ended - s.begun.totals.Ended,
		Failed:  s.now.totals.Failed - s.begun.totals.Failed,
		Count:   s.run.plan.Count,
		Cores:   cores(s.now.cpu.minus(s.told.cpu), s.now.at-s.told.at),
	}
	switch {
	case p.Warming:
		p.Of = s.run.plan.Warmup
	case p.Count == 0:
		p.Of = s.run.plan.length()
	}
	recent := s.now.totals.minus(s.told.totals)
	seconds := (s.now.at - s.told.at).Seconds()
	p.PerSec = float64(recent.Ended) / seconds
	p.Messages = float64(max(recent.MessagesSent, recent.MessagesReceived)) / seconds
	if h := s.since(&s.told, &s.now); h.TotalCount() > 0 {
		p.P50, p.P99 = Quantile(h, 50), Quantile(h, 99)
	}
	s.told, s.now = s.now, s.told
	f(p)
}

// fill puts the series into the outcome.
func (s *sampler) fill(o *Outcome) {
	o.Within, o.CPU, o.Series = s.within, s.cpu, slices.Clip(s.series)
}
