package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"google.golang.org/genproto/googleapis/api/httpbody"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/rest/librarypb"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/server"
)

// eventsPage opens an EventSource for the query's path, and notes what it sees.
const eventsPage = `<!doctype html><title>events</title><link rel="icon" href="data:,"><script>
const seen = [];
const source = new EventSource(decodeURIComponent(location.search.slice(1)));
source.onmessage = (e) => seen.push("message " + JSON.parse(e.data).text + " " + e.lastEventId);
source.addEventListener("end", () => seen.push("end"));
source.addEventListener("error", (e) => {
	if (e.data) seen.push("failed " + JSON.parse(e.data).code);
	else if (source.readyState === EventSource.CLOSED) seen.push("closed");
});
</script>`

// feed is a service with a page and streams.
type feed struct {
	librarypb.UnimplementedLibraryServer

	calls atomic.Int32
}

func (*feed) Load(context.Context, *librarypb.Thing) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "text/html; charset=utf-8", Data: []byte(eventsPage)}, nil
}

// List sends the words. The list "broken" is broken off after each word, and resumed by its number.
func (f *feed) List(ctx context.Context, m *librarypb.Thing, s *fairlead.Outbound[librarypb.Thing]) error {
	f.calls.Add(1)
	c := fairlead.CallFrom(ctx)
	at, _ := strconv.Atoi(c.RequestHeader().Get("last-event-id")) // 0 at first
	for i, w := range m.GetWords() {
		if i < at {
			continue
		}
		if m.GetName() == "broken" {
			if err := rest.SetEventID(c, strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
		if err := s.Send(&librarypb.Thing{Text: w}); err != nil {
			return err
		}
		if m.GetName() == "broken" && i < len(m.GetWords())-1 {
			return fairlead.Errorf(fairlead.Unavailable, "later").WithRetryAfter(10 * time.Millisecond)
		}
	}
	if m.GetFail() != 0 {
		return fairlead.Errorf(fairlead.Code(m.GetFail()), "asked for")
	}
	return nil
}

// TestEventSource: a browser's EventSource gets the messages, and the end or the error, and stays away then; a stream
// that breaks is resumed.
func TestEventSource(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		want       []string
		calls      int32
	}{
		{"complete", "/v1/list/x?words=a&words=b", []string{"message a ", "message b ", "end", "closed"}, 1},
		{"failed", "/v1/list/x?words=a&fail=15", []string{"message a ", "failed 15", "closed"}, 1},
		{"failed at once", "/v1/list/x?fail=5", []string{"closed"}, 1},
		{"broken", "/v1/list/broken?words=a&words=b&words=c", []string{
			"message a 1", "failed 14", "message b 2", "failed 14", "message c 3", "end", "closed",
		}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := new(feed)
			s, err := preset.NewServer("127.0.0.1:0", server.Service(librarypb.Library(f)),
				server.HTTP(rest.NewServer(rest.Retry(20*time.Millisecond))), preset.Logger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
				defer cancel()
				_ = s.Shutdown(ctx) // the browser's connections may be cut
			})
			tab := newTab(t)
			page := "http://" + s.Addr().String() + "/v1/load/page?" + url.QueryEscape(tt.path)
			if err := chromedp.Do(tab, chromedp.Navigate(page)); err != nil {
				t.Fatal(err)
			}
			var seen []string
			for end := time.Now().Add(assert.Patience(10 * time.Second)); time.Now().Before(end); {
				text, err := chromedp.Run(tab, chromedp.Evaluate[string]("JSON.stringify(seen)"))
				if err == nil {
					err = json.Unmarshal([]byte(text), &seen)
				}
				if err != nil {
					t.Fatal(err)
				}
				if slices.Contains(seen, "closed") {
					break
				}
				time.Sleep(20 * time.Millisecond) // the browser comes back in its own time
			}
			if !slices.Equal(seen, tt.want) || f.calls.Load() != tt.calls {
				t.Errorf("got %q in %d calls, want %q in %d", seen, f.calls.Load(), tt.want, tt.calls)
			}
		})
	}
}

// newTab starts a browser without a window, and returns the context of its tab.
func newTab(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("THERE IS NO CHROMIUM; tools/browser.sh installs it")
	}
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(2*time.Minute))
	t.Cleanup(cancel)
	// Without a sandbox it runs as root.
	ctx, cancelAll := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))...)
	t.Cleanup(cancelAll)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // it waits for the browser's end
	return ctx
}
