package compare

import (
	"fmt"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/page"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/report"
)

// page makes a page of the comparison, with the runs over each other.
func (t *table) page() *report.Page {
	names := make([]string, 0, len(t.sides))
	for _, s := range t.sides {
		names = append(names, s.name)
	}
	first := t.sides[0].runs[0]
	p := &report.Page{
		Title: strings.Join(names, " and "),
		Lead: fmt.Sprintf("%s, compared by the Mann-Whitney U test at a level of %g; differences are relative to %s",
			first.Target.Method, t.alpha, names[0]),
		Footer: "fairlead " + fairlead.Version + " bench compare",
		Data:   t.document(),
	}
	if worse := t.regressions(); len(worse) > 0 {
		p.Verdicts = append(p.Verdicts, report.Verdict{
			Level: report.Bad, Title: fmt.Sprintf("Worse by more than %g %%", 100*t.threshold), Text: strings.Join(worse, ", "),
		})
	} else {
		p.Verdicts = append(p.Verdicts, report.Verdict{
			Level: report.Good, Title: fmt.Sprintf("Nothing is significantly worse by more than %g %%", 100*t.threshold),
		})
	}
	for _, note := range t.notes {
		p.Verdicts = append(p.Verdicts, report.Verdict{Level: report.Warning, Title: "The runs differ", Text: note})
	}
	if t.warning != "" {
		p.Verdicts = append(p.Verdicts, report.Verdict{Level: report.Warning, Title: "Few samples", Text: t.warning})
	}
	p.Sections = []report.Section{
		{Title: "Metrics", Tables: []report.Table{t.metricTable()}},
		{Title: "Latency", Charts: []report.Chart{
			t.percentiles(),
			t.overTime("latency-p50", "p50 over time", report.Nanoseconds, "latency",
				func(p *result.Point) float64 { return page.Latency(p.P50) }),
			t.overTime("latency-p99", "p99 over time", report.Nanoseconds, "latency",
				func(p *result.Point) float64 { return page.Latency(p.P99) }),
		}},
		{Title: "Throughput", Charts: []report.Chart{t.overTime("throughput", "Calls a second", report.PerSecond,
			"calls a second", func(p *result.Point) float64 { return p.Calls })}},
		{Title: "Errors", Charts: []report.Chart{t.overTime("errors", "Errors a second", report.PerSecond,
			"errors a second", func(p *result.Point) float64 { return p.Errors })}},
	}
	return p
}

func (t *table) metricTable() report.Table {
	out := report.Table{Title: "Metrics", Columns: []report.Column{{Title: "metric"}, {Title: t.sides[0].name,
		Numeric: true}}}
	for _, s := range t.sides[1:] {
		out.Columns = append(out.Columns, report.Column{Title: s.name, Numeric: true},
			report.Column{Title: "difference", Numeric: true}, report.Column{Title: "p", Numeric: true})
	}
	for i := range t.rows {
		r := &t.rows[i]
		cells := make([]report.Cell, 0, 2+3*len(r.compared))
		cells = append(cells, report.Cell{Text: r.metric.title}, report.Cell{Text: cell(&r.metric, &r.summaries[0])})
		for j := range r.compared {
			c := &r.compared[j]
			level := report.Neutral
			switch {
			case c.significant && c.better:
				level = report.Good
			case c.significant:
				level = report.Bad
			}
			cells = append(cells, report.Cell{Text: cell(&r.metric, &r.summaries[j+1])},
				report.Cell{Text: verdict(&r.metric, c), Level: level},
				report.Cell{Text: chance(c, &r.summaries[0], &r.summaries[j+1])})
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// percentiles has a curve for each side, of all its runs.
func (t *table) percentiles() report.Chart {
	var runs []report.Run
	for i, s := range t.sides {
		var sum *hdrhistogram.Histogram
		for _, r := range s.runs {
			h, err := r.Latency.HDR()
			switch {
			case err != nil: // it was checked when it was read
			case sum == nil:
				sum = h
			default:
				sum.Merge(h)
			}
		}
		if sum != nil {
			runs = append(runs, report.Run{Name: s.name, Count: sum.TotalCount(), At: sum.ValueAtQuantile, Color: i + 1})
		}
	}
	return report.Percentiles(runs...)
}

// overTime has a line for each run, in the color of its side.
func (t *table) overTime(
	id, title string, unit report.Unit, axis string, of func(p *result.Point) float64,
) report.Chart {
	c := report.Chart{
		ID: id, Title: title, X: report.Axis{Title: "time", Unit: report.Seconds}, Y: report.Axis{Title: axis, Unit: unit},
	}
	for i, s := range t.sides {
		for n, r := range s.runs {
			line := report.Series{Name: s.name, Color: i + 1, Dashed: n > 0}
			if len(s.runs) > 1 {
				line.Name = fmt.Sprintf("%s, run %d", s.name, n+1)
			}
			for j := range r.Series {
				// Rounded, so that runs have points at the same places.
				line.X, line.Y = append(line.X, math.Round(r.Series[j].At*100)/100), append(line.Y, of(&r.Series[j]))
			}
			c.Series = append(c.Series, line)
		}
	}
	return c
}
