package grpcwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// raw is a request as a foreign client might send it.
type raw struct {
	verb    string // "": POST
	path    string
	ct      string // "": application/grpc
	timeout string
	fields  []string
	parts   [][]byte
	cut     error // how the body ends, nil: properly
	open    bool  // the body does not end
	limit   int   // of a header list received; 0: the client does not say
}

// send gives the request to s and returns the exchange once it is over.
func (r raw) send(t *testing.T, s *Server, d *dispatcher) *exchange {
	t.Helper()
	x := r.start(t, s, d)
	<-x.overCh
	return x
}

func (r raw) start(t *testing.T, s *Server, d *dispatcher) *exchange {
	t.Helper()
	h := &protocol.Head{
		Verb: "POST", Path: r.path, ContentType: contentType, Version: 2,
		Authority: "notes.test", UserAgent: "foreign/1",
	}
	if r.verb != "" {
		h.Verb = r.verb
	}
	if r.ct != "" {
		h.ContentType = r.ct
	}
	if r.timeout != "" {
		h.Timeout, h.TimeoutName = []byte(r.timeout), "grpc-timeout"
	}
	for i := 0; i < len(r.fields); i += 2 {
		h.Fields.Add(r.fields[i], r.fields[i+1])
	}
	x := newExchange(t, h)
	x.headerLimit = r.limit
	for _, p := range r.parts {
		x.up.push(p)
	}
	if !r.open {
		x.up.end(r.cut)
	}
	go func() {
		defer close(x.served)
		served(s, d)(x, !r.open && r.cut == nil)
	}()
	t.Cleanup(func() { <-x.served; d.settled(t) })
	return x
}

// status returns the code and message of the response, and the rest of its trailer.
func (x *exchange) status() (code, message string, md *fairlead.Metadata) {
	h := x.trailer
	if x.headEnds {
		h = x.respHead
	}
	return h.Fields.Get("grpc-status"), h.Fields.Get("grpc-message"), &h.Fields
}

