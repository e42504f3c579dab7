package grpcwire

import (
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// reply is a response as a foreign server might send it.
type reply struct {
	head    []string // nil: 200 and application/grpc
	parts   [][]byte
	trailer []string // nil: none
	only    bool     // head is all
	fail    *protocol.Failure
}

// serve is the server that sends it.
func (r reply) serve(x *exchange, _ bool) {
	h := r.head
	if h == nil {
		h = []string{":status", "200", "content-type", "application/grpc"}
	}
	if r.fail != nil && len(r.parts) == 0 {
		x.fail(r.fail)
		return
	}
	x.sendHead(fieldsOf(h), r.only)
	if r.only {
		return
	}
	for _, p := range r.parts {
		x.data(p)
	}
	if r.fail != nil {
		x.fail(r.fail)
		return
	}
	if r.trailer == nil {
		x.sendTrailer(nil)
		return
	}
	x.sendTrailer(fieldsOf(r.trailer))
}

func fieldsOf(kv []string) *protocol.Head {
	return headFrom(protocol.Section{Block: protocol.NewBlock(kv...)}, "", nil)
}

// ok is the trailer of success.
var ok = []string{"grpc-status", "0"}

func TestClientUnary(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("h", maxInline+1)
	zipped, err := gz{}.AppendCompress(nil, []byte(huge))
	if err != nil {
		t.Fatal(err)
	}
	gzipHead := []string{":status", "200", "content-type", "application/grpc+proto", "grpc-encoding", "gzip"}
	bomb, err := gz{}.AppendCompress(nil, make([]byte, 1<<20+1))
	if err != nil {
		t.Fatal(err)
	}
	statusDetails, err := func() (string, error) {
		b := rpcwire.EncodeStatus(fairlead.NotFound, "m", []fairlead.Detail{{Type: "t", Value: []byte("v")}})
		var md fairlead.Metadata
		md.Add("grpc-status-details-bin", string(b))
		return headFrom(protocol.Section{Extra: &md, Base64: true}, "", nil).Fields.Get("grpc-status-details-bin"), nil
	}()
	if err != nil {
		t.Fatal(err)
	}
	html := func(status, ct string) reply {
		return reply{
			head:  []string{":status", status, "content-type", ct},
			parts: [][]byte{[]byte("<html>")}, trailer: []string{},
		}
	}
	reset := func(c protocol.ResetCode) reply {
		return reply{fail: &protocol.Failure{Kind: protocol.FailedReset, Code: c}}
	}
	refused := reset(protocol.ResetRefused)
	refused.fail.Reach = fairlead.Refused
	tests := []struct {
		name  string
		reply reply
		want  string
		code  fairlead.Code
		text  string
		check func(*testing.T, *fairlead.Error)
	}{
		{name: "ok", reply: reply{parts: [][]byte{frame(0, "hi")}, trailer: ok}, want: "hi"},
		{name: "empty", reply: reply{parts: [][]byte{frame(0, "")}, trailer: ok}},
		{name: "in small parts", reply: reply{parts: cut(frame(0, "hello"), 2), trailer: ok}, want: "hello"},
		{name: "empty in small parts", reply: reply{parts: cut(frame(0, ""), 1), trailer: ok}},
		{name: "huge", reply: reply{parts: cut(frame(0, huge), 9999), trailer: ok}, want: huge},
		{name: "huge at once", reply: reply{parts: [][]byte{frame(0, huge)}, trailer: ok}, want: huge},
		{
			name: "compressed", reply: reply{head: gzipHead, parts: [][]byte{frame(1, string(zipped))}, trailer: ok},
			want: huge,
		},
		{name: "codec named", reply: reply{head: gzipHead, parts: [][]byte{frame(0, "hi")}, trailer: ok}, want: "hi"},
		{name: "status with another HTTP status", reply: reply{
			head: []string{":status", "503", "content-type", "application/grpc", "grpc-status", "5"}, only: true,
		}, code: fairlead.NotFound},

		{name: "trailers only", reply: reply{
			head: []string{":status", "200", "content-type", "application/grpc", "grpc-status", "5", "grpc-message", "a%20b%"},
			only: true,
		}, code: fairlead.NotFound, text: "a b%", check: func(t *testing.T, e *fairlead.Error) {
			if !e.FromPeer() {
				t.Error("the error is not the peer's")
			}
		}},
		{name: "error", reply: reply{trailer: []string{"grpc-status", "10"}}, code: fairlead.Aborted},
		{
			name:  "error after the message",
			reply: reply{parts: [][]byte{frame(0, "x")}, trailer: []string{"grpc-status", "10"}},
			code:  fairlead.Aborted,
		},
		{
			name:  "error within the message",
			reply: reply{parts: [][]byte{{0, 0}}, trailer: []string{"grpc-status", "10"}}, code: fairlead.Aborted,
		},
		{name: "unnamed code", reply: reply{trailer: []string{"grpc-status", "4294967295"}}, code: math.MaxUint32},
		{
			name: "malformed status", reply: reply{trailer: []string{"grpc-status", "x"}}, code: fairlead.Unknown,
			text: `"x"`,
		},
		{name: "details", reply: reply{trailer: []string{"grpc-status", "5", "grpc-status-details-bin", statusDetails}},
			code: fairlead.NotFound, check: func(t *testing.T, e *fairlead.Error) {
				if want := []fairlead.Detail{{Type: "t", Value: []byte("v")}}; !reflect.DeepEqual(e.Details, want) {
					t.Errorf("got details %v, want %v", e.Details, want)
				}
			}},
		{
			name:  "details of another status",
			reply: reply{trailer: []string{"grpc-status", "6", "grpc-status-details-bin", statusDetails}},
			code:  fairlead.AlreadyExists, check: func(t *testing.T, e *fairlead.Error) {
				if e.Details != nil {
					t.Errorf("got details %v", e.Details)
				}
			}},
		{
			name:  "malformed details",
			reply: reply{trailer: []string{"grpc-status", "6", "grpc-status-details-bin", "*"}},
			code:  fairlead.AlreadyExists,
		},
		{name: "head's status is not the trailer's", reply: reply{
			head:    []string{":status", "200", "content-type", "application/grpc", "grpc-status", "5"},
			trailer: []string{"grpc-status", "9"},
		}, code: fairlead.FailedPrecondition},

		{
			name: "no trailer", reply: reply{parts: [][]byte{frame(0, "x")}}, code: fairlead.Internal,
			text: "without sending trailers",
		},
		{
			name: "no status", reply: reply{parts: [][]byte{frame(0, "x")}, trailer: []string{"x", "y"}},
			code: fairlead.Unknown, text: "grpc-status",
		},
		{name: "no message", reply: reply{trailer: ok}, code: fairlead.Unimplemented, text: "sent none"},
		{name: "no message at all", reply: reply{
			head: []string{":status", "200", "content-type", "application/grpc", "grpc-status", "0"}, only: true,
		}, code: fairlead.Unimplemented, text: "sent none"},
		{
			name: "two messages", reply: reply{parts: [][]byte{frame(0, "x"), frame(0, "y")}, trailer: ok},
			code: fairlead.Unimplemented, text: "more",
		},
		{
			name: "in the prefix", reply: reply{parts: [][]byte{{0, 0}}, trailer: ok}, code: fairlead.Internal,
			text: "within a message",
		},
		{
			name: "in the message", reply: reply{parts: [][]byte{{0, 0, 0, 0, 2, 'x'}}, trailer: ok},
			code: fairlead.Internal, text: "within a message",
		},
		{
			name: "flags", reply: reply{parts: [][]byte{frame(8, "x")}, trailer: ok}, code: fairlead.Internal,
			text: "0x08",
		},
		{name: "too long", reply: reply{parts: [][]byte{{0, 0, 16, 0, 1}}, trailer: ok},
			code: fairlead.ResourceExhausted,
			text: "received message of 1048577 bytes exceeds the client's limit of 1048576 (client.MaxRecvMessage)"},
		{
			name:  "too long once decompressed",
			reply: reply{head: gzipHead, parts: [][]byte{frame(1, string(bomb))}, trailer: ok},
			code:  fairlead.ResourceExhausted, text: "client.MaxRecvMessage"},
		{name: "unknown encoding", reply: reply{
			head:  []string{":status", "200", "content-type", "application/grpc", "grpc-encoding", "br"},
			parts: [][]byte{frame(1, "x")}, trailer: ok,
		}, code: fairlead.Internal, text: `"br"`},
		{
			name: "no encoding", reply: reply{parts: [][]byte{frame(1, "")}, trailer: ok}, code: fairlead.Internal,
			text: "identity",
		},
		{
			name: "bad", reply: reply{parts: [][]byte{frame(0, "!bad")}, trailer: ok}, code: fairlead.Internal,
			text: "a bad note",
		},
		{name: "another codec", reply: reply{
			head:  []string{":status", "200", "content-type", "application/grpc+json"},
			parts: [][]byte{frame(0, "{}")}, trailer: ok,
		}, code: fairlead.Internal, text: `"json"`},
		{name: "malformed header", reply: reply{
			head:  []string{":status", "200", "content-type", "application/grpc", "x-bin", "*"},
			parts: [][]byte{frame(0, "")}, trailer: ok,
		}, code: fairlead.Internal, text: "x-bin"},
		{
			name:  "malformed trailer",
			reply: reply{parts: [][]byte{frame(0, "")}, trailer: []string{"grpc-status", "0", "x-bin", "*"}},
			code:  fairlead.Internal, text: "x-bin"},

		{name: "400", reply: html("400", "text/html"), code: fairlead.Internal, text: "400"},
		{name: "401", reply: html("401", "text/html"), code: fairlead.Unauthenticated},
		{name: "403", reply: html("403", "text/html"), code: fairlead.PermissionDenied},
		{
			name: "404", reply: html("404", "text/html"), code: fairlead.Unimplemented,
			text: `unexpected content-type "text/html"`,
		},
		{name: "429", reply: html("429", "text/html"), code: fairlead.Unavailable},
		{name: "502", reply: html("502", "text/html"), code: fairlead.Unavailable},
		{name: "503", reply: html("503", ""), code: fairlead.Unavailable, text: "content-type is missing"},
		{name: "504", reply: html("504", "text/html"), code: fairlead.Unavailable},
		{name: "418", reply: html("418", "text/html"), code: fairlead.Unknown},
		{name: "800", reply: html("800", "text/html"), code: fairlead.Unknown},
		{name: "200", reply: html("200", "image/png"), code: fairlead.Unknown, text: "image/png"},
		{name: "503 alone", reply: reply{head: []string{":status", "503"}, only: true}, code: fairlead.Unavailable},
		{
			name: "503 of gRPC",
			reply: reply{
				head:    []string{":status", "503", "content-type", "application/grpc"},
				trailer: []string{"a", "b"},
			},
			code: fairlead.Unavailable,
		},
		{
			name: "504 of gRPC", reply: reply{head: []string{":status", "504", "content-type", "application/grpc"}},
			code: fairlead.Unavailable,
		},

		{name: "reset", reply: reset(protocol.ResetNoError), code: fairlead.Internal},
		{name: "protocol error", reply: reset(protocol.ResetProtocolError), code: fairlead.Internal},
		{name: "cancel", reply: reset(protocol.ResetCancel), code: fairlead.Canceled},
		{name: "calm", reply: reset(protocol.ResetEnhanceCalm), code: fairlead.ResourceExhausted},
		{name: "security", reply: reset(protocol.ResetInadequateTLS), code: fairlead.PermissionDenied},
		{name: "unknown reset", reply: reset(77), code: fairlead.Internal},
		{name: "refused", reply: refused, code: fairlead.Unavailable, check: func(t *testing.T, e *fairlead.Error) {
			if e.Reach != fairlead.Refused {
				t.Errorf("got reach %v, want refused", e.Reach)
			}
		}},
		{name: "goaway", reply: reply{fail: &protocol.Failure{Kind: protocol.FailedGoaway, Reach: fairlead.Refused}},
			code: fairlead.Unavailable, check: func(t *testing.T, e *fairlead.Error) {
				if e.Reach != fairlead.Refused {
					t.Errorf("got reach %v, want refused", e.Reach)
				}
			}},
		{name: "lost", reply: reply{fail: &protocol.Failure{Kind: protocol.FailedLost, Cause: io.ErrClosedPipe}},
			code: fairlead.Unavailable, check: func(t *testing.T, e *fairlead.Error) {
				if !errors.Is(e, io.ErrClosedPipe) || e.FromPeer() {
					t.Errorf("got %v, want the cause behind it, and of this side", e)
				}
			}},
		{name: "lost after the message", reply: reply{
			parts: [][]byte{frame(0, "x")}, fail: &protocol.Failure{Kind: protocol.FailedLost},
		}, code: fairlead.Unavailable},
		{
			name: "violation", reply: reply{fail: &protocol.Failure{Kind: protocol.FailedViolation}},
			code: fairlead.Internal,
		},
		{
			name: "closed", reply: reply{fail: &protocol.Failure{Kind: protocol.FailedClosed}},
			code: fairlead.Unavailable,
		},
		{name: "closed with an error", reply: reply{fail: &protocol.Failure{
			Kind: protocol.FailedClosed, Cause: fairlead.Errorf(fairlead.Canceled, "shut down"),
		}}, code: fairlead.Canceled, text: "shut down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bindTo(t, newConn(t, tt.reply.serve), mUnary, config())
			for _, timed := range []bool{false, true} {
				c := fairlead.NewCall(mUnary, &note{"q"})
				if timed {
					c.Tighten(time.Now().Add(time.Hour))
				}
				err := b.cc.Unary(context.Background(), b.b, c)
				wantError(t, err, tt.code, tt.text)
				if err == nil {
					if got := c.Response().(*note).Text; got != tt.want {
						t.Errorf("got %.80q, want %.80q", got, tt.want)
					}
				} else if c.Response() != nil {
					t.Errorf("got a response with an error")
				}
				if c.Peer() != testPeer {
					t.Errorf("got peer %v", c.Peer())
				}
				if tt.check != nil {
					var e *fairlead.Error
					if !errors.As(err, &e) {
						t.Fatalf("got %T", err)
					}
					tt.check(t, e)
				}
			}
			checkStream(t, tt.reply, tt.want, tt.code, tt.text)
		})
	}
}

