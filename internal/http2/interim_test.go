package http2_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/http2"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport/std"
)

// netHTTP runs a server of net/http and returns a connection to it.
func netHTTP(t *testing.T, h http.HandlerFunc) http2.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{Handler: h, Protocols: &protocols, MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: time.Minute}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		_ = s.Close()
		wg.Wait()
	})
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := http2.NewClient(std.Wrap(nc), &http2.Config{HeaderList: 16 << 10, QueuedBytes: 16 << 20})
	t.Cleanup(func() { c.Close(nil) })
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(10*time.Second))
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

var plainHead = protocol.NewBlock(":scheme", "http", ":authority", "test")

// informed collects interim responses.
type informed struct {
	mu  sync.Mutex
	got []string
}

func (i *informed) add(h *protocol.Head) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, fmt.Sprint(h.Status, " ", h.Fields.Get("link")))
}

func (i *informed) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

// TestInterimResponses: a protocol that asks for them gets the interim responses of a server of net/http, in their
// order and before the head; others notice nothing.
func TestInterimResponses(t *testing.T) {
	t.Parallel()
	c := netHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		for _, link := range []string{"</a.css>", "</b.js>"} {
			w.Header().Set("Link", link)
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		w.WriteHeader(http.StatusProcessing)
		_, _ = io.Copy(w, r.Body)
	})
	want := []string{"103 </a.css>", "103 </b.js>", "102 "}
	for _, asks := range []bool{true, false} {
		var in informed
		req := protocol.Request{Head: plainHead, Verb: "POST", Path: "/", Message: &protocol.Message{Bytes: []byte("x")}}
		if asks {
			req.Inform = in.add
		} else {
			want = nil
		}
		a := newAnswer()
		if _, err := c.Do(&req, a); err != nil {
			t.Fatal(err)
		}
		<-a.done
		if got := in.all(); a.err != nil || string(a.body) != "x" || !slices.Equal(got, want) {
			t.Errorf("asks %v: got %q, %q, %v; want %q", asks, got, a.body, a.err, want)
		}
		in.got = nil
		req.Last = true
		x, err := c.Open(&req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := protocoltest.ReadAll(nil, x, 100)
		if got := in.all(); err != nil || string(body) != "x" || !slices.Equal(got, want) {
			t.Errorf("pulled, asks %v: got %q, %q, %v; want %q", asks, got, body, err, want)
		}
		if h, _ := x.Head(); h == nil || h.Status != 200 || h.Fields.Has("link") {
			t.Errorf("got the head %+v, want 200 without a link", h)
		}
	}
}

// TestInterimAfterCancel: nobody hears of the interim responses to a request that was given up.
func TestInterimAfterCancel(t *testing.T) {
	t.Parallel()
	c, f := toClient(t)
	var in informed
	req := &protocol.Request{Head: plainHead, Verb: "GET", Path: "/", Last: true, Inform: in.add}
	ticket, err := c.Do(req, newAnswer())
	if err != nil {
		t.Fatal(err)
	}
	x, err := c.Open(req)
	if err != nil {
		t.Fatal(err)
	}
	f.headers(1, false, f.block(":status", "103"))
	f.headers(3, false, f.block(":status", "103"))
	f.frame(typePing, 0, 0, make([]byte, 8))
	if got := f.outcome(); got != "pong" { // it has read them
		t.Fatal(got)
	}
	if !c.Cancel(ticket, protocol.ResetCancel) {
		t.Error("the request was over")
	}
	x.Reset(protocol.ResetCancel, errors.New("given up"))
	before := len(in.all())
	f.headers(1, false, f.block(":status", "103"))
	f.headers(3, false, f.block(":status", "103"))
	f.frame(typePing, 0, 0, make([]byte, 8))
	for got := ""; got != "pong"; {
		if got = f.outcome(); !strings.HasPrefix(got, "reset") && got != "pong" {
			t.Fatal(got)
		}
	}
	if got := len(in.all()); before != 2 || got != 2 {
		t.Errorf("got %d interim responses, %d of them before the requests were given up; want 2 and 2", got, before)
	}
}

