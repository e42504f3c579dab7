package connect_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/connect"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// reply is a response of a foreign server.
type reply struct {
	status int // 0: 200
	header []string
	body   string
}

func (r reply) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	for i := 0; i < len(r.header); i += 2 {
		w.Header().Add(r.header[i], r.header[i+1])
	}
	w.WriteHeader(max(r.status, 200))
	_, _ = io.WriteString(w, r.body)
}

// TestClientUnary has a server of net/http answer unary calls.
func TestClientUnary(t *testing.T) {
	t.Parallel()
	overEach(t, clientUnary)
}

func clientUnary(t *testing.T, http1 bool) {
	t.Helper()
	const json, oops = "application/json", `{"code":"out_of_range","message":"oops"}`
	tests := []struct {
		name  string
		reply reply
		want  protocoltest.Msg
		code  fairlead.Code
		text  string
	}{
		{
			name: "message", reply: reply{header: []string{"content-type", json}, body: text},
			want: protocoltest.Msg{Text: "hi", N: 3},
		},
		{
			name: "charset", reply: reply{header: []string{"content-type", "application/json; charset=utf-8"}, body: text},
			want: protocoltest.Msg{Text: "hi", N: 3},
		},
		{
			name:  "compressed",
			reply: reply{header: []string{"content-type", json, "content-encoding", "gzip"}, body: zipped(t, text)},
			want:  protocoltest.Msg{Text: "hi", N: 3},
		},
		{
			name:  "long",
			reply: reply{header: []string{"content-type", json}, body: `{"text":"` + strings.Repeat("a", 200_000) + `"}`},
			want:  protocoltest.Msg{Text: strings.Repeat("a", 200_000)},
		},
		{
			name: "without a length", reply: reply{header: []string{"content-type", json, "trailer", "x"}, body: text},
			want: protocoltest.Msg{Text: "hi", N: 3},
		},
		{
			name: "unknown encoding", reply: reply{header: []string{"content-type", json, "content-encoding", "foo"}, body: "x"},
			code: fairlead.Internal, text: `content-encoding "foo" is not supported`,
		},
		{
			name:  "too long",
			reply: reply{header: []string{"content-type", json}, body: `"` + strings.Repeat("a", 300_000) + `"`},
			code:  fairlead.ResourceExhausted, text: "client.MaxRecvMessage"},
		{
			name: "other codec", reply: reply{header: []string{"content-type", "application/msg"}, body: "\x00"},
			code: fairlead.Internal,
		},
		{
			name: "other type", reply: reply{header: []string{"content-type", "image/png"}, body: "\x00"},
			code: fairlead.Unknown,
		},
		{name: "page", reply: reply{header: []string{"content-type", "text/html"}, body: "<p>Hello"}, code: fairlead.Unknown,
			text: `begins with "Hello"`},
		{name: "malformed", reply: reply{header: []string{"content-type", json}, body: "{"}, code: fairlead.Internal},
		{name: "empty", reply: reply{header: []string{"content-type", json}}, code: fairlead.Internal},

		{name: "error", reply: reply{400, []string{"content-type", json}, oops}, code: fairlead.OutOfRange, text: "oops"},
		{name: "error with a charset", reply: reply{400, []string{"content-type", json + "; charset=utf-8"}, oops},
			code: fairlead.OutOfRange, text: "oops"},
		{
			name:  "compressed error",
			reply: reply{422, []string{"content-type", json, "content-encoding", "gzip"}, zipped(t, oops)},
			code:  fairlead.OutOfRange, text: "oops",
		},
		{name: "code that is unknown", reply: reply{429, []string{"content-type", json}, `{"code":"x","message":"oops"}`},
			code: fairlead.Unavailable, text: "oops"},
		{name: "no code", reply: reply{403, []string{"content-type", json}, `{}`}, code: fairlead.PermissionDenied},
		{name: "code that is a number", reply: reply{403, []string{"content-type", json}, `{"code":5}`},
			code: fairlead.PermissionDenied, text: `{\"code\":5}`},
		{name: "null", reply: reply{404, []string{"content-type", json}, `null`}, code: fairlead.Unimplemented},
		{name: "no JSON", reply: reply{503, []string{"content-type", json}, `upstream`}, code: fairlead.Unavailable,
			text: `begins with "upstream"`},
		{name: "400", reply: reply{status: 400}, code: fairlead.Internal},
		{name: "401", reply: reply{status: 401}, code: fairlead.Unauthenticated},
		{
			name: "403, binary", reply: reply{403, []string{"content-type", "application/msg"}, "\x00"},
			code: fairlead.PermissionDenied,
		},
		{name: "404", reply: reply{status: 404, body: "not found"}, code: fairlead.Unimplemented, text: `"not found"`},
		{name: "418", reply: reply{status: 418}, code: fairlead.Unknown},
		{name: "429", reply: reply{status: 429}, code: fairlead.Unavailable},
		{name: "502", reply: reply{status: 502}, code: fairlead.Unavailable},
		{name: "504", reply: reply{status: 504}, code: fairlead.Unavailable},
		{name: "304", reply: reply{status: 304}, code: fairlead.Unknown},
		{
			name: "malformed header", reply: reply{header: []string{"content-type", json, "k-bin", "?"}, body: text},
			code: fairlead.Internal,
		},
		{name: "malformed trailer", reply: reply{header: []string{"content-type", json, "trailer-k-bin", "?"}, body: text},
			code: fairlead.Internal, text: "trailer-k-bin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, http1, script(t, http1, tt.reply.ServeHTTP), func(cfg *protocol.ClientConfig) {
				cfg.Codec, cfg.RecvMessage = protocoltest.JSONCodec{}, 250_000
			})
			got, err := c.Unary(limited(t), new(protocoltest.Msg))
			if tt.code == fairlead.OK {
				if err != nil || *got != tt.want {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if fairlead.CodeOf(err) != tt.code || err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.code, tt.text)
			}
		})
	}
}

