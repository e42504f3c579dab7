package http1_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// watched is middleware that tells of requests to Items that begin and end.
func watched() (mw fairlead.Middleware, entered chan struct{}, ended chan error) {
	entered, ended = make(chan struct{}, 100), make(chan error, 100)
	return func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			entered <- struct{}{}
			err := next(ctx, c)
			ended <- err
			return err
		}
	}, entered, ended
}

// TestAhead: requests that were sent ahead are answered in order, also when one of them is slow.
func TestAhead(t *testing.T) { //nolint:paralleltest // leakcheck
	slow := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			if c.Elapsed() >= 0 && strings.Contains(fmt.Sprint(c.Authority()), "slow") {
				time.Sleep(5 * time.Millisecond) // longer than the watch waits
			}
			return next(ctx, c)
		}
	}
	k := newKit(t, new(protocoltest.Items), nil, server.Use(slow))
	for _, host := range []string{"a", "slow"} {
		p := k.dial()
		var all strings.Builder
		const n = 20
		for i := range n {
			h := "a"
			if i%4 == 1 {
				h = host
			}
			fmt.Fprintf(&all, "GET /items/%d?q%d HTTP/1.1\r\nHost: %s\r\n\r\n", 1000+i, i, h)
		}
		p.send(all.String())
		for i := range n {
			if got, want := p.until("\r\n\r\n"), fmt.Sprintf("item: %d\r\n", 1000+i); !strings.Contains(got, want) {
				t.Fatalf("%s: response %d is %q", host, i, got)
			}
			p.until(fmt.Sprintf("q%d\n", i))
		}
	}
	if k.server.Stats().Calls != 0 {
		t.Errorf("%d calls are left", k.server.Stats().Calls)
	}
}

// TestLeft: a client that leaves cancels its call, whether the handler runs in the reading goroutine or not, and also
// if there are requests behind it.
func TestLeft(t *testing.T) { //nolint:paralleltest // leakcheck
	const hold = "GET /items/hold HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tt := range []struct{ name, request string }{
		{"whole", hold},
		{"ahead", hold + get + "\r\n" + get + "\r\n"},
		{"far ahead", hold + strings.Repeat(get+"\r\n", 1000)},
		{"stream", strings.Replace(put, "/a ", "/a?streamed ", 1) +
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mw, entered, ended := watched()
			k := newKit(t, new(protocoltest.Items), nil, server.Use(mw))
			for range 3 { // in the reading goroutine, and then in others, since it takes long
				p := k.dial()
				p.send(tt.request)
				<-entered
				_ = p.tc.Close()
				if err := <-ended; err == nil {
					t.Error("the handler ended without an error")
				}
				for len(entered) > 0 { // those behind it may be served
					<-entered
					<-ended
				}
			}
		})
	}
}

// TestHalfClosed: a client that ends its half of the connection still gets answers.
func TestHalfClosed(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), nil)
	p := k.dial()
	p.send(get + "\r\n" + put + "Content-Length: 3\r\n\r\nabc")
	closeWrite(t, p)
	if got := p.rest(); strings.Count(got, "HTTP/1.1 200 OK") != 2 || !strings.HasSuffix(got, "\nabc") {
		t.Errorf("got %q, want two answers", got)
	}
}

func closeWrite(t *testing.T, p *peer) {
	t.Helper()
	h, ok := p.tc.(interface{ CloseWrite() error })
	if !ok {
		t.Fatalf("%T has no CloseWrite", p.tc)
	}
	if err := h.CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// TestDrain: a server that stops answers what is under way and what comes in its first second, with the end of the
// connection, and ends idle connections at the final step, those that have sent nothing too.
func TestDrain(t *testing.T) { //nolint:paralleltest // leakcheck
	mw, entered, _ := watched()
	k := newKit(t, new(protocoltest.Items), nil, server.Use(mw))
	idle, late, fresh, busy, silent := k.dial(), k.dial(), k.dial(), k.dial(), k.dial()
	for _, p := range []*peer{idle, late} {
		p.send(get + "\r\n")
		p.until("\n\n")
		<-entered
	}
	busy.send("GET /items/hold HTTP/1.1\r\nHost: a\r\nconnect-timeout-ms: 1500\r\n\r\n")
	<-entered
	over := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		over <- k.server.Shutdown(ctx)
	}()
	<-k.server.Dispatcher().Draining()
	for name, p := range map[string]*peer{"idle until now": late, "its first": fresh} {
		for last := false; !last; { // Shutdown comes to one connection after the other
			p.send(get + "\r\n")
			got := p.until("\n\n")
			if statusOf(got) != "200" {
				t.Errorf("%s: got %q, want an answer", name, got)
			}
			last = strings.Contains(got, "connection: close\r\n")
		}
		if got := p.rest(); got != "" {
			t.Errorf("%s: got %q, want the end of the connection", name, got)
		}
	}
	for name, p := range map[string]*peer{"idle": idle, "silent": silent} {
		if got := p.rest(); got != "" {
			t.Errorf("%s: got %q, want the end of the connection", name, got)
		}
	}
	if got := busy.rest(); statusOf(got) != "500" || !strings.Contains(got, "connection: close\r\n") {
		t.Errorf("busy: got %q, want an answer and the end of the connection", got)
	}
	if err := <-over; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestUpgrade: a stream of bytes instead of HTTP, also if the client does not wait for the answer, and the connection
// itself for a handler that wants it.
func TestUpgrade(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), nil)
	for _, tt := range []struct{ name, query, answer string }{
		{"raw", "", "HTTP/1.1 101 Switching Protocols\r\n"},
		{"hijacked", "?hijack", ""},
	} {
		for _, eager := range []bool{false, true} {
			p := k.dial()
			request := head("GET /items/a"+tt.query+" HTTP/1.1", "Host: a",
				"Connection: keep-alive, Upgrade", "Upgrade: h2c, items")
			if eager {
				request += "first"
			}
			p.send(request)
			if tt.answer != "" {
				got := p.until("\r\n\r\n")
				if !strings.HasPrefix(got, tt.answer) || !strings.Contains(got, "\r\nupgrade: items\r\n") ||
					!strings.Contains(got, "\r\nconnection: upgrade\r\n") || strings.Contains(got, "length") {
					t.Errorf("%s: got %q", tt.name, got)
				}
			}
			if !eager {
				p.send("first")
			}
			p.until("first")
			p.send("GET / HTTP/1.1\r\n\r\n")
			p.until("GET / HTTP/1.1\r\n\r\n")
			closeWrite(t, p)
			if got := p.rest(); got != "" {
				t.Errorf("%s, eager %v: behind it came %q", tt.name, eager, got)
			}
		}
	}
}

