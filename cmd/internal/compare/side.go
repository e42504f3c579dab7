package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
)

// side is one side of a comparison: one run, or several of the same.
type side struct {
	name  string
	files []string
	runs  []*result.Result
}

// readSides reads the sides of the arguments. All that is wrong with the files is reported.
func readSides(ctx context.Context, args []string) ([]side, error) {
	sides := make([]side, 0, len(args))
	var errs []error
	for _, arg := range args {
		s := side{name: arg}
		paths, err := result.Expand(arg)
		errs = append(errs, err)
		for _, path := range paths {
			r, err := result.Read(ctx, path)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			s.files, s.runs = append(s.files, path), append(s.runs, r)
		}
		sides = append(sides, s)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	nameSides(sides)
	return sides, nil
}

// nameSides gives the sides the names of their runs, or short ones of their files.
func nameSides(sides []side) {
	names := make([]string, len(sides))
	seen := make(map[string]bool)
	for i, s := range sides {
		name := s.runs[0].Name
		for _, r := range s.runs {
			if r.Name != name {
				name = ""
			}
		}
		if name == "" {
			name = strings.TrimSuffix(filepath.Base(filepath.Clean(s.name)), ".json")
		}
		if seen[name] {
			return // they keep their paths, which tell them apart
		}
		seen[name] = true
		names[i] = name
	}
	for i := range sides {
		sides[i].name = names[i]
	}
}

// metric is a figure that is compared.
type metric struct {
	id       string
	title    string
	unit     unit
	higher   bool // is better
	run      func(r *result.Result) (float64, bool)
	interval func(r *result.Result, p *result.Point) (float64, bool)
	// share is for a share of the calls, in place of run and interval: how many of how many. The difference of two counts
	// in itself and not relative to the first side's, which is 0 most of the time.
	share func(r *result.Result) (part, of int64)
}

// unit says how a figure is written.
type unit string

const (
	unitRate  unit = "per second"
	unitTime  unit = "nanoseconds"
	unitShare unit = "share"
	unitMicro unit = "microseconds"
)

// metrics returns those that the runs have.
func metrics(sides []side) []metric {
	streams := false
	for _, s := range sides {
		for _, r := range s.runs {
			streams = streams || r.Target.Kind != "unary"
		}
	}
	list := []metric{{
		id: "calls_per_second", title: "calls/s", unit: unitRate, higher: true,
		run:      func(r *result.Result) (float64, bool) { return r.Rates.Calls, true },
		interval: func(_ *result.Result, p *result.Point) (float64, bool) { return p.Calls, true },
	}}
	if streams {
		list = append(list, metric{
			id: "messages_per_second", title: "messages/s", unit: unitRate, higher: true,
			run: func(r *result.Result) (float64, bool) {
				return r.Rates.MessagesSent + r.Rates.MessagesReceived, true
			},
			interval: func(_ *result.Result, p *result.Point) (float64, bool) {
				return p.MessagesSent + p.MessagesReceived, true
			},
		})
	}
	for _, l := range []struct {
		q  float64
		of func(p *result.Point) result.Nanoseconds
	}{
		{50, func(p *result.Point) result.Nanoseconds { return p.P50 }},
		{90, func(p *result.Point) result.Nanoseconds { return p.P90 }},
		{95, func(p *result.Point) result.Nanoseconds { return p.P95 }},
		{99, func(p *result.Point) result.Nanoseconds { return p.P99 }},
		{99.9, func(p *result.Point) result.Nanoseconds { return p.P999 }},
	} {
		list = append(list, metric{
			id: "p" + strings.ReplaceAll(fmt.Sprint(l.q), ".", ""), title: fmt.Sprintf("p%g", l.q), unit: unitTime,
			run: func(r *result.Result) (float64, bool) {
				v, ok := r.Latency.At(l.q)
				return float64(v), ok
			},
			interval: func(_ *result.Result, p *result.Point) (float64, bool) {
				// With fewer calls it is the slowest one, by another name.
				return float64(l.of(p)), p.Recorded > 0 && float64(p.Recorded)*(100-l.q) >= 100
			},
		})
	}
	return append(list,
		metric{
			id: "error_ratio", title: "errors", unit: unitShare,
			share: func(r *result.Result) (part, of int64) { return r.Calls.Failed, r.Calls.Total },
		},
		metric{
			id: "client_cpu_micros_per_call", title: "generator CPU/call", unit: unitMicro,
			run: func(r *result.Result) (float64, bool) { return r.Client.MicrosOfCall, r.Client.MicrosOfCall > 0 },
			interval: func(_ *result.Result, p *result.Point) (float64, bool) {
				if p.Calls <= 0 || p.Cores <= 0 {
					return 0, false
				}
				return p.Cores / p.Calls * 1e6, true
			},
		})
}

// samples are the metric's values, one for each run or each interval of all runs.
func (s *side) samples(m *metric, byRun bool) []float64 {
	var list []float64
	for _, r := range s.runs {
		if m.share != nil { // intervals differ in their calls, and are no samples of it
			if part, of := m.share(r); of > 0 {
				list = append(list, float64(part)/float64(of))
			}
			continue
		}
		if byRun {
			if v, ok := m.run(r); ok {
				list = append(list, v)
			}
			continue
		}
		for i := range r.Series {
			if v, ok := m.interval(r, &r.Series[i]); ok {
				list = append(list, v)
			}
		}
	}
	return list
}

// calls returns how many of how many calls of all runs a metric that is a share counts.
func (s *side) calls(m *metric) (part, of int64) {
	for _, r := range s.runs {
		p, n := m.share(r)
		part, of = part+p, of+n
	}
	return part, of
}

// differences says what the runs do not have in common, so that their figures may differ for that reason.
func differences(sides []side) []string {
	var notes []string
	first := sides[0].runs[0]
	seen := make(map[string]bool)
	note := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !seen[text] {
			seen[text] = true
			notes = append(notes, text)
		}
	}
	for _, s := range sides {
		for _, r := range s.runs {
			differ := func(what string, a, b any) {
				if fmt.Sprint(a) != fmt.Sprint(b) {
					note("%s is %v for %s, and %v for %s", what, a, sides[0].name, b, s.name)
				}
			}
			differ("method", first.Target.Method, r.Target.Method)
			differ("TLS", first.Target.TLS, r.Target.TLS)
			differ("loop", first.Load.Loop, r.Load.Loop)
			differ("stages", levels(first), levels(r))
			differ("concurrency", first.Load.Concurrency, r.Load.Concurrency)
			differ("connections", first.Load.Connections, r.Load.Connections)
			differ("messages", first.Load.Messages, r.Load.Messages)
			differ("request bytes", first.Request.Bytes, r.Request.Bytes)
			differ("generator's cores", first.Machine.Used, r.Machine.Used)
			for _, w := range r.Warnings {
				if w.ID == result.WarnClientSaturated {
					note("%s: %s", s.name, w.Text)
				}
			}
		}
	}
	return notes
}

// levels writes the levels of a run; how long they were held is of no concern.
func levels(r *result.Result) string {
	var b strings.Builder
	for i, s := range r.Load.Stages {
		if i > 0 {
			b.WriteString(", ")
		}
		if s.From == s.To {
			fmt.Fprintf(&b, "%g", s.From)
		} else {
			fmt.Fprintf(&b, "%g to %g", s.From, s.To)
		}
	}
	return b.String()
}
