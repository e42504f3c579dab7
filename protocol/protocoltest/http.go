package protocoltest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
)

// RunHTTP tests a wire of HTTP, whatever the version, with protocols that gRPC is not like. For each test it calls env,
// which serves app, connects, and has all of it stopped when t ends. A wire that knows extended CONNECT allows it. The
// suite counts goroutines, so nothing else may run meanwhile. cannot are the names of tests that the wire cannot pass,
// which are left out.
//
// The suite goes on after exchanges that it gives up. A connection of HTTP/1.1 ends with those, so env then returns an
// HTTPConn that connects again by itself.
func RunHTTP(t *testing.T, env func(t *testing.T, app protocol.HTTP) protocol.HTTPConn, cannot ...string) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, c protocol.HTTPConn)
	}{
		{"requests that differ", httpDiffer},
		{"requests that nobody takes", httpRefused},
		{"response without a trailer", httpStreamed},
		{"what the engine adds and drops", httpEngine},
		{"stream without content", httpNoContent},
		{"interim responses, trailers", httpAround},
		{"a body that waits to be asked for", httpExpect},
		{"deadline", httpDeadline},
		{"fields for whoever answers", httpAnswer},
		{"tunnel", httpTunnel},
	}
	for _, tt := range tests {
		if i := slices.Index(cannot, tt.name); i >= 0 {
			cannot = slices.Delete(slices.Clone(cannot), i, i+1)
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			leakcheck.Check(t)
			tt.run(t, env(t, new(Items)))
		})
	}
	if len(cannot) > 0 {
		t.Errorf("there are no tests with the names %q", cannot)
	}
}

// http1 is the Peer.Wire of connections of HTTP/1.1.
const http1 = "http/1.1"

// HTTPAnswer is a protocol.Receiver that keeps a response.
type HTTPAnswer struct {
	Status  int
	Fields  map[string]string
	Body    string
	Trailer map[string]string // nil: none came
	Err     error

	done chan struct{}
}

// Head implements protocol.Receiver.
func (a *HTTPAnswer) Head(h *protocol.Head, _ bool) { a.Status, a.Fields = h.Status, fieldsOf(h) }

// Data implements protocol.Receiver.
func (a *HTTPAnswer) Data(part []byte) bool {
	a.Body += string(part)
	return true
}

// End implements protocol.Receiver.
func (a *HTTPAnswer) End(trailer *protocol.Head, err error) {
	if trailer != nil {
		a.Trailer = fieldsOf(trailer)
	}
	a.Err = err
	close(a.done)
}

func fieldsOf(h *protocol.Head) map[string]string {
	m := maps.Collect(h.Fields.All())
	if h.ContentType != "" {
		m["content-type"] = h.ContentType
	}
	return m
}

// DoHTTP makes a request and waits for the response.
func DoHTTP(t *testing.T, c protocol.HTTPConn, req *protocol.Request) *HTTPAnswer {
	t.Helper()
	a := &HTTPAnswer{done: make(chan struct{})}
	if _, err := c.Do(req, a); err != nil {
		t.Fatalf("%s %s: %v", req.Verb, req.Path, err)
	}
	<-a.done
	if a.Err != nil {
		t.Fatalf("%s %s: %v", req.Verb, req.Path, a.Err)
	}
	return a
}

func httpDiffer(t *testing.T, c protocol.HTTPConn) {
	head := ItemsHead()
	for i := range 600 {
		id, query := fmt.Sprintf("i%d", i), fmt.Sprint("page=", i)
		want := 200
		if i >= 200 {
			id, want = fmt.Sprint(i), i
		}
		if want == 204 || want == 304 {
			continue // without a body
		}
		a := DoHTTP(t, c, &protocol.Request{Head: head, Verb: "GET", Path: "/items/" + id, Query: query})
		if a.Status != want || a.Fields["item"] != id || a.Body != query+"\n" || a.Trailer != nil {
			t.Fatalf("%s: got %d, item %q, body %q, trailer %v", id, a.Status, a.Fields["item"], a.Body, a.Trailer)
		}
		if got := a.Fields["raw-bin"]; got != "no base64" {
			t.Fatalf("a field whose name ends in -bin is %q", got)
		}
	}
}

