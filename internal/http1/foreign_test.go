package http1_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead/internal/http1"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
)

// TestForeignClient: net/http's client against our server, on few connections that are used again and again.
func TestForeignClient(t *testing.T) { //nolint:paralleltest // leakcheck
	s, err := server.New(server.Protocol(web.NewServer(new(protocoltest.Items))), server.Codec(protocoltest.Codec{}),
		server.Transport(std.Network{}), server.Listen("127.0.0.1:0"), server.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown(context.Background()) }()
	tr := &http.Transport{MaxConnsPerHost: 4, MaxIdleConnsPerHost: 4}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	do := func(verb, path string, body io.Reader) (int, string, http.Header) {
		req, err := http.NewRequestWithContext(t.Context(), verb, "http://"+s.Addr().String()+path, body)
		if err != nil {
			t.Error(err)
			return 0, "", nil
		}
		req.Header.Set("Content-Type", "text/plain")
		resp, err := c.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", verb, path, err)
			return 0, "", nil
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("%s %s: %v", verb, path, err)
		}
		resp.Header["Trailer"] = resp.Trailer["Sum"]
		return resp.StatusCode, string(b), resp.Header
	}
	var wg sync.WaitGroup
	large := strings.Repeat("0123456789", 200_000)
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				q := fmt.Sprintf("q%d.%d", i, j)
				if status, body, _ := do("GET", "/items/a?"+q, nil); status != 200 || body != q+"\n" {
					t.Errorf("GET: got %d, %q", status, body)
				}
				if status, body, _ := do("PUT", "/items/a?"+q, strings.NewReader("hello")); status != 200 || body != q+"\nhello" {
					t.Errorf("PUT: got %d, %q", status, body)
				}
			}
			for _, body := range []io.Reader{strings.NewReader(large), io.MultiReader(strings.NewReader(large))} { // chunked
				if status, got, _ := do("PUT", "/items/a?streamed", body); status != 200 || got != large {
					t.Errorf("a large body: got %d and %d bytes", status, len(got))
				}
			}
			if status, _, _ := do("HEAD", "/items/a?q", nil); status != 200 {
				t.Errorf("HEAD: got %d", status)
			}
		})
	}
	wg.Wait()
	if got := s.Stats().Accepted; got > 4 {
		t.Errorf("%d connections were made, want 4 at most", got)
	}
	if status, body, _ := do("PUT", "/elsewhere", bytes.NewReader(make([]byte, 100_000))); status != 404 || body == "" {
		t.Errorf("a body that nobody reads: got %d, %q", status, body)
	}
}

// TestForeignServer: our client against net/http's server.
func TestForeignServer(t *testing.T) { //nolint:paralleltest // leakcheck
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		b := make([]byte, 1000)
		for {
			n, err := r.Body.Read(b)
			_, _ = w.Write(b[:n])
			_ = rc.Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set("Sum", r.Header.Get("X")+r.Trailer.Get("After"))
	}))
	defer s.Close()
	addr, ok := s.Listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listens at %v", s.Listener.Addr())
	}
	tc, err := std.Network{}.Dial(t.Context(), transport.Target{Network: "tcp", Addr: addr.String()})
	if err != nil {
		t.Fatal(err)
	}
	c := http1.NewClient(tc, &http1.Config{HeaderList: 1 << 16, Fields: 100})
	defer c.Close(nil)
	block := protocol.NewBlock(":authority", addr.String(), "x", "y", "trailer", "after")
	for i := range 100 {
		a := &answer{done: make(chan struct{})}
		want := fmt.Sprintf("body %d", i)
		if _, err := c.Do(&protocol.Request{
			Head: block, Verb: "POST", Path: "/", Message: &protocol.Message{Bytes: []byte(want)}, Last: true,
		}, a); err != nil {
			t.Fatal(err)
		}
		<-a.done
		if a.err != nil || a.status != 200 || a.body != want || a.trailer == nil || a.trailer.Fields.Get("sum") != "y" {
			t.Fatalf("got %d, %q, %v, the trailer %v", a.status, a.body, a.err, a.trailer)
		}
		x, err := c.Open(&protocol.Request{Head: block, Verb: "POST", Path: "/"})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"one", "two"} { // both ways at a time
			if err := x.Send(&protocol.Message{Bytes: []byte(part)}, false); err != nil {
				t.Fatal(err)
			}
			if got, err := x.Read(); err != nil || string(got) != part {
				t.Fatalf("got %q, %v, want %q", got, err, part)
			}
		}
		if err := x.Send(nil, true); err != nil {
			t.Fatal(err)
		}
		if got, err := x.Read(); err != io.EOF { //nolint:errorlint // it is bare
			t.Fatalf("at the end: got %q, %v", got, err)
		}
	}
}
