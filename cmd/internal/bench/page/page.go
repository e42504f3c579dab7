// Package page makes pages of results: of one, or of several over each other.
package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/figure"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/report"
)

// Run is a result with the name that it has on the page.
type Run struct {
	Name   string
	Result *result.Result
}

// One makes the page of a result.
func One(r *result.Result, how string) *report.Page {
	title := r.Target.Method
	if r.Name != "" {
		title = r.Name + ": " + title
	}
	runs := []Run{{Name: "latency", Result: r}}
	p := &report.Page{
		Title:    title,
		Lead:     r.Target.Address + ", " + how,
		Verdicts: verdicts(r),
		Facts:    facts(r),
		Footer: fmt.Sprintf("%s %s, %s; %s/%s with %s; begun %s.", r.Tool.Name, r.Tool.Version, r.Tool.Go, r.Machine.OS,
			r.Machine.Arch, figure.Plural(int64(r.Machine.CPUs), "core"), r.Begun.Format(time.RFC3339)),
		Command: shellLine(r.Command),
		Data:    r,
	}
	p.Sections = []report.Section{
		{
			Title: "Latency", Charts: []report.Chart{Percentiles(runs), overTime(r)},
			Tables: []report.Table{latencyTable(r)},
		},
		{Title: "Throughput", Charts: []report.Chart{throughput(r)}},
		{Title: "Errors", Charts: errorCharts(r), Tables: errorTables(r), Text: errorText(r)},
		{
			Title: "Generator", Charts: []report.Chart{generator(r)},
			Text: "CPU that the generator itself used. When it is all that there is, the figures above are the generator's " +
				"own limit.",
		},
	}
	return p
}

// shellLine writes a command line as a POSIX shell reads it (POSIX.1-2017, Shell Command Language, section 2.2).
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.Trim(w, unquoted) != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// unquoted are the characters that mean themselves to any shell.
const unquoted = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+"

// verdicts returns what the reader should know first.
func verdicts(r *result.Result) []report.Verdict {
	v := report.Verdict{Level: report.Good, Title: "No call failed"}
	if r.Calls.Failed > 0 {
		v = report.Verdict{
			Level: report.Bad,
			Title: fmt.Sprintf("%s of %s calls failed (%.3g %%)", figure.Count(r.Calls.Failed), figure.Count(r.Calls.Total),
				100*r.Calls.ErrorRatio),
		}
		for i, e := range r.Errors {
			if i > 0 {
				v.Text += "; "
			}
			v.Text += fmt.Sprintf("%s: %s", e.Code, figure.Count(e.Count))
		}
	}
	if r.Calls.Total == 0 {
		v = report.Verdict{Level: report.Bad, Title: "No call ended"}
	}
	list := []report.Verdict{v}
	if r.Interrupted {
		list = append(list, report.Verdict{Level: report.Warning, Title: "The run was interrupted"})
	}
	for _, w := range r.Warnings {
		list = append(list, report.Verdict{Level: report.Warning, Title: warningTitle(w.ID), Text: w.Text})
	}
	return list
}

func warningTitle(id string) string {
	switch id {
	case result.WarnClientSaturated:
		return "The generator was saturated"
	case result.WarnMachineSaturated:
		return "The machine was saturated"
	case result.WarnLate:
		return "Calls were sent late"
	case result.WarnBlocked:
		return "The limit of calls under way was reached"
	case result.WarnUnsent:
		return "The rate was not reached"
	case result.WarnFewSamples:
		return "Few calls"
	case result.WarnUnfinished:
		return "Calls were given up at the end"
	case result.WarnWarmup:
		return "Calls failed during the warm-up"
	}
	return id
}

