package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/rest/librarygw"
	"github.com/fairlead-go/fairlead/conformance/rest/librarypb"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/server"
)

// library answers with what it is asked.
type library struct{}

func answer(m *librarypb.Thing) (*librarypb.Thing, error) {
	if m.GetFail() != 0 {
		return nil, fairlead.Errorf(fairlead.Code(m.GetFail()), "asked for %d", m.GetFail())
	}
	return m, nil
}

func (library) Get(_ context.Context, m *librarypb.Thing) (*librarypb.Thing, error) { return answer(m) }
func (library) Make(_ context.Context, m *librarypb.Thing) (*librarypb.Thing, error) {
	return answer(m)
}

func (library) Create(_ context.Context, m *librarypb.Thing) (*librarypb.Thing, error) {
	return answer(m)
}

func (library) List(ctx context.Context, m *librarypb.Thing, s *fairlead.Outbound[librarypb.Thing]) error {
	if m.GetName() == "forever" {
		for i := 0; ; i++ {
			if err := s.Send(&librarypb.Thing{Text: strconv.Itoa(i)}); err != nil {
				return err
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	for _, w := range m.GetWords() {
		if err := s.Send(&librarypb.Thing{Text: w}); err != nil {
			return err
		}
	}
	_, err := answer(m)
	return err
}

func (library) Join(_ context.Context, s *fairlead.Inbound[librarypb.Thing]) (*librarypb.Thing, error) {
	all := new(librarypb.Thing)
	for m, err := range s.All() {
		if err != nil {
			return nil, err
		}
		all.Words = append(all.Words, m.GetText())
	}
	return all, nil
}

func (library) Load(_ context.Context, m *librarypb.Thing) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "text/x-" + m.GetText(), Data: []byte("<" + m.GetName() + ">")}, nil
}

// serve serves the library until t ends, and returns its address.
func serve(t *testing.T, opts ...rest.Option) string {
	t.Helper()
	all := []server.Option{server.Service(librarypb.Library(library{})), preset.Logger(slog.New(slog.DiscardHandler))}
	if len(opts) > 0 {
		all = append(all, server.HTTP(rest.NewServer(opts...)))
	}
	s, err := preset.NewServer("127.0.0.1:0", all...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

// gateway puts grpc-gateway before the server at addr, and returns its URL.
func gateway(t *testing.T, addr string) string {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{
		// Zero values are left out, as ProtoJSON has it.
		Marshaler: &runtime.JSONPb{UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true}},
	}), runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash))
	if err := librarygw.RegisterLibraryHandlerClient(t.Context(), mux, librarygw.NewLibraryClient(cc)); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// h2c is a client for this side.
func h2c(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: noRedirect}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// request is one that both sides get.
type request struct {
	verb, path  string
	query       url.Values
	contentType string
	body        string
}

func (r *request) String() string {
	return fmt.Sprintf("%s %s?%s %q %s", r.verb, r.path, r.query.Encode(), r.contentType, r.body)
}

// response is what matters of one.
type response struct {
	status int
	code   any // of an error
	body   string
}

func (r *request) send(t *testing.T, c *http.Client, base string) response {
	t.Helper()
	target := base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), r.verb, target, strings.NewReader(r.body))
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	out := response{status: resp.StatusCode, body: string(b)}
	var v any
	if json.Unmarshal(b, &v) == nil {
		if m, ok := v.(map[string]any); ok && resp.StatusCode >= 400 {
			out.code, out.body = m["code"], ""
		} else {
			plain, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			out.body = string(plain)
		}
	}
	return out
}