// checkStream has the same response end a client-streaming call in the same way.
func checkStream(t *testing.T, r reply, want string, code fairlead.Code, text string) {
	t.Helper()
	hc := newConn(t, r.serve)
	b := bindTo(t, hc, mClient, config())
	c := fairlead.NewCall(mClient, nil)
	if err := b.cc.Open(context.Background(), b.b, c); err != nil {
		t.Fatal(err)
	}
	resp, err := closeAndRecv(c)
	wantError(t, err, code, text)
	if err == nil && resp.Text != want {
		t.Errorf("got %.80q, want %.80q", resp.Text, want)
	}
	if err != nil {
		if again := c.Stream().Recv(new(note)); again != err && !errors.Is(err, io.EOF) {
			t.Errorf("got %v, then %v", err, again)
		}
	}
}

// closeAndRecv is what generated code does.
func closeAndRecv(c *fairlead.Call) (*note, error) {
	s, err := fairlead.OpenedClientStream[note, note](c, nil)
	if err != nil {
		return nil, err
	}
	return s.CloseAndRecv()
}

func TestClientRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 100)
	tests := []struct {
		name    string
		cfg     func(*protocol.ClientConfig)
		opts    []fairlead.CallOption
		req     any
		want    string // the message; '!' before a compressed one
		head    map[string]string
		absent  []string
		ct      string
		attempt int
	}{
		{name: "plain", req: &note{"hi"}, want: "hi", ct: "application/grpc", head: map[string]string{
			"te": "trailers", "grpc-accept-encoding": "identity,gzip",
		}, absent: []string{"grpc-encoding"}},
		{name: "raw", req: &fairlead.Raw{Data: []byte("raw")}, want: "raw", ct: "application/grpc"},
		{
			name: "another codec", cfg: func(c *protocol.ClientConfig) { c.Codec = named{noteCodec{}} },
			req: &note{"hi"}, want: "hi", ct: "application/grpc+named",
		},
		{name: "metadata", opts: []fairlead.CallOption{
			fairlead.WithHeader("X-Id", " 7 "), fairlead.WithHeader("x-bin", "\x01"),
		}, req: &note{"hi"}, want: "hi", ct: "application/grpc", head: map[string]string{"x-id": "7", "x-bin": "AQ"}},
		{name: "compressor", cfg: func(c *protocol.ClientConfig) { c.Compressor = gz{"other"} }, req: &note{long},
			want: "!" + long, ct: "application/grpc",
			head: map[string]string{"grpc-encoding": "other", "grpc-accept-encoding": "identity,other,gzip"}},
		{name: "too short to compress", cfg: func(c *protocol.ClientConfig) { c.Compressor = gz{"other"} },
			req: &note{"hi"}, want: "hi", ct: "application/grpc", head: map[string]string{"grpc-encoding": "other"}},
		{name: "chosen", opts: []fairlead.CallOption{fairlead.WithCompressor("gzip")}, req: &note{long},
			want: "!" + long, ct: "application/grpc", head: map[string]string{"grpc-encoding": "gzip"}},
		{name: "not chosen", cfg: func(c *protocol.ClientConfig) { c.Compressor = gz{"other"} },
			opts: []fairlead.CallOption{fairlead.WithCompressor("identity")}, req: &note{long}, want: long,
			ct: "application/grpc", absent: []string{"grpc-encoding"}},
		{name: "no compressors", cfg: func(c *protocol.ClientConfig) { c.Compressors = nil }, req: &note{"hi"},
			want: "hi", ct: "application/grpc", absent: []string{"grpc-accept-encoding"}},
		{name: "second attempt", req: &note{"hi"}, want: "hi", ct: "application/grpc", attempt: 1,
			head: map[string]string{"grpc-previous-rpc-attempts": "1"}},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mServer} {
			t.Run(tt.name+"/"+m.Name, func(t *testing.T) {
				t.Parallel()
				cfg := config()
				if tt.cfg != nil {
					tt.cfg(cfg)
				}
				hc := newConn(t, reply{
					head:  []string{":status", "200", "content-type", "application/grpc"},
					parts: [][]byte{frame(0, "r")}, trailer: ok,
				}.serve)
				b := bindTo(t, hc, m, cfg)
				c := fairlead.NewCall(m, tt.req, tt.opts...)
				for range tt.attempt {
					c = c.Wire().Another()
				}
				if m.Kind == fairlead.Unary {
					if err := b.cc.Unary(context.Background(), b.b, c); err != nil {
						t.Fatal(err)
					}
				} else {
					if err := b.cc.Open(context.Background(), b.b, c); err != nil {
						t.Fatal(err)
					}
					for range 2 {
						_ = c.Stream().Recv(new(note))
					}
				}
				h := hc.last.head
				if h.Verb != "POST" || h.Scheme != "http" || h.Path != m.Path || h.Authority != "notes.test" ||
					h.ContentType != tt.ct || h.Timeout != nil ||
					h.UserAgent != "test/1 fairlead-go/"+fairlead.Version {
					t.Errorf("got head %+v", h)
				}
				for k, v := range tt.head {
					if got := h.Fields.Get(k); got != v {
						t.Errorf("got %s %q, want %q", k, got, v)
					}
				}
				for _, k := range tt.absent {
					if h.Fields.Has(k) {
						t.Errorf("got %s %q", k, h.Fields.Get(k))
					}
				}
				hc.wg.Wait()
				hc.last.down = hc.last.up // what was sent
				if got := hc.last.messages(t); !reflect.DeepEqual(got, []string{tt.want}) {
					t.Errorf("got message %.80q, want %.80q", got, tt.want)
				}
			})
		}
	}
}