func facts(r *result.Result) []report.Fact {
	list := []report.Fact{
		{Name: "calls", Value: figure.Count(r.Calls.Total)},
		{Name: "calls a second", Value: figure.PerSecond(r.Rates.Calls)},
		{Name: "failed", Value: figure.Count(r.Calls.Failed)},
	}
	if r.Target.Kind != "unary" {
		list = append(list, report.Fact{Name: "messages sent a second", Value: figure.PerSecond(r.Rates.MessagesSent)},
			report.Fact{Name: "messages received a second", Value: figure.PerSecond(r.Rates.MessagesReceived)})
	}
	for _, q := range []float64{50, 95, 99, 99.9} {
		if v, ok := r.Latency.At(q); ok {
			list = append(list, report.Fact{Name: fmt.Sprintf("p%g", q), Value: figure.Duration(int64(v))})
		}
	}
	if r.Latency.Count > 0 {
		list = append(list, report.Fact{Name: "slowest", Value: figure.Duration(r.Latency.Max)})
	}
	return append(list,
		report.Fact{Name: "bytes sent a second", Value: figure.Bytes(r.Rates.BytesSent)},
		report.Fact{Name: "bytes received a second", Value: figure.Bytes(r.Rates.BytesReceived)},
		report.Fact{Name: "generator's CPU", Value: fmt.Sprintf("%.2f of %s", r.Client.Cores,
			figure.Plural(int64(r.Client.Available), "core"))})
}

// Percentiles is the chart of the runs' latencies.
func Percentiles(runs []Run) report.Chart {
	var list []report.Run
	for i, run := range runs {
		color := i + 1
		if h, err := run.Result.Latency.HDR(); err == nil {
			list = append(list, report.Run{Name: run.Name, Count: h.TotalCount(), At: h.ValueAtQuantile, Color: color})
		}
		if len(runs) > 1 {
			continue
		}
		for _, part := range []struct {
			name string
			h    *result.Histogram
		}{{"first message", run.Result.FirstMessage}, {"turn", run.Result.Turns}} {
			if part.h == nil {
				continue
			}
			if h, err := part.h.HDR(); err == nil {
				color++
				list = append(list, report.Run{Name: part.name, Count: h.TotalCount(), At: h.ValueAtQuantile, Color: color})
			}
		}
	}
	return report.Percentiles(list...)
}

// overSeries makes a line of a figure of all points.
func overSeries(name string, r *result.Result, of func(p *result.Point) float64) report.Series {
	s := report.Series{Name: name}
	for i := range r.Series {
		s.X, s.Y = append(s.X, r.Series[i].At), append(s.Y, of(&r.Series[i]))
	}
	return s
}

// latencySeries has a gap where no call was answered.
func latencySeries(name string, r *result.Result, of func(p *result.Point) result.Nanoseconds) report.Series {
	return overSeries(name, r, func(p *result.Point) float64 { return Latency(of(p)) })
}

// Latency returns the value of a latency in a chart, not a number if there is none.
func Latency(n result.Nanoseconds) float64 {
	if n == 0 {
		return math.NaN()
	}
	return float64(n)
}

func timeAxis() report.Axis { return report.Axis{Title: "time", Unit: report.Seconds} }

func overTime(r *result.Result) report.Chart {
	return report.Chart{
		ID: "latency", Title: "Latency over time", X: timeAxis(), Y: report.Axis{Title: "latency", Unit: report.Nanoseconds},
		Series: []report.Series{
			latencySeries("p50", r, func(p *result.Point) result.Nanoseconds { return p.P50 }),
			latencySeries("p95", r, func(p *result.Point) result.Nanoseconds { return p.P95 }),
			latencySeries("p99", r, func(p *result.Point) result.Nanoseconds { return p.P99 }),
			latencySeries("max", r, func(p *result.Point) result.Nanoseconds { return p.Max }),
		},
	}
}