// messages returns the payloads of the response, with '!' before compressed ones.
func (x *exchange) messages(t *testing.T) []string {
	t.Helper()
	var out []string
	r := rpcwire.Reader{Source: clientSide{x}, Limit: rpcwire.NewLimit(0, "", "")}
	for {
		p, flags, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		s := string(p)
		if flags != 0 {
			plain, err := gz{}.AppendDecompress(nil, p, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			s = "!" + string(plain)
		}
		out = append(out, s)
	}
}

// echo answers a unary call with its request.
func echo(_ context.Context, c *fairlead.Call) error {
	c.SetResponse(c.Request())
	return nil
}

// chat answers each message of a stream with itself.
func chat(_ context.Context, c *fairlead.Call) error {
	for {
		n := new(note)
		if err := c.Stream().Recv(n); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := c.Stream().Send(n); err != nil {
			return err
		}
	}
}

// count sends the request as often as its text is long.
func count(_ context.Context, c *fairlead.Call) error {
	n := c.Request().(*note)
	for range len(n.Text) {
		if err := c.Stream().Send(n); err != nil {
			return err
		}
	}
	return nil
}

// join answers with all messages in one.
func join(_ context.Context, c *fairlead.Call) error {
	var all note
	for {
		var n note
		if err := c.Stream().Recv(&n); err == io.EOF {
			c.SetResponse(&all)
			return nil
		} else if err != nil {
			return err
		}
		all.Text += n.Text
	}
}

// newTestServer serves the methods of the tests.
func newTestServer(t *testing.T) (*Server, *dispatcher) {
	t.Helper()
	d := newDispatcher()
	d.handle(mUnary, echo)
	d.handle(mClient, join)
	d.handle(mServer, count)
	d.handle(mBidi, chat)
	d.handle(mRaw, echo)
	d.handle(mRawSt, chat)
	return attach(t, d), d
}

func TestServerAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 100)
	huge := strings.Repeat("h", protocol.MaxWhole+1)
	zip := func(s string) string {
		b, err := gz{}.AppendCompress(nil, []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	noise := noise(200)
	two := append(frame(0, "a"), frame(0, "b")...)
	many := append(append(frame(0, "one"), frame(0, "")...), frame(0, huge)...)
	gzip := []string{"grpc-encoding", "gzip", "grpc-accept-encoding", "identity, gzip"}
	tests := []struct {
		name    string
		req     raw
		want    []string
		code    string // "": 0
		message string
		http    int // 0: 200
	}{
		{name: "unary", req: raw{path: mUnary.Path, parts: [][]byte{frame(0, "hi")}}, want: []string{"hi"}},
		{name: "empty message", req: raw{path: mUnary.Path, parts: [][]byte{frame(0, "")}}, want: []string{""}},
		{
			name: "subtype",
			req:  raw{path: mUnary.Path, ct: "application/grpc+proto", parts: [][]byte{frame(0, "hi")}},
			want: []string{"hi"},
		},
		{
			name: "parameter", want: []string{"hi"},
			req: raw{path: mUnary.Path, ct: "application/grpc+plain; charset=utf-8", parts: [][]byte{frame(0, "hi")}},
		},
		{name: "large", req: raw{path: mUnary.Path, parts: cut(frame(0, huge), 9999)}, want: []string{huge}},
		{name: "raw", req: raw{path: mRaw.Path, parts: [][]byte{frame(0, "hi")}}, want: []string{"hi"}},
		{name: "raw large", req: raw{path: mRaw.Path, parts: cut(frame(0, huge), 9999)}, want: []string{huge}},
		{
			name: "compressed", req: raw{path: mUnary.Path, fields: gzip, parts: [][]byte{frame(1, zip(long))}},
			want: []string{"!" + long},
		},
		{
			name: "compressed raw", req: raw{path: mRaw.Path, fields: gzip, parts: [][]byte{frame(1, zip(long))}},
			want: []string{"!" + long},
		},
		{
			name: "compressed short", req: raw{path: mUnary.Path, fields: gzip, parts: [][]byte{frame(1, zip("hi"))}},
			want: []string{"hi"},
		},
		{
			name: "not compressed", req: raw{path: mUnary.Path, fields: gzip, parts: [][]byte{frame(0, long)}},
			want: []string{"!" + long},
		},
		{
			name: "compression not wanted", want: []string{long},
			req: raw{path: mUnary.Path, fields: gzip[:2], parts: [][]byte{frame(1, zip(long))}},
		},
		{
			name: "incompressible", want: []string{noise},
			req: raw{path: mUnary.Path, fields: gzip, parts: [][]byte{frame(0, noise)}},
		},
		{
			name: "server stream", req: raw{path: mServer.Path, parts: [][]byte{frame(0, "abc")}},
			want: []string{"abc", "abc", "abc"},
		},
		{name: "empty server stream", req: raw{path: mServer.Path, parts: [][]byte{frame(0, "")}}},
		{name: "client stream", req: raw{path: mClient.Path, parts: cut(two, 1)}, want: []string{"ab"}},
		{name: "empty client stream", req: raw{path: mClient.Path}, want: []string{""}},
		{name: "bidi", req: raw{path: mBidi.Path, parts: cut(many, 10000)}, want: []string{"one", "", huge}},
		{
			name: "bidi compressed", req: raw{path: mBidi.Path, fields: gzip, parts: [][]byte{frame(1, zip(long))}},
			want: []string{"!" + long},
		},
		{name: "raw bidi", req: raw{path: mRawSt.Path, parts: cut(many, 4)}, want: []string{"one", "", huge}},

		{name: "verb", req: raw{path: mUnary.Path, verb: "PUT"}, code: "13", message: "PUT", http: 405},
		{name: "content type", req: raw{path: mUnary.Path, ct: "application/grpc-web"}, http: 415},
		{
			name: "codec", req: raw{path: mUnary.Path, ct: "application/grpc+json"}, code: "12",
			message: `"json" is not supported; /test.Notes/Unary takes proto,plain`,
		},
		{name: "service", req: raw{path: "/no.Such/Thing"}, code: "12", message: "unknown service no.Such"},
		{
			name: "method", req: raw{path: "/test.Notes/Other"}, code: "12",
			message: "unknown method Other for service test.Notes",
		},
		{name: "path", req: raw{path: "/other"}, code: "12", message: `malformed method name: "/other"`},
		{
			name: "both", req: raw{path: "/no.Such/Thing", ct: "application/grpc+json"}, code: "12",
			message: "unknown service no.Such",
		},
		{
			name: "timeout", req: raw{path: mUnary.Path, timeout: "1x", parts: [][]byte{frame(0, "")}}, code: "13",
			message: `malformed grpc-timeout: "1x"`,
		},
		{name: "no time", req: raw{path: mUnary.Path, timeout: "0n", parts: [][]byte{frame(0, "")}}, code: "4"},
		{
			name: "binary",
			req:  raw{path: mUnary.Path, fields: []string{"x-bin", "*"}, parts: [][]byte{frame(0, "")}}, code: "13",
			message: `"x-bin"`,
		},
		{name: "no request", req: raw{path: mUnary.Path}, code: "12", message: "none was sent"},
		{
			name: "two requests", req: raw{path: mUnary.Path, parts: [][]byte{two}}, code: "12",
			message: "more were sent",
		},
		{name: "stream without a request", req: raw{path: mServer.Path}, code: "12", message: "none was sent"},
		{
			name: "stream with two requests", req: raw{path: mServer.Path, parts: [][]byte{two}}, code: "12",
			message: "more were sent",
		},
		{
			name: "in the prefix", req: raw{path: mUnary.Path, parts: [][]byte{{0, 0}}}, code: "13",
			message: "within a message",
		},
		{
			name: "in the message", req: raw{path: mUnary.Path, parts: [][]byte{{0, 0, 0, 0, 2, 'x'}}}, code: "13",
			message: "within a message",
		},
		{
			name: "in a large message", req: raw{path: mUnary.Path, parts: cut(frame(0, huge)[:len(huge)], 5000)},
			code: "13", message: "within a message",
		},
		{
			name: "in a stream's message", req: raw{path: mBidi.Path, parts: [][]byte{{0, 0, 0, 0, 2, 'x'}}},
			code: "13", message: "within a message",
		},
		{name: "flags", req: raw{path: mUnary.Path, parts: [][]byte{frame(4, "")}}, code: "13", message: "0x04"},
		{
			name: "too long", code: "8",
			message: "received message of 1048577 bytes exceeds the server's limit of 1048576 (server.MaxRecvMessage)",
			req:     raw{path: mUnary.Path, parts: [][]byte{{0, 0, 16, 0, 1}}},
		},
		{
			name: "too long once decompressed", code: "8", message: "server.MaxRecvMessage",
			req: raw{path: mUnary.Path, fields: gzip, parts: [][]byte{frame(1, zip(strings.Repeat("0", 1<<20+1)))}},
		},
		{
			name: "unknown encoding", code: "12",
			message: `grpc-encoding "br" is not supported; supported are identity,gzip,other`,
			req:     raw{path: mUnary.Path, fields: []string{"grpc-encoding", "br"}, parts: [][]byte{frame(1, "x")}},
		},
		{
			name: "unknown encoding and a message that is not compressed", code: "12", message: `grpc-encoding "br" is not`,
			req: raw{path: mUnary.Path, fields: []string{"grpc-encoding", "br"}, parts: [][]byte{frame(0, "x")}},
		},
		{
			name: "unknown encoding of a stream", code: "12", message: `grpc-encoding "br" is not`,
			req: raw{path: mBidi.Path, fields: []string{"grpc-encoding", "br"}, parts: [][]byte{frame(0, "x")}},
		},
		{
			name: "no encoding", req: raw{path: mUnary.Path, parts: [][]byte{frame(1, "x")}}, code: "13",
			message: "identity",
		},
		{
			name: "not gzip", req: raw{path: mUnary.Path, fields: gzip, parts: [][]byte{frame(1, "x")}}, code: "13",
			message: "cannot decompress",
		},
		{
			name: "bad request", req: raw{path: mUnary.Path, parts: [][]byte{frame(0, "!bad")}}, code: "13",
			message: "a bad note",
		},
		{
			name: "bad request of a stream", req: raw{path: mBidi.Path, parts: [][]byte{frame(0, "!bad")}},
			code: "13", message: "a bad note",
		},
		{
			name: "gone", code: "1", message: "reset",
			req: raw{
				path: mBidi.Path, parts: [][]byte{frame(0, "")},
				cut: &protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetCancel},
			},
			want: []string{""},
		},
		{
			name: "gone before", req: raw{path: mServer.Path, cut: &protocol.Failure{Kind: protocol.FailedLost}},
			code: "1", message: "lost",
		},
		{
			name: "broken", req: raw{path: mBidi.Path, cut: &protocol.Failure{Kind: protocol.FailedViolation}},
			code: "13",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, d := newTestServer(t)
			x := tt.req.send(t, s, d)
			if want := max(tt.http, 200); x.respHead.Status != want {
				t.Errorf("got HTTP status %d, want %d", x.respHead.Status, want)
			}
			if tt.http == 415 {
				return
			}
			if got := x.messages(t); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %.80q, want %.80q", got, tt.want)
			}
			code, msg, _ := x.status()
			if want := cmpOr(tt.code, "0"); code != want || !strings.Contains(rpcwire.DecodeMessage(msg), tt.message) {
				t.Errorf("got status %s %q, want %s %q", code, msg, want, tt.message)
			}
			wantCT := contentType
			if i := strings.IndexAny(tt.req.ct, ";"); i >= 0 {
				wantCT = tt.req.ct[:i]
			} else if tt.req.ct != "" && tt.name != "codec" && tt.name != "both" {
				wantCT = tt.req.ct
			}
			if got := x.respHead.ContentType; got != wantCT {
				t.Errorf("got content type %q, want %q", got, wantCT)
			}
		})
	}
}

