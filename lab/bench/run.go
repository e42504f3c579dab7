package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead/lab/peer"
)

// Options are what Run can be told.
type Options struct {
	Lab      string         // folder of the lab's module
	Rows     *regexp.Regexp // names of the goals to measure; nil: all
	Rounds   int            // of each scenario
	Duration time.Duration  // measured in each round, for each pair
	Warmup   time.Duration  // before that
	Log      io.Writer      // gets a line for each run
}

// Run is one pair's result in one round.
type Run struct {
	Scenario string       `json:"scenario"`
	Round    int          `json:"round"` // from 1
	Pair     Pair         `json:"pair"`
	Result   *peer.Result `json:"result,omitempty"`
	Error    string       `json:"error,omitempty"`
}

// runner is a measurement under way.
type runner struct {
	opts     *Options
	programs *Programs
	machine  Machine
	runs     []Run
	capacity float64 // grpc-go's calls a second in a closed loop, 0 before it is known
}

// Measure runs the scenarios that the chosen goals need and holds the results against the goals. A run that fails is
// in the report, and its goals are not met; the error is for measurements that could not be made at all or were ended
// by ctx.
func Measure(ctx context.Context, o *Options) (*Report, error) {
	chosen := goals()
	if o.Rows != nil {
		chosen = slices.DeleteFunc(chosen, func(g goal) bool { return !o.Rows.MatchString(g.name) })
	}
	if len(chosen) == 0 {
		return nil, errors.New("bench: no row of that name")
	}
	fmt.Fprintln(o.Log, "building the programs")
	programs, err := Build(ctx, o.Lab, Fairlead, GRPCGo)
	if err != nil {
		return nil, err
	}
	r := &runner{opts: o, programs: programs, machine: thisMachine()}
	r.machine.GRPCGo = version(programs.path(GRPCGo, "server"), "google.golang.org/grpc")
	err = r.all(ctx, chosen)
	if err := errors.Join(err, programs.Remove()); err != nil {
		return nil, err
	}
	return r.report(chosen), nil
}

// all runs the scenarios of the chosen goals, with the pairs that these need.
func (r *runner) all(ctx context.Context, chosen []goal) error {
	for _, s := range scenarios() {
		var pairs []Pair
		for i := range chosen {
			if chosen[i].scenario != s.name {
				continue
			}
			for _, p := range chosen[i].pairs() {
				if !slices.Contains(pairs, p) {
					pairs = append(pairs, p)
				}
			}
		}
		if len(pairs) == 0 {
			continue
		}
		if err := r.scenario(ctx, &s, pairs); err != nil {
			return err
		}
	}
	return nil
}

// scenario runs one scenario: in each round all pairs, one after the other.
func (r *runner) scenario(ctx context.Context, s *scenario, pairs []Pair) error {
	rate := 0.0
	if s.share > 0 {
		var err error
		if rate, err = r.theirCapacity(ctx); err != nil {
			return err
		}
	}
	rounds := r.opts.Rounds
	if s.rounds > 0 {
		rounds = min(rounds, s.rounds)
	}
	fmt.Fprintf(r.opts.Log, "\n%s: %s\n", s.name, s.title)
	for round := 1; round <= rounds; round++ {
		for _, pair := range pairs {
			run := Run{Scenario: s.name, Round: round, Pair: pair}
			result, err := r.programs.measure(ctx, pair, s.tls, s.args(r.opts, rate))
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				run.Error = err.Error()
			} else {
				run.Result = result
			}
			r.runs = append(r.runs, run)
			fmt.Fprintf(r.opts.Log, "  round %d  %-22s %s\n", round, pair, run.line())
		}
	}
	return nil
}

// theirCapacity is what grpc-go does in a closed loop over one connection: measured already, or now.
func (r *runner) theirCapacity(ctx context.Context) (float64, error) {
	var seen []float64
	for i := range r.runs {
		if run := &r.runs[i]; run.Scenario == "unary-1" && run.Pair == theirs && run.Result != nil {
			seen = append(seen, run.Result.CallsPerSecond)
		}
	}
	if len(seen) > 0 {
		return median(seen), nil
	}
	if r.capacity == 0 {
		s := scenarios()[0]
		result, err := r.programs.measure(ctx, theirs, false, s.args(r.opts, 0))
		if err != nil {
			return 0, err
		}
		r.capacity = result.CallsPerSecond
	}
	return r.capacity, nil
}

// line is what the log says of a run.
func (run *Run) line() string {
	r := run.Result
	switch {
	case r == nil:
		return "FAILED: " + run.Error
	case r.Mode == peer.Idle:
		return fmt.Sprintf("%8.1f KiB and %.1f goroutines a connection", r.KiBPerConn, r.GoroutinesPerConn)
	case r.P99 == 0:
		return fmt.Sprintf("%8.0f messages/s   CPU µs a message: server %5.2f client %5.2f",
			r.CallsPerSecond, r.ServerCPUMicros, r.ClientCPUMicros)
	default:
		return fmt.Sprintf("%8.0f calls/s   p50 %6.0f p99 %6.0f µs   CPU µs a call: server %5.2f client %5.2f"+
			"   allocations: server %4.1f client %4.1f", r.CallsPerSecond, r.P50, r.P99,
			r.ServerCPUMicros, r.ClientCPUMicros, r.ServerMallocs, r.ClientMallocs)
	}
}

// Short makes it a measurement of some 20 seconds: one row in two rounds.
func (o *Options) Short() {
	o.Rows = regexp.MustCompile(`^unary-1$`)
	o.Rounds = 2
	o.Duration, o.Warmup = 3*time.Second, 500*time.Millisecond
}
