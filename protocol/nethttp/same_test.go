package nethttp_test

import (
	"compress/gzip"
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/http/pprof"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const notAllowed = "a method that is not allowed"

// sameCase is a request and the handler that answers it. What the handler returns is compared as well.
type sameCase struct {
	name    string
	pattern string // "/" if empty
	verb    string // GET if empty
	path    string // "/" if empty
	header  http.Header
	body    func() io.Reader
	trailer http.Header // of the request
	handler func(w http.ResponseWriter, r *http.Request) string
	serve   http.Handler // instead of handler
	aborts  bool         // the response does not come to its end
	// unreached says that the mux answers, and not the handler.
	unreached bool
	version   int // 0: all
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

// unsized hides the length of a body.
func unsized(s string) func() io.Reader {
	return func() io.Reader { return io.MultiReader(strings.NewReader(s)) }
}

func say(s string) func(http.ResponseWriter, *http.Request) string {
	return func(w http.ResponseWriter, _ *http.Request) string {
		n, err := io.WriteString(w, s)
		return fmt.Sprint(n, err)
	}
}

func note(f func(r *http.Request) any) func(http.ResponseWriter, *http.Request) string {
	return func(_ http.ResponseWriter, r *http.Request) string { return fmt.Sprintf("%v", f(r)) }
}

func readAll(r *http.Request) string {
	b, err := io.ReadAll(r.Body)
	_, again := r.Body.Read(make([]byte, 1))
	return fmt.Sprintf("%d %q %v %v", r.ContentLength, b, err, again)
}

func sameCases() []sameCase {
	long := strings.Repeat("0123456789abcdef", 1<<16)
	files := fstest.MapFS{
		"a.txt": {Data: []byte("hello, file"), ModTime: time.Unix(1e9, 0)}, "index.html": {Data: []byte("<p>")},
	}
	return []sameCase{
		{name: "nothing", handler: func(http.ResponseWriter, *http.Request) string { return "" }},
		{name: "short", handler: say("hello")},
		{name: "half of what is held", handler: say(long[:2048])},
		{name: "long", handler: say(long)},
		{name: "in pieces", handler: func(w http.ResponseWriter, _ *http.Request) string {
			for i := range 3000 {
				fmt.Fprintln(w, i)
			}
			return ""
		}},
		{name: "HTML", handler: say("<html><body>")},
		{name: "binary", handler: say("\x00\x01\x02")},
		{name: "a type", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Content-Type", "application/x-own")
			fmt.Fprint(w, "<html>")
			return ""
		}},
		{name: "no type", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header()["Content-Type"] = nil
			fmt.Fprint(w, "<html>")
			return ""
		}},
		{name: "an encoding", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Content-Encoding", "own")
			fmt.Fprint(w, "<html>")
			return ""
		}},
		{name: "flush first", handler: func(w http.ResponseWriter, _ *http.Request) string {
			err := http.NewResponseController(w).Flush()
			fmt.Fprint(w, "later")
			return fmt.Sprint(err)
		}},
		{name: "flush between", handler: func(w http.ResponseWriter, _ *http.Request) string {
			fmt.Fprint(w, "<html>")
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "later")
			return ""
		}},
		{name: "a status", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Location", "/there")
			w.WriteHeader(http.StatusCreated)
			w.Header().Set("Too", "late")
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, "created")
			return ""
		}},
		{name: "a status alone", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.WriteHeader(http.StatusTeapot)
			return ""
		}},
		{name: "a status of its own", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.WriteHeader(799)
			return ""
		}},
		{name: "HEAD of short", verb: "HEAD", handler: say("hello")},
		{name: "HEAD of long", verb: "HEAD", handler: func(w http.ResponseWriter, _ *http.Request) string {
			_, _ = io.WriteString(w, long) // a short write, says HTTP/2 of net/http
			return ""
		}},
		{name: "HEAD of nothing", verb: "HEAD", handler: func(http.ResponseWriter, *http.Request) string { return "" }},
		{name: "HEAD of a length", verb: "HEAD", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Content-Length", "12345")
			return ""
		}},
		{name: "204 with a body", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.WriteHeader(http.StatusNoContent)
			_, err := fmt.Fprint(w, "more")
			return fmt.Sprint(err)
		}},
		{name: "304", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(http.StatusNotModified)
			return ""
		}},
		{name: "a length", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Content-Length", "5")
			n, err := fmt.Fprint(w, "hello") // of more than that, HTTP/2 of net/http notices the end of the handler
			return fmt.Sprint(n, err)
		}},
		{name: "less than its length", aborts: true, handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Content-Length", "50")
			fmt.Fprint(w, "hello")
			w.(http.Flusher).Flush()
			return ""
		}},
		{name: "fields", handler: func(w http.ResponseWriter, _ *http.Request) string {
			h := w.Header()
			h.Add("Set-Cookie", "a=1")
			h.Add("Set-Cookie", "b=2")
			h.Add("X-Empty", "")
			h["lower-case"] = []string{"too"}
			h["Not A Name"] = []string{"dropped"}
			return ""
		}},
		{name: "own date", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
			fmt.Fprint(w, "old")
			return ""
		}},
		{name: "no date", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header()["Date"] = nil
			return ""
		}},
		{name: "trailers", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Trailer", "Sum, Unset")
			fmt.Fprint(w, "body")
			w.(http.Flusher).Flush() // or HTTP/2 of net/http states the length, and HTTP/1.1 does not
			w.Header().Set("Sum", "42")
			w.Header().Set(http.TrailerPrefix+"Undeclared", "43")
			return ""
		}},
		{name: "trailers of a long body", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Trailer", "Sum")
			fmt.Fprint(w, long)
			w.Header().Set("Sum", "42")
			return ""
		}},
		{name: "early hints", handler: func(w http.ResponseWriter, _ *http.Request) string {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "hello")
			return ""
		}},
		{name: "error", handler: func(w http.ResponseWriter, _ *http.Request) string {
			http.Error(w, "not today", http.StatusServiceUnavailable)
			return ""
		}},
		{name: "redirect", handler: func(w http.ResponseWriter, r *http.Request) string {
			http.Redirect(w, r, "/elsewhere?a=b", http.StatusFound)
			return ""
		}},

		{name: "what a request is", path: "/a%2Fb/c?x=1&y=%20", handler: note(func(r *http.Request) any {
			return []any{
				r.Method, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.RequestURI, r.FormValue("y"), r.Proto,
				r.ProtoMajor, r.ProtoMinor, r.TLS, r.Pattern, r.Close,
			}
		})},
		{name: "fields of a request", header: http.Header{
			"X-One": {"1", "2"}, "User-Agent": {"test"}, "Content-Type": {"a/b"}, "Grpc-Timeout": {"1S"},
			"Connect-Timeout-Ms": {"5"}, "Cookie": {"a=1; b=2"},
		}, handler: note(func(r *http.Request) any {
			r.Header.Del("Accept-Encoding")
			return r.Header
		})},
		{name: "no body", verb: "POST", handler: note(func(r *http.Request) any {
			return readAll(r)
		})},
		{name: "a body", verb: "POST", body: text("hello"), handler: note(func(r *http.Request) any { return readAll(r) })},
		{name: "a body without a length", verb: "PUT", body: unsized("hello"), handler: note(func(r *http.Request) any {
			return readAll(r)
		})},
		{name: "a long body", verb: "PUT", body: unsized(long + long + long), handler: note(func(r *http.Request) any {
			n, err := io.Copy(io.Discard, r.Body)
			return fmt.Sprint(n, err)
		})},
		{name: "a body that is not read", verb: "PUT", body: text("hello"), handler: say("thanks")},
		{name: "a body that was closed", verb: "PUT", body: text("hello"), handler: note(func(r *http.Request) any {
			err := r.Body.Close()
			_, read := r.Body.Read(make([]byte, 1))
			return fmt.Sprint(err, read != nil)
		})},
		{name: "trailers of a request", verb: "POST", body: unsized("hello"), trailer: http.Header{"Sum": {"42"}},
			handler: note(func(r *http.Request) any {
				before := fmt.Sprint(r.Trailer)
				return before + readAll(r) + fmt.Sprint(r.Trailer, r.Header["Trailer"])
			})},
		{name: "a form", verb: "POST", body: text("a=1&b=2"), header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"},
		}, handler: note(func(r *http.Request) any { return r.FormValue("b") + r.PostForm.Encode() })},
		{name: "expect", verb: "POST", body: text("hello"), header: http.Header{"Expect": {"100-continue"}},
			handler: note(func(r *http.Request) any { return readAll(r) })},
		{name: "echo", verb: "POST", body: unsized(long), handler: func(w http.ResponseWriter, r *http.Request) string {
			full := http.NewResponseController(w).EnableFullDuplex()
			n, err := io.Copy(w, r.Body)
			return fmt.Sprint(full, n, err)
		}},

		{
			name: "a pattern", pattern: "GET /users/{id}/{rest...}", path: "/users/7/a/b",
			handler: note(func(r *http.Request) any { return r.Pattern + r.PathValue("id") + r.PathValue("rest") }),
		},
		{name: "HEAD of a GET", pattern: "GET /users/{id}", verb: "HEAD", path: "/users/7", handler: say("x")},
		{name: "a tree", unreached: true, pattern: "/tree/", path: "/tree", handler: say("x")},
		{name: "a path that is not clean", unreached: true, pattern: "/tree/", path: "/tree/../tree//x", handler: say("x")},
		{name: notAllowed, unreached: true, pattern: "GET /tree", verb: "PUT", path: "/tree", handler: say("x")},

		{name: "files", serve: http.FileServerFS(files), path: "/a.txt"},
		{name: "a part of a file", serve: http.FileServerFS(files), path: "/a.txt", header: http.Header{
			"Range": {"bytes=7-8"},
		}},
		{name: "a file that has not changed", serve: http.FileServerFS(files), path: "/a.txt", header: http.Header{
			"If-Modified-Since": {time.Unix(1e9, 0).UTC().Format(http.TimeFormat)},
		}},
		{name: "HEAD of a file", verb: "HEAD", serve: http.FileServerFS(files), path: "/a.txt"},
		{name: "an index", serve: http.FileServerFS(files), path: "/"},
		{name: "no file", serve: http.FileServerFS(files), path: "/b.txt"},
		{
			name: "prefix", pattern: "/files/", serve: http.StripPrefix("/files", http.FileServerFS(files)),
			path: "/files/a.txt",
		},
		{name: "in time", serve: http.TimeoutHandler(sayHandler("in time"), time.Hour, "late")},
		{name: "not in time", serve: http.TimeoutHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}), time.Millisecond, "late")},
		{
			name: "too many bytes", verb: "POST", body: text("123456"),
			handler: func(w http.ResponseWriter, r *http.Request) string {
				b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 3))
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
				return fmt.Sprint(string(b), err)
			},
		},
		{name: "gzip", serve: gzipped(sayHandler(long[:1<<17])), header: http.Header{"Accept-Encoding": {"gzip"}}},
		{name: "proxy", serve: proxy(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "Sum")
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %q %d", r.Method, r.URL.Path, b, r.ContentLength)
			w.Header().Set("Sum", "42")
		}), path: "/x", verb: "POST", body: unsized("to the backend")},
		{name: "proxy of a GET", serve: proxy(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.ContentLength, r.TransferEncoding)
		})},
		{name: "pprof", pattern: "/debug/pprof/", serve: http.HandlerFunc(pprof.Cmdline), path: "/debug/pprof/cmdline"},
		{
			name: "expvar", pattern: "GET /debug/vars", path: "/debug/vars",
			handler: func(w http.ResponseWriter, r *http.Request) string {
				rec := httptest.NewRecorder()
				expvar.Handler().ServeHTTP(rec, r)
				w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
				w.WriteHeader(rec.Code)
				return ""
			},
		},

		{name: "abort at once", aborts: true, handler: func(http.ResponseWriter, *http.Request) string {
			panic(http.ErrAbortHandler)
		}},
		{name: "abort in the middle", aborts: true, handler: func(w http.ResponseWriter, _ *http.Request) string {
			fmt.Fprint(w, "begun")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{name: "panic in the middle", aborts: true, handler: func(w http.ResponseWriter, _ *http.Request) string {
			fmt.Fprint(w, "begun")
			w.(http.Flusher).Flush()
			panic("oh")
		}},
		{name: "no connection of its own", version: 2, handler: func(w http.ResponseWriter, _ *http.Request) string {
			_, _, err := http.NewResponseController(w).Hijack()
			_, is := w.(http.Hijacker)
			return fmt.Sprint(errors.Is(err, http.ErrNotSupported), is)
		}},
		{name: "read deadline", verb: "POST", body: stuck, handler: func(w http.ResponseWriter, r *http.Request) string {
			rc := http.NewResponseController(w)
			set := rc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			b := make([]byte, 10)
			n, err := r.Body.Read(b)
			m, late := r.Body.Read(b)
			http.Error(w, "late", http.StatusRequestTimeout)
			return fmt.Sprint(set, string(b[:n]), err, m, errors.Is(late, os.ErrDeadlineExceeded))
		}},
		{name: "write deadline", aborts: true, handler: func(w http.ResponseWriter, _ *http.Request) string {
			set := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
			var err error
			for err == nil {
				_, err = io.WriteString(w, long)
			}
			return fmt.Sprint(set)
		}},
	}
}

