package bench

import (
	"fmt"
	"io"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/figure"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// printer writes a result for people.
type printer struct {
	w io.Writer
	p cli.Painter
}

func (w *printer) linef(label, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(w.w, strings.TrimRight(w.p.Paint(cli.Faint, fmt.Sprintf("%-13s", label))+text, " "))
}

func (w *printer) blank() { fmt.Fprintln(w.w) }

// printText writes r.
func printText(out io.Writer, p cli.Painter, r *result.Result) {
	w := &printer{w: out, p: p}
	head := r.Target.Method
	if r.Name != "" {
		head = r.Name + ": " + head
	}
	fmt.Fprintf(out, "%s at %s\n", p.Paint(cli.Bold, head), r.Target.Address)
	fmt.Fprintln(out, describe(r))
	w.blank()
	w.calls(r)
	w.blank()
	w.latencies(r)
	w.errors(r)
	w.blank()
	c := &r.Client
	w.linef("generator", "%.2f of %s (%.0f %%), %s of CPU a call", c.Cores, figure.Plural(int64(c.Available), "core"),
		100*c.Utilization, figure.Duration(int64(1000*c.MicrosOfCall)))
	if total := c.UserSeconds + c.SystemSeconds; total > 0 {
		w.linef("", "user %.0f %%, system %.0f %%; garbage collection %.0f %%; machine busy %.0f %%", 100*c.UserSeconds/total,
			100*c.SystemSeconds/total, 100*min(c.GCSeconds/total, 1), 100*c.Machine)
	}
	if len(r.Warnings) > 0 {
		w.blank()
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(out, "%s %s\n", p.Paint(cli.Yellow, "warning:"), warning.Text)
	}
}

// describe returns a line about how the load was made.
func describe(r *result.Result) string {
	l := &r.Load
	var b strings.Builder
	b.WriteString(r.Target.Kind + ", ")
	first := result.Stage{}
	if len(l.Stages) > 0 {
		first = l.Stages[0]
	}
	steady := len(l.Stages) == 1 && first.From == first.To
	switch {
	case l.Loop == "open" && steady:
		fmt.Fprintf(&b, "open loop at %g calls/s, at most %s under way", first.From, figure.Count(int64(l.Concurrency)))
	case l.Loop == "open":
		fmt.Fprintf(&b, "open loop at %s calls/s, at most %s under way", stages(l.Stages), figure.Count(int64(l.Concurrency)))
	case steady:
		fmt.Fprintf(&b, "closed loop with %s", figure.Plural(int64(first.From), "worker"))
	default:
		fmt.Fprintf(&b, "closed loop with %s workers", stages(l.Stages))
	}
	fmt.Fprintf(&b, ", %s", figure.Plural(int64(l.Connections), "connection"))
	if r.Target.TLS {
		b.WriteString(" with TLS")
	}
	fmt.Fprintf(&b, ", %s", figure.Span(r.Seconds))
	if l.Warmup > 0 {
		fmt.Fprintf(&b, " after %s of warm-up", figure.Span(l.Warmup))
	}
	if r.Interrupted {
		b.WriteString(", interrupted")
	}
	return b.String()
}

// stages writes levels: "100→1000".
func stages(list []result.Stage) string {
	var parts []string
	for _, s := range list {
		from, to := fmt.Sprintf("%g", s.From), fmt.Sprintf("%g", s.To)
		if len(parts) == 0 || parts[len(parts)-1] != from {
			parts = append(parts, from)
		}
		if to != from {
			parts = append(parts, to)
		}
	}
	return strings.Join(parts, "→")
}

func (w *printer) calls(r *result.Result) {
	c := &r.Calls
	w.linef("calls", "%s, %s/s", figure.Count(c.Total), figure.PerSecond(r.Rates.Calls))
	if c.Failed > 0 {
		failed := fmt.Sprintf("%s failed (%.3g %%)", figure.Count(c.Failed), 100*c.ErrorRatio)
		w.linef("", "%s succeeded, %s", figure.Count(c.Succeeded), w.p.Paint(cli.Red, failed))
	}
	if r.Target.Kind != "unary" {
		w.linef("messages", "%s/s sent, %s/s received", figure.PerSecond(r.Rates.MessagesSent),
			figure.PerSecond(r.Rates.MessagesReceived))
	}
	w.linef("bytes", "%s/s sent, %s/s received (messages only)", figure.Bytes(r.Rates.BytesSent),
		figure.Bytes(r.Rates.BytesReceived))
	if o := r.Open; o != nil {
		w.linef("sent", "%s of %s due, %s late; lag p50 %s, p99 %s, max %s", figure.Count(o.Due-o.Unsent),
			figure.Count(o.Due), figure.Count(o.Late),
			at(&o.Lag, 50), at(&o.Lag, 99), figure.Duration(o.Lag.Max))
	}
}

// at writes a percentile.
func at(h *result.Histogram, q float64) string {
	if v, ok := h.At(q); ok {
		return figure.Duration(int64(v))
	}
	return "-"
}

// latencies writes the table of percentiles, with a column for each histogram.
func (w *printer) latencies(r *result.Result) {
	type column struct {
		title string
		h     *result.Histogram
	}
	columns := []column{{"latency", &r.Latency}}
	if r.FirstMessage != nil {
		columns = append(columns, column{"first message", r.FirstMessage})
	}
	if r.Turns != nil {
		columns = append(columns, column{"turn", r.Turns})
	}
	row := func(label string, cell func(h *result.Histogram) string) {
		var b strings.Builder
		for _, c := range columns {
			fmt.Fprintf(&b, "%15s", cell(c.h))
		}
		w.linef(label, "%s", b.String())
	}
	if r.Latency.Count == 0 {
		w.linef("latency", "no call succeeded")
		return
	}
	var titles strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&titles, "%15s", c.title)
	}
	w.linef("", "%s", w.p.Paint(cli.Bold, titles.String()))
	row("mean", func(h *result.Histogram) string { return figure.Duration(h.Mean) })
	row("min", func(h *result.Histogram) string { return figure.Duration(h.Min) })
	for _, q := range result.Percentiles() {
		if _, ok := r.Latency.At(q); ok {
			row(fmt.Sprintf("%g %%", q), func(h *result.Histogram) string { return at(h, q) })
		}
	}
	row("max", func(h *result.Histogram) string { return figure.Duration(h.Max) })
}

func (w *printer) errors(r *result.Result) {
	if len(r.Errors) == 0 {
		return
	}
	w.blank()
	for i, e := range r.Errors {
		label := ""
		if i == 0 {
			label = "errors"
		}
		w.linef(label, "%s %s, the first after %s:", w.p.Paint(cli.Red, e.Code), figure.Count(e.Count), figure.Span(e.After))
		w.linef("", "  %s", oneLine(e.Message))
	}
}

// oneLine is text without what would move the cursor.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
