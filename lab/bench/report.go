package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a measurement found.
type Report struct {
	Machine  Machine       `json:"machine"`
	Date     time.Time     `json:"date"`
	Rounds   int           `json:"rounds"`
	Duration time.Duration `json:"duration_ns"`
	Goals    []Row         `json:"goals"`
	Runs     []Run         `json:"runs"`
}

// Row is a goal with what was measured.
type Row struct {
	Name   string    `json:"name"`
	Title  string    `json:"title"`
	Ratio  bool      `json:"ratio"` // to grpc-go in the same round
	Unit   string    `json:"unit,omitempty"`
	Lower  bool      `json:"lower_is_better,omitempty"`
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Must   float64   `json:"must,omitempty"`
	Reach  float64   `json:"reach,omitempty"`
	Failed bool      `json:"failed,omitempty"` // a run that it needs failed
	Met    bool      `json:"met"`              // what it must
	Beyond bool      `json:"beyond,omitempty"` // what it is to reach for, too
}

// Verdict is PASS or BELOW, by what must be, and empty where nothing must.
func (r *Row) Verdict() string {
	switch {
	case r.Failed:
		return "FAILED"
	case r.Must == 0:
		return ""
	case !r.Met:
		return "BELOW"
	case r.Beyond:
		return "PASS, reached"
	default:
		return "PASS"
	}
}

func (r *runner) report(chosen []goal) *Report {
	rep := &Report{
		Machine: r.machine, Date: time.Now(), Rounds: r.opts.Rounds, Duration: r.opts.Duration, Runs: r.runs,
	}
	for i := range chosen {
		rep.Goals = append(rep.Goals, r.row(&chosen[i]))
	}
	return rep
}

// row holds the runs against a goal: the value of each round, and the median of these.
func (r *runner) row(g *goal) Row {
	row := Row{
		Name: g.name, Title: g.title, Ratio: g.ratio(), Unit: g.unit, Lower: g.lower, Must: g.must, Reach: g.reach,
	}
	figures := map[int]map[Pair]float64{}
	last := 0
	for i := range r.runs {
		run := &r.runs[i]
		if run.Scenario != g.scenario {
			continue
		}
		last = max(last, run.Round)
		if run.Result == nil {
			continue
		}
		if figures[run.Round] == nil {
			figures[run.Round] = map[Pair]float64{}
		}
		figures[run.Round][run.Pair] = g.figure(run.Result)
	}
	for round := 1; round <= last; round++ {
		value, ok := figures[round][g.of]
		base, have := figures[round][g.against]
		if g.compares() {
			ok = ok && have && base > 0
		}
		if !ok {
			row.Failed = true
			continue
		}
		row.Rounds = append(row.Rounds, g.value(value, base))
	}
	row.Failed = row.Failed || len(row.Rounds) == 0
	row.Median = median(row.Rounds)
	row.Met = !row.Failed && (g.must == 0 || g.holds(row.Median, g.must))
	row.Beyond = row.Met && g.reach > 0 && g.holds(row.Median, g.reach)
	return row
}

// Met says whether all goals are.
func (rep *Report) Met() bool {
	for i := range rep.Goals {
		if !rep.Goals[i].Met {
			return false
		}
	}
	return true
}

// WriteText writes the table of goals.
func (rep *Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\nmedian of the rounds; \"x\" is the ratio to grpc-go %s in the same round\n\n",
		rep.Machine, rep.Machine.GRPCGo)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "row\t\tmedian\tmust\treach for\tverdict\trounds")
	for i := range rep.Goals {
		g := &rep.Goals[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Name, g.Title, g.value(g.Median), g.bound(g.Must),
			g.bound(g.Reach), g.Verdict(), g.rounds())
	}
	return t.Flush()
}

// WriteMarkdown writes the goals and the medians of all runs as tables, with what is needed to measure again.
func (rep *Report) WriteMarkdown(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "# Benchmarks\n\nMeasured on %s by `make bench ARGS=\"-md ../docs/benchmarks.md\"`: %s. %d rounds "+
		"of %s each, the pairs of a scenario one after the other in each round; all defaults on both sides, with "+
		"recovery and logging; server and client are two processes on loopback; 1 KiB echo, unary calls with a "+
		"deadline and all with one pair of metadata, unless a row says otherwise. `lab/bench` has the scenarios and "+
		"goals.\n\n", rep.Date.Format("2006-01-02"), rep.Machine, rep.Rounds, rep.Duration)
	fmt.Fprintf(b, "## Goals\n\n`x` is the ratio to grpc-go %s, client and server, in the same round; the median of "+
		"the rounds counts.\n\n", rep.Machine.GRPCGo)
	fmt.Fprint(b, "| row | | median | must | reach for | verdict | rounds |\n|---|---|---|---|---|---|---|\n")
	for i := range rep.Goals {
		g := &rep.Goals[i]
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", g.Name, g.Title, g.value(g.Median), g.bound(g.Must),
			g.bound(g.Reach), g.Verdict(), g.rounds())
	}
	fmt.Fprint(b, "\n## Medians\n\n| load | client → server | per second | p50 µs | p99 µs | server CPU µs | "+
		"client CPU µs | server allocations | client allocations | KiB a connection |\n"+
		"|---|---|---|---|---|---|---|---|---|---|\n")
	for _, m := range rep.medians() {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", m.scenario, m.pair,
			cell(m.perSecond, 0), cell(m.p50, 0), cell(m.p99, 0), cell(m.serverCPU, 2), cell(m.clientCPU, 2),
			cell(m.serverMallocs, 1), cell(m.clientMallocs, 1), cell(m.kib, 1))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes everything.
func (rep *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(rep)
}

// value shows a value of the row.
func (r *Row) value(v float64) string {
	switch {
	case r.Failed:
		return "-"
	case r.Ratio:
		return fmt.Sprintf("%.2fx", v)
	default:
		return strings.TrimSpace(fmt.Sprintf("%.2f %s", v, r.Unit))
	}
}

// bound shows what must be or is to be reached for.
func (r *Row) bound(v float64) string {
	if v == 0 {
		return ""
	}
	sign := "≥"
	if r.Lower {
		sign = "≤"
	}
	if r.Ratio {
		return fmt.Sprintf("%s %gx", sign, v)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %g %s", sign, v, r.Unit))
}

func (r *Row) rounds() string {
	shown := make([]string, len(r.Rounds))
	for i, v := range r.Rounds {
		shown[i] = fmt.Sprintf("%.2f", v)
	}
	return strings.Join(shown, " ")
}

// cell shows a figure with so many decimals, and nothing for 0.
func cell(v float64, decimals int) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.*f", decimals, v)
}