// stuck is a body that does not come to its end until the response is there.
func stuck() io.Reader {
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, "begun") }()
	return r
}

func sayHandler(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
}

func gzipped(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		h.ServeHTTP(gzipWriter{w, z}, r)
	})
}

type gzipWriter struct {
	http.ResponseWriter

	z *gzip.Writer
}

func (w gzipWriter) Write(b []byte) (int, error) { return w.z.Write(b) }

// proxy is a ReverseProxy with a backend of net/http, which answers without a network.
func proxy(h http.HandlerFunc) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "backend"}) },
		Transport: backend(h),
		ErrorLog:  log.New(io.Discard, "", 0),
	}
}

type backend http.HandlerFunc

func (b backend) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	b(rec, r)
	return rec.Result(), nil
}

// answer is what a client gets.
type answer struct {
	status  int
	header  http.Header
	body    string
	trailer http.Header
	interim []string
	length  int64
	note    string
	failed  bool
}

// ask makes the request of a case.
func ask(t *testing.T, c *http.Client, base string, tt *sameCase, notes <-chan string) (a answer) {
	t.Helper()
	defer c.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(20*time.Second))
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code != 100 {
				a.interim = append(a.interim, fmt.Sprint(code, h))
			}
			return nil
		},
	})
	var body io.Reader
	if tt.body != nil {
		body = tt.body()
		if c, ok := body.(io.Closer); ok {
			defer c.Close()
		}
	}
	verb, path := tt.verb, tt.path
	if verb == "" {
		verb = http.MethodGet
	}
	if path == "" {
		path = "/"
	}
	r, err := http.NewRequestWithContext(ctx, verb, base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, tt.header)
	r.Trailer = tt.trailer
	resp, err := c.Do(r)
	if err != nil {
		a.failed = true
		if !tt.aborts {
			t.Errorf("%s: %v", base, err)
			return a
		}
	} else {
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		a.failed = err != nil
		a.status, a.header, a.trailer, a.body = resp.StatusCode, resp.Header, resp.Trailer, string(b)
		a.length = resp.ContentLength
		if tt.aborts {
			a.body = ""
		}
		if a.header["Date"] != nil && tt.name != "own date" {
			a.header["Date"] = []string{"one"}
		}
	}
	if tt.handler != nil && !tt.unreached {
		select {
		case a.note = <-notes:
		case <-ctx.Done():
			t.Errorf("%s: the handler did not return", base)
		}
	}
	return a
}

