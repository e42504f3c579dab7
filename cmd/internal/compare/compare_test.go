package compare

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

// The values are those of tables of the U distribution: two of the binomial(n1+n2, n1) orders are as extreme as
// samples without overlap, one for each side.
func TestUTest(t *testing.T) {
	t.Parallel()
	up := func(from, n int) (list []float64) {
		for i := range n {
			list = append(list, float64(from+i))
		}
		return list
	}
	lower := &metric{}
	tests := []struct {
		name        string
		a, b        []float64
		p           float64
		significant bool
		few         bool
	}{
		{"five apart", up(1, 5), up(6, 5), 2.0 / 252, true, false},
		{"four apart", up(1, 4), up(6, 4), 2.0 / 70, true, false},
		{"three apart", up(1, 3), up(6, 3), 2.0 / 20, false, true},
		{"six and four apart", up(1, 6), up(10, 4), 2.0 / 210, true, false},
		// U is 4 of 25: 12 of the 252 orders are as extreme, on either side.
		{"one overlap", []float64{1, 2, 3, 4, 10}, []float64{6, 7, 8, 9, 11}, 2 * 12.0 / 252, false, false},
		{"equal", up(1, 5), up(1, 5), 1, false, false},
		{"all the same", []float64{3, 3, 3, 3}, []float64{3, 3, 3, 3}, 1, false, false},
		{"nothing", nil, up(1, 5), 1, false, true},
	}
	for _, tt := range tests {
		got := compareSamples(lower, tt.a, tt.b, limits{alpha: 0.05, threshold: 0.05})
		if math.Abs(got.p-tt.p) > 1e-9 || got.significant != tt.significant || got.few != tt.few {
			t.Errorf("%s: got p %v (%.0f of 252), significant %v, few %v; want p %v", tt.name, got.p, got.p*252,
				got.significant, got.few, tt.p)
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	around := func(v float64) []float64 { return []float64{v * 0.99, v * 0.995, v, v * 1.005, v * 1.01} }
	tests := []struct {
		name       string
		m          metric
		a, b       []float64
		better     bool
		regression bool
		delta      string
	}{
		{"faster", metric{higher: true}, around(100), around(120), true, false, "+20.00 %"},
		{"slower", metric{higher: true}, around(100), around(80), false, true, "-20.00 %"},
		{"slower by little", metric{higher: true}, around(100), around(97), false, false, "-3.00 %"},
		{"higher latency", metric{}, around(100), around(130), false, true, "+30.00 %"},
		{"from nothing", metric{}, []float64{0, 0, 0, 0, 0}, around(5), false, true, "+∞"},
	}
	for _, tt := range tests {
		got := compareSamples(&tt.m, tt.a, tt.b, limits{alpha: 0.05, threshold: 0.05})
		if !got.significant || got.better != tt.better || got.regression != tt.regression || delta(&tt.m, &got) != tt.delta {
			t.Errorf("%s: got %+v, %s; want better %v, regression %v, %s", tt.name, got, delta(&tt.m, &got), tt.better,
				tt.regression, tt.delta)
		}
	}
}

// TestErrors compares errors, which count by calls.
func TestErrors(t *testing.T) {
	t.Parallel()
	// A run whose intervals have these calls and failures.
	of := func(intervals ...[2]int64) *side {
		r := new(result.Result)
		for _, i := range intervals {
			r.Calls.Total, r.Calls.Failed = r.Calls.Total+i[0], r.Calls.Failed+i[1]
			r.Series = append(r.Series, result.Point{Seconds: 1, Calls: float64(i[0]), Errors: float64(i[1])})
		}
		return &side{runs: []*result.Result{r}}
	}
	m := metrics([]side{*of()})
	errs := m[slices.IndexFunc(m, func(m metric) bool { return m.title == "errors" })]
	tests := []struct {
		name                            string
		a, b                            *side
		p                               float64
		significant, better, regression bool
		delta                           string
	}{
		// One in ten intervals, and one in a hundred of the calls: the outage was short of calls.
		{"an outage", of([2]int64{1000, 0}), of([2]int64{9900, 0}, [2]int64{100, 100}), 0.000142, true, false, true,
			"+1 points"},
		{"many failures at once", of([2]int64{1000, 0}), of([2]int64{1000, 0}, [2]int64{9000, 9000}), 0, true, false,
			true, "+90 points"},
		{"few", of([2]int64{100_000, 0}), of([2]int64{100_000, 50}), 0, true, false, false, "+0.05 points"},
		{"one", of([2]int64{100, 0}), of([2]int64{100, 1}), 1, false, false, false, "+1 points"},
		{"fewer", of([2]int64{1000, 200}), of([2]int64{1000, 0}), 0, true, true, false, "-20 points"},
		{"none", of([2]int64{1000, 0}), of([2]int64{1000, 0}), 1, false, true, false, "+0 points"},
		{"all", of([2]int64{1000, 1000}), of([2]int64{10, 10}), 1, false, true, false, "+0 points"},
		{"no calls", of(), of([2]int64{10, 10}), 1, false, false, false, "+0 points"},
	}
	for _, tt := range tests {
		got := compareShares(&errs, tt.a, tt.b, false, limits{alpha: 0.05, threshold: 0.05})
		if math.Abs(got.p-tt.p) > 1e-6 || got.significant != tt.significant || got.significant && got.better != tt.better ||
			got.regression != tt.regression || delta(&errs, &got) != tt.delta {
			t.Errorf("%s: got %+v, %s; want p %v, significant %v, better %v, regression %v, %s", tt.name, got,
				delta(&errs, &got), tt.p, tt.significant, tt.better, tt.regression, tt.delta)
		}
	}
}

// The values were computed with exact fractions.
func TestProportions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		k, n, l, m int64
		p          float64
	}{
		{3, 4, 1, 4, 17.0 / 35}, // 17/35, Fisher's lady and her tea
		{1, 10, 5, 10, 0.1408668730650155},
		{9, 10, 5, 10, 0.1408668730650155},
		{0, 10, 0, 10, 1},
		{20_000, 100_000, 20_000, 100_000, 1},
	}
	for _, tt := range tests {
		if got := proportions(tt.k, tt.n, tt.l, tt.m); math.Abs(got-tt.p) > 1e-9 {
			t.Errorf("%d of %d, %d of %d: got %.10f, want %.10f", tt.k, tt.n, tt.l, tt.m, got, tt.p)
		}
	}
	// Where the exact test ends the other says the same.
	exact, normal := proportions(4900, 100_000, 5100, 100_000), proportions(4901, 100_000, 5101, 100_000)
	if math.Abs(exact-normal) > 0.002 {
		t.Errorf("got %v and %v for nearly the same", exact, normal)
	}
}

