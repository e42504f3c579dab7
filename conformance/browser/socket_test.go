package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// socketPage makes calls over sockets, and keeps what came of them.
const socketPage = `<!doctype html><title>sockets</title><script>
function call(method, protocols, send) {
	return new Promise((resolve) => {
		const socket = new WebSocket(%[1]q + "/test.Talk/" + method, protocols);
		const got = [];
		socket.onopen = () => send.forEach((m) => socket.send(typeof m === "string" ? m : m.buffer));
		socket.binaryType = "arraybuffer";
		socket.onmessage = (e) => got.push(typeof e.data === "string" ? e.data : Array.from(new Uint8Array(e.data)).join());
		socket.onclose = (e) => resolve([...got, e.code, e.reason, socket.protocol]);
	});
}
(async () => {
	window.outcome = JSON.stringify([
		await call("Echo", [], ['{"message":"hello µ"}']),
		await call("Echo", ["other", "fairlead.json"], ['{"header":{"token":"t"}}', '{"message":"fail"}']),
		await call("Chat", "fairlead.json", ['{"message":"a"}', '{"message":"b"}', '{"end":true}']),
		await call("Echo", "fairlead.proto", [new Uint8Array([0, 0, 0, 0, 3, 10, 1, 120])]),
	]);
})();
</script>`

// TestSockets: a page of the server itself, which a mounted handler serves, calls methods over WebSocket, over HTTP/1.1
// and, if the server allows it, HTTP/2. A page of another origin cannot.
func TestSockets(t *testing.T) {
	executable(t)
	const want = `[["{\"message\":\"hello µ\"}","{\"end\":{}}",1000,"",""],` +
		`["{\"end\":{\"error\":{\"code\":\"not_found\",\"message\":\"t\"}}}",4005,"t","fairlead.json"],` +
		`["{\"message\":\"a\"}","{\"message\":\"b\"}","{\"end\":{}}",1000,"","fairlead.json"],` +
		`["0,0,0,0,3,10,1,120","2,0,0,0,2,123,125",1000,"","fairlead.proto"]]`
	const refused = `[[1006,"",""],[1006,"",""],[1006,"",""],[1006,"",""]]`
	for _, tt := range []struct {
		name    string
		wire    []web.ServerOption
		foreign bool
		want    string
		over    string
	}{
		{"HTTP/1.1", nil, false, want, "http/1.1"},
		{"HTTP/2", []web.ServerOption{web.ExtendedConnect(true)}, false, want, "http/2"},
		{"another origin", nil, true, refused, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			talk := new(talk)
			var page http.HandlerFunc
			srv, err := preset.NewServer("127.0.0.1:0", preset.ServerHTTP2(tt.wire...), server.TLS(testtls.New(t).Server()),
				server.Service(talk.implementation()), server.Logger(slog.New(slog.DiscardHandler)),
				server.HTTP(nethttp.NewServer(nethttp.Mount("/page", http.HandlerFunc(
					func(w http.ResponseWriter, r *http.Request) { page(w, r) })))))
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
			addr := srv.Addr().String()
			page = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				fmt.Fprintf(w, socketPage, "wss://"+addr)
			}
			url := "https://" + addr + "/page"
			if tt.foreign {
				other := httptest.NewServer(page)
				t.Cleanup(other.Close)
				url = other.URL
			}
			b := newTab(t, chromedp.Flag("ignore-certificate-errors", true))
			if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
				t.Fatal(err)
			}
			var outcome string
			for end := time.Now().Add(assert.Patience(30 * time.Second)); outcome == "" && time.Now().Before(end); {
				outcome = eval[string](t, b, "window.outcome || ''")
				time.Sleep(20 * time.Millisecond) // what comes is told by another process
			}
			if outcome != tt.want {
				t.Errorf("got\n%s, want\n%s", outcome, tt.want)
			}
			if over := talk.wires(); over != tt.over {
				t.Errorf("the calls came over %q, want %q", over, tt.over)
			}
		})
	}
}

// talk is a service that notes over what its calls come.
type talk struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *talk) note(ctx context.Context) *fairlead.Call {
	c := fairlead.CallFrom(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[string]bool)
	}
	s.seen[c.Peer().Wire] = true
	return c
}

func (s *talk) wires() (all string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.seen {
		all += w
	}
	return all
}

func (s *talk) implementation() *fairlead.Implementation {
	type text = wrapperspb.StringValue
	echo := fairlead.NewMethod[text, text](fairlead.Unary, "test.Talk", "Echo")
	chat := fairlead.NewMethod[text, text](fairlead.BidiStreaming, "test.Talk", "Chat")
	return fairlead.Implement(fairlead.NewService("test.Talk", "proto", nil, echo, chat),
		fairlead.UnaryHandler(func(ctx context.Context, in *text) (*text, error) {
			if c := s.note(ctx); in.GetValue() == "fail" {
				return nil, fairlead.Errorf(fairlead.NotFound, "%s", c.RequestHeader().Get("token"))
			}
			return in, nil
		}),
		fairlead.BidiHandler(func(ctx context.Context, b *fairlead.Bidi[text, text]) error {
			s.note(ctx)
			for {
				m, err := b.Recv()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err == nil {
					err = b.Send(m)
				}
				if err != nil {
					return err
				}
			}
		}))
}
