package rest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"

	"github.com/fairlead-go/fairlead"
)

// exchange is a request, and what its response must be.
type exchange struct {
	name    string
	verb    string
	target  string
	fields  string // of the request: "name: value" separated by "|"
	body    string
	status  int
	want    string // the body of the response, as JSON if it is JSON
	has     string // a part of it, if want is ""
	headers string // of the response, likewise; a value "-" means that there is none
}

// do sends a request.
func do(t *testing.T, c *http.Client, base string, e *exchange) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), e.verb, base+e.target, strings.NewReader(e.body))
	if err != nil {
		t.Fatal(err)
	}
	if e.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for f := range strings.SplitSeq(e.fields, "|") {
		if k, v, ok := strings.Cut(f, ": "); ok && v == "-" {
			req.Header.Del(k)
		} else if ok {
			req.Header.Set(k, v)
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp, string(body)
}

func (e *exchange) run(t *testing.T, c *http.Client, base string) {
	t.Helper()
	resp, body := do(t, c, base, e)
	if resp.StatusCode != e.status {
		t.Errorf("got the status %d, want %d: %s", resp.StatusCode, e.status, body)
	}
	if e.want != "" && canonical(body) != canonical(e.want) || !strings.Contains(body, e.has) ||
		e.want == "" && e.has == "" && body != "" {
		t.Errorf("got %s\nwant %s%s", body, e.want, e.has)
	}
	for f := range strings.SplitSeq(e.headers, "|") {
		k, v, ok := strings.Cut(f, ": ")
		if got := strings.Join(resp.Header.Values(k), ", "); ok && got != v && (v != "-" || got != "") {
			t.Errorf("%s is %q, want %q", k, got, v)
		}
	}
}

// canonical returns JSON with its members in order, and other texts as they are.
func canonical(s string) string {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return s
	}
	return string(b)
}