// named is a codec with another name.
type named struct{ noteCodec }

func (named) Name() string { return "named" }

// TestClientSendsNothing checks calls that fail before anything is sent.
func TestClientSendsNothing(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		call func(*fairlead.Call)
		opts []fairlead.CallOption
		req  any
		conn func(*conn)
		code fairlead.Code
		text string
	}{
		{name: "canceled", ctx: gone, code: fairlead.Canceled},
		{name: "late", call: func(c *fairlead.Call) { c.Tighten(time.Now().Add(-1)) }, code: fairlead.DeadlineExceeded},
		{
			name: "reserved key", opts: []fairlead.CallOption{fairlead.WithHeader("grpc-status", "1")},
			code: fairlead.Internal, text: `"grpc-status" cannot be sent: the name is reserved`,
		},
		{
			name: "key", opts: []fairlead.CallOption{fairlead.WithHeader("a b", "1")}, code: fairlead.Internal,
			text: `"a b"`,
		},
		{
			name: "value", opts: []fairlead.CallOption{fairlead.WithHeader("a", "\x00")}, code: fairlead.Internal,
			text: "not printable ASCII",
		},
		{
			name: "compressor", opts: []fairlead.CallOption{fairlead.WithCompressor("br")}, code: fairlead.Internal,
			text: `compressor "br" is not one of the client's (identity,gzip)`,
		},
		{
			name: "too long", req: &note{strings.Repeat("x", 1<<20+1)}, code: fairlead.ResourceExhausted,
			text: "client.MaxSendMessage",
		},
		{name: "too long for the call", opts: []fairlead.CallOption{fairlead.WithSendLimit(1)}, req: &note{"xx"},
			code: fairlead.ResourceExhausted,
			text: "message to be sent has 2 bytes and exceeds the call's limit of 1 (fairlead.WithSendLimit)"},
		{name: "bad", req: &note{"!bad"}, code: fairlead.Internal, text: "a bad note"},
		{name: "nothing", req: nil, code: fairlead.Internal, text: "no message"},
		{name: "closed", conn: func(c *conn) {
			c.broken = &protocol.Failure{Kind: protocol.FailedLost, Reach: fairlead.NotSent}
		}, code: fairlead.Unavailable},
	}
	for _, tt := range tests {
		for _, m := range []*fairlead.Method{mUnary, mServer} {
			t.Run(tt.name+"/"+m.Name, func(t *testing.T) {
				t.Parallel()
				hc := newConn(t, func(*exchange, bool) { t.Error("something was sent") })
				if tt.conn != nil {
					tt.conn(hc)
				}
				b := bindTo(t, hc, m, config())
				req := tt.req
				if req == nil && tt.name != "nothing" {
					req = &note{"q"}
				}
				c := fairlead.NewCall(m, req, tt.opts...)
				if tt.call != nil {
					tt.call(c)
				}
				ctx := tt.ctx
				if ctx == nil {
					ctx = context.Background()
				}
				call := b.cc.Unary
				if m.Kind != fairlead.Unary {
					call = b.cc.Open
				}
				err := call(ctx, b.b, c)
				wantError(t, err, tt.code, tt.text)
				if e := fairlead.ErrorOf(err); e.Reach != fairlead.NotSent || e.FromPeer() {
					t.Errorf("got reach %v, want not sent", e.Reach)
				}
			})
		}
	}
}