// TestClientErrorDetails has an error arrive with details, header and trailer.
func TestClientErrorDetails(t *testing.T) {
	t.Parallel()
	overEach(t, clientErrorDetails)
}

func clientErrorDetails(t *testing.T, http1 bool) {
	t.Helper()
	header := []string{"content-type", "application/json", "k", "v", "trailer-t", "w", "trailer-t-bin", "/w"}
	c := dial(t, http1, script(t, http1, reply{500, header, `{
		"code": "data_loss", "message": "m", "other": {}, "details": [
			{"type": "a.B", "value": "AQA", "debug": {}}, {"type": "x/y", "value": "AQA="}, {"type": "c.D", "value": "?"}]
	}`}.ServeHTTP), inJSON)
	var info fairlead.CallInfo
	_, err := c.Unary(limited(t), new(protocoltest.Msg), fairlead.WithInfo(&info))
	e := fairlead.ErrorOf(err)
	if e.Code != fairlead.DataLoss || e.Message != "m" || !e.FromPeer() || len(e.Details) != 2 {
		t.Fatalf("got %+v", e)
	}
	for i, want := range []string{"type.googleapis.com/a.B", "x/y"} {
		if d := e.Details[i]; d.Type != want || string(d.Value) != "\x01\x00" {
			t.Errorf("got detail %+v, want %s", d, want)
		}
	}
	if info.Header.Get("k") != "v" || info.Trailer.Get("t") != "w" || info.Trailer.Get("t-bin") != "\xff" ||
		info.Header.Has("trailer-t") {
		t.Errorf("got header %v, trailer %v", info.Header, info.Trailer)
	}
}

// TestClientStreams has a server of net/http answer streams.
func TestClientStreams(t *testing.T) {
	t.Parallel()
	overEach(t, clientStreams)
}

