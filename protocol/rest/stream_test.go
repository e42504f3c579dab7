package rest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/server"
)

const (
	ndjson = "content-type: application/x-ndjson"
	sse    = "accept: text/event-stream"
)

func TestServerStream(t *testing.T) {
	t.Parallel()
	_, base := serve(t, rest.NewServer(rest.Retry(3*time.Second)))
	const listing = "/v1/types/x:list?oneofs=a&oneofs=b"
	lost := `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the rest is lost","code":15,` +
		`"message":"the rest is lost","details":[]}`
	tests := []exchange{
		{"lines", "GET", listing, "", "", 200, "\"a\"\n\"b\"\n", "", ndjson},
		{"any", "GET", listing, "accept: text/html, */*;q=0.8", "", 200, "\"a\"\n\"b\"\n", "", ndjson},
		{"array", "GET", listing, "accept: application/json", "", 200, `["a","b"]`, "",
			"content-type: application/json|vary: accept"},
		{"preferred", "GET", listing, "accept: text/event-stream;q=0.1, application/json", "", 200, `["a","b"]`, "", ""},
		{"events", "GET", listing, sse, "", 200,
			"retry: 3000\n\ndata: \"a\"\n\ndata: \"b\"\n\nid: $end\nevent: end\ndata: {}\n\n", "",
			"content-type: text/event-stream|x-accel-buffering: no|cache-control: no-store"},
		{"no messages", "GET", "/v1/types/x:list", "", "", 200, "", "", ndjson},
		{"no elements", "GET", "/v1/types/x:list", "accept: application/json", "", 200, "[]", "", ""},
		{"no events", "GET", "/v1/types/x:list", sse, "", 200, "id: $end\nevent: end\ndata: {}\n\n", "", ""},
		{"by POST", "POST", "/v1/types:list", "", `{"oneofs":["a"]}`, 200, "\"a\"\n", "", ndjson},
		{"HEAD", "HEAD", listing, sse, "", 200, "", "", "content-type: text/event-stream"},

		{"error first", "GET", "/v1/types/first:list", "", "", 404, "", `"code":5`,
			"content-type: application/problem+json"},
		{"error first, events", "GET", "/v1/types/first:list", sse, "", 404, "", `"code":5`,
			"content-type: application/problem+json"},
		{"error last", "GET", "/v1/types/last:list?oneofs=a", "", "", 200, "\"a\"\n{\"error\":" + lost + "}\n", "", ""},
		{"error last, array", "GET", "/v1/types/last:list?oneofs=a", "accept: application/json", "", 200,
			`["a",{"error":` + lost + `}]`, "", ""},
		{"error last, events", "GET", "/v1/types/last:list?oneofs=a", sse, "", 200,
			"retry: 3000\n\ndata: \"a\"\n\nid: $end\nevent: error\ndata: " + lost + "\n\n", "", ""},
		{"come again", "GET", "/v1/types/again:list?oneofs=a", sse, "", 200, "", "retry: 1500\n\nevent: error\n", ""},
		{"deadline", "GET", "/v1/types/slow:list?oneofs=a", "grpc-timeout: 50m", "", 200, "", `"code":4`, ""},
		{"a bad request", "POST", "/v1/types:list", "", `{"oneofs":1}`, 400, "", `oneofs`, ""},

		{"resumes", "GET", "/v1/types/resumes:list?oneofs=a&oneofs=b", sse + "|last-event-id: a", "", 200,
			"retry: 3000\n\nid: b\ndata: \"b\"\n\nid: $end\nevent: end\ndata: {}\n\n", "", ""},
		{"comes back after the end", "GET", listing, sse + "|last-event-id: $end", "", 204, "", "", "content-type: -"},
		{"lines after the end", "GET", listing, "last-event-id: $end", "", 200, "\"a\"\n\"b\"\n", "", ""},

		{"download", "GET", "/v1/types/x:load?oneofs=ab&oneofs=&oneofs=c", "", "", 200, "abc", "",
			"content-type: image/test"},
		{"empty download", "GET", "/v1/types/x:load", "", "", 200, "", "", "content-type: application/octet-stream"},
	}
	eachVersion(t, func(t *testing.T, c *http.Client) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) { tt.run(t, c, base) })
		}
		resp, _ := do(t, c, base, &exchange{verb: "GET", target: listing})
		if got := resp.Trailer.Get("Count"); got != "2" {
			t.Errorf("the trailer's count is %q", got)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/types/last:load?oneofs=a", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err = c.Do(req); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("a download that failed ends with %q", b)
		}
	})
}