// noise is text that no compressor makes shorter.
func noise(n int) string {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func TestServerOffersEncodings(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
		for flags := range uint8(2) {
			s, d := newTestServer(t)
			x := raw{
				path: m.Path, fields: []string{"grpc-encoding", "br"}, parts: [][]byte{frame(flags, "x")},
			}.send(t, s, d)
			if got, want := x.respHead.Fields.Get("grpc-accept-encoding"), "identity,gzip,other"; got != want {
				t.Errorf("%s, flags %d: got grpc-accept-encoding %q, want %q", m.Name, flags, got, want)
			}
		}
	}
}

func TestServerNamesItsEncoding(t *testing.T) {
	t.Parallel()
	s, d := newTestServer(t)
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		x := raw{
			path: m.Path, parts: [][]byte{frame(0, strings.Repeat("x", 1000))},
			fields: []string{"grpc-encoding", "other", "grpc-accept-encoding", "gzip", "grpc-accept-encoding", "other"},
		}.send(t, s, d)
		if got := x.respHead.Fields.Get("grpc-encoding"); got != "other" {
			t.Errorf("%s: got grpc-encoding %q, want other", m.Path, got)
		}
	}
}

func TestServerCallSeesTheHead(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		d := newDispatcher()
		got := make(chan *fairlead.Call, 1)
		d.handle(m, func(_ context.Context, c *fairlead.Call) error {
			got <- c
			c.SetResponse(&note{})
			return nil
		})
		s := attach(t, d)
		begin := time.Now()
		raw{
			path: m.Path, timeout: "10S", parts: [][]byte{frame(0, "hi")},
			fields: []string{
				"te", "trailers", "x-id", "7", "grpc-encoding", "identity", "x-bin", "AQ,Ag==", "x-id", "8",
				"grpc-previous-rpc-attempts", "2", "grpc-accept-encoding", "gzip", "host", "h",
			},
		}.send(t, s, d)
		c := <-got
		want := []string{"x-id", "7", "x-bin", "\x01", "x-bin", "\x02", "x-id", "8", "grpc-previous-rpc-attempts", "2"}
		var pairs []string
		for k, v := range c.RequestHeader().All() {
			pairs = append(pairs, k, v)
		}
		if !reflect.DeepEqual(pairs, want) {
			t.Errorf("%s: got metadata %q, want %q", m.Path, pairs, want)
		}
		if c.Authority() != "notes.test" || c.UserAgent() != "foreign/1" || c.Peer() != testPeer || c.Method() != m {
			t.Errorf("%s: got %q, %q, %v, %v", m.Path, c.Authority(), c.UserAgent(), c.Peer(), c.Method())
		}
		at, ok := c.Deadline()
		if left := at.Sub(begin); !ok || left < 10*time.Second || left > 20*time.Second {
			t.Errorf("%s: got a deadline in %v, %v", m.Path, left, ok)
		}
	}
}