// TestHijackedAndShutdown: a connection that was given away is cut when the time of a Shutdown is over.
func TestHijackedAndShutdown(t *testing.T) { //nolint:paralleltest // leakcheck
	mw, entered, ended := watched()
	k := newKit(t, new(protocoltest.Items), nil, server.Use(mw))
	p := k.dial()
	p.send(head("GET /items/a?hijack HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: items") + "x")
	<-entered
	p.until("x")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := k.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: got %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the handler ended without an error")
	}
}

// TestLimits: the number of requests on a connection.
func TestLimits(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), []web.ServerOption{web.RequestsPerConnection(3)})
	p := k.dial()
	p.send(strings.Repeat(get+"\r\n", 5))
	if got := p.rest(); strings.Count(got, "HTTP/1.1 200 OK") != 3 || strings.Count(got, "connection: close\r\n") != 1 {
		t.Errorf("got %q, want three answers, and the end of the connection in the last", got)
	}
}

// TestOldClients: responses to HTTP/1.0, which knows no chunks.
func TestOldClients(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), nil)
	p := k.dial()
	p.send(head("PUT /items/a?streamed HTTP/1.0", "Content-Type: text/plain", "Connection: keep-alive",
		"Content-Length: 6") + "abcdef")
	got := p.rest()
	if statusOf(got) != "200" || strings.Contains(got, "chunked") || strings.Contains(got, "content-length") ||
		!strings.Contains(got, "connection: close\r\n") || !strings.HasSuffix(got, "\r\n\r\nabcdef") {
		t.Errorf("got %q, want a body that ends with the connection", got)
	}
}

// split is a protocol whose fields would end the head, or begin another response.
type split struct{ d protocol.Dispatcher }

func (*split) Name() string { return "split" }
func (s *split) Attach(d protocol.Dispatcher) error {
	s.d = d
	_, err := d.NewRoute(route(), nop)
	return err
}
func (*split) Match(*protocol.Head) protocol.Mode { return protocol.Complete }
func (*split) Deadline(*protocol.Head) time.Time  { return time.Time{} }
func (s *split) Stream(x protocol.Exchange)       { s.Whole(x, nil) }

func (*split) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	md := new(fairlead.Metadata)
	for k, v := range map[string]string{
		"a": "b\r\nc: d", "e": "f\n\nHTTP/1.1 200 OK", "g\r\nh": "i", "l:": "m", "n": "o\x00p",
		"transfer-encoding": "chunked", "connection": "upgrade", "content-length": "99", "keep-alive": "x", "upgrade": "h2c",
	} {
		md.Append(k, v)
	}
	md.Append("good", "one\ttwo \u00e4")
	_ = x.Reply(&protocol.Reply{
		Head: protocol.Section{Status: 200, Extra: md}, Message: protocol.Message{Bytes: []byte("body")},
	})
	return nil
}

func route() *fairlead.Method { return &fairlead.Method{Service: "split", Name: "Split", Path: "/"} }

func nop(context.Context, *fairlead.Call) error { return nil }

// TestSplitting: metadata cannot end a head or begin another response, nor change how a body is delimited.
func TestSplitting(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(split), nil)
	p := k.dial()
	p.send(get + "Connection: close\r\n\r\n")
	got := p.rest()
	lines := strings.Split(strings.TrimSuffix(got, "\r\n\r\nbody"), "\r\n")
	want := []string{"HTTP/1.1 200 OK", "good: one\ttwo \u00e4", "date: ", "content-length: 4", "connection: close"}
	if len(lines) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got the line %q, want %q", lines[i], want[i])
		}
	}
}
