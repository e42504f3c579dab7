package browser

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
)

// serve serves grpc-go's interoperability service, with reflection.
func serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	testpb.RegisterTestServiceServer(s, interop.NewTestServer())
	reflection.Register(s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // until Stop
	}()
	t.Cleanup(func() {
		s.Stop()
		<-done
	})
	return l.Addr().String()
}

// TestBench has fairlead bench measure a server of grpc-go, and opens the pages of two runs and of their comparison.
func TestBench(t *testing.T) {
	executable(t)
	fairlead, addr, dir := program(t), serve(t), t.TempDir()
	run := func(code int, args ...string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), fairlead, append([]string{"bench"}, args...)...).CombinedOutput()
		got := 0
		if e, ok := err.(*exec.ExitError); ok {
			got = e.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if got != code {
			t.Fatalf("fairlead bench %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
		}
	}
	page := func(name string) string { return filepath.Join(dir, name) }
	run(0, addr, "grpc.testing.TestService/UnaryCall", "-d", `{"responseSize": {{randInt 1 100}}}`, "--rate", "300",
		"-z", "1s", "--warmup", "0", "--name", "first", "--html", page("first.html"), "--out", page("first.json"))
	// Every other call fails.
	run(1, addr, "UnaryCall", "-d", `{"responseStatus": {"code": {{choice "0" "5"}}, "message": "</script><b>no ship"}}`,
		"-c", "4", "-z", "1s", "--warmup", "0", "--html", page("second.html"), "--out", page("second.json"))
	run(0, addr, "FullDuplexCall", "-d", `{"responseParameters": [{"size": 10}]}`, "-c", "2", "-n", "200", "--messages",
		"5",
		"--ping-pong", "--html", page("stream.html"))
	// One call, which fails, so that there are no latencies; and a name without a place to break it.
	run(1, addr, "UnaryCall", "-d", `{"responseStatus": {"code": 5}}`, "-n", "1", "--name", strings.Repeat("long", 100),
		"--html", page("few.html"))
	// Few calls, so that there is none in most intervals.
	run(0, addr, "UnaryCall", "--rate", "4", "-z", "2s", "--interval", "50ms", "--warmup", "0", "--name", "it's  few",
		"--html", page("sparse.html"))
	run(3, "compare", page("first.json"), page("second.json"), "--html", page("compare.html"))

	b := newTab(t)
	tests := []struct {
		file   string
		charts []string
		text   []string
	}{
		{"first.html", []string{"percentiles", "latency", "throughput", "errors", "generator"},
			[]string{"first: grpc.testing.TestService/UnaryCall", "open loop at 300 calls/s", "No call failed."}},
		{"second.html", []string{"percentiles", "errors"}, []string{"NOT_FOUND", "</script><b>no ship", "calls failed"}},
		{"stream.html", []string{"percentiles", "throughput"}, []string{"bidirectional streaming", "turn"}},
		{"compare.html", []string{"percentiles", "latency-p99", "throughput"}, []string{"first and second",
			"Worse by more than"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			path := page(tt.file)
			b.dark(t, "light")
			b.open(t, path)
			charts := b.checkCharts(t, path)
			for _, id := range tt.charts {
				if c, ok := charts[id]; !ok || len(c.Data[0]) == 0 {
					t.Errorf("chart %s has no data: %v", id, ok)
				}
			}
			text := b.visible(t)
			for _, want := range tt.text {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not to be seen", want)
				}
			}
			light := b.background(t)
			b.dark(t, "dark")
			if dark := b.background(t); dark == light {
				t.Errorf("the background is %s whether light or dark", light)
			}
			b.checkCharts(t, path) // drawn anew
			b.check(t, path)
			b.requests = nil
		})
	}
	t.Run("figures", func(t *testing.T) { checkFigures(t, b, page("first.html"), page("first.json")) })
	t.Run("gaps", func(t *testing.T) { checkGaps(t, b, page("sparse.html")) })
	t.Run("little data and a long name", func(t *testing.T) { checkNarrow(t, b, page("few.html")) })
	t.Run("without scripts", func(t *testing.T) {
		_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: true})
		if err != nil {
			t.Fatal(err)
		}
		b.open(t, page("second.html"))
		text := b.visible(t)
		for _, want := range []string{"calls failed", "NOT_FOUND", "99 %", "Percentiles"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not to be seen", want)
			}
		}
	})
}

// checkNarrow sees that a page does not become wider than a telephone, and says where there is nothing to draw.
func checkNarrow(t *testing.T, b *tab, path string) {
	t.Helper()
	width := emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1}
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, width); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_, err := chromedp.Call(b.ctx, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
		if err != nil {
			t.Error(err)
		}
	}()
	b.requests = nil
	b.open(t, path)
	if got := eval[int64](t, b, "document.documentElement.scrollWidth"); got > width.Width {
		t.Errorf("the page is %d pixels wide, want %d", got, width.Width)
	}
	if text := b.visible(t); !strings.Contains(text, "There is no data.") {
		t.Errorf("nothing is said about what there is no data for:\n%s", text)
	}
	b.check(t, path)
}

// checkGaps sees that there is no line between calls with intervals without an answer between them, and that the
// command line can be copied.
func checkGaps(t *testing.T, b *tab, path string) {
	t.Helper()
	b.requests = nil
	b.open(t, path)
	b.checkCharts(t, path)
	const series = `window.fairlead.charts.latency.series[1]`
	if gaps := eval[int64](t, b, series+`._paths.gaps.length`); gaps < 3 {
		t.Errorf("the line of latencies has %d gaps", gaps)
	}
	if !eval[bool](t, b, series+`.points._paths !== null`) {
		t.Error("values between gaps are not drawn")
	}
	if gaps := eval[int64](t, b, `window.fairlead.charts.throughput.series[1]._paths.gaps.length`); gaps > 0 {
		t.Errorf("the line of calls, which are 0 there, has %d gaps", gaps)
	}
	got := eval[string](t, b, `document.querySelector("pre.command").innerText`)
	if !strings.HasPrefix(got, "fairlead bench 127.0.0.1:") || !strings.Contains(got, ` --name 'it'\''s  few' `) {
		t.Errorf("the command line is %s", got)
	}
	b.check(t, path)
}

// checkFigures compares what is drawn with the file that the same run wrote.
func checkFigures(t *testing.T, b *tab, page, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Series []struct {
			Calls float64  `json:"calls_per_second"`
			P99   *float64 `json:"p99_ns"`
		} `json:"series"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	b.open(t, page)
	charts := b.checkCharts(t, page)
	calls, p99 := charts["throughput"].Data[1], charts["latency"].Data[3]
	if len(result.Series) == 0 || len(calls) != len(result.Series) || len(p99) != len(result.Series) {
		t.Fatalf("%d and %d points are drawn of %d", len(calls), len(p99), len(result.Series))
	}
	for i, s := range result.Series {
		if *calls[i] != s.Calls || !reflect.DeepEqual(p99[i], s.P99) {
			t.Errorf("point %d: drawn are %v calls/s and a p99 of %s, want %v and %s", i, *calls[i], asJSON(p99[i]), s.Calls,
				asJSON(s.P99))
		}
	}
}