func clientStreams(t *testing.T, http1 bool) {
	t.Helper()
	const ct = "application/connect+msg"
	tests := []struct {
		name   string
		reply  reply
		want   int // messages
		code   fairlead.Code
		text   string
		gather bool
	}{
		{name: "none", reply: reply{header: []string{"content-type", ct}, body: frames("\x02", "{}")}},
		{
			name:  "two",
			reply: reply{header: []string{"content-type", ct}, body: frames("\x00", "\x00a", "\x00", "\x00a", "\x02", "{}")},
			want:  2,
		},
		{
			name: "compressed", want: 1, code: fairlead.Aborted, text: "no",
			reply: reply{header: []string{"content-type", ct, "connect-content-encoding", "gzip"}, body: frames(
				"\x01", zipped(t, "\x00a"), "\x03", zipped(t, `{"error":{"code":"aborted","message":"no"}}`))},
		},
		{
			name: "error", want: 1, code: fairlead.Aborted, text: "no",
			reply: reply{header: []string{"content-type", ct}, body: frames(
				"\x00", "\x00a", "\x02", `{"error":{"code":"aborted","message":"no"}}`)},
		},
		{
			name: "error without a code", code: fairlead.Unknown, text: "no",
			reply: reply{header: []string{"content-type", ct}, body: frames("\x02", `{"error":{"message":"no"}}`)},
		},
		{name: "no end", reply: reply{header: []string{"content-type", ct}, body: frames("\x00", "\x00a")}, want: 1,
			code: fairlead.Internal, text: "last frame"},
		{name: "nothing", reply: reply{header: []string{"content-type", ct}}, code: fairlead.Internal},
		{
			name: "cut off", reply: reply{header: []string{"content-type", ct}, body: "\x00\x00\x00\x00\x09a"},
			code: fairlead.Internal,
		},
		{
			name:  "more behind the end",
			reply: reply{header: []string{"content-type", ct}, body: frames("\x02", "{}", "\x00", "\x00a")},
			code:  fairlead.Internal, text: "behind the end"},
		{
			name: "end that is no JSON", reply: reply{header: []string{"content-type", ct}, body: frames("\x02", "x")},
			code: fairlead.Internal,
		},
		{
			name: "end that is null", reply: reply{header: []string{"content-type", ct}, body: frames("\x02", "null")},
			code: fairlead.Internal,
		},
		{name: "trailer that is not base64", code: fairlead.Internal, text: "t-bin",
			reply: reply{header: []string{"content-type", ct}, body: frames("\x02", `{"metadata":{"t-bin":["?"]}}`)}},
		{
			name: "other codec", reply: reply{header: []string{"content-type", "application/connect+json"}},
			code: fairlead.Internal,
		},
		{name: "other type", reply: reply{header: []string{"content-type", "application/msg"}}, code: fairlead.Unknown},
		{name: "status", reply: reply{status: 503, body: "away"}, code: fairlead.Unavailable, text: "away"},
		{
			name: "unknown encoding", reply: reply{header: []string{"content-type", ct, "connect-content-encoding", "foo"}},
			code: fairlead.Internal,
		},
		{
			name:  "compressed for nothing",
			reply: reply{header: []string{"content-type", ct}, body: frames("\x01", "a", "\x02", "{}")},
			code:  fairlead.Internal},
		{name: "one response", gather: true, want: 1,
			reply: reply{header: []string{"content-type", ct}, body: frames("\x00", "\x00a", "\x02", "{}")}},
		{name: "no response", gather: true, code: fairlead.Unimplemented,
			reply: reply{header: []string{"content-type", ct}, body: frames("\x02", `{"code":"aborted"}`)}},
		{name: "two responses", gather: true, code: fairlead.Unimplemented,
			reply: reply{header: []string{"content-type", ct}, body: frames("\x00", "\x00a", "\x00", "\x00a", "\x02", "{}")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, http1, script(t, http1, tt.reply.ServeHTTP), nil)
			var n int
			var err error
			if tt.gather {
				s, oerr := c.Gather(limited(t))
				if oerr != nil {
					t.Fatal(oerr)
				}
				if _, err = s.CloseAndRecv(); err == nil {
					n = 1
				}
			} else {
				s, oerr := c.Scatter(limited(t), new(protocoltest.Msg))
				if oerr != nil {
					t.Fatal(oerr)
				}
				for {
					if _, err = s.Recv(); err != nil {
						break
					}
					n++
				}
				if errors.Is(err, io.EOF) {
					err = nil
				}
			}
			if n != tt.want {
				t.Errorf("got %d messages, want %d", n, tt.want)
			}
			if fairlead.CodeOf(err) != tt.code || tt.code != fairlead.OK && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.code, tt.text)
			}
		})
	}
}

