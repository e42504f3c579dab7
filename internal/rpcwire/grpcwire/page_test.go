package grpcwire

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// nginx is the page that nginx sends when it does not reach the server behind it.
const nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
	"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"

// The sizes in bytes of what is read of a page, and of what an error tells of it.
const (
	maxPage  = 4 << 10
	maxWords = 200
)

// TestClientTellsPages has a web page come in place of a response.
func TestClientTellsPages(t *testing.T) {
	t.Parallel()
	const told = "; its text begins with "
	tests := []struct {
		name   string
		status string
		ct     string
		extra  []string
		parts  [][]byte
		fail   *protocol.Failure
		code   fairlead.Code
		text   string // behind told; "": nothing is
	}{
		{
			name: "nginx", status: "502", ct: "text/html", parts: [][]byte{[]byte(nginx)}, code: fairlead.Unavailable,
			text: `"502 Bad Gateway 502 Bad Gateway nginx/1.22.1"`,
		},
		{
			name: "in small parts", status: "200", ct: "text/html; charset=utf-8", parts: cut([]byte(nginx), 7),
			code: fairlead.Unknown, text: `"502 Bad Gateway 502 Bad Gateway nginx/1.22.1"`,
		},
		{
			name: "scripts and comments", status: "200", ct: "text/html", code: fairlead.Unknown,
			parts: [][]byte{[]byte("<!doctype html><!-- <b>no</b> --><SCRIPT>if (a<b) {}</SCRIPT ><style>p{}</style>1 < 2<p")},
			text:  `"1 < 2"`,
		},
		{
			name: "plain", status: "404", ct: "text/plain", parts: [][]byte{[]byte("404 page\nnot found\n")},
			code: fairlead.Unimplemented, text: `"404 page not found"`,
		},
		{
			name: "JSON", status: "403", ct: "application/problem+json", parts: [][]byte{[]byte(`{"title":"no"}`)},
			code: fairlead.PermissionDenied, text: `"{\"title\":\"no\"}"`,
		},
		{
			name: "without a type", status: "503", parts: [][]byte{[]byte("upstream connect error")},
			code: fairlead.Unavailable, text: `"upstream connect error"`,
		},
		{
			name: "what cannot be printed", status: "502", ct: "text/plain",
			parts: [][]byte{[]byte("a\x00\x1b[31mb\xff\u202ec\u200b ä€")}, code: fairlead.Unavailable,
			text: `"a [31mb c ä€"`,
		},
		{
			name: "long", status: "502", ct: "text/plain", parts: [][]byte{[]byte(strings.Repeat("€", 1<<20))},
			code: fairlead.Unavailable, text: `"` + strings.Repeat("€", maxWords/3) + `…"`,
		},
		{
			name: "no words before the limit", status: "502", ct: "text/html", code: fairlead.Unavailable,
			parts: [][]byte{[]byte("<style>" + strings.Repeat("p{} ", maxPage) + "</style>words")},
		},
		{name: "empty", status: "502", ct: "text/html", code: fairlead.Unavailable},
		{
			name: "cut off", status: "502", ct: "text/plain", parts: [][]byte{[]byte("half of")},
			fail: &protocol.Failure{Kind: protocol.FailedLost}, code: fairlead.Unavailable, text: `"half of"`,
		},
		{
			name: "an image", status: "200", ct: "image/png", parts: [][]byte{[]byte("words")}, code: fairlead.Unknown,
		},
		{
			name: "compressed", status: "200", ct: "text/html", extra: []string{"content-encoding", "br"},
			parts: [][]byte{[]byte("words")}, code: fairlead.Unknown,
		},
		{
			name: "events", status: "200", ct: "text/event-stream", parts: [][]byte{[]byte("words")},
			code: fairlead.Unknown,
		},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mServer, mBidi} {
			t.Run(tt.name+"/"+m.Name, func(t *testing.T) {
				t.Parallel()
				r := reply{head: []string{":status", tt.status}, parts: tt.parts, trailer: []string{}, fail: tt.fail}
				if tt.ct != "" {
					r.head = append(r.head, "content-type", tt.ct)
				}
				r.head = append(r.head, tt.extra...)
				b := bindTo(t, newConn(t, r.serve), m, config())
				c := fairlead.NewCall(m, &note{"hi"})
				var err error
				if m.Kind == fairlead.Unary {
					err = b.cc.Unary(context.Background(), b.b, c)
				} else if err = b.cc.Open(context.Background(), b.b, c); err == nil {
					waited := c.WaitHeader(t.Context())
					if err = c.Stream().Recv(new(note)); waited != err { //nolint:errorlint // the very same
						t.Errorf("WaitHeader: got %v, want what Recv returns, %v", waited, err)
					}
				}
				wantError(t, err, tt.code, tt.status)
				if _, text, _ := strings.Cut(err.Error(), told); text != tt.text {
					t.Errorf("got %q, want %q", text, tt.text)
				}
			})
		}
	}
}

