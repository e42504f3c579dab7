package connect_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
)

const service = "/" + protocoltest.ServiceName + "/"

// binary is the message {Text: "hi", N: 3} as protocoltest.Codec encodes it; text is the same in JSON.
const (
	binary = "\x06hi"
	text   = `{"text":"hi","n":3}`
)

// TestServerUnary has net/http's client send requests of unary calls.
func TestServerUnary(t *testing.T) {
	t.Parallel()
	overEach(t, serverUnary)
}

func serverUnary(t *testing.T, http1 bool) {
	t.Helper()
	base := serve(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			c := fairlead.CallFrom(ctx)
			if m.Text == "fail" {
				return nil, &fairlead.Error{
					Code: fairlead.Aborted, Message: "no \"☺\"\n",
					Details: []fairlead.Detail{{Type: "type.googleapis.com/a.B", Value: []byte{1, 0}}},
				}
			}
			c.ResponseHeader().Set("k", c.RequestHeader().Get("k"))
			c.ResponseHeader().Set("raw-bin", c.RequestHeader().Get("raw-bin"))
			c.ResponseTrailer().Add("t", "1")
			c.ResponseTrailer().Add("t-bin", "\xff")
			return m, nil
		},
	}, server.MaxRecvMessage(100_000))
	c := foreign(t, http1)
	const proto, json = "application/msg", "application/json"
	long := `{"text":"` + strings.Repeat("x", 200) + `","n":0}`
	tests := []struct {
		name   string
		verb   string // "": POST
		path   string // "": Unary
		ct     string
		header []string
		body   string
		status int
		want   string // the body; "": not checked
		part   string // a part of the body
		fields []string
	}{
		{name: "binary", ct: proto, body: binary, status: 200, want: binary, fields: []string{"content-type", proto}},
		{name: "JSON", ct: json, body: text, status: 200, want: text, fields: []string{
			"content-type", json, "content-encoding", "", "content-length", "19",
		}},
		{name: "charset", ct: "Application/JSON; charset=UTF-8", body: text, status: 200, want: text},
		{name: "version", ct: json, header: []string{"connect-protocol-version", "1"}, body: text, status: 200, want: text},
		{
			name: "metadata", ct: json, header: []string{"k", "v", "raw-bin", "/w=="}, body: text, status: 200, want: text,
			fields: []string{"k", "v", "raw-bin", "/w", "trailer-t", "1", "trailer-t-bin", "/w"},
		},
		{
			name: "compressed", ct: json, header: []string{"content-encoding", "gzip"}, body: zipped(t, long), status: 200,
			want: long, fields: []string{"content-encoding", "gzip"},
		},
		{
			name: "compressed, and the client does not read that", ct: json,
			header: []string{"content-encoding", "gzip", "accept-encoding", "identity"}, body: zipped(t, long), status: 200,
			want: long, fields: []string{"content-encoding", ""},
		},
		{
			name: "compressed, and the client weighs that with nothing", ct: json,
			header: []string{"content-encoding", "gzip", "accept-encoding", "br;q=1, gzip;q=0"}, body: zipped(t, long),
			status: 200, want: long, fields: []string{"content-encoding", ""},
		},
		{
			name: "compressed, with weights", ct: json,
			header: []string{"content-encoding", "gzip", "accept-encoding", "br;q=1, gzip; q=0.5"}, body: zipped(t, long),
			status: 200, want: long, fields: []string{"content-encoding", "gzip"},
		},
		{name: "nothing, compressed", ct: proto, header: []string{"content-encoding", "gzip"}, status: 400},
		{name: "identity", ct: json, header: []string{"content-encoding", "identity"}, body: text, status: 200, want: text},

		{name: "error", ct: json, body: `{"text":"fail"}`, status: 409, fields: []string{"content-type", json}, want: `{` +
			`"code":"aborted","message":"no \"☺\"\n","details":[{"type":"a.B","value":"AQA"}]}`},
		{name: "error for binary", ct: proto, body: "\x00fail", status: 409, fields: []string{"content-type", json}},
		{
			name: "malformed", ct: json, body: `{"text":`, status: 400,
			part: `{"code":"invalid_argument","message":"cannot decode`,
		},
		{
			name: "not gzip", ct: json, header: []string{"content-encoding", "gzip"}, body: text, status: 500,
			part: `"internal"`,
		},
		{name: "too long", ct: proto, body: strings.Repeat("\x00", 100_001), status: 429, part: "server.MaxRecvMessage"},
		{
			name: "too long once decompressed", ct: proto, header: []string{"content-encoding", "gzip"},
			body: zipped(t, strings.Repeat("\x00", 100_001)), status: 429, part: "decompressed",
		},
		{
			name: "unknown compressor", ct: json, header: []string{"content-encoding", "foo"}, body: text, status: 501,
			part:   `{"code":"unimplemented","message":"content-encoding \"foo\" is not supported;`,
			fields: []string{"accept-encoding", "identity,gzip"},
		},
		{name: "other version", ct: json, header: []string{"connect-protocol-version", "2"}, body: text, status: 400},
		{name: "metadata that is not base64", ct: json, header: []string{"k-bin", "?"}, body: text, status: 400},
		{name: "no time", ct: json, header: []string{"connect-timeout-ms", "0"}, body: text, status: 504},
		{name: "timeout", ct: json, header: []string{"connect-timeout-ms", "9999999999"}, body: text, status: 200},
		{name: "long timeout", ct: json, header: []string{"connect-timeout-ms", "99999999999"}, body: text, status: 400},
		{name: "malformed timeout", ct: json, header: []string{"connect-timeout-ms", "-1"}, body: text, status: 400},

		{name: "type of a stream", ct: "application/connect+json", body: text, status: 415},
		{name: "unknown codec", ct: "application/foo", body: text, status: 415},
		{name: "charset that is not UTF-8", ct: "application/json; charset=latin1", body: text, status: 415},
		{name: "no type", body: text, status: 415},
		{name: "stream with the type of a unary call", path: "Chat", ct: json, body: text, status: 415},
		{name: "other method", verb: "PUT", ct: json, status: 405, fields: []string{"allow", "GET, POST"}},
		{name: "other method of a stream", verb: "GET", path: "Chat", status: 405, fields: []string{"allow", "POST"}},
		{name: "unknown method", path: "Nothing", ct: json, body: text, status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.verb == "" {
				tt.verb = "POST"
			}
			if tt.path == "" {
				tt.path = "Unary"
			}
			if tt.ct != "" {
				tt.header = append(tt.header, "content-type", tt.ct)
			}
			got := do(t, c, tt.verb, base+service+tt.path, tt.body, tt.header...)
			if got.status != tt.status {
				t.Fatalf("got status %d, %q, want %d", got.status, got.body, tt.status)
			}
			if got.header.Get("Content-Encoding") == "gzip" {
				got.body = unzipped(t, got.body)
			}
			if tt.want != "" && got.body != tt.want || !strings.Contains(got.body, tt.part) {
				t.Errorf("got body %q, want %q", got.body, tt.want+tt.part)
			}
			for i := 0; i < len(tt.fields); i += 2 {
				if v := strings.Join(got.header.Values(tt.fields[i]), " "); v != tt.fields[i+1] {
					t.Errorf("got %s %q, want %q", tt.fields[i], v, tt.fields[i+1])
				}
			}
		})
	}
}

