package load

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Plan describes a run.
type Plan struct {
	// Open makes calls at a rate; otherwise workers make calls one after the other.
	Open bool
	// Stages are the levels during the measurement: calls a second, or workers. There is at least one. The level that
	// the first begins with is that of the warm-up.
	Stages []Stage
	// Warmup is the time before the measurement, whose calls count for nothing.
	Warmup time.Duration
	// Count ends the run after that many calls, instead of at the end of the stages; the last level stays until then.
	// 0: the stages' time.
	Count int64
	// Limit is the number of calls under way at most in an open loop.
	Limit int
	// Interval is the time between two points of the series.
	Interval time.Duration
	// Grace is how long calls under way at the end are waited for.
	Grace time.Duration
	// Poisson spaces the calls of an open loop at random, as those of independent users are, instead of evenly.
	Poisson bool
	// Seed is that of the random spacing.
	Seed uint64
	// LateAfter is the lag from which on a call of an open loop counts as late.
	LateAfter time.Duration
	// Sleep waits with a finer resolution than Go's timers; nil: a timer does.
	Sleep func(time.Duration)
	// Abort ends the calls under way, with an error. Nil: their context is cancelled. A context that is never cancelled
	// costs calls less.
	Abort func()
	// Progress is told how far the run is, twice a second; nil: nobody is.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	Warming  bool
	Passed   time.Duration // of the phase
	Of       time.Duration // 0: unknown
	Ended    int64         // calls so far, in the phase
	Count    int64         // of the plan
	PerSec   float64       // calls ended since the last report
	Messages float64       // of streams received or sent, whichever is more, a second since the last report
	Failed   int64
	P50, P99 time.Duration // since the last report; 0: nothing ended
	Cores    float64       // that this process kept busy since the last report
}

const (
	progressEvery = 500 * time.Millisecond
	rampStep      = 50 * time.Millisecond // between two looks at a changing number of workers
	maxWorkers    = 100_000
)

// length is the time of the measurement.
func (p *Plan) length() time.Duration { return profile(p.Stages).length() }

// check returns what is wrong with the plan.
func (p *Plan) check() error {
	if len(p.Stages) == 0 {
		return errors.New("load: there are no stages")
	}
	for _, s := range p.Stages {
		bad := func(f float64) bool { return f < 0 || math.IsNaN(f) || math.IsInf(f, 0) }
		if bad(s.From) || bad(s.To) || s.Over < 0 {
			return fmt.Errorf("load: stage from %v to %v over %v: levels and time are not negative", s.From, s.To, s.Over)
		}
	}
	peak := profile(p.Stages).peak()
	switch {
	case peak == 0:
		return errors.New("load: all levels are 0")
	case !p.Open && peak > maxWorkers:
		return fmt.Errorf("load: %v workers are more than %d", peak, maxWorkers)
	case p.Count == 0 && p.length() <= 0:
		return errors.New("load: neither a duration nor a count")
	case p.Count > 0 && p.Stages[len(p.Stages)-1].To == 0:
		return errors.New("load: the last level is 0, so the count is never reached")
	case p.Open && (p.Limit < 1 || p.Limit > maxWorkers):
		return fmt.Errorf("load: a limit of %d calls under way is not within 1 to %d", p.Limit, maxWorkers)
	case p.Interval <= 0:
		return errors.New("load: the interval is 0")
	case p.Warmup < 0 || p.Grace < 0 || p.Count < 0:
		return errors.New("load: warm-up, grace and count are not negative")
	}
	return nil
}

// whole is the profile with the warm-up.
func (p *Plan) whole() profile {
	if p.Warmup == 0 {
		return p.Stages
	}
	level := p.Stages[0].From
	if level == 0 && !p.Open {
		level = 1
	}
	return append(profile{{From: level, To: level, Over: p.Warmup}}, p.Stages...)
}