// TestClientDoesNotWaitForPages has responses that are no responses and that never end.
func TestClientDoesNotWaitForPages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		head   []string
		body   string
		within time.Duration // what the call has; 0: no deadline
		cancel time.Duration // when its context ends; 0: never
		code   fairlead.Code
		text   string
		took   time.Duration
	}{
		{
			name: "page", head: []string{":status", "502", "content-type", "text/html"}, body: "<p>half of",
			code: fairlead.Unavailable, text: `; its text begins with "half of"`, took: rpcwire.PageTime,
		},
		{
			name: "page of which nothing comes", head: []string{":status", "502", "content-type", "text/html"},
			code: fairlead.Unavailable, text: "502", took: rpcwire.PageTime,
		},
		{
			name: "image", head: []string{":status", "200", "content-type", "image/png"},
			code: fairlead.Unknown, text: "image/png",
		},
		{
			name: "malformed header", head: []string{":status", "200", "content-type", "application/grpc", "x-bin", "#"},
			code: fairlead.Internal, text: "x-bin",
		},
		{
			name: "page and deadline", head: []string{":status", "502", "content-type", "text/html"},
			within: rpcwire.PageTime / 2,
			code:   fairlead.DeadlineExceeded, text: "deadline", took: rpcwire.PageTime / 2,
		},
		{
			name: "page and the context's end", head: []string{":status", "502", "content-type", "text/html"},
			cancel: rpcwire.PageTime / 2, code: fairlead.Canceled, text: "canceled", took: rpcwire.PageTime / 2,
		},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mServer, mBidi} {
			if m != mUnary && tt.took < rpcwire.PageTime && tt.took > 0 {
				continue // a stream tells what it has
			}
			t.Run(tt.name+"/"+m.Name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					over := make(chan struct{})
					hc := newConn(t, func(x *exchange, _ bool) {
						x.sendHead(headFrom(protocol.Section{Block: protocol.NewBlock(tt.head...)}, "", nil), false)
						if tt.body != "" {
							x.data([]byte(tt.body))
						}
						<-over
					})
					defer close(over)
					b := bindTo(t, hc, m, config())
					for range 2 { // with the same state
						c := fairlead.NewCall(m, &note{"hi"})
						if tt.within > 0 {
							c.Tighten(time.Now().Add(tt.within))
						}
						ctx, cancel := context.WithCancel(context.Background())
						if tt.cancel > 0 {
							time.AfterFunc(tt.cancel, cancel)
						}
						begin := time.Now()
						var err error
						if m.Kind == fairlead.Unary {
							err = b.cc.Unary(ctx, b.b, c)
						} else if err = b.cc.Open(ctx, b.b, c); err == nil {
							err = c.Stream().Recv(new(note))
						}
						wantError(t, err, tt.code, tt.text)
						if took := time.Since(begin); took != tt.took {
							t.Errorf("it took %v, want %v", took, tt.took)
						}
						hc.last.mu.Lock()
						if hc.last.reset != protocol.ResetCancel {
							t.Errorf("got reset code %v, want CANCEL", hc.last.reset)
						}
						hc.last.mu.Unlock()
						cancel()
					}
				})
			})
		}
	}
}