// TestServerStatus has calls fail with each code.
func TestServerStatus(t *testing.T) {
	t.Parallel()
	overEach(t, serverStatus)
}

func serverStatus(t *testing.T, http1 bool) {
	t.Helper()
	base := serve(t, protocoltest.Handlers{
		Unary: func(_ context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			return nil, fairlead.Errorf(fairlead.Code(m.N), "m")
		},
	})
	c := foreign(t, http1)
	for n, want := range []struct {
		status int
		code   string
	}{
		0: {500, "unknown"}, 1: {499, "canceled"}, 2: {500, "unknown"}, 3: {400, "invalid_argument"},
		4: {504, "deadline_exceeded"}, 5: {404, "not_found"}, 6: {409, "already_exists"}, 7: {403, "permission_denied"},
		8: {429, "resource_exhausted"}, 9: {400, "failed_precondition"}, 10: {409, "aborted"}, 11: {400, "out_of_range"},
		12: {501, "unimplemented"}, 13: {500, "internal"}, 14: {503, "unavailable"}, 15: {500, "data_loss"},
		16: {401, "unauthenticated"}, 17: {500, "unknown"},
	} {
		got := do(t, c, "POST", base+service+"Unary", string([]byte{byte(2 * n)}), "content-type", "application/msg")
		if got.status != want.status || !strings.HasPrefix(got.body, `{"code":"`+want.code+`","message":`) {
			t.Errorf("code %d: got %d %s, want %d %s", n, got.status, got.body, want.status, want.code)
		}
	}
}

