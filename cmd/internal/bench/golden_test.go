package bench

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

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
		t.Errorf("%s: got\n%s\nwant\n%s\n%v (go test ./internal/bench -update writes it)", name, got, want, err)
	}
}

// empty returns a histogram without latencies, as load makes them.
func empty() *hdrhistogram.Histogram { return hdrhistogram.New(load.Lowest, load.Highest, load.Digits) }

// evenly makes a histogram of n latencies, each a step after the other.
func evenly(t *testing.T, n int, step time.Duration) *hdrhistogram.Histogram {
	t.Helper()
	h := empty()
	for i := range n {
		if err := h.RecordValue(int64(i+1) * int64(step)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// outcome is a run that never was: an open loop that did not go well.
func outcome(t *testing.T) *load.Outcome {
	t.Helper()
	o := &load.Outcome{
		Begun: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), Took: 2 * time.Second,
		Latency: evenly(t, 20, 250*time.Microsecond), Parts: empty(), Lag: evenly(t, 23, 100*time.Microsecond),
		Succeeded: 18,
		Failures: []load.Failure{
			{Code: fairlead.Unavailable, Count: 3, Message: "no\nship", After: 1500 * time.Millisecond},
			{Code: fairlead.DeadlineExceeded, Count: 2, Message: "too slow", After: time.Second},
		},
		Within:     load.Totals{Ended: 22, Failed: 5, BytesSent: 440, BytesReceived: 8_800_000},
		Unfinished: 1, Due: 25, Unsent: 2, Late: 3, Blocked: 4, Workers: 7,
		CPU: load.CPU{
			User: 1500 * time.Millisecond, System: 250 * time.Millisecond, Collector: 175 * time.Millisecond,
			Busy: 3 * time.Second, All: 4 * time.Second, Objects: 110,
		},
	}
	for i := range 2 {
		o.Series = append(o.Series, load.Interval{
			Totals: load.Totals{Ended: 11, Failed: int64(5 * i), BytesSent: 220, BytesReceived: 4_400_000},
			At:     time.Duration(i+1) * time.Second, Took: time.Second, Level: 12.5, Recorded: 10,
			P50: time.Millisecond, P90: 2 * time.Millisecond, P95: 3 * time.Millisecond, P99: 4 * time.Millisecond,
			P999: 5 * time.Millisecond, Worst: 5 * time.Millisecond, Cores: 0.875,
		})
	}
	// And a time without an answer.
	o.Series = append(o.Series, load.Interval{At: 2500 * time.Millisecond, Took: 500 * time.Millisecond, Level: 12.5})
	return o
}

// TestResult pins the format of the file and of the text.
func TestResult(t *testing.T) {
	t.Parallel()
	target := targetOf(t, `{"text": "user-{{seq}}"}`, answering{})
	target.timeout, target.seed = 250*time.Millisecond, 42
	plan := &load.Plan{
		Open: true, Stages: []load.Stage{{From: 5, To: 12.5, Over: time.Second}, {From: 12.5, To: 12.5, Over: time.Second}},
		Warmup: time.Second, Limit: 7, LateAfter: 2 * time.Millisecond,
	}
	r := makeResult(outcome(t), plan, target, 50)
	r.Name, r.Command = "golden", []string{"fairlead", "bench", "localhost:8080", "Say"}
	r.Target = result.Target{Address: "localhost:8080", Method: "echo.v1.Echo/Say", Kind: "unary", TLS: true}
	// What differs from machine to machine.
	r.Machine = result.Machine{OS: "linux", Arch: "amd64", Host: "host", CPUs: 2, Used: 2}
	r.Tool.Version, r.Tool.Go = "v0", "go1.26"
	r.Client.Available, r.Client.Utilization = 2, r.Client.Cores/2
	r.Warnings = warnings(r)

	var text, doc bytes.Buffer
	printText(&text, cli.Painter{}, r)
	golden(t, "result.txt", text.String())
	if err := cli.PrintJSON(&doc, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.json", doc.String())

	again, err := result.Decode(doc.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if h, err := again.Latency.HDR(); err != nil || !h.Equals(outcome(t).Latency) {
		t.Errorf("the latencies are others after writing and reading: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	has := func(r *result.Result, id string) bool {
		for _, w := range warnings(r) {
			if w.ID == id {
				return true
			}
		}
		return false
	}
	busy := &result.Result{Seconds: 10, Client: result.Client{Cores: 1.9, Available: 2, Utilization: 0.95, Machine: 1}}
	if !has(busy, result.WarnClientSaturated) || has(busy, result.WarnMachineSaturated) {
		t.Errorf("a generator that uses all cores: got %v", warnings(busy))
	}
	busy.Client.Utilization = 0.4
	if has(busy, result.WarnClientSaturated) || !has(busy, result.WarnMachineSaturated) {
		t.Errorf("a machine whose cores are all busy: got %v", warnings(busy))
	}
	busy.Client.Machine = 0.5
	if got := warnings(busy); len(got) > 0 {
		t.Errorf("all is well: got %v", got)
	}
	busy.Open = &result.Open{Due: 1000, Late: 9}
	if has(busy, result.WarnLate) {
		t.Error("nine of 1000 calls were late, and there was a warning")
	}
	busy.Open.Late = 11
	if !has(busy, result.WarnLate) {
		t.Error("eleven of 1000 calls were late, and there was no warning")
	}
}
