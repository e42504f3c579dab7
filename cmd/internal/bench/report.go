package bench

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/figure"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/payload"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
)

// From these shares of the cores on there is so little left that the figures may be the generator's, or the machine's.
const (
	saturatedClient  = 0.9
	saturatedMachine = 0.97
)

// makeResult turns what was measured into a result.
func makeResult(o *load.Outcome, p *load.Plan, t *target, concurrency int) *result.Result {
	seconds := o.Took.Seconds()
	per := func(n int64) float64 {
		if seconds <= 0 {
			return 0
		}
		return float64(n) / seconds
	}
	r := &result.Result{
		Format:      result.Format,
		Version:     result.Version,
		Tool:        result.Tool{Name: "fairlead", Version: fairlead.Version, Go: runtime.Version()},
		Machine:     machine(),
		Begun:       o.Begun.UTC(),
		Seconds:     seconds,
		Interrupted: o.Interrupted,
		Load:        describeLoad(p, t, concurrency),
		Request:     t.describeRequest(),
		Latency:     result.FromHDR(o.Latency),
		Errors:      []result.Error{},
		Warnings:    []result.Warning{},
		Series:      []result.Point{},
	}
	failed := o.Failed()
	r.Calls = result.Calls{
		Total: o.Succeeded + failed, Succeeded: o.Succeeded, Failed: failed, Unfinished: o.Unfinished,
		WarmupFailed: o.EarlyFailures,
	}
	if r.Calls.Total > 0 {
		r.Calls.ErrorRatio = float64(failed) / float64(r.Calls.Total)
	}
	r.Rates = result.Rates{
		Calls: per(o.Within.Ended), Successes: per(o.Within.Ended - o.Within.Failed),
		MessagesSent: per(o.Within.MessagesSent), MessagesReceived: per(o.Within.MessagesReceived),
		BytesSent: per(o.Within.BytesSent), BytesReceived: per(o.Within.BytesReceived),
	}
	if o.Parts.TotalCount() > 0 {
		parts := result.FromHDR(o.Parts)
		if t.pingPong {
			r.Turns = &parts
		} else {
			r.FirstMessage = &parts
		}
	}
	if p.Open {
		r.Open = &result.Open{
			Due: o.Due, Unsent: o.Unsent, Late: o.Late, LateAfter: int64(p.LateAfter), Blocked: o.Blocked,
			Lag: result.FromHDR(o.Lag),
		}
	}
	for _, f := range o.Failures {
		r.Errors = append(r.Errors, result.Error{
			Code: f.Code.String(), Count: f.Count, Message: f.Message, After: f.After.Seconds(),
		})
	}
	r.Client = describeClient(o)
	for i := range o.Series {
		r.Series = append(r.Series, point(&o.Series[i]))
	}
	r.Warnings = append(r.Warnings, warnings(r)...)
	return r
}

func machine() result.Machine {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return result.Machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Host: host, CPUs: runtime.NumCPU(), Used: runtime.GOMAXPROCS(0),
	}
}

func describeLoad(p *load.Plan, t *target, concurrency int) result.Load {
	l := result.Load{
		Loop: "closed", Stages: []result.Stage{}, Concurrency: concurrency, Connections: len(t.handlers), Count: p.Count,
		Warmup: p.Warmup.Seconds(), Timeout: t.timeout.Seconds(), Messages: t.messages, PingPong: t.pingPong, Seed: t.seed,
	}
	if p.Open {
		l.Loop, l.Arrivals, l.Concurrency = "open", "uniform", p.Limit
		if p.Poisson {
			l.Arrivals = "poisson"
		}
	}
	for _, s := range p.Stages {
		l.Stages = append(l.Stages, result.Stage{From: s.From, To: s.To, Seconds: s.Over.Seconds()})
	}
	return l
}

func (t *target) describeRequest() result.Request {
	r := result.Request{Constant: len(t.headers) == 0, Messages: len(t.constant)}
	for _, raw := range t.constant {
		r.Constant = r.Constant && raw != nil
	}
	if b, err := t.data.Encoder(payload.NewState(0, t.seed, func() int64 { return 0 })).Append(nil, 0); err == nil {
		r.Bytes = len(b)
	}
	return r
}

