package httprule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// newRouter makes a router whose values are the bindings themselves, "GET /v1/{name}".
func newRouter(t testing.TB, bindings ...string) *Router[string] {
	t.Helper()
	r := new(Router[string])
	for _, b := range bindings {
		method, template, _ := strings.Cut(b, " ")
		tmpl, err := Parse(template)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := r.Add(method, tmpl, b); !ok {
			t.Fatalf("%s is taken by %s", b, other)
		}
	}
	return r
}

func TestRouter(t *testing.T) {
	t.Parallel()
	bindings := []string{
		"GET /",
		"GET /v1/books",
		"POST /v1/books",
		"GET /v1/books:count",
		"GET /v1/books/{id}",
		"DELETE /v1/books/{id}",
		"POST /v1/books/special",
		"GET /v1/books/{id}:read",
		"* /v1/books/{id}:touch",
		"GET /v1/books/{id}/pages/{page=*}",
		"GET /v1/books/7/pages/{page=*}",
		"GET /v1/{name=shelves/**}",
		"GET /v1/{name=shelves/*/books/*}",
		"HEAD /v1/heads",
		"GET /v1/heads",
		"GET /v1/{any=**}:read",
		"* /files/**",
		"PUT /files/{path=**}",
		"GET /a b/c%3Ad",
		"GET /v1/plain",
		"POST /v1/{name=plain}",
	}
	tests := []struct {
		method, path string
		want         string   // the binding; "": none
		values       []string // of its variables
	}{
		{"GET", "/", "GET /", nil},
		{"GET", "", "", nil},
		{"GET", "*", "", nil},
		{"GET", "//", "", nil},
		{"GET", "/v1/books", "GET /v1/books", nil},
		{"HEAD", "/v1/books", "GET /v1/books", nil},
		{"HEAD", "/v1/heads", "HEAD /v1/heads", nil},
		{"POST", "/v1/books", "POST /v1/books", nil},
		{"PUT", "/v1/books", "", nil},
		{"GET", "/v1/books/", "", nil},
		{"GET", "/v1//books", "", nil},
		{"GET", "/v1/b%6Foks", "GET /v1/books", nil},
		{"GET", "/v1/books:count", "GET /v1/books:count", nil},
		{"GET", "/v1/books%3Acount", "", nil},
		{"GET", "/v1/books/x", "GET /v1/books/{id}", []string{"x"}},
		{"GET", "/v1/books/special", "GET /v1/books/{id}", []string{"special"}},
		{"POST", "/v1/books/special", "POST /v1/books/special", nil},
		{"POST", "/v1/books/x", "", nil},
		{"GET", "/v1/books/x:read", "GET /v1/books/{id}:read", []string{"x"}},
		{"GET", "/v1/books/x:y:read", "GET /v1/books/{id}:read", []string{"x:y"}},
		{"GET", "/v1/books/x:y", "GET /v1/books/{id}", []string{"x:y"}},
		{"DELETE", "/v1/books/x:read", "DELETE /v1/books/{id}", []string{"x:read"}},
		{"BREW", "/v1/books/x:touch", "* /v1/books/{id}:touch", []string{"x"}},
		{"GET", "/v1/books/a%2Fb%20c", "GET /v1/books/{id}", []string{"a/b c"}},
		{"GET", "/v1/books/6/pages/1", "GET /v1/books/{id}/pages/{page=*}", []string{"6", "1"}},
		{"GET", "/v1/books/7/pages/1", "GET /v1/books/7/pages/{page=*}", []string{"1"}},
		{"GET", "/v1/shelves/1/books/2", "GET /v1/{name=shelves/*/books/*}", []string{"shelves/1/books/2"}},
		{"GET", "/v1/shelves/1/books/2%2F3", "GET /v1/{name=shelves/*/books/*}", []string{"shelves/1/books/2%2F3"}},
		{"GET", "/v1/shelves/1/books", "GET /v1/{name=shelves/**}", []string{"shelves/1/books"}},
		{"GET", "/v1/shelves", "GET /v1/{name=shelves/**}", []string{"shelves"}},
		{"GET", "/v1/shelves/1/", "GET /v1/{name=shelves/**}", []string{"shelves/1/"}},
		{"GET", "/v1/shelves/1/books/2:read", "GET /v1/{any=**}:read", []string{"shelves/1/books/2"}},
		{"GET", "/v1:read", "GET /v1/{any=**}:read", []string{""}},
		{"PUT", "/files/a/b", "PUT /files/{path=**}", []string{"a/b"}},
		{"GET", "/files/a/b", "* /files/**", nil},
		{"GET", "/files//", "* /files/**", nil},
		{"GET", "/files", "* /files/**", nil},
		{"GET", "/a%20b/c%3Ad", "GET /a b/c%3Ad", nil},
		{"GET", "/v1/plain", "GET /v1/plain", nil},
		{"POST", "/v1/plain", "POST /v1/{name=plain}", []string{"plain"}},
		{"GET", "/a%20b/c:d", "GET /a b/c%3Ad", nil},
	}
	escaped := func(b string) string { return strings.ReplaceAll(b, "/a b/", "/a%20b/") }
	forward, backward := make([]string, len(bindings)), make([]string, len(bindings))
	for i, b := range bindings {
		forward[i], backward[len(bindings)-1-i] = escaped(b), escaped(b)
	}
	for _, r := range []*Router[string]{newRouter(t, forward...), newRouter(t, backward...)} {
		for _, tt := range tests {
			got, values, ok, err := r.Match(tt.method, tt.path, nil)
			if err != nil || ok != (tt.want != "") || got != escaped(tt.want) || !slices.Equal(values, tt.values) {
				t.Errorf("%s %s: got %q, %q, %v, %v, want %q, %q", tt.method, tt.path, got, values, ok, err, tt.want, tt.values)
			}
		}
		if _, _, ok, err := r.Match("GET", "/v1/books/%zz", nil); !ok || err == nil {
			t.Errorf("a bad escape: got %v, %v, want an error", ok, err)
		}
	}
}