func TestClientFull(t *testing.T) {
	t.Parallel()
	hc := newConn(t, nil)
	hc.full = true
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		b := bindTo(t, hc, m, config())
		call := b.cc.Unary
		if m.Kind != fairlead.Unary {
			call = b.cc.Open
		}
		c := fairlead.NewCall(m, &note{"q"})
		if err := call(context.Background(), b.b, c); err != protocol.ErrFull { //nolint:errorlint // to be untouched
			t.Errorf("%s: got %v, want ErrFull", m.Path, err)
		}
		if err := call(context.Background(), 7, c); fairlead.CodeOf(err) != fairlead.Internal {
			t.Errorf("%s: got %v with a foreign binding", m.Path, err)
		}
	}
}

func TestClientConnPassesOn(t *testing.T) {
	t.Parallel()
	hc := newConn(t, nil)
	cc := bindTo(t, hc, mUnary, config()).cc
	cc.Drain()
	cc.Close(nil)
	if cc.Free() != 7 || cc.Freed() != nil || cc.Closed() != (<-chan struct{})(hc.closed) ||
		cc.Err() != io.ErrClosedPipe || cc.Done() != (<-chan struct{})(hc.closed) {
		t.Error("the connection's answers were not passed on")
	}
}

func TestBindErrors(t *testing.T) {
	t.Parallel()
	type other struct{}
	tests := []struct {
		name   string
		method *fairlead.Method
		cfg    func(*protocol.ClientConfig)
		text   string
	}{
		{"no codec", mUnary, func(c *protocol.ClientConfig) { c.Codec = nil }, "no codec"},
		{"user agent", mUnary, func(c *protocol.ClientConfig) { c.UserAgent = "a\n" }, "printable"},
		{"authority", mUnary, func(c *protocol.ClientConfig) { c.Authority = "ü" }, "printable"},
		{"request", fairlead.NewMethod[other, note](fairlead.Unary, "s", "m"), nil, "request of /s/m"},
		{"response", fairlead.NewMethod[note, other](fairlead.Unary, "s", "m"), nil, "response of /s/m"},
	}
	for _, tt := range tests {
		cfg := config()
		if tt.cfg != nil {
			tt.cfg(cfg)
		}
		if _, err := NewClient(&dialect).Bind(tt.method, cfg); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.text)
		}
	}
}