// detailed is an error with everything that crosses the wire.
func detailed() error {
	e := fairlead.Errorf(fairlead.NotFound, "no such note: %w", io.EOF)
	e.Details = []fairlead.Detail{{Type: "t/x.Y", Value: []byte("v")}}
	return e
}

func TestServerErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		err     error
		code    string
		message string
		details bool
	}{
		{"fairlead", fairlead.Errorf(fairlead.Aborted, "no"), "10", "no", false},
		{"wrapped", fmt.Errorf("why: %w", fairlead.Errorf(fairlead.Aborted, "no")), "10", "why: ABORTED: no", false},
		{"wrapped with details", fmt.Errorf("why: %w", detailed()), "5", "why: NOT_FOUND: no such note: EOF", true},
		{"details", detailed(), "5", "no such note: EOF", true},
		{"peer's", fairlead.PeerError(fairlead.NotFound, "there", []fairlead.Detail{{Type: "t"}}), "5", "there", false},
		{"encoded", fairlead.Errorf(fairlead.Internal, "100%%\n"), "13", "100%25%0A", false},
		{"unnamed code", fairlead.Errorf(99, "odd"), "99", "odd", false},
		{"code OK", fairlead.Errorf(fairlead.OK, "odd"), "2", "odd", false},
		{"other", errors.New("other"), "2", "other", false},
		{"canceled", context.Canceled, "1", "context canceled", false},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), "4", "x: context deadline exceeded", false},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
			for _, when := range []string{"nothing sent", "metadata", "head sent"} {
				t.Run(tt.name+"/"+m.Name+"/"+when, func(t *testing.T) {
					t.Parallel()
					d := newDispatcher()
					var ends []error
					d.handle(m, func(_ context.Context, c *fairlead.Call) error {
						c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) { ends = append(ends, err) })
						c.ResponseTrailer().Add("t-bin", "\x01")
						if when != "nothing sent" {
							c.ResponseHeader().Add("h", "1")
						}
						if when == "head sent" {
							for range 2 {
								if err := c.SendHeader(); err != nil {
									t.Error(err)
								}
							}
						}
						return tt.err
					})
					x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}}.send(t, attach(t, d), d)
					code, message, md := x.status()
					if code != tt.code || message != tt.message {
						t.Errorf("got %s %q, want %s %q", code, message, tt.code, tt.message)
					}
					if only := when == "nothing sent"; x.headEnds != only {
						t.Errorf("got trailers only %v, want %v", x.headEnds, only)
					}
					want := "1"
					if when == "nothing sent" {
						want = ""
					}
					if got := x.respHead.Fields.Get("h"); got != want {
						t.Errorf("got header %q, want %q", got, want)
					}
					if got := md.Get("t-bin"); got != "AQ" {
						t.Errorf("got trailer %q, want AQ", got)
					}
					if got := md.Has("grpc-status-details-bin"); got != tt.details {
						t.Errorf("got details %v, want %v", got, tt.details)
					}
					if len(ends) != 1 || ends[0] != tt.err {
						t.Errorf("got ends %v, want one with %v", ends, tt.err)
					}
					if got := x.messages(t); got != nil {
						t.Errorf("got messages %q", got)
					}
				})
			}
		}
	}
}