func TestUnary(t *testing.T) {
	t.Parallel()
	_, base := serve(t, rest.NewServer())
	const find = "/v1/types/x?"
	tests := []exchange{
		{"variable", "GET", "/v1/types/a%20b", "", "", 200, `{"name":"types/a b"}`, "",
			"content-type: application/json|content-length: 20|location: -"},
		{"query", "GET", find + "oneofs=a+b&oneofs=%26&syntax=SYNTAX_PROTO3&sourceContext.file_name=f", "", "", 200,
			`{"name":"types/x","oneofs":["a b","&"],"syntax":"SYNTAX_PROTO3","sourceContext":{"fileName":"f"}}`, "", ""},
		{"query, numbers of enums, unknown names, nothing", "GET", find + "&syntax=1&utm_source=x&&name=y&=", "", "", 200,
			`{"name":"types/x","syntax":"SYNTAX_PROTO3"}`, "", ""},
		{"HEAD", "HEAD", "/v1/types/x", "", "", 200, "", "", "content-type: application/json"},
		{"body", "POST", "/v1/types", "", `{"name":"types/b","oneofs":["a"],"unknown":1}`, 200,
			`{"name":"types/b","oneofs":["a"]}`, "", ""},
		{"no body", "POST", "/v1/types", "", "", 200, `{}`, "", ""},
		{"body and path", "POST", "/v1/types/p:make", "", `{"name":"types/b","edition":"e"}`, 201,
			`{"name":"types/p","edition":"e"}`, "", ""},
		{"another JSON", "POST", "/v1/types", "content-type: application/merge-patch+json; charset=utf-8",
			`{"edition":"e"}`, 200,
			`{"edition":"e"}`, "", ""},
		{"a body that is a list", "PUT", "/v1/types/x/oneofs", "", ` ["a", "b"] `, 200, `["a","b"]`, "", ""},
		{"a result that is an empty list", "PUT", "/v1/types/x/oneofs", "", `[]`, 200, `[]`, "", ""},
		{"a body that is a list of messages", "PUT", "/v1/types/x/fields", "", `[{"name":"f"},{"number":2}]`, 200,
			`[{"name":"f"},{"number":2}]`, "", ""},
		{"a body that is an enum", "PUT", "/v1/types/x/syntax", "", `"SYNTAX_PROTO3"`, 200, `"SYNTAX_PROTO3"`, "", ""},
		{"a body that is a message", "PATCH", "/v1/types/x/source", "", `{"fileName":"f"}`, 200, `{"fileName":"f"}`, "",
			""},
		{"a result that is no message", "PATCH", "/v1/types/x/source", "", ``, 200, `{}`, "", ""},
		{"raw", "POST", "/v1/raw", "content-type: text/plain", "<x>", 200, "<x>", "", "content-type: image/test"},
		{"empty raw", "POST", "/v1/raw", "", "", 200, "", "", "content-type: image/test"},

		{"201", "GET", "/v1/types/created", "", "", 201, `{"name":"types/created"}`, "", "location: /v1/types/created"},
		{"204", "DELETE", "/v1/types/empty", "", "", 204, "", "", "content-length: -|content-type: -"},
		{"303", "GET", "/v1/types/elsewhere", "", "", 303, `{"name":"types/elsewhere"}`, "", "location: /v1/types/there"},
		{"418", "GET", "/v1/types/teapot", "", "", 200, `{"name":"types/teapot"}`, "", ""},
		{"an early head", "GET", "/v1/types/early", "", "", 200, `{"name":"types/early"}`, "", "early: yes"},
		{"metadata", "GET", "/v1/types/fields",
			"cookie: c=1|grpc-timeout: 5S|accept-encoding: br|echo-bin: AQI", "", 200,
			`{"name":"types/fields","oneofs":["cookie=c=1","grpc-timeout=","accept-encoding=",` +
				`"echo-bin=\u0001\u0002","truerest"]}`, "",
			"x-bin: AAE|trailer-cost: 3|split: -|evil: -"},

		{"etag", "GET", "/v1/types/tag", "", "", 200, `{"name":"types/tag"}`, "", `etag: "v1"`},
		{"304", "GET", "/v1/types/tag", `if-none-match: "v0", W/"v1"`, "", 304, "", "",
			`etag: "v1"|cache-control: no-cache|content-type: -`},
		{"304 to HEAD", "HEAD", "/v1/types/tag", `if-none-match: *`, "", 304, "", "", `etag: "v1"`},
		{"another tag", "GET", "/v1/types/tag", `if-none-match: "v0"`, "", 200, `{"name":"types/tag"}`, "", ""},
		{"no 304 to DELETE", "DELETE", "/v1/types/tag", `if-none-match: "v1"`, "", 200, `{"name":"types/tag"}`, "", ""},
		{"compressed", "GET", "/v1/types/big", "accept-encoding: br, gzip;q=0.5", "", 200, "", "\x1f\x8b",
			"content-encoding: gzip|vary: accept-encoding|content-type: application/json"},
		{"not compressed", "GET", "/v1/types/big", "accept-encoding: gzip;q=0", "", 200, "", "big",
			"content-encoding: -|vary: accept-encoding"},

		{"no such path", "GET", "/v1/elsewhere", "", "", 404, "", "nothing at this path", ""},
		{"a trailing slash", "GET", "/v1/types/x/", "", "", 404, "", "nothing at this path", "location: -"},
		{"a double slash", "GET", "/v1//types/x", "", "", 404, "", "nothing at this path", ""},
		{"another method", "PUT", "/v1/types/x", "", "", 405, "", "not served", "allow: DELETE, GET, HEAD"},
		{"OPTIONS", "OPTIONS", "/v1/types", "", "", 204, "", "", "allow: POST"},
		{"text", "POST", "/v1/types", "content-type: text/plain", `{}`, 415, "", "content type", ""},
		{"a form", "POST", "/v1/types", "content-type: application/x-www-form-urlencoded", `{}`, 415, "", "content type",
			""},
		{"no content type", "POST", "/v1/types", "content-type: -", `{}`, 415, "", `"code":3`,
			"content-type: application/problem+json"},
		{"an unknown coding", "POST", "/v1/types", "content-encoding: br", `{}`, 415, "", "br", "accept-encoding: gzip"},
	}
	eachVersion(t, func(t *testing.T, c *http.Client) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) { tt.run(t, c, base) })
		}
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	_, base := serve(t, rest.NewServer(), server.MaxRecvMessage(1000))
	const problem = "content-type: application/problem+json"
	bad := func(field, what string) string {
		text := field + ": " + what
		return fmt.Sprintf(`{"type":"about:blank","title":"Bad Request","status":400,"detail":%q,"code":3,"message":%q,
			"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest",
			"fieldViolations":[{"field":%q,"description":%q}]}]}`, text, text, field, what)
	}
	tests := []exchange{
		{"an error", "GET", "/v1/types/missing", "", "", 404, `{"type":"about:blank","title":"Not Found","status":404,
			"detail":"there is no such type","code":5,"message":"there is no such type","details":[]}`, "", problem},
		{"an error to HEAD", "HEAD", "/v1/types/missing", "", "", 404, "", "", problem},
		{"a reason", "GET", "/v1/types/stock", "", "", 409, `{"type":"urn:fairlead:error:shop.example.com:OUT_OF_STOCK",
			"title":"OUT_OF_STOCK","status":409,"detail":"there is none left","code":9,"message":"there is none left","details":[
			{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"OUT_OF_STOCK","domain":"shop.example.com",
			"metadata":{"id":"lamp"}},
			{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}]}`, "",
			problem + "|retry-after: 2|shelf: 7"},
		{"a reason of another server", "GET", "/v1/types/relay", "", "", 400, `{"type":"about:blank","title":"Bad Request",
			"status":400,"detail":"there is none left","code":9,"message":"there is none left","details":[]}`, "", problem},
		{"another error", "GET", "/v1/types/unknown", "", "", 500, "", `"code":2`, problem},
		{"a panic", "GET", "/v1/types/panic", "", "", 500, "", `"code":13`, problem},
		{"a deadline", "GET", "/v1/types/slow", "grpc-timeout: 10m", "", 504, "", `"code":4`, problem},
		{"a malformed deadline", "GET", "/v1/types/x", "grpc-timeout: soon", "", 400, "", `grpc-timeout`, problem},
		{"malformed metadata", "GET", "/v1/types/x", "echo-bin: ***", "", 400, "", `echo-bin`, problem},
		{"an enum", "GET", "/v1/types/x?syntax=7", "", "", 400, bad("syntax", `"7" is not a value of the enum`), "",
			problem},
		{"too many values", "GET", "/v1/types/x?source_context.fileName=a&sourceContext.file_name=b", "", "", 400,
			bad("source_context.file_name", "has 2 values and takes one"), "", problem},
		{"an escape in the query", "GET", "/v1/types/x?oneofs=%2", "", "", 400, bad("oneofs",
			"the value has an invalid escape"), "", problem},
		{"an escape in a name", "GET", "/v1/types/x?%zz=1", "", "", 400, "", "invalid escape", problem},
		{"too many parameters", "GET", "/v1/types/x?" + strings.Repeat("x=&", 1001), "", "", 400, "",
			"more than 1000 parameters", problem},
		{"no JSON", "POST", "/v1/types", "", `{"name":`, 400, "", `"code":3`, problem},
		{"a wrong field", "POST", "/v1/types", "", `{"oneofs":7}`, 400, "", "oneofs", problem},
		{"behind the JSON", "POST", "/v1/types", "", `{} {}`, 400, "", `"code":3`, problem},
		{"a second member", "PUT", "/v1/types/x/oneofs", "", `[], "name": "no"`, 400, "", "oneofs", problem},
		{"a second value", "PUT", "/v1/types/x/oneofs", "", `[] []`, 400, "", "oneofs", problem},
		{"too large", "POST", "/v1/types", "", `{"name":"` + strings.Repeat("x", 1000) + `"}`, 413, "", "1000 bytes",
			problem},
		{"too large, late", "POST", "/v1/types", "", `{"name":"` + strings.Repeat("x", 100_000) + `"}`, 413, "",
			"1000 bytes", problem},
		{"too large, decompressed", "POST", "/v1/types", "content-encoding: gzip",
			compressed(`{"name":"` + strings.Repeat("x", 10_000) + `"}`), 413, "", "1000 bytes", problem},
		{"compressed", "POST", "/v1/types", "content-encoding: gzip", compressed(`{"name":"x"}`), 200, `{"name":"x"}`, "",
			""},
		{"badly compressed", "POST", "/v1/types", "content-encoding: gzip", "x", 400, "", "gzip", problem},
	}
	eachVersion(t, func(t *testing.T, c *http.Client) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) { tt.run(t, c, base) })
		}
	})
}