// TestClientRequest has a server of net/http see what the client sends.
func TestClientRequest(t *testing.T) {
	t.Parallel()
	overEach(t, clientRequest)
}

func clientRequest(t *testing.T, http1 bool) {
	t.Helper()
	type seen struct {
		*http.Request

		body string
	}
	got := make(chan seen, 1)
	addr := script(t, http1, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- seen{r, string(b)}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	})
	call := func(
		change func(*protocol.ClientConfig), msg *protocoltest.Msg, opts []connect.Option, call ...fairlead.CallOption,
	) seen {
		t.Helper()
		c := dial(t, http1, addr, change, opts...)
		if _, err := c.Unary(t.Context(), msg, call...); err != nil {
			t.Fatal(err)
		}
		return <-got
	}
	check := func(r seen, fields ...string) {
		t.Helper()
		for i := 0; i < len(fields); i += 2 {
			if v := strings.Join(r.Header.Values(fields[i]), " "); v != fields[i+1] {
				t.Errorf("got %s %q, want %q", fields[i], v, fields[i+1])
			}
		}
	}
	msg := &protocoltest.Msg{Text: "a b", N: 1}
	const body = `{"text":"a b","n":1}`

	r := call(inJSON, msg, nil, fairlead.WithHeader("k-bin", "\xff"), fairlead.WithTimeout(time.Hour))
	check(r, "content-type", "application/json", "connect-protocol-version", "1", "content-encoding", "",
		"accept-encoding", "identity,gzip", "k-bin", "/w", "te", "")
	if r.Method != http.MethodPost || r.URL.Path != service+"Unary" || r.body != body {
		t.Errorf("got %s %s %q", r.Method, r.URL, r.body)
	}
	if v := r.Header.Get("Connect-Timeout-Ms"); len(v) != 7 || v[0] != '3' {
		t.Errorf("got timeout %q, want about an hour", v)
	}
	r = call(inJSON, msg, nil, fairlead.WithTimeout(200*24*time.Hour))
	check(r, "connect-timeout-ms", "") // it has room for 115 days

	zip := func(cfg *protocol.ClientConfig) { inJSON(cfg); cfg.Compressor = gz(t) }
	r = call(zip, msg, nil)
	check(r, "content-encoding", "gzip")
	if unzipped(t, r.body) != body {
		t.Errorf("got %q", r.body)
	}
	r = call(func(cfg *protocol.ClientConfig) { zip(cfg); cfg.CompressMin = 100 }, msg, nil)
	check(r, "content-encoding", "")

	get := []connect.Option{connect.Get(100)}
	r = call(inJSON, msg, get, fairlead.WithHeader("k", "v"))
	check(r, "content-type", "", "connect-protocol-version", "", "k", "v")
	const query = "connect=v1&encoding=json&message=%7B%22text%22%3A%22a+b%22%2C%22n%22%3A1%7D"
	if r.Method != http.MethodGet || r.URL.Path != service+"Unary" || r.URL.RawQuery != query || r.body != "" {
		t.Errorf("got %s %s %q", r.Method, r.URL, r.body)
	}
	r = call(zip, msg, []connect.Option{connect.Get(1000)})
	check(r, "content-encoding", "")
	if !strings.HasPrefix(r.URL.RawQuery, "connect=v1&base64=1&compression=gzip&encoding=json&message=") {
		t.Errorf("got %s", r.URL)
	}
	r = call(inJSON, &protocoltest.Msg{Text: strings.Repeat("a", 101)}, get)
	if r.Method != http.MethodPost {
		t.Errorf("a long message: got %s", r.Method)
	}
}

// TestGetOption checks the option's value.
func TestGetOption(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, -1} {
		if err := connect.NewClient(connect.Get(n)).Check(); err == nil || !strings.Contains(err.Error(), "Get") {
			t.Errorf("Get(%d): got %v", n, err)
		}
	}
	if err := connect.NewClient(nil).Check(); err == nil {
		t.Error("nil option: no error")
	}
	if err := connect.NewClient(connect.Get(1)).Check(); err != nil {
		t.Error(err)
	}
}