func TestServerMetadata(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
		for _, early := range []bool{false, true} {
			d := newDispatcher()
			d.handle(m, func(_ context.Context, c *fairlead.Call) error {
				c.ResponseHeader().Add("H", "1")
				c.ResponseHeader().Add("grpc-status", "7")
				c.ResponseHeader().Add("bad", "\n")
				c.ResponseTrailer().Add("t", " 2 ")
				if early {
					if err := c.SendHeader(); err != nil {
						return err
					}
				}
				if m.Kind.ServerStreams() {
					return c.Stream().Send(&note{"m"})
				}
				c.SetResponse(&note{"m"})
				return nil
			})
			x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}}.send(t, attach(t, d), d)
			if x.respHead.Fields.Len() != 1 || x.respHead.Fields.Get("h") != "1" {
				t.Errorf("%s: got header %v", m.Path, x.respHead.Fields)
			}
			if x.trailer.Fields.Len() != 2 || x.trailer.Fields.Get("t") != "2" {
				t.Errorf("%s: got trailer %v", m.Path, x.trailer.Fields)
			}
			if got := x.messages(t); !reflect.DeepEqual(got, []string{"m"}) {
				t.Errorf("%s: got %q", m.Path, got)
			}
		}
	}
}

func TestServerResponseFaults(t *testing.T) {
	t.Parallel()
	big := &note{strings.Repeat("b", 1<<20+1)}
	tests := []struct {
		name string
		resp any
		ct   string
		code string
		text string
	}{
		{
			"too long", big, "", "8",
			"message to be sent has 1048577 bytes and exceeds the server's limit of 1048576 (server.MaxSendMessage)",
		},
		{"too long without a size", big, "application/grpc+plain", "8", "server.MaxSendMessage"},
		{"bad", &note{"!bad"}, "", "13", "a bad note"},
		{"bad without a size", &note{"!bad"}, "application/grpc+plain", "13", "a bad note"},
		{"none", nil, "", "13", "no message"},
		{"type", 7, "application/grpc+plain", "13", "int"},
		{"raw of another codec", &fairlead.Raw{Codec: "json"}, "", "13", "json"},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mClient, mServer} {
			t.Run(tt.name+"/"+m.Name, func(t *testing.T) {
				t.Parallel()
				d := newDispatcher()
				d.handle(m, func(_ context.Context, c *fairlead.Call) error {
					c.SetResponse(tt.resp)
					if m.Kind.ServerStreams() {
						return c.Stream().Send(tt.resp)
					}
					return nil
				})
				x := raw{path: m.Path, ct: tt.ct, parts: [][]byte{frame(0, "hi")}}.send(t, attach(t, d), d)
				code, message, _ := x.status()
				if code != tt.code || !strings.Contains(message, tt.text) {
					t.Errorf("got %s %q, want %s %q", code, message, tt.code, tt.text)
				}
			})
		}
	}
}

