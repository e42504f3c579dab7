package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/lab/peer"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 5}, 5},
	}
	for _, tt := range tests {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

// TestTables makes sure that every goal names a scenario and is measured on pairs that differ.
func TestTables(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range scenarios() {
		if slices.Contains(names, s.name) {
			t.Errorf("two scenarios are called %s", s.name)
		}
		names = append(names, s.name)
		if s.callers <= s.slowCallers || s.conns < 1 {
			t.Errorf("scenario %s has nobody to measure", s.name)
		}
	}
	var seen []string
	for _, g := range goals() {
		if slices.Contains(seen, g.name) {
			t.Errorf("two goals are called %s", g.name)
		}
		seen = append(seen, g.name)
		if !slices.Contains(names, g.scenario) {
			t.Errorf("goal %s: there is no scenario %s", g.name, g.scenario)
		}
		if g.of == g.against {
			t.Errorf("goal %s compares %v with itself", g.name, g.of)
		}
		if g.reach != 0 && g.must != 0 && !g.holds(g.reach, g.must) {
			t.Errorf("goal %s: what to reach for is not beyond what must be", g.name)
		}
	}
}

// result makes a run with so many calls a second.
func result(round int, pair Pair, rate float64) Run {
	return Run{
		Scenario: "unary-1", Round: round, Pair: pair,
		Result: &peer.Result{Mode: peer.Unary, CallsPerSecond: rate, ServerCPUMicros: rate / 100, P99: 1},
	}
}

func TestRow(t *testing.T) {
	t.Parallel()
	ratio := faster("x", "unary-1", "", ours, 5, 8)
	absolute := goal{scenario: "unary-1", figure: serverCPU, of: ours, must: 3, reach: 1, lower: true}
	scaled := goal{
		scenario: "unary-1", figure: serverCPU, of: ours, against: theirs, reference: 20, must: 3, reach: 1, lower: true,
	}
	failed := Run{Scenario: "unary-1", Round: 1, Pair: ours, Error: "broken"}
	tests := []struct {
		name    string
		goal    goal
		runs    []Run
		median  float64
		verdict string
	}{
		{
			"the median of ratios, not the ratio of medians", ratio,
			[]Run{
				result(1, theirs, 100), result(1, ours, 900),
				result(2, theirs, 10), result(2, ours, 20),
				result(3, theirs, 50), result(3, ours, 300),
			},
			6, "PASS",
		},
		{"reached", ratio, []Run{result(1, theirs, 100), result(1, ours, 800)}, 8, "PASS, reached"},
		{"below", ratio, []Run{result(1, theirs, 100), result(1, ours, 499)}, 4.99, "BELOW"},
		{"no base", ratio, []Run{result(1, ours, 800)}, 0, "FAILED"},
		{"a failed run", ratio, []Run{result(1, theirs, 100), failed}, 0, "FAILED"},
		{"nothing", ratio, nil, 0, "FAILED"},
		{"lower is better", absolute, []Run{result(1, ours, 200)}, 2, "PASS"},
		{"lower, reached", absolute, []Run{result(1, ours, 100)}, 1, "PASS, reached"},
		{"a slower machine", scaled, []Run{result(1, theirs, 4000), result(1, ours, 500)}, 2.5, "PASS"},
		{"a faster machine", scaled, []Run{result(1, theirs, 1000), result(1, ours, 310)}, 3.1, "BELOW"},
		{"no reference", scaled, []Run{result(1, ours, 310)}, 0, "FAILED"},
		{"no bound", goal{scenario: "unary-1", figure: serverCPU, of: ours}, []Run{result(1, ours, 310)}, 3.1, ""},
		{"lower, below", absolute, []Run{result(1, ours, 301)}, 3.01, "BELOW"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			row := (&runner{runs: tt.runs}).row(&tt.goal)
			if math.Abs(row.Median-tt.median) > 1e-9 {
				t.Errorf("median %v, want %v", row.Median, tt.median)
			}
			if got := row.Verdict(); got != tt.verdict {
				t.Errorf("verdict %q, want %q", got, tt.verdict)
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := &runner{opts: &Options{Rounds: 1}, runs: []Run{result(1, theirs, 100), result(1, ours, 850)}}
	rep := r.report([]goal{faster("unary-1", "unary-1", "unary", ours, 5, 8)})
	if !rep.Met() {
		t.Error("the goal is not met")
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return rep.WriteText(b) },
		"markdown": func(b *bytes.Buffer) error { return rep.WriteMarkdown(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"8.50x", "≥ 5x", "≥ 8x", "PASS, reached"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, b.String())
			}
		}
	}
	var b bytes.Buffer
	if err := rep.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Runs) != 2 || back.Goals[0].Median != 8.5 {
		t.Errorf("what was written reads as %+v", back)
	}
	rep.Goals[0].Met = false
	if rep.Met() {
		t.Error("a goal that is not met is")
	}
}