func TestRouterMethods(t *testing.T) {
	t.Parallel()
	r := newRouter(t, "GET /v1/books/{id}", "DELETE /v1/books/{id}", "POST /v1/books/special", "PUT /v1/{a=**}:x",
		"PATCH /v1/{a=**}")
	tests := []struct {
		path string
		want []string
	}{
		{"/v1/books/special", []string{"DELETE", "GET", "HEAD", "PATCH", "POST"}},
		{"/v1/books/x:x", []string{"DELETE", "GET", "HEAD", "PATCH", "PUT"}},
		{"/v1/books/x", []string{"DELETE", "GET", "HEAD", "PATCH"}},
		{"/v1", []string{"PATCH"}},
		{"/v2", nil},
		{"*", nil},
	}
	for _, tt := range tests {
		got := r.Methods(nil, tt.path)
		slices.Sort(got)
		if !slices.Equal(slices.Compact(got), tt.want) {
			t.Errorf("%s: got %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestRouterConflict(t *testing.T) {
	t.Parallel()
	const first = "GET /v1/{name}"
	tests := []struct {
		method, template string
		taken            bool
	}{
		{"GET", "/v1/{other}", true},
		{"GET", "/v1/*", true},
		{"POST", "/v1/{name}", false},
		{"*", "/v1/{name}", false},
		{"HEAD", "/v1/{name}", false},
		{"GET", "/v1/{name}:x", false},
		{"GET", "/v1/{name=**}", false},
		{"GET", "/v1/%2A", false},
	}
	for _, tt := range tests {
		r := newRouter(t, first)
		tmpl, err := Parse(tt.template)
		if err != nil {
			t.Fatal(err)
		}
		other, ok := r.Add(tt.method, tmpl, "new")
		if ok == tt.taken || tt.taken && other != first {
			t.Errorf("%s %s: got %q, %v, want taken %v", tt.method, tt.template, other, ok, tt.taken)
		}
	}
}

// TestRouterLarge matches each of 10,000 bindings, and counts allocations.
func TestRouterLarge(t *testing.T) {
	t.Parallel()
	var bindings []string
	for i := range 2000 {
		bindings = append(bindings,
			fmt.Sprintf("GET /v1/things%d", i),
			fmt.Sprintf("POST /v1/things%d", i),
			fmt.Sprintf("GET /v1/things%d/{id}", i),
			fmt.Sprintf("POST /v1/things%d/{id}:do", i),
			fmt.Sprintf("GET /v1/{name=things%d/*/parts/**}", i),
		)
	}
	r := newRouter(t, bindings...)
	buf := make([]string, 0, 4)
	for i := range 2000 {
		for _, tt := range []struct{ method, path, want string }{
			{"GET", "/v1/things%d", "GET /v1/things%d"},
			{"POST", "/v1/things%d", "POST /v1/things%d"},
			{"GET", "/v1/things%d/x", "GET /v1/things%d/{id}"},
			{"POST", "/v1/things%d/x:do", "POST /v1/things%d/{id}:do"},
			{"GET", "/v1/things%d/x/parts/y", "GET /v1/{name=things%d/*/parts/**}"},
		} {
			path, want := fmt.Sprintf(tt.path, i), fmt.Sprintf(tt.want, i)
			if got, _, _, err := r.Match(tt.method, path, buf); err != nil || got != want {
				t.Fatalf("%s %s: got %q, %v", tt.method, path, got, err)
			}
		}
	}
}

func TestRouterAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	r := newRouter(t, "GET /v1/books", "GET /v1/books/{id}/pages/{page}", "GET /v1/{name=**}:read")
	buf := make([]string, 0, 4)
	for path, want := range map[string]float64{
		"/v1/books":                 0,
		"/v1/books/1/pages/2":       0,
		"/v1/books/1/pages/2%20b":   1,
		"/v1/books/1/pages/2:read":  0,
		"/v1/books/1/elsewhere/and": 0,
	} {
		if got := testing.AllocsPerRun(100, func() { _, _, _, _ = r.Match("GET", path, buf) }); got > want {
			t.Errorf("%s: %v allocations, want %v", path, got, want)
		}
	}
}

func BenchmarkRouter(b *testing.B) {
	var bindings []string
	for i := range 2000 {
		bindings = append(bindings, fmt.Sprintf("GET /v1/things%d", i), fmt.Sprintf("GET /v1/things%d/{id}/parts/{part}", i))
	}
	r := newRouter(b, bindings...)
	for name, path := range map[string]string{"static": "/v1/things77", "variables": "/v1/things77/a/parts/b"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]string, 0, 4)
			for b.Loop() {
				_, _, _, _ = r.Match("GET", path, buf)
			}
		})
	}
}

