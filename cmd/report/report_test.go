package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func write(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// element returns what is within an element of the page.
func element(t *testing.T, page, open, end string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, open)
	within, _, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("there is no %s…%s in the page", open, end)
	}
	return within
}

func dataOf(t *testing.T, page string) pageData {
	t.Helper()
	var d pageData
	text := element(t, page, `<script type="application/json" id="data">`, "</script>")
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return d
}

// TestNoData sees that a chart without a value says so, and is not drawn.
func TestNoData(t *testing.T) {
	t.Parallel()
	p := &Page{Title: "p", Sections: []Section{{Charts: []Chart{
		{ID: "none"},
		{ID: "empty", Series: []Series{{Name: "a"}}},
		{ID: "gaps", Series: []Series{{Name: "a", X: []float64{1, 2}, Y: []float64{math.NaN(), math.Inf(1)}}}},
		Percentiles(Run{Name: "nobody"}),
		{ID: "one", Series: []Series{{Name: "a"}, {Name: "b", X: []float64{1}, Y: []float64{0}}}},
	}}}}
	page := write(t, p)
	if got := strings.Count(page, "There is no data."); got != 4 {
		t.Errorf("%d charts say that there is no data, want 4", got)
	}
	if got := strings.Count(page, `<div class="chart"`); got != 1 || !strings.Contains(page, `id="chart-one"`) {
		t.Errorf("there is room for %d charts, want one, for the last", got)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	p := &Page{
		Title: "Echo <1 KiB>", Lead: "one & two", Footer: "made by a test",
		Verdicts: []Verdict{{Level: Bad, Title: "3 of 4 failed", Text: "really"}, {Level: Good, Title: "fine"}},
		Facts:    []Fact{{"p99", "12 ms"}},
		Sections: []Section{{
			Title: "Latency", Text: "a text",
			Charts: []Chart{{
				Title: "Over time", X: Axis{Title: "time", Unit: Seconds}, Y: Axis{Title: "latency", Unit: Nanoseconds},
				Series: []Series{
					{Name: "a", X: []float64{1, 2, 3}, Y: []float64{1000, math.NaN(), 3e6}},
					{Name: "b", X: []float64{2, 4}, Y: []float64{5, 6}, Color: 1, Dashed: true},
				},
			}},
			Tables: []Table{{
				Title: "Codes", Columns: []Column{{Title: "code"}, {Title: "calls", Numeric: true}},
				Rows: [][]Cell{{{Text: "UNAVAILABLE", Level: Bad}, {Text: "7"}}},
			}},
		}},
		Data: map[string]string{"x": "</script><script>alert(1)</script>"},
	}
	page := write(t, p)
	for _, want := range []string{
		"<title>Echo &lt;1 KiB&gt;</title>", "one &amp; two", `class="verdict bad"`, "3 of 4 failed",
		"<dt>p99</dt><dd>12 ms</dd>",
		`id="chart-over-time" role="img"`, "Chart: Over time, latency by time. a: from 1 µs to 3 ms. b: from 5 ns to 6 ns.",
		`<td class="bad">UNAVAILABLE</td><td class="neutral num">7</td>`, `<th scope="col" class="num">calls</th>`,
		`<td class="neutral num">4 s</td><td class="neutral num"></td><td class="neutral num">6 ns</td>`, "made by a test",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("data got out of its element")
	}
	d := dataOf(t, page)
	if len(d.Charts) != 1 || d.Version != 1 {
		t.Fatalf("got %+v", d)
	}
	c := d.Charts[0]
	n := func(v float64) *float64 { return &v }
	want := [][]*float64{
		{n(1), n(2), n(3), n(4)},
		{n(1000), nil, n(3e6), nil},
		{nil, n(5), nil, n(6)},
	}
	if !reflect.DeepEqual(c.Data, want) {
		t.Errorf("got data %v", c.Data)
	}
	series := []seriesData{{"a", 1, false, []int{1}}, {"b", 1, true, []int{}}}
	if c.ID != "over-time" || !reflect.DeepEqual(c.Series, series) ||
		c.X != (axisData{"time", Seconds, Linear}) {
		t.Errorf("got %+v", c)
	}
	if result, _ := d.Result.(map[string]any); result["x"] != "</script><script>alert(1)</script>" {
		t.Errorf("got the result %v", d.Result)
	}
}

// The page names nothing outside of itself, and its policy allows its own scripts and styles and nothing else.
func TestSelfContained(t *testing.T) {
	t.Parallel()
	page := write(t, &Page{Title: "x", Sections: []Section{{Charts: []Chart{{Title: "c"}}}}})
	policy := element(t, page, `http-equiv="Content-Security-Policy" content="`, `"`)
	policy = strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy)
	want := "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src 'sha256-"
	if !strings.HasPrefix(policy, want) || strings.Contains(policy,
		"unsafe") {
		t.Errorf("got the policy %q", policy)
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`).FindAllStringSubmatch(page, -1) {
		sum := sha256.Sum256([]byte(m[2]))
		if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("the policy does not allow the %s %.60q", m[1], m[2])
		}
		found++
	}
	if found != 4 {
		t.Errorf("got %d scripts and styles, want 4", found)
	}
	// Addresses in comments are no requests; attributes and functions that fetch would be.
	for _, bad := range []string{`src="`, `@import`, `url(`, `fetch(`, `XMLHttpRequest`, `href="http`, `import(`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// The library is that of its release.
func TestThirdParty(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uPlot.min.css":     "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	} {
		b, err := files.ReadFile("third_party/uplot/" + name)
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); err != nil || got != want {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestBadCharts(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Series{
		"lengths":      {X: []float64{1}, Y: []float64{1, 2}},
		"order":        {X: []float64{2, 1}, Y: []float64{1, 2}},
		"not a number": {X: []float64{math.NaN()}, Y: []float64{1}},
	} {
		var b bytes.Buffer
		p := &Page{Sections: []Section{{Charts: []Chart{{Title: "c", Series: []Series{s}}}}}}
		if err := p.Write(&b); err == nil || b.Len() > 0 {
			t.Errorf("%s: got %d bytes, %v", name, b.Len(), err)
		}
	}
	p := &Page{Data: math.Inf(1)}
	if err := p.Write(new(bytes.Buffer)); err == nil {
		t.Error("data that JSON cannot have: got no error")
	}
	if err := new(Page).Write(failing{}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	used := make(identifiers)
	var got []string
	for _, c := range []Chart{{Title: "Calls/s"}, {Title: "calls s"}, {ID: "callss"}, {Title: "…"}, {Title: "Ωμέγα"},
		{ID: `a"><b`}} {
		got = append(got, used.take(&c))
	}
	want := []string{"callss", "calls-s", "callss-2", "chart", "chart-2", "ab"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	c := Percentiles(
		Run{Name: "all", Count: 1000, At: func(q float64) int64 { return int64(q * 10) }},
		Run{Name: "none"},
		Run{Name: "one", Count: 1, At: func(float64) int64 { return 5 }},
	)
	all := c.Series[0]
	if n := len(all.X); n != 3*ticksPerDecade+1 || all.X[0] != 1 || math.Abs(all.X[n-1]-1000) > 1e-9 {
		t.Errorf("got %d places from %v to %v", n, all.X[0], all.X[n-1])
	}
	if i := ticksPerDecade; math.Abs(all.X[i]-10) > 1e-9 || all.Y[i] < 899 || all.Y[i] > 900 {
		t.Errorf("got %v at %v, want p90", all.Y[i], all.X[i])
	}
	if len(c.Series[1].X) != 0 || !reflect.DeepEqual(c.Series[2].Y, []float64{5}) {
		t.Errorf("got %+v", c.Series[1:])
	}
	if _, err := c.align("x"); err != nil {
		t.Error(err)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	tests := []struct {
		unit Unit
		v    float64
		want string
	}{
		{Nanoseconds, 0, "0 ns"}, {Nanoseconds, 999, "999 ns"}, {Nanoseconds, 12345, "12.35 µs"}, {Nanoseconds, 2e6, "2 ms"},
		{Nanoseconds, 61e9, "61 s"}, {Seconds, 0.25, "0.25 s"}, {PerSecond, 48213, "48.21 k/s"}, {PerSecond, 950, "950/s"},
		{PerSecond, 2.5e6, "2.5 M/s"}, {BytesPerSecond, 1.5e9, "1.5 GB/s"}, {Number, 1234.5, "1235"}, {Percent, 99.9,
			"99.9 %"},
	}
	for _, tt := range tests {
		if got := tt.unit.format(tt.v); got != tt.want {
			t.Errorf("%v %s: got %q, want %q", tt.v, tt.unit, got, tt.want)
		}
	}
	nines := axisData{Scale: Nines}
	for v, want := range map[float64]string{1: "0 %", 2: "50 %", 10: "90 %", 100: "99 %", 1000: "99.9 %",
		100000: "99.999 %"} {
		if got := nines.place(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}
