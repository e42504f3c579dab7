package compare

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
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
		{"errors", metric{mean: true}, []float64{0, 0, 0, 0, 0}, around(0.25), false, true, "+25 points"},
		{"few errors", metric{mean: true}, []float64{0, 0, 0, 0, 0}, around(0.0005), false, false, "+0.05 points"},
		{"fewer errors", metric{mean: true}, around(0.2), []float64{0, 0, 0, 0, 0}, true, false, "-20 points"},
	}
	for _, tt := range tests {
		got := compareSamples(&tt.m, tt.a, tt.b, limits{alpha: 0.05, threshold: 0.05})
		if !got.significant || got.better != tt.better || got.regression != tt.regression || delta(&tt.m, &got) != tt.delta {
			t.Errorf("%s: got %+v, %s; want better %v, regression %v, %s", tt.name, got, delta(&tt.m, &got), tt.better,
				tt.regression, tt.delta)
		}
	}
}

// makeRun makes a result with the given calls a second and p99 in microseconds, which sway a little.
func makeRun(name string, calls, p99 float64, errs float64) *result.Result {
	r := &result.Result{
		Format: result.Format, Version: result.Version, Name: name,
		Target: result.Target{Method: "echo.v1.Echo/Say", Kind: "unary", Address: "localhost:8080"},
		Load: result.Load{
			Loop: "closed", Concurrency: 10, Connections: 1, Stages: []result.Stage{{From: 10, To: 10, Seconds: 10}},
		},
		Calls:  result.Calls{Total: int64(10 * calls), Succeeded: int64(10 * calls * (1 - errs)), ErrorRatio: errs},
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
			P50: int64(p99 * 500 * sway), P90: int64(p99 * 900 * sway), P95: int64(p99 * 950 * sway),
			P99: int64(p99 * 1000 * sway), P999: int64(p99 * 1100 * sway), Cores: calls * 4e-6 * sway,
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