// rank orders the templates that match a path: literals before "*" before the end before "**".
func rank(t *Template) string {
	b := make([]byte, 0, len(t.Segments)+1)
	for i := range t.Segments {
		b = append(b, "acd"[t.Segments[i].Kind])
	}
	return string(append(b, 'b'))
}

// FuzzRouter compares the router with matching one template after another.
func FuzzRouter(f *testing.F) {
	f.Add("/v1/{a}\n/v1/b\n/v1/{a}:get\n/{x=**}\n/{x=**}:get", "/v1/b:get")
	f.Add("/a/*/c\n/a/b/**\n/*/b/c\n/**", "/a/b/c")
	f.Add("/\n/%2A\n/*\n/a%3Ab", "/a:b")
	f.Add("/:x\n/**:x", "/:x")
	f.Fuzz(func(t *testing.T, templates, path string) {
		r := new(Router[*Template])
		var all []*Template
		for text := range strings.SplitSeq(templates, "\n") {
			if tmpl, err := Parse(text); err == nil {
				if _, ok := r.Add("GET", tmpl, tmpl); ok {
					all = append(all, tmpl)
				}
			}
		}
		var want *Template
		for _, tmpl := range all {
			_, ok, _ := tmpl.Match(path)
			switch {
			case !ok:
			case want == nil, (tmpl.Verb != "") != (want.Verb != "") && tmpl.Verb != "",
				(tmpl.Verb != "") == (want.Verb != "") && rank(tmpl) < rank(want):
				want = tmpl
			}
		}
		got, values, ok, err := r.Match("GET", path, nil)
		if got != want || ok != (want != nil) {
			t.Fatalf("%q with %s: got %v, want %v", path, templates, got, want)
		}
		if methods := r.Methods(nil, path); (len(methods) > 0) != ok {
			t.Errorf("%q: methods %v, but matched %v", path, methods, ok)
		}
		if want == nil {
			return
		}
		wantValues, _, wantErr := want.Match(path)
		if (err != nil) != (wantErr != nil) || err == nil && !slices.Equal(values, wantValues) {
			t.Errorf("%q: got %q, %v, want %q, %v", path, values, err, wantValues, wantErr)
		}
	})
}