// makeRun makes a result with the given calls a second and p99 in microseconds, which sway a little.
func makeRun(name string, calls, p99 float64, errs float64) *result.Result {
	nanos := func(v float64) result.Nanoseconds { return result.Nanoseconds(v) }
	r := &result.Result{
		Format: result.Format, Version: result.Version, Name: name,
		Target: result.Target{Method: "echo.v1.Echo/Say", Kind: "unary", Address: "localhost:8080"},
		Load: result.Load{
			Loop: "closed", Concurrency: 10, Connections: 1, Stages: []result.Stage{{From: 10, To: 10, Seconds: 10}},
		},
		Calls: result.Calls{
			Total: int64(10 * calls), Succeeded: int64(10 * calls * (1 - errs)), Failed: int64(10 * calls * errs),
			ErrorRatio: errs,
		},
		Rates:  result.Rates{Calls: calls},
		Client: result.Client{MicrosOfCall: 4},
	}
	for _, q := range []float64{50, 90, 95, 99, 99.9} {
		r.Latency.Percentiles = append(r.Latency.Percentiles, result.Percentile{Q: q, Value: int64(p99 * q * 10)})
	}
	r.Latency.Buckets = [][2]int64{{int64(p99 * 500), 900}, {int64(p99 * 1000), 100}}
	r.Latency.Count = 1000
	for i := range 10 {
		sway := 1 + float64(i*7%10-5)/512 // exact, on all machines
		r.Series = append(r.Series, result.Point{
			At: float64(i + 1), Seconds: 1, Calls: calls * sway, Errors: calls * errs * sway, Recorded: int64(calls),
			P50: nanos(p99 * 500 * sway), P90: nanos(p99 * 900 * sway), P95: nanos(p99 * 950 * sway),
			P99: nanos(p99 * 1000 * sway), P999: nanos(p99 * 1100 * sway), Cores: calls * 4e-6 * sway,
		})
	}
	return r
}

