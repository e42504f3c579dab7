package rest_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/server"
)

// door is a gate that is closed for calls with the field "closed".
type door struct{ asked, left atomic.Int32 }

func (g *door) Enter(c *fairlead.Call) error {
	g.asked.Add(1)
	if c.RequestHeader().Has("closed") {
		return fairlead.Errorf(fairlead.Unavailable, "closed").WithRetryAfter(time.Second)
	}
	return nil
}

func (g *door) Leave(*fairlead.Call) { g.left.Add(1) }

// TestGate: gates see the head before the body is decoded, middleware runs around handlers, and both know the protocol.
func TestGate(t *testing.T) {
	t.Parallel()
	gate := new(door)
	var calls atomic.Int32
	count := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			if c.Protocol() == "rest" {
				calls.Add(1)
			}
			return next(ctx, c)
		}
	}
	_, base := serve(t, rest.NewServer(), server.Admission(gate), server.Use(count), server.MaxBytes(10_000))
	eachVersion(t, func(t *testing.T, c *http.Client) {
		for _, e := range []exchange{
			{verb: "POST", target: "/v1/types", fields: "closed: 1", body: "{", status: 503, has: `"code":14`,
				headers: "retry-after: 1"},
			{verb: "GET", target: "/v1/types/x:list", fields: "closed: 1", status: 503, has: `"code":14`},
			{verb: "POST", target: "/v1/join", fields: "closed: 1", body: "[", status: 503, has: `"code":14`},
			{verb: "POST", target: "/v1/types", body: "{", status: 400, has: `"code":3`},
			{verb: "POST", target: "/v1/types", body: `{"name":"` + strings.Repeat("x", 20_000) + `"}`, status: 429,
				has: "no room"},
			{verb: "POST", target: "/v1/types", body: `{"name":"` + strings.Repeat("x", 90_000) + `"}`, status: 429,
				has: "no room"},
			{verb: "POST", target: "/v1/types", body: "{}", status: 200, want: "{}"},
			{verb: "GET", target: "/v1/types/x:list", status: 200},
		} {
			e.run(t, c, base)
		}
	})
	t.Cleanup(func() {
		if gate.asked.Load() == 0 || calls.Load() != int32(2*len(versions)) {
			t.Errorf("the gate was asked %d times, and middleware ran %d times", gate.asked.Load(), calls.Load())
		}
	})
}

// TestDrain: Shutdown waits for a stream, whose handler is told, and refuses nobody meanwhile.
func TestDrain(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, c *http.Client) {
		s, base := serve(t, rest.NewServer())
		pr, pw := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/chat", pr)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-ndjson")
		go func() { _, _ = pw.Write([]byte("\"a\"\n")) }()
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(resp.Body)
		if line, err := r.ReadString('\n'); err != nil || line != "\"re a\"\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		over := make(chan error, 1)
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		go func() { over <- s.Shutdown(ctx) }()
		<-s.Dispatcher().Draining()
		if _, err := pw.Write([]byte("\"b\"\n")); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); err != nil || line != "\"re b\"\n" {
			t.Errorf("while the server drains: got %q, %v", line, err)
		}
		select {
		case err := <-over:
			t.Errorf("Shutdown returned while a stream was under way: %v", err)
		default:
		}
		_ = pw.Close()
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("at the end: %q, %v", rest, err)
		}
		_ = resp.Body.Close()
		if err := <-over; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}