func TestServerRawResponse(t *testing.T) {
	t.Parallel()
	for _, resp := range []any{
		&fairlead.Raw{Data: []byte("r")}, &fairlead.Raw{Data: []byte("r"), Codec: "proto"}, &note{"r"},
	} {
		for _, m := range []*fairlead.Method{mUnary, mRaw} {
			d := newDispatcher()
			d.handle(m, func(_ context.Context, c *fairlead.Call) error {
				c.SetResponse(resp)
				return nil
			})
			x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}}.send(t, attach(t, d), d)
			if got := x.messages(t); !reflect.DeepEqual(got, []string{"r"}) {
				t.Errorf("%s, %T: got %q", m.Path, resp, got)
			}
		}
	}
}

func TestServerRawRequest(t *testing.T) {
	t.Parallel()
	d := newDispatcher()
	var kept *fairlead.Raw
	d.handle(mRaw, func(_ context.Context, c *fairlead.Call) error {
		kept = c.Request().(*fairlead.Raw)
		c.SetResponse(kept)
		return nil
	})
	raw{path: mRaw.Path, parts: [][]byte{frame(0, "hi")}}.send(t, attach(t, d), d)
	if string(kept.Data) != "hi" || kept.Codec != "proto" {
		t.Errorf("got %q in %s", kept.Data, kept.Codec)
	}
	var n note
	if err := kept.Decode(kept.Data, &n); err != nil || n.Text != "hi" {
		t.Errorf("got %q, %v", n.Text, err)
	}
	wantError(t, kept.Decode(kept.Data, new(int)), fairlead.Internal, "*int")
}