func write(t *testing.T, path string, r *result.Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := write(t, filepath.Join(dir, "a.json"), makeRun("before", 50_000, 800, 0))
	b := write(t, filepath.Join(dir, "b.json"), makeRun("after", 42_000, 1200, 0.01))
	again := write(t, filepath.Join(dir, "again.json"), makeRun("again", 50_000, 800, 0))
	other := makeRun("other", 50_000, 800, 0)
	other.Load.Connections, other.Load.Loop = 4, "open"
	c := write(t, filepath.Join(dir, "c.json"), other)
	html := filepath.Join(dir, "page.html")
	tests := []struct {
		golden string
		args   []string
		code   int
		err    string
	}{
		{"worse.txt", []string{a, b, "--html", html}, cli.ExitFound,
			"worse: calls/s of after (-16.00 %), p50 of after (+50.00 %)"},
		{"same.txt", []string{a, again}, cli.ExitOK, ""},
		{"three.txt", []string{a, b, c, "--metrics", "calls/s,p99", "--threshold", "0.9"}, cli.ExitOK, ""},
		{"worse.json", []string{a, b, "--format", "json", "--metrics", "calls/s,errors"}, cli.ExitFound, "worse:"},
	}
	for _, tt := range tests {
		got := clitest.Run(t, New(), nil, tt.args...)
		if got.Code != tt.code || !strings.Contains(got.Err, tt.err) {
			t.Errorf("%s: exit code %d, errors %q; want %d and %q", tt.golden, got.Code, got.Err, tt.code, tt.err)
		}
		golden(t, tt.golden, strings.ReplaceAll(got.Out, dir+string(filepath.Separator), ""))
	}
	page, err := os.ReadFile(html)
	if err != nil || !strings.Contains(string(page), "Worse by more than 5 %") || !strings.Contains(string(page),
		"before and after") {
		t.Errorf("got %.300s, %v", page, err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s\n%v (go test ./internal/compare -update writes it)", name, got, want, err)
	}
}

// With several runs on each side, runs are the samples.
func TestRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 5 {
		sway := 1 + float64(i)/500
		write(t, filepath.Join(dir, "before", fmt.Sprintf("%d.json", i)), makeRun("", 50_000*sway, 800*sway, 0))
		write(t, filepath.Join(dir, "after", fmt.Sprintf("%d.json", i)), makeRun("", 60_000*sway, 700*sway, 0))
	}
	for _, args := range [][]string{
		{filepath.Join(dir, "before"), filepath.Join(dir, "after")},
		{filepath.Join(dir, "before", "*.json"), filepath.Join(dir, "after", "[0-9].json")},
	} {
		got := clitest.Run(t, New(), nil, args...)
		if got.Code != cli.ExitOK || !strings.Contains(got.Out, "samples are runs") ||
			!strings.Contains(got.Out, "+20.00 %  (p=0.008 n=5+5)") {
			t.Errorf("exit code %d, %s:\n%s", got.Code, got.Err, got.Out)
		}
	}
	got := clitest.Run(t, New(), nil, filepath.Join(dir, "before"), filepath.Join(dir, "after", "1.json"), "--by", "runs")
	if !strings.Contains(got.Out, "warning: too few samples") || !strings.Contains(got.Out, "at least 4 on each side") {
		t.Errorf("got\n%s", got.Out)
	}
	got = clitest.Run(t, New(), nil, filepath.Join(dir, "before"), filepath.Join(dir, "after", "1.json"))
	if !strings.Contains(got.Out, "n=50+10") {
		t.Errorf("got\n%s", got.Out)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good.json"), makeRun("x", 1, 1, 0))
	newer := makeRun("x", 1, 1, 0)
	newer.Version = 99
	late := write(t, filepath.Join(dir, "late.json"), newer)
	bad := makeRun("x", 1, 1, 0)
	bad.Latency.Count = 7
	broken := write(t, filepath.Join(dir, "broken.json"), bad)
	text := filepath.Join(dir, "text.json")
	if err := os.WriteFile(text, []byte("{\n  \"format\": ]"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args []string
		code int
		want []string
	}{
		{[]string{good}, cli.ExitUsage, []string{"SECOND is missing"}},
		{[]string{good, "--alpha", "2", good}, cli.ExitUsage, []string{"--alpha is 2"}},
		{[]string{good, "--by", "luck", good}, cli.ExitUsage, []string{"--by luck"}},
		{[]string{good, "--metrics", "speed", good}, cli.ExitUsage, []string{`there is no "speed"; there are calls/s, p50`}},
		{[]string{good, late, text, filepath.Join(dir, "none.json")}, cli.ExitFailed, []string{
			"late.json: version 99 of the format is newer", "text.json: line 2, column 13: invalid character ']'", "none.json",
		}},
		{[]string{good, broken}, cli.ExitFailed, []string{"broken.json: latency: the buckets hold 1000 values, not 7"}},
		{[]string{good, empty}, cli.ExitFailed, []string{"there are no files *.json"}},
		{[]string{good, filepath.Join(dir, "x*y")}, cli.ExitFailed, []string{"no file matches"}},
	}
	for _, tt := range tests {
		got := clitest.Run(t, New(), nil, tt.args...)
		for _, want := range tt.want {
			if got.Code != tt.code || got.Out != "" || !strings.Contains(got.Err, want) {
				t.Errorf("%v: exit code %d, errors %q; want %d and %q", tt.args, got.Code, got.Err, tt.code, want)
			}
		}
	}
}