// The parts that requests are made of: good ones, and such as must be refused.
var (
	paths = []string{
		"/v1/shelves/1/books/2", "/v1/shelves/a%20b/books/%C3%A9", "/v1/shelves/1/books/2%2F3", "/v1/shelves/1/books",
		"/v1/books/x", "/v1/books/new", "/v1/books/a%2Fb", "/v1/books/x:y", "/v1/books/x:read", "/v1/books/%3Aread",
		"/v1/files/a/b%20c", "/v1/files/a/b%2Fc", "/v1/files/a//b", "/v1/files/a/", "/v1/files", "/v1/echo", "/v1/echo/",
		"/v1//echo", "/v1/numbers/7/COLOR_RED/t", "/v1/numbers/-7/5/t%2Bu", "/v1/numbers/x/1/t", "/v1/numbers/1/GREEN/t",
		"/v1/numbers/99999999999999999999/1/t", "/v1/things", "/v1/things/x", "/v1/things/x:touch", "/v1/things/x/inner",
		"/v1/things/x/part", "/v1/things/x/words", "/v1/things/x/text", "/v1/things/x/labels", "/v1/things/x/inners",
		"/v1/empty/x", "/v1/created", "/v1/load/x", "/v1/nothing", "/",
	}
	fields = []string{
		"name", "fail", "text", "an_int32", "anInt32", "an_int64", "a_uint64", "aBool", "a_double", "some_bytes", "color",
		"words", "colors", "time", "span", "mask", "string_value", "int64Value", "inner.text", "inner.number", "inner.tags",
		"word", "other.text", "maybe", "labels[a]", "unknown", "inners.text", "free.a",
	}
	texts = []string{
		"", "0", "1", "5", "-1", "1.5", "x", "true", "false", "a b", "é", "COLOR_RED", "COLOR_GREEN", "AAE=",
		"1970-01-01T00:00:01Z",
		"1.5s", "a,b.c", "9223372036854775807", "99999999999999999999",
	}
	bodies = []string{
		"", "{}", `{"text":"t"}`, `{"name":"n","an_int32":3}`, `{"anInt64":"7","words":["a","b"],"inner":{"text":"i"}}`,
		`{"fail":5}`, `{"fail":9,"text":"x"}`, `{"unknown":1}`, `{"text":`, `{"text":7}`, `{"color":"COLOR_BLUE"}`,
		`{"color":"COLOR_GREEN"}`, `{"labels":{"k":"v"}}`, `{"time":"1970-01-01T00:00:01Z","span":"1.5s"}`, `"t"`,
		`["a","b"]`,
		`[{"text":"a"}]`, `[]`, `7`, `null`, `{"k":"v"}`, `{"maybe":0}`, `{"free":{"a":[1,null]}}`, `{"an_int32":1e2}`,
		`{"aDouble":"NaN"}`, `{} `, `{"text":"t"} x`, `{"word":"w","other":{}}`,
	}
)

// verbOf returns a method that a path has.
func verbOf(r *rand.Rand, path string) string {
	for begin, verb := range map[string]string{
		"/v1/things/x/": "PUT", "/v1/things": "POST", "/v1/empty": "POST", "/v1/created": "POST",
	} {
		if strings.HasPrefix(path, begin) && (begin != "/v1/things" || !strings.HasPrefix(path, "/v1/things/x/")) {
			return verb
		}
	}
	if strings.HasPrefix(path, "/v1/books/") && r.IntN(5) == 0 {
		return "DELETE"
	}
	return "GET"
}

// goodText returns a text that is good for most fields whose name is like this one.
func goodText(field string) string {
	for part, text := range map[string]string{
		"bool": "true", "Bool": "true", "int": "7", "Int": "7", "fail": "0", "double": "1.5", "bytes": "AAE=",
		"olor": "COLOR_RED",
		"time": "1970-01-01T00:00:01Z", "span": "1.5s", "mask": "a,b.c", "number": "3", "maybe": "0",
	} {
		if strings.Contains(field, part) {
			return text
		}
	}
	return "a b"
}

// randomRequest makes a request.
func randomRequest(r *rand.Rand) *request {
	q := &request{path: paths[r.IntN(len(paths))], query: make(url.Values)}
	q.verb = verbOf(r, q.path)
	if r.IntN(10) == 0 {
		q.verb = []string{"GET", "POST", "PUT", "DELETE", "PATCH"}[r.IntN(5)]
	}
	for range r.IntN(4) {
		field := fields[r.IntN(len(fields))]
		text := goodText(field)
		if r.IntN(4) == 0 {
			text = texts[r.IntN(len(texts))]
		}
		q.query.Add(field, text)
	}
	if q.verb != "GET" && q.verb != "DELETE" {
		q.body, q.contentType = bodies[r.IntN(len(bodies))], "application/json"
	}
	return q
}