func TestClientTLS(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.TLS = true
	hc := newConn(t, reply{parts: [][]byte{frame(0, "r")}, trailer: ok}.serve)
	b := bindTo(t, hc, mUnary, cfg)
	if err := b.cc.Unary(context.Background(), b.b, fairlead.NewCall(mUnary, &note{})); err != nil {
		t.Fatal(err)
	}
	if got := hc.last.head.Scheme; got != "https" {
		t.Errorf("got scheme %q, want https", got)
	}
}

func TestClientMetadata(t *testing.T) {
	t.Parallel()
	r := reply{
		head: []string{
			":status", "200", "content-type", "application/grpc", "h", "1", "h-bin", "AQ,Ag",
			"grpc-encoding", "identity", "h", "2",
		},
		parts: [][]byte{frame(0, "r")},
		trailer: []string{
			"grpc-status", "0", "t", "3", "grpc-retry-pushback-ms", "5", "grpc-message", "", "grpc-other", "x",
		},
	}
	only := reply{
		head: []string{":status", "200", "content-type", "application/grpc", "t", "3", "grpc-status", "5", "date", "now"},
		only: true,
	}
	pairs := func(md *fairlead.Metadata) []string {
		var out []string
		for k, v := range md.All() {
			out = append(out, k, v)
		}
		return out
	}
	tests := []struct {
		name            string
		reply           reply
		header, trailer []string
	}{
		{
			"both", r, []string{"h", "1", "h-bin", "\x01", "h-bin", "\x02", "h", "2"},
			[]string{"t", "3", "grpc-retry-pushback-ms", "5"},
		},
		{"trailers only", only, nil, []string{"t", "3", "date", "now"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hc := newConn(t, tt.reply.serve)
			var info fairlead.CallInfo
			c := fairlead.NewCall(mUnary, &note{}, fairlead.WithInfo(&info))
			b := bindTo(t, hc, mUnary, config())
			_ = b.cc.Unary(context.Background(), b.b, c)
			if got := pairs(c.ResponseHeader()); !reflect.DeepEqual(got, tt.header) {
				t.Errorf("got header %q, want %q", got, tt.header)
			}
			if got := pairs(c.ResponseTrailer()); !reflect.DeepEqual(got, tt.trailer) {
				t.Errorf("got trailer %q, want %q", got, tt.trailer)
			}
			c = fairlead.NewCall(mBidi, nil)
			b = bindTo(t, hc, mBidi, config())
			if err := b.cc.Open(context.Background(), b.b, c); err != nil {
				t.Fatal(err)
			}
			if err := c.WaitHeader(context.Background()); err != nil {
				t.Error(err)
			}
			if got := pairs(c.ResponseHeader()); !reflect.DeepEqual(got, tt.header) {
				t.Errorf("stream: got header %q, want %q", got, tt.header)
			}
			for err := error(nil); err == nil; {
				err = c.Stream().Recv(new(note))
			}
			if got := pairs(c.ResponseTrailer()); !reflect.DeepEqual(got, tt.trailer) {
				t.Errorf("stream: got trailer %q, want %q", got, tt.trailer)
			}
		})
	}
}

