package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTab sees that requests and errors of a page are noticed, so that their absence elsewhere means something.
func TestTab(t *testing.T) {
	executable(t)
	path := filepath.Join(t.TempDir(), "bad.html")
	const page = `<!doctype html><title>bad</title>
<meta http-equiv="Content-Security-Policy" content="style-src 'none'">
<style>body { color: red }</style>
<img src="http://127.0.0.1:8099/image.png">
<script>console.error("said so"); throw new Error("thrown");</script>`
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newTab(t)
	b.open(t, path)
	want := []string{"said so", "thrown", "Content Security Policy"}
	var missing string
	for range 100 { // some are told after the page is there
		b.mu.Lock()
		requests, faults := strings.Join(b.requests, "\n"), strings.Join(b.faults, "\n")
		b.mu.Unlock()
		missing = ""
		for _, w := range want {
			if !strings.Contains(faults, w) {
				missing = w
			}
		}
		if !strings.Contains(requests, "http://127.0.0.1:8099/image.png") {
			missing = "the request for the image"
		}
		if missing == "" {
			return
		}
		time.Sleep(50 * time.Millisecond) // what comes is told by another process
	}
	t.Errorf("not noticed: %s; requests %q, faults %q", missing, b.requests, b.faults)
}