func describeClient(o *load.Outcome) result.Client {
	c := result.Client{
		Cores: o.Cores(), Available: min(runtime.GOMAXPROCS(0), runtime.NumCPU()), Workers: o.Workers,
		UserSeconds: o.CPU.User.Seconds(), SystemSeconds: o.CPU.System.Seconds(), GCSeconds: o.CPU.Collector.Seconds(),
	}
	c.Utilization = c.Cores / float64(c.Available)
	if o.CPU.All > 0 {
		c.Machine = float64(o.CPU.Busy) / float64(o.CPU.All)
	}
	if o.Within.Ended > 0 {
		c.MicrosOfCall = float64((o.CPU.User + o.CPU.System).Microseconds()) / float64(o.Within.Ended)
		c.ObjectsOfCall = float64(o.CPU.Objects) / float64(o.Within.Ended)
	}
	return c
}

func point(i *load.Interval) result.Point {
	per := func(n int64) float64 {
		if i.Took <= 0 {
			return 0
		}
		return float64(n) / i.Took.Seconds()
	}
	return result.Point{
		At: i.At.Seconds(), Seconds: i.Took.Seconds(), Level: i.Level, Calls: per(i.Ended), Errors: per(i.Failed),
		MessagesSent: per(i.MessagesSent), MessagesReceived: per(i.MessagesReceived),
		BytesSent: per(i.BytesSent), BytesReceived: per(i.BytesReceived),
		Recorded: i.Recorded, P50: result.Nanoseconds(i.P50), P90: result.Nanoseconds(i.P90),
		P95: result.Nanoseconds(i.P95), P99: result.Nanoseconds(i.P99), P999: result.Nanoseconds(i.P999),
		Max: result.Nanoseconds(i.Worst), Cores: i.Cores,
	}
}

// warnings says why the figures may not mean what they seem to.
func warnings(r *result.Result) []result.Warning {
	var list []result.Warning
	warn := func(when bool, id, format string, args ...any) {
		if when {
			list = append(list, result.Warning{ID: id, Text: fmt.Sprintf(format, args...)})
		}
	}
	c := &r.Client
	saturated := c.Utilization >= saturatedClient
	warn(saturated, result.WarnClientSaturated,
		"the generator used %.1f of its %d cores: the figures may be its own limit, not the server's; use a larger "+
			"machine, or several", c.Cores, c.Available)
	// Of less time the machine's figure, which counts in hundredths of a second, says little.
	warn(!saturated && r.Seconds >= 1 && c.Machine >= saturatedMachine, result.WarnMachineSaturated,
		"all cores of this machine were busy (%.0f %%), so the generator had to wait for some; does the server run here too?",
		100*c.Machine)
	if open := r.Open; open != nil {
		warn(open.Late > 0 && float64(open.Late) >= 0.01*float64(max(open.Due, 1)), result.WarnLate,
			"%s of %s calls were sent more than %v late (the slowest %v)%s", figure.Count(open.Late), figure.Count(open.Due),
			time.Duration(open.LateAfter), figure.Duration(open.Lag.Max), lateBecause(open))
		warn(open.Unsent > 0, result.WarnUnsent, "%s of %s calls could not be sent before the end: the rate was not reached",
			figure.Count(open.Unsent), figure.Count(open.Due))
		warn(open.Blocked > 0, result.WarnBlocked,
			"%s times %d calls were under way, the most allowed, when the next was due; if the server can take more, raise "+
				"--concurrency", figure.Count(open.Blocked), r.Load.Concurrency)
	}
	warn(r.Calls.Unfinished > 0, result.WarnUnfinished,
		"%s under way at the end, given up; no figure has them",
		figure.Plural(r.Calls.Unfinished, "call"))
	warn(r.Calls.WarmupFailed > 0 && r.Calls.Failed == 0, result.WarnWarmup, "%s failed during the warm-up",
		figure.Plural(r.Calls.WarmupFailed, "call"))
	warn(r.Latency.Count > 0 && r.Latency.Count < fewSamples, result.WarnFewSamples,
		"%s: too few to say much about high percentiles", figure.Plural(r.Latency.Count, "call"))
	return list
}

const fewSamples = 1000

func lateBecause(open *result.Open) string {
	if open.Blocked > 0 {
		return ": no worker was free"
	}
	return ": the generator or the machine was busy"
}
