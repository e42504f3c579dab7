package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// executable returns the path of a browser.
func executable(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" || os.Getenv("FAIRLEAD_CI") != "" {
		t.Fatal("there is no Chromium; tools/browser.sh installs it")
	}
	t.Skip("THERE IS NO CHROMIUM; tools/browser.sh installs it")
	return ""
}

// tab is a page in a browser, and what it did.
type tab struct {
	ctx context.Context

	mu       sync.Mutex
	requests []string
	faults   []string
}

// newTab starts a browser of its own, without a window.
func newTab(t *testing.T, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	// Without an address of its own the browser looks for nothing outside, and without a sandbox it runs as root.
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(executable(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("window-size", "1200,1600"),
	)
	opts = append(opts, flags...)
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(2*time.Minute))
	t.Cleanup(cancel)
	ctx, cancelAll := chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancelAll)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	p := &tab{ctx: ctx}
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // it waits for the browser's end
	err := chromedp.Listen(ctx, p.listen)
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return p
}

// listen notes requests and what goes wrong.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		p.requests = append(p.requests, e.URL)
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, "exception: "+asJSON(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		p.faults = append(p.faults, "console: "+asJSON(e.Args))
	case *log.EventEntryAdded:
		// Violations of the content security policy are told here.
		p.faults = append(p.faults, fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text))
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// open opens a file.
func (p *tab) open(t *testing.T, path string) {
	t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate("file://"+path)); err != nil {
		t.Fatal(err)
	}
}

// eval evaluates an expression of JavaScript.
func eval[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// check fails the test for any request but that for the page, and for any error.
func (p *tab) check(t *testing.T, path string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if r != "file://"+path && !strings.HasPrefix(r, "data:") {
			t.Errorf("the page asked for %s", r)
		}
	}
	if len(p.requests) == 0 {
		t.Error("no request was seen, not even that for the page")
	}
	for _, f := range p.faults {
		t.Errorf("the browser says: %s", f)
	}
}

// chart is a chart of the page's data, or of its objects.
type chart struct {
	ID     string       `json:"id"`
	Data   [][]*float64 `json:"data"`
	Series []struct {
		Name string `json:"name"`
	} `json:"series"`
}

// drawn returns the charts as the library has them.
const drawn = `JSON.stringify(Object.entries(window.fairlead.charts).map(([id, c]) => ({
	id: id,
	data: c.data.map((values) => Array.from(values)),
	series: c.series.slice(1).map((s) => ({name: s.label})),
})))`

// checkCharts compares what is drawn with the data that the file has, and returns the identifiers.
func (p *tab) checkCharts(t *testing.T, path string) map[string]chart {
	t.Helper()
	text := eval[string](t, p, drawn)
	var got []chart
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	byID := make(map[string]chart)
	for _, c := range got {
		byID[c.ID] = c
	}
	var want struct {
		Charts []chart `json:"charts"`
	}
	// From the file and not from the browser, which may have changed its document.
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), `<script type="application/json" id="data">`)
	text, _, _ = strings.Cut(rest, "</script>")
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Charts) == 0 || len(want.Charts) != len(got) {
		t.Fatalf("%d charts are drawn, and there are %d", len(got), len(want.Charts))
	}
	for _, w := range want.Charts {
		if !reflect.DeepEqual(byID[w.ID], w) {
			t.Errorf("chart %s: drawn is\n%.500s\nand the data is\n%.500s", w.ID, asJSON(byID[w.ID]), asJSON(w))
		}
		if len(w.Data) != len(w.Series)+1 {
			t.Errorf("chart %s has %d series and %d columns", w.ID, len(w.Series), len(w.Data))
		}
		size := eval[[]float64](t, p, fmt.Sprintf(
			`(() => { const c = document.querySelector("#chart-%s canvas"); return [c.width, c.height] })()`, w.ID))
		if len(size) != 2 || size[0] < 100 || size[1] < 100 {
			t.Errorf("chart %s is drawn in %v", w.ID, size)
		}
	}
	return byID
}

// dark has the system be light or dark.
func (p *tab) dark(t *testing.T, scheme string) {
	t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *tab) background(t *testing.T) string {
	t.Helper()
	return eval[string](t, p, "getComputedStyle(document.body).backgroundColor")
}

// program builds fairlead.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fairlead")
	cmd := exec.Command("go", "build", "-o", path, "./fairlead")
	cmd.Dir = filepath.Join("..", "..", "cmd")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building fairlead: %v\n%s", err, out)
	}
	return path
}

// visible returns the text that a reader sees.
func (p *tab) visible(t *testing.T) string {
	t.Helper()
	return eval[string](t, p, "document.body.innerText")
}