func compressed(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, base := serve(t, rest.NewServer(rest.RefuseUnknown(true), rest.ETags(true)))
	eachVersion(t, func(t *testing.T, c *http.Client) {
		(&exchange{verb: "GET", target: "/v1/types/x?utm=1", status: 400, has: `"field":"utm"`}).run(t, c, base)
		resp, _ := do(t, c, base, &exchange{verb: "GET", target: "/v1/types/x"}) //nolint:bodyclose // do has closed it
		tag := resp.Header.Get("ETag")
		if !strings.HasPrefix(tag, `W/"`) {
			t.Errorf("the etag is %q", tag)
		}
		(&exchange{verb: "GET", target: "/v1/types/x", fields: "if-none-match: " + tag, status: 304}).run(t, c, base)
		(&exchange{verb: "GET", target: "/v1/types/y", fields: "if-none-match: " + tag, status: 200,
			has: "types/y"}).run(t, c, base)
	})
}

// TestAttach makes servers with rules that cannot be served.
func TestAttach(t *testing.T) {
	t.Parallel()
	ruleless := fairlead.HTTPRule{Verb: "GET", Template: "/v1/{other=types/*}", Params: []fairlead.HTTPParam{
		{Name: "other", InPath: true, Set: setName},
	}}
	tests := []struct {
		name string
		app  *rest.Server
		rule fairlead.HTTPRule
		want string
	}{
		{"conflict", rest.NewServer(), ruleless,
			"/test.v1.Others/Get: GET /v1/{other=types/*} answers the same requests as GET /v1/{name=types/*} of " +
				"/test.v1.Things/Get"},
		{"template", rest.NewServer(), fairlead.HTTPRule{Verb: "GET", Template: "/v1/{"},
			"/test.v1.Others/Get: GET /v1/{: template"},
		{"variable", rest.NewServer(), fairlead.HTTPRule{Verb: "GET", Template: "/v2/{x}"},
			"no field is set from the variable x"},
		{"retry", rest.NewServer(rest.Retry(-1)), fairlead.HTTPRule{Verb: "GET", Template: "/v2"}, "rest: Retry: -1ns"},
		{"heartbeat", rest.NewServer(rest.Heartbeat(-1)), fairlead.HTTPRule{Verb: "GET", Template: "/v2"},
			"rest: Heartbeat: -1ns"},
		{"nil option", rest.NewServer(nil), fairlead.HTTPRule{Verb: "GET", Template: "/v2"}, "nil Option"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := fairlead.NewMethod[thing, thing](fairlead.Unary, "test.v1.Others", "Get", rules(tt.rule))
			_, err := server.New(
				server.Service(things(), fairlead.Implement(fairlead.NewService("test.v1.Others", "proto", nil, m),
					fairlead.UnaryHandler(get))),
				server.Protocol(web.NewServer(tt.app)), server.Codec(proto.Codec{}), server.Transport(inproc.New()),
				server.Listen("x:1"),
			)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