func TestServerAdmission(t *testing.T) {
	t.Parallel()
	busy := fairlead.Errorf(fairlead.Unavailable, "busy")
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		s, d := newTestServer(t)
		d.admit = func(_ *fairlead.Call, size int) error {
			if want := map[fairlead.Kind]int{fairlead.Unary: 7}[m.Kind]; size != want {
				t.Errorf("%s: got size %d, want %d", m.Path, size, want)
			}
			return busy
		}
		x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}}.send(t, s, d)
		if code, msg, _ := x.status(); code != "14" || msg != "busy" || !x.headEnds {
			t.Errorf("%s: got %s %q", m.Path, code, msg)
		}
		if err := x.call.Context().Err(); err == nil {
			t.Errorf("%s: the call's context has not ended", m.Path)
		}
	}
	s, d := newTestServer(t)
	d.reserve = func(int) error { return busy }
	zipped, err := gz{}.AppendCompress(nil, []byte("hi"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		x := raw{
			path: m.Path, fields: []string{"grpc-encoding", "gzip"}, parts: [][]byte{frame(1, string(zipped))},
		}.send(t, s, d)
		if code, msg, _ := x.status(); code != "14" || msg != "busy" {
			t.Errorf("%s: got %s %q", m.Path, code, msg)
		}
	}
	for _, m := range []*fairlead.Method{mUnary, mServer, mBidi} {
		x := raw{path: m.Path, parts: cut(frame(0, strings.Repeat("h", protocol.MaxWhole)), 9999)}.send(t, s, d)
		if code, msg, _ := x.status(); code != "14" || msg != "busy" {
			t.Errorf("%s: got %s %q", m.Path, code, msg)
		}
	}
}

// TestServerReservesTheLongest: of the messages of a stream that were decompressed, the longest is accounted for, since
// they are held one at a time.
func TestServerReservesTheLongest(t *testing.T) {
	t.Parallel()
	s, d := newTestServer(t)
	sum := 0
	d.reserve = func(n int) error { sum += n; return nil }
	var parts [][]byte
	for _, n := range []int{1000, 1000, 500, 3000, 2000} {
		b, err := gz{}.AppendCompress(nil, []byte(strings.Repeat("x", n)))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, frame(1, string(b)))
	}
	x := raw{path: mBidi.Path, fields: []string{"grpc-encoding", "gzip"}, parts: parts}.send(t, s, d)
	if code, msg, _ := x.status(); code != "0" {
		t.Fatalf("got %s %q", code, msg)
	}
	if sum != 3000 {
		t.Errorf("got %d bytes reserved, want 3000", sum)
	}
	d.settled(t)
}

func TestServerDeadline(t *testing.T) {
	t.Parallel()
	blockRecv := func(_ context.Context, c *fairlead.Call) error { return c.Stream().Recv(new(note)) }
	tests := []struct {
		name    string
		method  *fairlead.Method
		handler fairlead.Handler
		timeout string
		tighten bool
	}{
		{"unary body", mUnary, echo, "50m", false},
		{"request of a stream", mServer, count, "50m", false},
		{"receive", mBidi, blockRecv, "50m", false},
		{"tightened", mBidi, blockRecv, "1H", true},
		{"only tightened", mBidi, blockRecv, "", true},
		{
			"context", mBidi, func(ctx context.Context, _ *fairlead.Call) error { <-ctx.Done(); return ctx.Err() },
			"50m", false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDispatcher()
				d.handle(tt.method, func(ctx context.Context, c *fairlead.Call) error {
					if tt.tighten {
						c.Tighten(time.Now().Add(50 * time.Millisecond))
					}
					return tt.handler(ctx, c)
				})
				begin := time.Now()
				x := raw{path: tt.method.Path, timeout: tt.timeout, open: true}.send(t, attach(t, d), d)
				if got := time.Since(begin); got != 50*time.Millisecond {
					t.Errorf("it took %v, want 50ms", got)
				}
				if code, msg, _ := x.status(); code != "4" {
					t.Errorf("got %s %q, want 4", code, msg)
				}
			})
		})
	}
}

// TestServerDeadlineLetsGo checks that the deadline of a call that is over does nothing.
func TestServerDeadlineLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, d := newTestServer(t)
		for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
			x := raw{path: m.Path, timeout: "1S", parts: [][]byte{frame(0, "h")}}.send(t, s, d)
			time.Sleep(2 * time.Second)
			if x.up.now != nil {
				t.Errorf("%s: interrupted with %v", m.Path, x.up.now)
			}
		}
	})
}