func TestClientStream(t *testing.T) {
	t.Parallel()
	_, base := serve(t, rest.NewServer(), server.MaxRecvMessage(1000))
	tests := []exchange{
		{"lines", "POST", "/v1/join", ndjson, "\"a\"\n\"b\"\r\n", 200, `"a;b;"`, "", "content-type: application/json"},
		{"no line break at the end", "POST", "/v1/join", ndjson, "\"a\"\n\"b\"", 200, `"a;b;"`, "", ""},
		{"array", "POST", "/v1/join", "", ` [ "a" , "b" ] `, 200, `"a;b;"`, "", ""},
		{"one after another", "POST", "/v1/join", "", ` "a" "b"`, 200, `"a;b;"`, "", ""},
		{"empty array", "POST", "/v1/join", "", `[]`, 200, `""`, "", ""},
		{"nothing", "POST", "/v1/join", "", ``, 200, `""`, "", ""},
		{"long", "POST", "/v1/join", "", "[" + strings.Repeat(`"x",`, 50_000) + `"y"]`, 200,
			`"` + strings.Repeat("x;", 50_000) + `y;"`, "", ""},
		{"an array that ends early", "POST", "/v1/join", "", `["a"`, 400, "", "ends within its array", ""},
		{"a value that ends early", "POST", "/v1/join", "", `["a`, 400, "", "ends within a value", ""},
		{"a comma too many", "POST", "/v1/join", "", `["a",]`, 400, "", "malformed", ""},
		{"a comma too few", "POST", "/v1/join", "", `["a" "b"]`, 400, "", "malformed", ""},
		{"something behind", "POST", "/v1/join", "", `["a"] 1`, 400, "", "behind its array", ""},
		{"a wrong message", "POST", "/v1/join", "", `["a", 1]`, 400, "", "want a string", ""},
		{"a message that is too long", "POST", "/v1/join", "", `["` + strings.Repeat("x", 1000) + `"]`, 413, "",
			"1000 bytes", ""},
		{"one that is much too long", "POST", "/v1/join", "", `["` + strings.Repeat("x", 1_000_000) + `"]`, 413, "",
			"1000 bytes", ""},
		{"text", "POST", "/v1/join", "content-type: text/plain", `"a"`, 415, "", "content type", ""},
		{"compressed", "POST", "/v1/join", "content-encoding: gzip", `"a"`, 415, "", "gzip", ""},
		{"both ways", "POST", "/v1/chat", ndjson, "\"a\"\n\"b\"\n", 200, "\"re a\"\n\"re b\"\n", "", ndjson},
		{"both ways, arrays", "POST", "/v1/chat", "accept: application/json", `["a","b"]`, 200, `["re a","re b"]`, "", ""},
		{"upload", "POST", "/v1/upload/f", "content-type: image/png", strings.Repeat("0123456789", 10_000), 200, "",
			"image/png f [], 100000 bytes", ""},
		{"empty upload", "POST", "/v1/upload/f", "content-type: image/png", "", 200, "", "0 bytes", ""},
	}
	form, boundary := newForm(t)
	tests = append(tests, exchange{"form", "POST", "/v1/upload/f?oneofs=q",
		"content-type: multipart/form-data; boundary=" + boundary,
		form, 200, "", "image/png f a.png[q o1 o2],text/plain f b.txt[q o1 o2 o3], 100003 bytes", ""},
		exchange{"half a form", "POST", "/v1/upload/f", "content-type: multipart/form-data; boundary=" + boundary,
			form[:len(form)-10], 400, "", "malformed", ""},
		exchange{"no boundary", "POST", "/v1/upload/f", "content-type: multipart/form-data", form, 400, "", "boundary", ""},
	)
	eachVersion(t, func(t *testing.T, c *http.Client) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) { tt.run(t, c, base) })
		}
	})
}

// newForm returns a form with parameters and two files.
func newForm(t *testing.T) (body, boundary string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	field := func(name, value string) {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name, contentType, content string) {
		p, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, name)}, "Content-Type": {contentType},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	field("oneofs", "o1")
	field("oneofs", "o2")
	file("a.png", "image/png", strings.Repeat("0123456789", 10_000))
	field("oneofs", "o3")
	field("else", "x")
	file("b.txt", "text/plain", "abc")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.Boundary()
}

// TestFullDuplex has a conversation, in which each side waits for the other.
func TestFullDuplex(t *testing.T) {
	t.Parallel()
	_, base := serve(t, rest.NewServer())
	eachVersion(t, func(t *testing.T, c *http.Client) {
		pr, pw := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/chat", pr)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-ndjson")
		go func() { _, _ = pw.Write([]byte("\"0\"\n")) }()
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(resp.Body)
		for i := range 3 {
			line, err := r.ReadString('\n')
			if want := fmt.Sprintf("\"re %d\"\n", i); err != nil || line != want {
				t.Fatalf("got %q, %v, want %q", line, err, want)
			}
			if i < 2 {
				if _, err := fmt.Fprintf(pw, "\"%d\"\n", i+1); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = pw.Close()
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("at the end: %q, %v", rest, err)
		}
		_ = resp.Body.Close()
	})
}

// TestCancel: a client that leaves cancels its call, and no call is left.
func TestCancel(t *testing.T) {
	t.Parallel()
	s, base := serve(t, rest.NewServer())
	eachVersion(t, func(t *testing.T, c *http.Client) {
		for _, target := range []string{"/v1/types/slow:list?oneofs=a", "/v1/types/slow:list?oneofs=a&x"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		for s.Stats().Calls > 0 {
			time.Sleep(time.Millisecond) // the server is told by another goroutine
		}
	})
}