func TestClientReply(t *testing.T) {
	t.Parallel()
	hc := newConn(t, reply{parts: [][]byte{frame(0, "r")}, trailer: ok}.serve)
	b := bindTo(t, hc, mUnary, config())
	into := new(note)
	c := fairlead.NewCall(mUnary, &note{}, fairlead.WithReply(into))
	if err := b.cc.Unary(context.Background(), b.b, c); err != nil || c.Response() != any(into) || into.Text != "r" {
		t.Errorf("got %v, %v", c.Response(), err)
	}
	b = bindTo(t, hc, mRaw, config())
	c = fairlead.NewCall(mRaw, &note{"q"})
	if err := b.cc.Unary(context.Background(), b.b, c); err != nil {
		t.Fatal(err)
	}
	r := c.Response().(*fairlead.Raw)
	var n note
	if err := r.Decode(r.Data, &n); err != nil || n.Text != "r" || r.Codec != "proto" {
		t.Errorf("got %+v, %v", r, err)
	}
	// A caller without generated code may have its own message filled.
	for range 2 {
		c = fairlead.NewCall(mRaw, &note{"q"}, fairlead.WithReply(into))
		if err := b.cc.Unary(context.Background(), b.b, c); err != nil || into.Text != "r" {
			t.Errorf("got %q, %v", into.Text, err)
		}
	}
	c = fairlead.NewCall(mRaw, 7)
	err := b.cc.Unary(context.Background(), b.b, c)
	wantError(t, err, fairlead.Internal, "proto cannot carry a message of type int")
}

func TestClientLimits(t *testing.T) {
	t.Parallel()
	hc := newConn(t, reply{parts: [][]byte{frame(0, "four")}, trailer: ok}.serve)
	for _, m := range []*fairlead.Method{mUnary, mServer} {
		b := bindTo(t, hc, m, config())
		for limit, text := range map[int]string{
			3: "received message of 4 bytes exceeds the call's limit of 3 (fairlead.WithRecvLimit)", 4: "",
		} {
			c := fairlead.NewCall(m, &note{}, fairlead.WithRecvLimit(limit))
			var err error
			if m.Kind == fairlead.Unary {
				err = b.cc.Unary(context.Background(), b.b, c)
			} else if err = b.cc.Open(context.Background(), b.b, c); err == nil {
				if err = c.Stream().Recv(new(note)); err != nil {
					hc.last.mu.Lock()
					gone := hc.last.gone
					hc.last.mu.Unlock()
					if !gone {
						t.Error("the exchange goes on")
					}
				} else if end := c.Stream().Recv(new(note)); end != io.EOF {
					t.Error(end)
				}
			}
			want := fairlead.OK
			if text != "" {
				want = fairlead.ResourceExhausted
			}
			wantError(t, err, want, text)
		}
	}
}