// TestSame: a handler gives the same answers mounted as under net/http.
func TestSame(t *testing.T) { //nolint:paralleltest // leakcheck counts goroutines
	for _, version := range versions {
		for _, tt := range sameCases() {
			if tt.version != 0 && tt.version != version {
				continue
			}
			t.Run(fmt.Sprintf("HTTP/%d/%s", version, tt.name), func(t *testing.T) {
				leakcheck.Check(t)
				notes := make(chan string, 10)
				h := tt.serve
				if h == nil {
					h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						told := "panicked"
						defer func() { notes <- told }()
						told = tt.handler(w, r)
					})
				}
				pattern := tt.pattern
				if pattern == "" {
					pattern = "/"
				}
				mux := http.NewServeMux()
				mux.Handle(pattern, h)
				client := newClient(t, version)
				want := ask(t, client, serveNetHTTP(t, mux), &tt, notes)
				got := ask(t, client, serveMounted(t, nethttp.Mount(pattern, h)), &tt, notes)
				compare(t, &tt, got, want)
			})
		}
	}
}

func compare(t *testing.T, tt *sameCase, got, want answer) {
	t.Helper()
	if tt.name == notAllowed { // the text is the server's
		for _, a := range []*answer{&got, &want} {
			a.body, a.length = "", 0
			a.header.Del("X-Content-Type-Options")
			a.header.Del("Content-Length")
			allow := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(allow)
			a.header.Set("Allow", strings.Join(allow, ", "))
		}
	}
	if got.status != want.status || got.body != want.body || got.note != want.note || got.failed != want.failed ||
		got.length != want.length || fmt.Sprint(got.interim) != fmt.Sprint(want.interim) {
		t.Errorf("got\n%+v, want\n%+v", short(got), short(want))
	}
	for _, h := range [][2]http.Header{{got.header, want.header}, {got.trailer, want.trailer}} {
		if g, w := fmt.Sprint(h[0]), fmt.Sprint(h[1]); g != w {
			t.Errorf("got the fields\n%s, want\n%s", g, w)
		}
	}
}

func short(a answer) answer {
	if len(a.body) > 200 {
		a.body = a.body[:200]
	}
	return a
}

// serveNetHTTP serves h by net/http until t ends, and returns its URL.
func serveNetHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-over
	})
	return "http://" + l.Addr().String()
}

// newClient returns a client that speaks one version of HTTP, without TLS.
func newClient(t *testing.T, version int) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true, ExpectContinueTimeout: time.Hour}
	tr.Protocols.SetHTTP1(version == 1)
	tr.Protocols.SetUnencryptedHTTP2(version == 2)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport:     tr,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