// TestServerGet has net/http's client call with GET.
func TestServerGet(t *testing.T) {
	t.Parallel()
	overEach(t, serverGet)
}

func serverGet(t *testing.T, http1 bool) {
	t.Helper()
	base := serve(t, protocoltest.Handlers{})
	c := foreign(t, http1)
	b64 := base64.RawURLEncoding.EncodeToString
	long := `{"text":"` + strings.Repeat("x", 200) + `","n":0}`
	tests := []struct {
		name   string
		query  string
		status int
		want   string
	}{
		{"JSON", "connect=v1&encoding=json&message=" + url.QueryEscape(text), 200, text},
		{"any order", "message=" + url.QueryEscape(text) + "&other&&encoding=json", 200, text},
		{"plus is a space", "encoding=json&message=" + strings.ReplaceAll(url.QueryEscape(text), "%3A", "%3A+"), 200, text},
		{"base64", "encoding=msg&base64=1&message=" + b64([]byte(binary)), 200, binary},
		{
			"base64 with padding", "encoding=msg&base64=1&message=" + base64.URLEncoding.EncodeToString([]byte("\x06a")), 200,
			"\x06a",
		},
		{"compressed", "encoding=json&base64=1&compression=gzip&message=" + b64([]byte(zipped(t, long))), 200, long},
		{"the first counts", "encoding=json&encoding=msg&message=" + url.QueryEscape(text), 200, text},

		{"no message", "encoding=json", 400, "has no parameter message"},
		{"empty message", "encoding=json&message=", 400, "cannot decode"},
		{"no encoding", "message=" + url.QueryEscape(text), 415, ""},
		{"no query", "", 415, ""},
		{"unknown encoding", "encoding=foo&message=", 415, ""},
		{"unknown compression", "encoding=json&compression=foo&message=", 501, "unimplemented"},
		{"other version", "connect=v2&encoding=json&message=", 400, "v2"},
		{"not base64", "encoding=json&base64=1&message=%2B", 400, "message"},
		{"not escaped", "encoding=json&message=%zz", 400, "message"},
		{"parameter not escaped", "encoding=json&compression=%zz&message=a", 400, "compression"},
	}
	for _, tt := range tests {
		got := do(t, c, "GET", base+service+"Unary?"+tt.query, "")
		if got.header.Get("Content-Encoding") == "gzip" {
			got.body = unzipped(t, got.body)
		}
		if got.status != tt.status || !strings.Contains(got.body, tt.want) {
			t.Errorf("%s: got %d %q, want %d %q", tt.name, got.status, got.body, tt.status, tt.want)
		}
		if v := got.header.Get("Vary"); got.status == 200 && v != "accept-encoding" {
			t.Errorf("%s: got vary %q", tt.name, v)
		}
	}
}

// TestServerStreams has net/http's client send requests of streams.
func TestServerStreams(t *testing.T) {
	t.Parallel()
	overEach(t, serverStreams)
}