// TestClientGivesUp checks that calls end with their deadline and their context, and tell the server.
func TestClientGivesUp(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mServer, mBidi} {
		for _, how := range []string{"deadline", "context's deadline", "cancel", "server knows the deadline"} {
			t.Run(m.Name+"/"+how, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					over := make(chan struct{})
					hc := newConn(t, func(x *exchange, _ bool) {
						if how == "server knows the deadline" {
							d, _ := rpcwire.ParseTimeout(x.head.Timeout)
							time.Sleep(d)
							x.fail(&protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetCancel})
						}
						<-over
					})
					defer close(over)
					b := bindTo(t, hc, m, config())
					c := fairlead.NewCall(m, &note{"q"})
					ctx := context.Background()
					code := fairlead.DeadlineExceeded
					switch how {
					case "deadline", "server knows the deadline":
						c.Tighten(time.Now().Add(time.Second))
					case "context's deadline":
						var cancel func()
						ctx, cancel = context.WithTimeout(ctx, time.Second)
						defer cancel()
					case "cancel":
						var cancel func()
						ctx, cancel = context.WithCancel(ctx)
						time.AfterFunc(time.Second, cancel)
						code = fairlead.Canceled
					}
					begin := time.Now()
					var err error
					if m.Kind == fairlead.Unary {
						err = b.cc.Unary(ctx, b.b, c)
					} else if err = b.cc.Open(ctx, b.b, c); err == nil {
						err = c.Stream().Recv(new(note))
					}
					wantError(t, err, code, "")
					if took := time.Since(begin); took != time.Second {
						t.Errorf("it took %v, want 1s", took)
					}
					x := hc.last
					x.mu.Lock()
					defer x.mu.Unlock()
					if how == "server knows the deadline" {
						return
					}
					if x.reset != protocol.ResetCancel {
						t.Errorf("got reset code %v, want CANCEL", x.reset)
					}
					want := ""
					if _, timed := c.Deadline(); timed {
						want = "1000000u"
					}
					if got := string(x.head.Timeout); got != want {
						t.Errorf("got timeout %q, want %q", got, want)
					}
				})
			})
		}
	}
}

// TestClientResultWins checks that a response that is there is not thrown away because the deadline has passed.
func TestClientResultWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hc := newConn(t, func(x *exchange, b bool) {
			time.Sleep(time.Second)
			reply{parts: [][]byte{frame(0, "r")}, trailer: ok}.serve(x, b)
		})
		b := bindTo(t, hc, mUnary, config())
		for range 20 {
			c := fairlead.NewCall(mUnary, &note{"q"})
			c.Tighten(time.Now().Add(time.Second))
			if err := b.cc.Unary(context.Background(), b.b, c); err != nil {
				wantError(t, err, fairlead.DeadlineExceeded, "")
			} else if c.Response().(*note).Text != "r" {
				t.Error("no response")
			}
			synctest.Wait()
		}
	})
}

// TestClientStreamLetsGo checks that a stream that is over leaves nothing behind.
func TestClientStreamLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hc := newConn(t, reply{trailer: ok}.serve)
		b := bindTo(t, hc, mBidi, config())
		ctx, cancel := context.WithCancel(context.Background())
		c := fairlead.NewCall(mBidi, nil)
		c.Tighten(time.Now().Add(time.Second))
		if err := b.cc.Open(ctx, b.b, c); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.Stream().Recv(new(note)); err != io.EOF {
				t.Errorf("got %v, want EOF", err)
			}
		}
		w := c.Wire().Driver().(protocol.Watching)
		if !w.Watch(ctx, c, func() { t.Error("deadline or context are still watched") }) {
			t.Error("the stream watches something else")
		}
		cancel()
		time.Sleep(2 * time.Second)
	})
}

func TestClientStreamClose(t *testing.T) {
	t.Parallel()
	blocked := make(chan struct{})
	hc := newConn(t, func(x *exchange, _ bool) {
		x.sendHead(fieldsOf([]string{":status", "200", "content-type", "application/grpc"}), false)
		x.data(frame(0, "one"))
		<-blocked
	})
	defer close(blocked)
	b := bindTo(t, hc, mBidi, config())
	c := fairlead.NewCall(mBidi, nil)
	if err := b.cc.Open(context.Background(), b.b, c); err != nil {
		t.Fatal(err)
	}
	if err := c.Stream().Recv(new(note)); err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { got <- c.Stream().Recv(new(note)) }()
	for range 2 {
		if err := c.Stream().Close(); err != nil {
			t.Error(err)
		}
	}
	wantError(t, <-got, fairlead.Canceled, "closed")
	wantError(t, c.Stream().Recv(new(note)), fairlead.Canceled, "closed")
	wantError(t, c.Stream().Send(&note{}), fairlead.Canceled, "closed")
}

