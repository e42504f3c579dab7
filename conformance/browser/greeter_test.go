package browser

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// greeter builds and runs the server of examples/greeter, and returns its URL.
func greeter(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "greeter")
	build := exec.Command("go", "build", "-o", path, "./greeter/server")
	build.Dir = filepath.Join("..", "..", "examples")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the greeter: %v\n%s", err, out)
	}
	cmd := exec.Command(path, "-addr", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the greeter: %v", err)
		}
	})
	addr := make(chan string, 1)
	go func() {
		defer close(ended)
		defer close(addr)
		said := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, at, ok := strings.Cut(lines.Text(), "listening addr="); ok && !said {
				said = true
				addr <- at
			}
		}
	}()
	at, ok := <-addr
	if !ok {
		t.Fatal("the greeter does not say where it listens")
	}
	return "http://" + at
}

// TestGreeter opens the page that the greeter mounts beside its service, which calls the service at the same port.
func TestGreeter(t *testing.T) {
	executable(t)
	url := greeter(t)
	p := newTab(t)
	if err := chromedp.Do(p.ctx, chromedp.Navigate(url+"/")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ button, name, want string }{
		{"hello", "Ann", "hello Ann\n"},
		{"hello", "a/b?c#%", "hello a/b?c#%\n"},
		{"connect", "Zoë", "hello Zoë\n"},
		{"stream", "Ann", "hello Ann\nhello Ann\nhello Ann\n"},
		{"chat", "Ann", "hello Ann\nhello Bo\n"},
	} {
		t.Run(tt.button+" "+tt.name, func(t *testing.T) {
			eval[any](t, p, `(() => {
				const form = document.forms[0], output = document.querySelector("output");
				delete output.dataset.done;
				form.elements.name.value = `+asJSON(tt.name)+`;
				form.requestSubmit(form.querySelector("[value=`+tt.button+`]"));
			})()`)
			deadline := time.Now().Add(assert.Patience(20 * time.Second))
			for eval[string](t, p, `document.querySelector("output").dataset.done ?? ""`) != tt.button {
				if time.Now().After(deadline) {
					t.Fatalf("there is no end; the page says %q", p.visible(t))
				}
			}
			if got := eval[string](t, p, `document.querySelector("output").textContent`); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	streams := 0
	for _, r := range p.requests {
		if !strings.HasPrefix(r, url+"/") && !strings.HasPrefix(r, "ws"+strings.TrimPrefix(url, "http")+"/") &&
			!strings.HasPrefix(r, "data:") {
			t.Errorf("the page asked for %s", r)
		}
		if strings.Contains(r, "/stream") {
			streams++
		}
	}
	if streams != 1 {
		t.Errorf("there were %d requests for the stream, want 1: EventSource came back", streams)
	}
	for _, f := range p.faults {
		t.Errorf("the browser says: %s", f)
	}
}