// TestAsGateway sends random requests to both sides, which must agree on the status, on the code of an error, and on
// the body of a success.
func TestAsGateway(t *testing.T) {
	t.Parallel()
	addr := serve(t)
	there := gateway(t, addr)
	here, client := h2c(t), &http.Client{CheckRedirect: noRedirect}
	random := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // to be repeatable
	const n = 4000
	counts := make(map[string]int)
	good, failed := 0, 0
	for range n {
		q := randomRequest(random)
		got, want := q.send(t, here, "http://"+addr), q.send(t, client, there)
		if why := differs(q, got, want); why != "" {
			counts[why]++
			continue
		}
		if got != want {
			if failed++; failed < 20 {
				t.Errorf("%v:\ngot  %+v\nwant %+v", q, got, want)
			}
			continue
		}
		if got.status < 300 {
			good++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d requests: %s", counts[why], why)
	}
	t.Logf("%d requests, %d with a response that was compared, %d that differ and should not", n, good, failed)
	if good < n/4 {
		t.Errorf("only %d responses were compared", good)
	}
}

// differs returns why the two sides answer a request differently on purpose, with the passage that decides, "" if they
// must not.
func differs(q *request, got, want response) string {
	names := func(part string) bool {
		for name := range q.query {
			if strings.Contains(name, part) {
				return true
			}
		}
		return false
	}
	same := got.status == want.status
	switch {
	case same && (got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed) && got.code == nil:
		return "404 and 405 of the wire are text; there they are a google.rpc.Status"
	case got.status == http.StatusMethodNotAllowed &&
		(want.status == http.StatusNotImplemented || want.status == http.StatusNotFound):
		return "405 for a path that has other methods (RFC 9110, section 15.5.6); there 501"
	case got.status == http.StatusCreated && want.status == http.StatusOK:
		return "201 by (fairlead.method).http_status"
	case same && got.status == http.StatusInternalServerError:
		return "the response has a FieldMask that JSON cannot have: INTERNAL; there UNKNOWN"
	case names("labels["):
		return "maps in the query are ignored (http.proto: \"must have a primitive type or a repeated primitive type\")"
	case names("free.") || names("inners."):
		return "names below what has no form as a text are ignored; there they make an empty message, or are refused"
	case q.path == "/v1/books/a%2Fb" && strings.Contains(got.body, "a/b"):
		return "%2F in a variable of one segment (http.proto: \"the server side does the reverse decoding\"); there not"
	case strings.Contains(q.path, "%2F") && strings.Contains(got.body, "%2F"):
		return "%2F in a variable of several segments (http.proto: it is \"left unchanged\"); there it is decoded"
	case got.body == "[]" && want.body == "null":
		return "an empty list is [] (ProtoJSON); there null"
	case strings.HasSuffix(q.body, " x") && got.status == http.StatusBadRequest:
		return "text behind the JSON (RFC 8259, section 2: a JSON text is one value); there it is ignored"
	}
	return ""
}

// TestStreamAsGateway compares streams of responses: there each message is the member "result" of an object.
func TestStreamAsGateway(t *testing.T) {
	t.Parallel()
	addr := serve(t)
	there := gateway(t, addr)
	for _, q := range []*request{
		{verb: "GET", path: "/v1/list/x", query: url.Values{"words": {"a", "b c"}}},
		{verb: "GET", path: "/v1/list/x"},
		{verb: "POST", path: "/v1/join", contentType: "application/json", body: `{"text":"a"} {"text":"b"}`},
		{verb: "POST", path: "/v1/join", contentType: "application/json", body: "{\"text\":\"a\"}\n{\"text\":\"b\"}\n"},
		{verb: "POST", path: "/v1/join", contentType: "application/json"},
		{verb: "POST", path: "/v1/join", contentType: "application/json", body: `{"text":`},
	} {
		got, want := q.send(t, h2c(t), "http://"+addr), q.send(t, new(http.Client), there)
		got.body, want.body = strings.Join(elements(got.body, ""), "\n"), strings.Join(elements(want.body, "result"), "\n")
		if got != want {
			t.Errorf("%v:\ngot  %+v\nwant %+v", q, got, want)
		}
	}
}

// elements returns JSON values that stand one after another: themselves, or a member of each.
func elements(body, member string) []string {
	var all []string
	for d := json.NewDecoder(strings.NewReader(body)); ; {
		var v any
		if d.Decode(&v) != nil {
			return all
		}
		if m, ok := v.(map[string]any); ok && m[member] != nil {
			v = m[member]
		}
		b, err := json.Marshal(v)
		if err != nil {
			return all
		}
		all = append(all, string(b))
	}
}