// TestRequestTrailer: a server of net/http gets a request's trailer, behind a body of any length.
func TestRequestTrailer(t *testing.T) {
	t.Parallel()
	c := netHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %s %d %v %q %q", r.Method, r.RequestURI, n, err, r.Trailer["Sum"], r.Trailer["Raw-Bin"])
	})
	var names fairlead.Metadata // net/http drops fields of trailers that were not announced
	names.Append("trailer", "sum, raw-bin")
	for _, tt := range []struct {
		name    string
		parts   []int
		trailer []string
		base64  bool
		want    string
	}{
		{"none", []int{10}, nil, false, `[] []`},
		{"one field", []int{10}, []string{"sum", "1"}, false, `["1"] []`},
		{"no body", nil, []string{"sum", "1"}, false, `["1"] []`},
		{"two of a name", []int{1, 2}, []string{"sum", "1", "sum", "2"}, false, `["1" "2"] []`},
		{"binary", []int{1}, []string{"raw-bin", "\x00\x01"}, true, `[] ["AAE"]`},
		{"behind what waits for window", []int{60_000, 60_000, 60_000, 1}, []string{"sum", "1"}, false, `["1"] []`},
	} {
		x, err := c.Open(&protocol.Request{Head: plainHead, Verb: "PUT", Path: "/things/1", Query: "a=b", Extra: &names})
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range tt.parts {
			total += n
			if err := x.Send(&protocol.Message{Bytes: bytes.Repeat([]byte("x"), n)}, false); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		var md fairlead.Metadata
		for i := 0; i+1 < len(tt.trailer); i += 2 {
			md.Append(tt.trailer[i], tt.trailer[i+1])
		}
		if err := x.Finish(protocol.Section{Extra: &md, Base64: tt.base64}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		md.Reset() // it is not kept
		if err := x.Finish(protocol.Section{}); err == nil {
			t.Errorf("%s: a body ended twice", tt.name)
		}
		if err := x.Send(&protocol.Message{Bytes: []byte("x")}, false); err == nil {
			t.Errorf("%s: sent behind the trailer", tt.name)
		}
		body, err := protocoltest.ReadAll(nil, x, 1000)
		if want := fmt.Sprintf("PUT /things/1?a=b %d <nil> %s", total, tt.want); err != nil || string(body) != want {
			t.Errorf("%s: got %q, %v; want %q", tt.name, body, err, want)
		}
	}
	x, err := c.Open(&protocol.Request{Head: plainHead, Verb: "PUT", Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	var long fairlead.Metadata
	long.Append("sum", strings.Repeat("1", 1<<20))
	if err := x.Finish(protocol.Section{Extra: &long}); fairlead.CodeOf(err) != fairlead.ResourceExhausted {
		t.Errorf("got %v for a trailer longer than the server takes", err)
	}
	if err := x.Finish(protocol.Section{}); err != nil {
		t.Errorf("nothing was sent, and yet: %v", err)
	}
	body, err := protocoltest.ReadAll(nil, x, 1000)
	if want := "PUT / 0 <nil> [] []"; err != nil || string(body) != want {
		t.Errorf("got %q, %v; want %q", body, err, want)
	}
}

// TestTrailerAfterAnswer: a server that has answered needs no trailer, and the client learns from Read what it said.
func TestTrailerAfterAnswer(t *testing.T) {
	t.Parallel()
	c := netHTTP(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	x, err := c.Open(&protocol.Request{Head: plainHead, Verb: "PUT", Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := protocoltest.ReadAll(nil, x, 1000); err != nil {
		t.Error(err)
	}
	var md fairlead.Metadata
	md.Append("sum", "1")
	if err := x.Finish(protocol.Section{Extra: &md}); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
	if h, _ := x.Head(); h == nil || h.Status != http.StatusTeapot {
		t.Errorf("got %+v", h)
	}
}

// TestRequestsDiffer: each request has its method, path and query, on one connection, with the same block.
func TestRequestsDiffer(t *testing.T) {
	t.Parallel()
	c := netHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Method+" "+r.RequestURI)
	})
	for i := range 300 {
		verb := []string{"GET", "DELETE", "PATCH", "OPTIONS", "REPORT"}[i%5]
		req := &protocol.Request{Head: plainHead, Verb: verb, Path: fmt.Sprintf("/v1/a%%2Fb/%d:get", i)}
		want := verb + " " + req.Path
		if i%2 == 0 {
			req.Query = fmt.Sprintf("page=%d&q=%%20", i)
			want += "?" + req.Query
		}
		a := newAnswer()
		if _, err := c.Do(req, a); err != nil {
			t.Fatal(err)
		}
		<-a.done
		if a.err != nil || a.echoed != want {
			t.Errorf("got %q, %v; want %q", a.echoed, a.err, want)
		}
	}
}
