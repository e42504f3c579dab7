package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
)

// ramps is the value of a flag for a changing level: FROM:TO:TIME, several times.
type ramps []load.Stage

// Set implements pflag.Value.
func (r *ramps) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		s, err := parseRamp(part)
		if err != nil {
			return err
		}
		*r = append(*r, s)
	}
	return nil
}

func parseRamp(text string) (s load.Stage, err error) {
	fields := strings.Split(strings.TrimSpace(text), ":")
	if len(fields) == 2 { // a step
		fields = []string{fields[0], fields[0], fields[1]}
	}
	if len(fields) != 3 {
		return s, fmt.Errorf("%q: want FROM:TO:TIME, such as 100:1000:30s, or LEVEL:TIME", text)
	}
	var errs [3]error
	s.From, errs[0] = strconv.ParseFloat(fields[0], 64)
	s.To, errs[1] = strconv.ParseFloat(fields[1], 64)
	s.Over, errs[2] = time.ParseDuration(fields[2])
	for i, err := range errs {
		if err != nil {
			return s, fmt.Errorf("%q: %q is no %s", text, fields[i], []string{"number", "number", "time"}[i])
		}
	}
	level := func(f float64) bool { return f >= 0 && f <= maxRate } // NaN is none
	if !level(s.From) || !level(s.To) || s.Over <= 0 {
		return s, fmt.Errorf("%q: levels are 0 to %d, and the time is more than 0", text, maxRate)
	}
	return s, nil
}

// String implements pflag.Value.
func (r *ramps) String() string {
	parts := make([]string, 0, len(*r))
	for _, s := range *r {
		parts = append(parts, fmt.Sprintf("%g:%g:%s", s.From, s.To, s.Over))
	}
	return strings.Join(parts, ",")
}

// Type implements pflag.Value.
func (*ramps) Type() string { return "from:to:time" }

const (
	defaultConcurrency = 50
	defaultLimit       = 1000
	defaultDuration    = 10 * time.Second
	defaultWarmup      = time.Second
	defaultGrace       = 5 * time.Second
	lateAfter          = 2 * time.Millisecond
)

// options are the flags of a run.
type options struct {
	concurrency     int
	rate            float64
	rampRate        ramps
	rampConcurrency ramps
	poisson         bool
	duration        time.Duration
	count           int64
	warmup          time.Duration
	grace           time.Duration
	interval        time.Duration
	connections     int
	messages        int
	pingPong        bool
	seed            uint64

	data          string
	checkResponse bool

	name      string
	out       string
	html      string
	maxErrors float64

	given func(flag string) bool // on the command line
}

// open reports whether calls are made at a rate.
func (o *options) open() bool { return o.given("rate") || len(o.rampRate) > 0 }

// check returns all that is wrong with the flags.
func (o *options) check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.given("rate") && (!(o.rate > 0) || o.rate > maxRate), "--rate is %g, want more than 0, %d at most", o.rate,
		maxRate)
	bad(o.given("rate") && len(o.rampRate) > 0, "--rate and --ramp-rate exclude each other")
	bad(o.given("concurrency") && len(o.rampConcurrency) > 0, "--concurrency and --ramp-concurrency exclude each other")
	bad(o.open() && len(o.rampConcurrency) > 0,
		"--ramp-concurrency is for a closed loop; with a rate --concurrency is a limit")
	bad(o.concurrency < 1 || o.concurrency > maxConcurrency, "--concurrency is %d, want 1 to %d", o.concurrency,
		maxConcurrency)
	bad(o.poisson && !o.open(), "--poisson needs --rate or --ramp-rate")
	bad(o.given("duration") && o.given("count"), "--duration and --count exclude each other")
	bad(o.duration <= 0, "--duration is %s, want more than 0", o.duration)
	bad(o.given("count") && o.count < 1, "--count is %d, want 1 or more", o.count)
	bad(o.warmup < 0, "--warmup is %s, want 0 or more", o.warmup)
	bad(o.grace < 0, "--grace is %s, want 0 or more", o.grace)
	bad(o.interval < 0 || (o.interval > 0 && o.interval < minInterval), "--interval is %s, want %s or more", o.interval,
		minInterval)
	bad(o.connections < 1 || o.connections > maxConnections, "--connections is %d, want 1 to %d", o.connections,
		maxConnections)
	bad(o.messages < 0, "--messages is %d, want 0 or more", o.messages)
	bad(!(o.maxErrors >= 0 && o.maxErrors <= 1), "--max-error-ratio is %g, want 0 to 1", o.maxErrors)
	for _, r := range []ramps{o.rampRate, o.rampConcurrency} {
		silent := func(s load.Stage) bool { return s.From == 0 && s.To == 0 }
		bad(len(r) > 0 && !slices.ContainsFunc(r, func(s load.Stage) bool { return !silent(s) }),
			"all levels of the ramps are 0")
	}
	return errors.Join(errs...)
}

const (
	maxRate        = 10_000_000 // more than any generator makes; what is due is counted call by call
	maxConcurrency = 100_000
	maxConnections = 10_000
	minInterval    = 10 * time.Millisecond
)

// plan makes the plan of the run.
func (o *options) plan() *load.Plan {
	p := &load.Plan{
		Open: o.open(), Warmup: o.warmup, Count: o.count, Limit: o.concurrency, Interval: o.interval, Grace: o.grace,
		Poisson: o.poisson, Seed: o.seed, LateAfter: lateAfter, Sleep: load.Sleep,
	}
	p.Stages = append(p.Stages, o.rampRate...)
	p.Stages = append(p.Stages, o.rampConcurrency...)
	switch level := float64(o.concurrency); {
	case len(p.Stages) > 0:
		// The last level is held for as long as --duration says, if it does.
		if o.given("duration") {
			last := p.Stages[len(p.Stages)-1].To
			p.Stages = append(p.Stages, load.Stage{From: last, To: last, Over: o.duration})
		}
	case p.Open:
		p.Stages = []load.Stage{{From: o.rate, To: o.rate, Over: o.duration}}
	default:
		p.Stages = []load.Stage{{From: level, To: level, Over: o.duration}}
	}
	if p.Open && !o.given("concurrency") {
		p.Limit = defaultLimit
	}
	if o.count > 0 && !o.given("warmup") {
		p.Warmup = 0
	}
	if p.Interval == 0 {
		p.Interval = niceInterval(p)
	}
	return p
}

// niceInterval is about a fiftieth of the run.
func niceInterval(p *load.Plan) time.Duration {
	if p.Count > 0 {
		return 200 * time.Millisecond // nobody knows how long it takes
	}
	var length time.Duration
	for _, s := range p.Stages {
		length += s.Over
	}
	for _, d := range []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	} {
		if length <= 60*d {
			return d
		}
	}
	return 10 * time.Second
}