// TestServerStrayGoroutines checks that a stream that is over keeps its user's goroutines off the exchange.
func TestServerStrayGoroutines(t *testing.T) {
	t.Parallel()
	d := newDispatcher()
	var kept *fairlead.Call
	blocked := make(chan error, 1)
	d.handle(mBidi, func(_ context.Context, c *fairlead.Call) error {
		kept = c
		if err := c.Stream().Recv(new(note)); err != nil {
			return err
		}
		started := make(chan struct{})
		go func() {
			close(started)
			blocked <- c.Stream().Recv(new(note))
		}()
		<-started
		return nil
	})
	x := raw{path: mBidi.Path, parts: [][]byte{frame(0, "a")}, open: true}.send(t, attach(t, d), d)
	if code, _, _ := x.status(); code != "0" {
		t.Errorf("got status %s, want 0", code)
	}
	wantError(t, <-blocked, fairlead.Internal, "over")
	wantError(t, kept.Stream().Recv(new(note)), fairlead.Internal, "over")
	wantError(t, kept.Stream().Send(new(note)), fairlead.Internal, "over")
	wantError(t, kept.SendHeader(), fairlead.Internal, "over")
}

func TestServerKeptUnaryCall(t *testing.T) {
	t.Parallel()
	d := newDispatcher()
	var kept *fairlead.Call
	d.handle(mUnary, func(ctx context.Context, c *fairlead.Call) error {
		kept = c
		return echo(ctx, c)
	})
	s := attach(t, d)
	x := raw{path: mUnary.Path, parts: [][]byte{frame(0, "a")}}.send(t, s, d)
	<-x.served
	wantError(t, kept.SendHeader(), fairlead.Internal, "over")
	if kept.Draining() != (<-chan struct{})(d.draining) {
		t.Error("got another channel from Draining")
	}
}

func TestServerHandlerLeaves(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		d := newDispatcher()
		ended := make(chan error, 1)
		d.handle(m, func(_ context.Context, c *fairlead.Call) error {
			c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) { ended <- err })
			runtime.Goexit()
			return nil
		})
		x := raw{path: m.Path, parts: [][]byte{frame(0, "a")}}.send(t, attach(t, d), d)
		if code, _, _ := x.status(); code != "13" {
			t.Errorf("%s: got status %s, want 13", m.Path, code)
		}
		wantError(t, <-ended, fairlead.Internal, "did not return")
	}
}

func TestServerStreamManners(t *testing.T) {
	t.Parallel()
	d := newDispatcher()
	d.handle(mServer, func(_ context.Context, c *fairlead.Call) error {
		if err := c.Stream().Recv(new(note)); err != io.EOF {
			t.Errorf("got %v from Recv of a server stream, want EOF", err)
		}
		if err := errors.Join(c.Stream().CloseSend(), c.Stream().Close()); err != nil {
			t.Error(err)
		}
		return c.Stream().Send(&note{"x"})
	})
	d.handle(mClient, func(_ context.Context, c *fairlead.Call) error {
		if err := c.Stream().Send(&note{"once"}); err != nil {
			return err
		}
		wantError(t, c.Stream().Send(&note{"twice"}), fairlead.Internal, "one response")
		return nil
	})
	s := attach(t, d)
	for path, want := range map[string]string{mServer.Path: "x", mClient.Path: "once"} {
		x := raw{path: path, parts: [][]byte{frame(0, "a")}}.send(t, s, d)
		if got := x.messages(t); !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// TestServerPeerLeaves checks that a handler that waits notices, by its stream and by its context.
func TestServerPeerLeaves(t *testing.T) {
	t.Parallel()
	d := newDispatcher()
	got := make(chan error, 2)
	d.handle(mBidi, func(ctx context.Context, c *fairlead.Call) error {
		err := c.Stream().Recv(new(note))
		got <- err
		<-ctx.Done()
		got <- c.Stream().Send(new(note))
		return err
	})
	x := raw{path: mBidi.Path, open: true}.start(t, attach(t, d), d)
	for {
		x.mu.Lock()
		attached := x.call != nil
		x.mu.Unlock()
		if attached {
			break
		}
		runtime.Gosched()
	}
	x.sendErr = &protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetCancel}
	x.fail(&protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetCancel})
	<-x.overCh
	wantError(t, <-got, fairlead.Canceled, "reset")
	wantError(t, <-got, fairlead.Canceled, "reset")
}