func httpRefused(t *testing.T, c protocol.HTTPConn) {
	for _, tt := range []struct {
		verb, path string
		status     int
		allow      string
	}{
		{"GET", "/elsewhere", 404, ""},
		{"DELETE", "/items/1", 405, "GET, PUT"},
		{"OPTIONS", "/items/1", 204, "GET, PUT"},
		{"PUT", "/items/1", 415, ""},
		{"BREW", "/items/1", 501, ""},
	} {
		a := DoHTTP(t, c, &protocol.Request{Head: ItemsHead(), Verb: tt.verb, Path: tt.path})
		if a.Status != tt.status || a.Fields["allow"] != tt.allow || (a.Body == "") != (tt.status == 204) {
			t.Errorf("%s %s: got %d, allow %q, body %q, want %d, allow %q",
				tt.verb, tt.path, a.Status, a.Fields["allow"], a.Body, tt.status, tt.allow)
		}
	}
}

func httpStreamed(t *testing.T, c protocol.HTTPConn) {
	head := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain")
	x, err := c.Open(&protocol.Request{Head: head, Verb: "PUT", Path: "/items/a", Query: "streamed"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		want := fmt.Sprint("part ", i)
		if err := x.Send(&protocol.Message{Bytes: []byte(want)}, i == 2); err != nil {
			t.Fatal(err)
		}
		if got, err := x.Read(); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	if rest, err := x.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last part: %q, %v", rest, err)
	}
	if got := x.Trailer(); got != nil {
		t.Errorf("got the trailer %v, want none", got)
	}
}

func httpEngine(t *testing.T, c protocol.HTTPConn) {
	for _, tt := range []struct {
		verb, path, query string
		status            int
		length, body      string
	}{
		{"GET", "/items/a", "q", 200, "2", "q\n"},
		{"GET", "/items/a", "tail", 200, "23", "tail\nbehind the message"},
		{"HEAD", "/items/a", "q", 200, "2", ""},
		{"GET", "/items/204", "q", 204, "", ""},
		{"GET", "/items/304", "q", 304, "", ""},
		{"GET", "/items/a", "head", 200, "0", ""},
		{"HEAD", "/items/a", "head", 200, "", ""},
		{"GET", "/items/204", "head", 204, "", ""},
		{"GET", "/items/304", "head", 304, "", ""},
		{"GET", "/items/a", "refused", 500, "0", ""},
		{"HEAD", "/elsewhere", "", 404, "38", ""},
		{"OPTIONS", "/items/a", "", 204, "", ""},
	} {
		a := DoHTTP(t, c, &protocol.Request{Head: ItemsHead(), Verb: tt.verb, Path: tt.path, Query: tt.query})
		if a.Status != tt.status || a.Fields["content-length"] != tt.length || a.Body != tt.body {
			t.Errorf("%s %s: got %d, content-length %q, body %q, want %d, %q, %q", tt.verb, tt.path,
				a.Status, a.Fields["content-length"], a.Body, tt.status, tt.length, tt.body)
		}
		at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", a.Fields["date"])
		if err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("%s %s: the date is %q: %v", tt.verb, tt.path, a.Fields["date"], err)
		}
	}
}