func throughput(r *result.Result) report.Chart {
	c := report.Chart{
		ID: "throughput", Title: "Calls a second", X: timeAxis(), Y: report.Axis{Title: "calls a second",
			Unit: report.PerSecond},
		Series: []report.Series{overSeries("calls", r, func(p *result.Point) float64 { return p.Calls })},
	}
	if r.Load.Loop == "open" {
		planned := overSeries("planned", r, func(p *result.Point) float64 { return p.Level })
		planned.Dashed, planned.Color = true, 8
		c.Series = append(c.Series, planned)
	}
	if r.Target.Kind != "unary" {
		c.Title, c.Y.Title = "Calls and messages a second", "a second"
		c.Series = append(c.Series,
			overSeries("messages sent", r, func(p *result.Point) float64 { return p.MessagesSent }),
			overSeries("messages received", r, func(p *result.Point) float64 { return p.MessagesReceived }))
	}
	return c
}

func errorCharts(r *result.Result) []report.Chart {
	errors := overSeries("errors", r, func(p *result.Point) float64 { return p.Errors })
	errors.Color = 2
	return []report.Chart{{
		ID: "errors", Title: "Errors a second", X: timeAxis(),
		Y: report.Axis{Title: "errors a second", Unit: report.PerSecond}, Series: []report.Series{errors},
	}}
}

func errorText(r *result.Result) string {
	if len(r.Errors) == 0 {
		return "No call failed."
	}
	return ""
}

func errorTables(r *result.Result) []report.Table {
	if len(r.Errors) == 0 {
		return nil
	}
	t := report.Table{Title: "Errors by code", Columns: []report.Column{
		{Title: "code"}, {Title: "calls", Numeric: true}, {Title: "first after", Numeric: true},
		{Title: "the first one's message"},
	}}
	for _, e := range r.Errors {
		t.Rows = append(t.Rows, []report.Cell{
			{Text: e.Code, Level: report.Bad}, {Text: figure.Count(e.Count)}, {Text: figure.Span(e.After)}, {Text: e.Message},
		})
	}
	return []report.Table{t}
}

func generator(r *result.Result) report.Chart {
	return report.Chart{
		ID: "generator", Title: "Cores that the generator kept busy", X: timeAxis(), Y: report.Axis{Title: "cores"},
		Series: []report.Series{overSeries("cores", r, func(p *result.Point) float64 { return p.Cores })},
	}
}

func latencyTable(r *result.Result) report.Table {
	type column struct {
		name string
		h    *result.Histogram
	}
	columns := []column{{"latency", &r.Latency}}
	if r.FirstMessage != nil {
		columns = append(columns, column{"first message", r.FirstMessage})
	}
	if r.Turns != nil {
		columns = append(columns, column{"turn", r.Turns})
	}
	if r.Open != nil {
		columns = append(columns, column{"lag of sending", &r.Open.Lag})
	}
	t := report.Table{Title: "Percentiles", Columns: []report.Column{{Title: "percentile"}}}
	for _, c := range columns {
		t.Columns = append(t.Columns, report.Column{Title: c.name, Numeric: true})
	}
	add := func(label string, of func(h *result.Histogram) (int64, bool)) {
		row := make([]report.Cell, 0, 1+len(columns))
		row = append(row, report.Cell{Text: label})
		for _, c := range columns {
			text := ""
			if v, ok := of(c.h); ok && c.h.Count > 0 {
				text = figure.Duration(v)
			}
			row = append(row, report.Cell{Text: text})
		}
		if slices.ContainsFunc(row[1:], func(c report.Cell) bool { return c.Text != "" }) {
			t.Rows = append(t.Rows, row)
		}
	}
	add("mean", func(h *result.Histogram) (int64, bool) { return h.Mean, true })
	add("min", func(h *result.Histogram) (int64, bool) { return h.Min, true })
	for _, q := range result.Percentiles() {
		add(fmt.Sprintf("%g %%", q), func(h *result.Histogram) (int64, bool) {
			v, ok := h.At(q)
			return int64(v), ok
		})
	}
	add("max", func(h *result.Histogram) (int64, bool) { return h.Max, true })
	return t
}