func TestClientStreamSend(t *testing.T) {
	t.Parallel()
	open := func(m *fairlead.Method, serve func(*exchange, bool)) (*fairlead.Call, *conn) {
		hc := newConn(t, serve)
		b := bindTo(t, hc, m, config())
		c := fairlead.NewCall(m, &note{"q"})
		if err := b.cc.Open(context.Background(), b.b, c); err != nil {
			t.Fatal(err)
		}
		return c, hc
	}
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		c, _ := open(mBidi, reply{trailer: []string{"grpc-status", "7"}}.serve)
		wantError(t, c.Stream().Recv(new(note)), fairlead.PermissionDenied, "")
		if err := c.Stream().Send(&note{}); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
		for range 2 {
			if err := c.Stream().CloseSend(); err != nil {
				t.Errorf("CloseSend: got %v, want what Recv said to be enough", err)
			}
		}
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		c, hc := open(mBidi, func(x *exchange, _ bool) {
			if _, err := x.up.read(); err == nil {
				t.Error("something was sent")
			}
		})
		if err := c.Stream().Close(); err != nil {
			t.Error(err)
		}
		wantError(t, c.Stream().CloseSend(), fairlead.Canceled, "closed")
		hc.wg.Wait()
	})
	t.Run("lost", func(t *testing.T) {
		t.Parallel()
		c, hc := open(mBidi, reply{fail: &protocol.Failure{Kind: protocol.FailedLost}}.serve)
		hc.wg.Wait()
		if err := c.Stream().Send(&note{}); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
		if err := c.Stream().CloseSend(); err != nil {
			t.Errorf("CloseSend: got %v, want what Recv says to be enough", err)
		}
		wantError(t, c.Stream().Recv(new(note)), fairlead.Unavailable, "lost")
	})
	t.Run("server streaming", func(t *testing.T) {
		t.Parallel()
		c, _ := open(mServer, reply{trailer: ok}.serve)
		wantError(t, c.Stream().Send(&note{}), fairlead.Internal, "no messages can be sent")
		if err := c.Stream().CloseSend(); err != nil {
			t.Error(err)
		}
		if err := c.Stream().Recv(new(note)); err != io.EOF {
			t.Error(err)
		}
	})
	t.Run("bad", func(t *testing.T) {
		t.Parallel()
		c, hc := open(mBidi, func(x *exchange, _ bool) {
			for {
				if _, err := x.up.read(); err != nil {
					break
				}
			}
			reply{trailer: ok}.serve(x, true)
		})
		wantError(t, c.Stream().Send(&note{"!bad"}), fairlead.Internal, "a bad note")
		err := c.Stream().Send(&note{strings.Repeat("x", 1<<20+1)})
		wantError(t, err, fairlead.ResourceExhausted, "client.MaxSendMessage")
		if err := c.Stream().Send(&note{"good"}); err != nil {
			t.Error(err)
		}
		if err := c.Stream().CloseSend(); err != nil {
			t.Error(err)
		}
		if err := c.Stream().Recv(new(note)); err != io.EOF {
			t.Error(err)
		}
		hc.wg.Wait()
	})
}

func TestClientWaitHeader(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hc := newConn(t, func(x *exchange, b bool) {
		<-release
		reply{trailer: ok}.serve(x, b)
	})
	b := bindTo(t, hc, mBidi, config())
	c := fairlead.NewCall(mBidi, nil)
	if err := b.cc.Open(context.Background(), b.b, c); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	wantError(t, c.WaitHeader(gone), fairlead.Canceled, "")
	close(release)
	if err := c.WaitHeader(context.Background()); err != nil {
		t.Error(err)
	}
	if c.Draining() != (<-chan struct{})(hc.closed) {
		t.Error("got another channel from Draining")
	}
	if err := c.Stream().Recv(new(note)); err != io.EOF {
		t.Error(err)
	}
}

// TestClientDeadlines: calls of one connection share a timer. Each is given up at its own time, in whatever order they
// were made, and those that have more time are left alone.
func TestClientDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		b := bindTo(t, newConn(t, func(x *exchange, _ bool) {
			<-over
			x.fail(&protocol.Failure{Kind: protocol.FailedLost})
		}), mUnary, config())
		begin := time.Now()
		var wg sync.WaitGroup
		for _, ms := range []int{500, 100, 300, 0, 100, 200, 400, 101, 5000} {
			wg.Go(func() {
				c := fairlead.NewCall(mUnary, &note{"q"})
				given, code := time.Duration(ms)*time.Millisecond, fairlead.DeadlineExceeded
				if given > 0 {
					c.Tighten(begin.Add(given))
				}
				if given == 0 || given > time.Second {
					given, code = time.Second, fairlead.Unavailable
				}
				wantError(t, b.cc.Unary(t.Context(), b.b, c), code, "")
				if took := time.Since(begin); took < given || took > given+time.Millisecond {
					t.Errorf("%d ms: it took %v, want %v", ms, took, given)
				}
			})
		}
		time.Sleep(time.Second)
		close(over)
		wg.Wait()
		b.cc.Close(nil)
	})
}