// httpAnswer asks for fields that a protocol wants in every response: its own, those of the wire, and heads of streams.
func httpAnswer(t *testing.T, c protocol.HTTPConn) {
	cross := new(fairlead.Metadata)
	cross.Add("origin", "https://elsewhere.example")
	for _, tt := range []struct {
		verb, path, query string
		status            int
		fields            bool
	}{
		{"GET", "/items/a", "q", 200, true},
		{"GET", "/items/204", "q", 204, true},
		{"HEAD", "/items/a", "head", 200, true},
		{"GET", "/items/a", "refused", 500, true},
		{"DELETE", "/items/a", "", 405, true},
		{"OPTIONS", "/items/a", "", 204, true},
		{"PUT", "/items/a", "", 415, true},
		{"BREW", "/items/a", "", 501, true},
		{"GET", "/elsewhere", "", 404, false},
	} {
		a := DoHTTP(t, c, &protocol.Request{
			Head: ItemsHead(), Verb: tt.verb, Path: tt.path, Query: tt.query, Extra: cross,
		})
		got := a.Fields["access-control-allow-origin"] == "https://elsewhere.example" && a.Fields["vary"] == "origin"
		if a.Status != tt.status || got != tt.fields {
			t.Errorf("%s %s: got %d with the fields %v, want %d, and Items' fields: %v",
				tt.verb, tt.path, a.Status, a.Fields, tt.status, tt.fields)
		}
	}
	head := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain")
	x, err := c.Open(&protocol.Request{
		Head: head, Verb: "PUT", Path: "/items/a", Query: "streamed", Extra: cross, Last: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	<-x.HeadReady()
	if h, _ := x.Head(); h == nil || h.Fields.Get("vary") != "origin" {
		t.Errorf("a stream: got the head %+v", h)
	}
	if rest, err := x.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v, want the end", rest, err)
	}
	if got := x.Trailer(); got != nil {
		t.Errorf("got the trailer %v, want none", got)
	}
}

// httpTunnel speaks what is not HTTP: bytes both ways, until one side has enough.
func httpTunnel(t *testing.T, c protocol.HTTPConn) {
	tunnel := protocol.NewBlock(":method", "CONNECT", ":protocol", itemsTunnel, ":scheme", "http", ":authority", "items")
	x, err := c.Open(&protocol.Request{Head: tunnel, Path: "/items/a"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		want := fmt.Sprint("bytes ", i)
		if err := x.Send(&protocol.Message{Bytes: []byte(want)}, false); err != nil {
			t.Fatal(err)
		}
		if got, err := x.Read(); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	want := 200
	if c.Peer().Wire == http1 {
		want = 101
	}
	if h, _ := x.Head(); h == nil || h.Status != want || h.Fields.Get("content-length") != "" {
		t.Errorf("got the head %+v, want the status %d and no length", h, want)
	}
	if err := x.Send(nil, true); err != nil {
		t.Fatal(err)
	}
	if rest, err := x.Read(); !errors.Is(err, io.EOF) || x.Trailer() != nil {
		t.Errorf("at the end: %q, %v, and the trailer %v, want neither", rest, err, x.Trailer())
	}
	other := protocol.NewBlock(":method", "CONNECT", ":protocol", "other", ":scheme", "http", ":authority", "items")
	plain := protocol.NewBlock(":method", "CONNECT", ":authority", "items:80")
	for _, tt := range []struct {
		name        string
		head        *protocol.Block
		path, query string
		upgrade     int // the status in HTTP/1.1, where what asks for another protocol is a GET
	}{
		{"another protocol", other, "/items/a", "", 200},
		{"elsewhere", tunnel, "/elsewhere", "", 404},
		{"a host", plain, "", "", 501},
		{"a connection of its own, which exchanges of HTTP/2 do not have", tunnel, "/items/a", "hijack", 0},
	} {
		want := 501
		if c.Peer().Wire == http1 {
			switch {
			case tt.query == "hijack":
				continue // exchanges of HTTP/1.1 have one
			case tt.path != "":
				want = tt.upgrade
			}
		}
		x, err := c.Open(&protocol.Request{Head: tt.head, Path: tt.path, Query: tt.query})
		if err != nil {
			t.Fatal(err)
		}
		<-x.HeadReady()
		if h, _ := x.Head(); h == nil || h.Status != want {
			t.Errorf("%s: got the head %+v, want the status %d", tt.name, h, want)
		}
		x.Reset(protocol.ResetCancel, io.EOF)
	}
}

// httpDeadline begins requests whose bodies do not come: they end when their own field says so, and not that of another
// protocol.
func httpDeadline(t *testing.T, c protocol.HTTPConn) {
	head := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain")
	foreign := protocol.NewBlock(
		":scheme", "http", ":authority", "items", "content-type", "text/plain", "grpc-timeout", "1H")
	for _, tt := range []struct {
		name  string
		block *protocol.Block
	}{
		{"its own", head},
		{"behind another's", foreign},
	} {
		x, err := c.Open(&protocol.Request{
			Head: tt.block, Verb: "PUT", Path: "/items/a", Name: timeoutField, Value: []byte("50"),
			Message: &protocol.Message{Bytes: []byte("begun")},
		})
		if err != nil {
			t.Fatal(err)
		}
		<-x.HeadReady()
		if h, _ := x.Head(); h == nil || h.Status != 504 {
			t.Errorf("%s: got the head %+v, want the status 504", tt.name, h)
		}
		x.Reset(protocol.ResetCancel, io.EOF)
	}
}

// httpAround sends a trailer behind a request, and gets interim responses before the head and the same trailer at the
// end. A request that does not ask for interim responses gets the rest alike.
func httpAround(t *testing.T, c protocol.HTTPConn) {
	head := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain",
		"expect", "100-continue", "trailer", "sum")
	for _, asks := range []bool{true, false} {
		interim := make(chan string, 10)
		req := &protocol.Request{Head: head, Verb: "PUT", Path: "/items/a", Query: "streamed"}
		if asks {
			req.Inform = func(h *protocol.Head) { interim <- fmt.Sprint(h.Status, h.Fields.Get("link")) }
		}
		x, err := c.Open(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Send(&protocol.Message{Bytes: []byte("part")}, false); err != nil {
			t.Fatal(err)
		}
		var sum fairlead.Metadata
		sum.Append("sum", "42")
		if err := x.Finish(protocol.Section{Extra: &sum}); err != nil {
			t.Fatal(err)
		}
		if body, err := ReadAll(nil, x, 100); err != nil || string(body) != "part" {
			t.Errorf("got %q, %v, want what was sent", body, err)
		}
		if h := x.Trailer(); h == nil || h.Fields.Get("sum") != "42" {
			t.Errorf("got the trailer %+v, want the one sent", h)
		}
		close(interim)
		want := ""
		if asks {
			want = "103</style.css>; rel=preload"
		}
		if got := <-interim; got != want {
			t.Errorf("asks %v: got the interim response %q first, want %q", asks, got, want)
		}
	}
}

// httpExpect sends bodies once the server has asked for them, which it does if the request is not refused: without the
// protocol's help for requests that it takes as a whole, and before the head of a stream.
func httpExpect(t *testing.T, c protocol.HTTPConn) {
	head := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain",
		"expect", "100-Continue")
	for _, tt := range []struct {
		path, query string
		status      int
		asked       bool
		body        string
	}{
		{"/items/a", "q", 200, true, "q\nbody"},
		{"/items/a", "streamed", 200, true, "body"},
		{"/elsewhere", "", 404, false, ""},
	} {
		asked := make(chan struct{}, 1)
		x, err := c.Open(&protocol.Request{
			Head: head, Verb: "PUT", Path: tt.path, Query: tt.query,
			Inform: func(h *protocol.Head) {
				if h.Status == 100 {
					asked <- struct{}{}
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if tt.asked {
			<-asked
			if err := x.Send(&protocol.Message{Bytes: []byte("body")}, true); err != nil {
				t.Fatal(err)
			}
		}
		<-x.HeadReady()
		if h, _ := x.Head(); h == nil || h.Status != tt.status {
			t.Errorf("%s: got the head %+v, want the status %d", tt.path, h, tt.status)
		}
		if body, err := ReadAll(nil, x, 100); tt.asked && (err != nil || string(body) != tt.body) {
			t.Errorf("%s: got %q, %v, want %q", tt.path, body, err, tt.body)
		}
		if len(asked) > 0 {
			t.Errorf("%s: the body was asked for again, or for nothing", tt.path)
		}
		x.Reset(protocol.ResetCancel, io.EOF)
	}
}

// httpNoContent has a protocol send parts of a body where the status allows none.
func httpNoContent(t *testing.T, c protocol.HTTPConn) {
	head := protocol.NewBlock(":scheme", "http", ":authority", "items", "content-type", "text/plain")
	x, err := c.Open(&protocol.Request{
		Head: head, Verb: "PUT", Path: "/items/204", Query: "streamed", Message: &protocol.Message{Bytes: []byte("a")},
	})
	if err != nil {
		t.Fatal(err)
	}
	// In HTTP/1.1 the head is the whole response, and may be here before this is sent.
	if err := x.Send(&protocol.Message{Bytes: []byte("b")}, true); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if got, err := x.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v, want the end", got, err)
	}
	if h, _ := x.Head(); h == nil || h.Status != 204 {
		t.Errorf("got the head %+v, want the status 204", h)
	}
}
