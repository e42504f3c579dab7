package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// callPage makes three calls of gRPC-Web with fetch, and a write that needs no preflight, and says what came of them.
const callPage = `<!doctype html><title>calls</title><script>
const address = %q, empty = new Uint8Array(5);
async function call(method, init) {
	try {
		const r = await fetch(address + "/test.Pages/" + method, {method: "POST", body: empty, ...init});
		const body = new TextDecoder("latin1").decode(await r.arrayBuffer());
		return [r.type, r.status, r.headers.get("grpc-status"), body];
	} catch (e) {
		return [String(e.name)];
	}
}
const headers = (form) => ({headers: {"content-type": "application/grpc-web" + form, "x-grpc-web": "1"}});
(async () => {
	window.outcome = JSON.stringify([
		await call("Call", headers("+proto")),
		await call("Call", {...headers("-text"), body: "AAAAAAA="}),
		await call("NoSuchCall", headers("")),
		await call("Call", {mode: "no-cors", headers: {"content-type": "text/plain"}}),
	]);
})();
</script>`

// TestOrigins has a page call a server of another origin: as far as the server allows it, and not at all otherwise.
func TestOrigins(t *testing.T) {
	executable(t)
	cert := testtls.New(t)
	var address string
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, callPage, address)
	}))
	t.Cleanup(page.Close)
	// Browsers take latin1 for windows-1252, where 0x80 is the euro.
	const trailer = "€\x00\x00\x00\x10grpc-status: 0\r\n"
	for _, tt := range []struct {
		name    string
		opts    []web.ServerOption
		want    [][]any // of the three calls
		calls   int32   // that reached the handler
		refused int64
	}{
		{
			name: "allowed", opts: []web.ServerOption{web.AllowOrigins(web.CORS{Origins: []string{page.URL}})},
			want: [][]any{
				{"cors", 200.0, nil, "\x00\x00\x00\x00\x00" + trailer},
				{"cors", 200.0, nil, "AAAAAACAAAAAEGdycGMtc3RhdHVzOiAwDQo="},
				{"cors", 200.0, "12", ""},
			},
			calls: 2,
		},
		{
			name: "another one is allowed",
			opts: []web.ServerOption{web.AllowOrigins(web.CORS{Origins: []string{"https://friend.example"}})},
			want: [][]any{{"TypeError"}, {"TypeError"}, {"TypeError"}}, refused: 1,
		},
		{name: "by default", want: [][]any{{"TypeError"}, {"TypeError"}, {"TypeError"}}, refused: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			m := fairlead.NewMethod[emptypb.Empty, emptypb.Empty](fairlead.Unary, "test.Pages", "Call")
			impl := fairlead.Implement(fairlead.NewService("test.Pages", "proto", nil, m),
				fairlead.UnaryHandler(func(_ context.Context, in *emptypb.Empty) (*emptypb.Empty, error) {
					calls.Add(1)
					return in, nil
				}))
			srv, err := preset.NewServer("127.0.0.1:0", preset.ServerHTTP2(tt.opts...), server.TLS(cert.Server()),
				server.Service(impl), server.Logger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			if err := srv.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_ = srv.Shutdown(ctx) // the browser may keep its connections
			})
			address = "https://" + srv.Addr().String()
			b := newTab(t, chromedp.Flag("ignore-certificate-errors", true))
			if err := chromedp.Do(b.ctx, chromedp.Navigate(page.URL)); err != nil {
				t.Fatal(err)
			}
			var outcome string
			for end := time.Now().Add(assert.Patience(30 * time.Second)); outcome == "" && time.Now().Before(end); {
				outcome = eval[string](t, b, "window.outcome || ''")
				time.Sleep(20 * time.Millisecond) // what comes is told by another process
			}
			var got [][]any // the last one is of no interest: the browser tells pages nothing of such answers
			if err := json.Unmarshal([]byte(outcome), &got); err != nil || len(got) != len(tt.want)+1 ||
				!reflect.DeepEqual(got[:len(tt.want)], tt.want) {
				t.Errorf("got %s, want %s", outcome, asJSON(tt.want))
			}
			if got := calls.Load(); got != tt.calls {
				t.Errorf("%d calls have reached the handler, want %d", got, tt.calls)
			}
			if got := srv.Stats().Guard[protocol.CrossSite]; got != tt.refused {
				t.Errorf("%d writes are counted as refused, want %d", got, tt.refused)
			}
		})
	}
}