func serverStreams(t *testing.T, http1 bool) {
	t.Helper()
	base := serve(t, protocoltest.Handlers{
		Chat: func(_ context.Context, s *fairlead.Bidi[protocoltest.Msg, protocoltest.Msg]) error {
			s.Call().ResponseHeader().Set("h", "1")
			s.Call().ResponseTrailer().Add("t", "1")
			s.Call().ResponseTrailer().Add("t-bin", "\xff")
			s.Call().ResponseTrailer().Add("t", "2")
			for m, err := range s.All() {
				if err != nil {
					return err
				}
				if m.Text == "fail" {
					return fairlead.Errorf(fairlead.Aborted, "no")
				}
				if err := s.Send(m); err != nil {
					return err
				}
			}
			return nil
		},
	}, server.MaxRecvMessage(1000))
	c := foreign(t, http1)
	const trailer = `"metadata":{"t":["1","2"],"t-bin":["/w"]}`
	long := "\x06" + strings.Repeat("x", 200)
	tests := []struct {
		name   string
		path   string
		header []string
		body   string
		want   string   // the body, before the end
		end    string   // what the last frame has a part of
		fields []string // of the response
	}{
		{
			name: "bidi", path: "Chat", body: frames("\x00", binary, "\x00", "\x02"),
			want: frames("\x00", binary, "\x00", "\x02"), end: `{` + trailer + `}`, fields: []string{"h", "1"},
		},
		{name: "bidi, empty", path: "Chat", end: `{` + trailer + `}`, fields: []string{"h", "1"}},
		{
			name: "bidi that fails", path: "Chat", body: frames("\x00", binary, "\x00", "\x00fail"),
			want: frames("\x00", binary),
			end:  `{"error":{"code":"aborted","message":"no"},` + trailer + `}`,
		},
		{name: "client streaming", path: "Gather", body: frames("\x00", binary, "\x00", binary),
			want: frames("\x00", "\x0chihi"), end: "{}"},
		{
			name: "server streaming", path: "Scatter", body: frames("\x00", "\x04a"),
			want: frames("\x00", "\x00a", "\x00", "\x02a"), end: "{}",
		},
		{
			name: "compressed", path: "Chat", header: []string{"connect-content-encoding", "gzip"},
			body: frames("\x01", zipped(t, long), "\x00", "\x02a"), want: frames("\x01", zipped(t, long), "\x00", "\x02a"),
			end: trailer, fields: []string{"connect-content-encoding", "gzip"},
		},
		{
			name: "compressed and not accepted", path: "Chat",
			header: []string{"connect-content-encoding", "gzip", "connect-accept-encoding", "identity"},
			body:   frames("\x01", zipped(t, long)), want: frames("\x00", long), end: trailer,
			fields: []string{"connect-content-encoding", ""},
		},

		{name: "no request", path: "Scatter", end: `{"error":{"code":"unimplemented"`},
		{name: "two requests", path: "Scatter", body: frames("\x00", "\x04", "\x00", "\x04"), end: `"unimplemented"`},
		{name: "cut off", path: "Scatter", body: "\x00\x00\x00\x00\x05ab", end: `"internal"`},
		{name: "malformed", path: "Scatter", body: frames("\x00", ""), end: `"invalid_argument"`},
		{name: "unknown flag", path: "Chat", body: frames("\x04", ""), end: `{"error":{"code":"internal"`},
		{name: "end of a client", path: "Chat", body: frames("\x02", "{}"), end: `{"error":{"code":"internal"`},
		{name: "compressed for nothing", path: "Chat", body: frames("\x01", "a"), end: `{"error":{"code":"internal"`},
		{name: "too long", path: "Chat", body: frames("\x00", strings.Repeat("a", 1001)), end: `"resource_exhausted"`},
		{
			name: "unknown compressor", path: "Chat", header: []string{"connect-content-encoding", "foo"},
			end:    `"unimplemented"`,
			fields: []string{"connect-accept-encoding", "identity,gzip"},
		},
		{name: "no time", path: "Chat", header: []string{"connect-timeout-ms", "0"}, end: `"deadline_exceeded"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const ct = "application/connect+msg"
			got := do(t, c, "POST", base+service+tt.path, tt.body, append(tt.header, "content-type", ct)...)
			if got.status != 200 || got.header.Get("Content-Type") != ct {
				t.Fatalf("got %d, %q", got.status, got.header.Get("Content-Type"))
			}
			i := strings.Index(got.body, "\x02\x00\x00")
			if i < 0 || got.body[:i] != tt.want || !strings.Contains(got.body[i+5:], tt.end) {
				t.Errorf("got %q, want %q and %q", got.body, tt.want, tt.end)
			}
			for i := 0; i < len(tt.fields); i += 2 {
				if v := strings.Join(got.header.Values(tt.fields[i]), " "); v != tt.fields[i+1] {
					t.Errorf("got %s %q, want %q", tt.fields[i], v, tt.fields[i+1])
				}
			}
		})
	}
}

// gate refuses calls that have the field "refused".
type gate struct{}

func (gate) Enter(c *fairlead.Call) error {
	if c.RequestHeader().Has("refused") {
		return fairlead.Errorf(fairlead.Unauthenticated, "refused")
	}
	return nil
}

func (gate) Leave(*fairlead.Call) {}

// TestServerGates has a gate refuse calls whose messages cannot be decoded, so that it must come first; and has
// handlers panic.
func TestServerGates(t *testing.T) {
	t.Parallel()
	overEach(t, serverGates)
}

func serverGates(t *testing.T, http1 bool) {
	t.Helper()
	base := serve(t, protocoltest.Handlers{
		Unary: func(context.Context, *protocoltest.Msg) (*protocoltest.Msg, error) { panic("unary") },
		Chat: func(context.Context, *fairlead.Bidi[protocoltest.Msg, protocoltest.Msg]) error {
			panic(errors.New("stream"))
		},
	}, server.Admission(gate{}))
	c := foreign(t, http1)
	got := do(t, c, "POST", base+service+"Unary", "{", "content-type", "application/json", "refused", "1")
	if got.status != 401 || !strings.Contains(got.body, "unauthenticated") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	got = do(t, c, "POST", base+service+"Unary", text, "content-type", "application/json")
	if got.status != 500 || !strings.Contains(got.body, `"internal"`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	got = do(t, c, "POST", base+service+"Chat", "", "content-type", "application/connect+json", "refused", "1")
	if !strings.Contains(got.body, "unauthenticated") {
		t.Errorf("got %q", got.body)
	}
	got = do(t, c, "POST", base+service+"Chat", "", "content-type", "application/connect+json")
	if got.status != 200 || !strings.Contains(got.body, `{"error":{"code":"internal"`) {
		t.Errorf("got %d %q", got.status, got.body)
	}
}

// TestServerChoices has a handler send its header early, which does nothing, and choose a compressor.
func TestServerChoices(t *testing.T) {
	t.Parallel()
	overEach(t, serverChoices)
}

func serverChoices(t *testing.T, http1 bool) {
	t.Helper()
	unknown := make(chan error, 2)
	base := serve(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			c := fairlead.CallFrom(ctx)
			c.ResponseHeader().Set("k", "early")
			if err := errors.Join(c.SendHeader(), c.SetSendCompressor("gzip")); err != nil {
				return nil, err
			}
			unknown <- c.SetSendCompressor("foo")
			c.ResponseHeader().Set("k", "late")
			return m, nil
		},
	})
	long := `{"text":"` + strings.Repeat("x", 200) + `","n":0}`
	got := do(t, foreign(t, http1), "POST", base+service+"Unary", long, "content-type", "application/json",
		"accept-encoding", "gzip")
	if got.status != 200 || got.header.Get("Content-Encoding") != "gzip" || unzipped(t, got.body) != long ||
		got.header.Get("K") != "late" {
		t.Errorf("got %d %v %q", got.status, got.header, got.body)
	}
	if err := <-unknown; fairlead.CodeOf(err) != fairlead.Internal {
		t.Errorf("an unknown compressor: got %v", err)
	}
	got = do(t, foreign(t, http1), "POST", base+service+"Unary", long, "content-type", "application/json")
	if got.status != 400 || !strings.Contains(got.body, "failed_precondition") {
		t.Errorf("gzip that the client does not accept: got %d %q", got.status, got.body)
	}
}

// TestServerHeaderLimit has metadata that is too long for what the client takes: a successful call fails, and one that
// has failed says so without it.
func TestServerHeaderLimit(t *testing.T) {
	t.Parallel()
	base := serve(t, protocoltest.Handlers{
		Unary: func(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
			fairlead.CallFrom(ctx).ResponseTrailer().Set("k", strings.Repeat("x", 2000))
			if m.N > 0 {
				return nil, fairlead.Errorf(fairlead.Aborted, "no")
			}
			return m, nil
		},
		Chat: func(_ context.Context, s *fairlead.Bidi[protocoltest.Msg, protocoltest.Msg]) error {
			s.Call().ResponseHeader().Set("k", strings.Repeat("x", 2000))
			if s.Call().RequestHeader().Has("send") {
				return s.Send(new(protocoltest.Msg))
			}
			return nil
		},
	})
	c := dial(t, false, base, func(cfg *protocol.ClientConfig) { cfg.HeaderList = 1000 })
	ctx := limited(t)
	if _, err := c.Unary(ctx, new(protocoltest.Msg)); fairlead.CodeOf(err) != fairlead.ResourceExhausted {
		t.Errorf("unary: got %v, want RESOURCE_EXHAUSTED", err)
	}
	if _, err := c.Unary(ctx, &protocoltest.Msg{N: 1}); fairlead.CodeOf(err) != fairlead.Aborted {
		t.Errorf("unary that fails: got %v, want ABORTED", err)
	}
	for _, opts := range [][]fairlead.CallOption{nil, {fairlead.WithHeader("send", "1")}} {
		s, err := c.Chat(ctx, opts...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); fairlead.CodeOf(err) != fairlead.ResourceExhausted {
			t.Errorf("stream: got %v, want RESOURCE_EXHAUSTED", err)
		}
	}
}
