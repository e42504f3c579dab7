package websocket

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/server"
)

// servers starts servers of the same methods, and returns their addresses.
func servers(t *testing.T) map[string]string {
	t.Helper()
	own := local.Serve(t, service()...)
	return map[string]string{"Fairlead": own.Addr().String(), "Fairlead in net/http": inNetHTTP(t)}
}

// TestMounted: servers of WebSockets that others wrote work as mounted handlers, and are calls like others.
func TestMounted(t *testing.T) {
	leakcheck.Check(t)
	s := local.Serve(t, server.HTTP(nethttp.NewServer(
		nethttp.Mount("/coder", http.HandlerFunc(coderEcho)),
		nethttp.Mount("GET /gorilla", http.HandlerFunc(gorillaEcho)),
	)))
	for path, dial := range map[string]func(*testing.T, string, string) socket{
		"/coder": dialGorilla, "/gorilla": dialCoder, // not each with itself alone
	} {
		k := dial(t, "ws://"+s.Addr().String()+path, "echo")
		for _, text := range []string{"", "hello", strings.Repeat("x", 200_000)} {
			if err := k.send(false, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if binary, got, err := k.recv(); err != nil || binary || string(got) != text {
				t.Errorf("%s: got %d bytes, %v", path, len(got), err)
			}
		}
		if got := s.Stats().Calls; got != 1 {
			t.Errorf("%s: %d calls are under way, want 1", path, got)
		}
		if err := k.ping(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		k.leave()
		for end := time.Now().Add(assert.Patience(10 * time.Second)); s.Stats().Calls > 0; {
			if time.Now().After(end) {
				t.Fatalf("%s: the handler did not notice that the client has left", path)
			}
			time.Sleep(time.Millisecond) // another goroutine's end
		}
	}
	// A request that is no upgrade is answered by the same handlers.
	for _, path := range []string{"/coder", "/gorilla"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		tr := new(http.Transport)
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		tr.CloseIdleConnections()
		if resp.StatusCode != http.StatusUpgradeRequired && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
	}
}

func coderEcho(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(1 << 24)
	for {
		typ, b, err := c.Read(r.Context())
		if err == nil {
			err = c.Write(r.Context(), typ, b)
		}
		if err != nil {
			return
		}
	}
}

func gorillaEcho(w http.ResponseWriter, r *http.Request) {
	u := gorilla.Upgrader{Subprotocols: []string{"echo"}}
	c, err := u.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	for {
		typ, b, err := c.ReadMessage()
		if err == nil {
			err = c.WriteMessage(typ, b)
		}
		if err != nil {
			return
		}
	}
}
