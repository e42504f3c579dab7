package httprule

import (
	"errors"
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		template  string
		shape     string
		variables []Variable
		verb      string
	}{
		{"/", "/", nil, ""},
		{"/v1", "/v1", nil, ""},
		{"/v1/books", "/v1/books", nil, ""},
		{"/v1/{name}", "/v1/*", []Variable{{"name", 1, 2}}, ""},
		{"/v1/{book.author.name}", "/v1/*", []Variable{{"book.author.name", 1, 2}}, ""},
		{"/v1/{a=shelves/*}/x/{b=**}", "/v1/shelves/*/x/**", []Variable{{"a", 1, 3}, {"b", 4, 5}}, ""},
		{"/v1/*/**", "/v1/*/**", nil, ""},
		{"/v1/{name=shelves/*/books/*}:publish", "/v1/shelves/*/books/*:publish", []Variable{{"name", 1, 5}}, "publish"},
		{"/v1/books:get", "/v1/books:get", nil, "get"},
		{"/v1/{name=**}:get", "/v1/**:get", []Variable{{"name", 1, 2}}, "get"},
		{"/v1/**:get", "/v1/**:get", nil, "get"},
		{"/{_x1}", "/*", []Variable{{"_x1", 0, 1}}, ""},
		{"/a:b/c", "/a:b/c", nil, ""},
		{"/{a=b:c/*}", "/b:c/*", []Variable{{"a", 0, 2}}, ""},
		{"/~user/@me/a%20b", "/~user/@me/a b", nil, ""},
		{"/:verb", "/:verb", nil, "verb"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.template)
		if err != nil {
			t.Errorf("%s: %v", tt.template, err)
			continue
		}
		if got.Shape() != tt.shape || got.Verb != tt.verb || !slices.Equal(got.Variables, tt.variables) {
			t.Errorf("%s: got %s, %v, verb %q; want %s, %v, %q", tt.template,
				got.Shape(), got.Variables, got.Verb, tt.shape, tt.variables, tt.verb)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		template string
		offset   int
		text     string
	}{
		{"", 0, "a path begins with a slash"},
		{"v1", 0, "a path begins with a slash"},
		{"/v1/", 4, "it ends too early"},
		{"//v1", 1, `unexpected "/"`},
		{"/v1?x", 3, `unexpected "?"`},
		{"/v1 x", 3, `unexpected " "`},
		{"/{}", 2, "expected the name of a field"},
		{"/{a.}", 4, "expected the name of a field"},
		{"/{1a}", 2, "expected the name of a field"},
		{"/{a", 3, "expected } at the end of variable a"},
		{"/{a=}", 4, `unexpected "}"`},
		{"/{a=b/}", 6, `unexpected "}"`},
		{"/{a={b}}", 4, "a variable cannot contain another one"},
		{"/{a}/{a}", 6, "variable a is there twice"},
		{"/x{a}", 2, "a variable is a whole segment"},
		{"/{a}x", 4, "a variable is a whole segment"},
		{"/x*", 2, "a wildcard is a whole segment"},
		{"/*x", 2, "a wildcard is a whole segment"},
		{"/***", 3, "a wildcard is a whole segment"},
		{"/**/x", 1, "** can only be the last segment"},
		{"/{a=**}/x", 4, "** can only be the last segment"},
		{"/{a=**/x}", 4, "** can only be the last segment"},
		{"/%2", 1, "% must be followed by two hexadecimal digits"},
		{"/a:", 3, "it ends too early"},
		{"/a:b:c", 4, `unexpected ":"`},
		{"/{a}:b/c", 6, `unexpected "/"`},
		{"/{a}}", 4, "a variable is a whole segment"},
		{"/a}", 2, `unexpected "}"`},
	}
	for _, tt := range tests {
		_, err := Parse(tt.template)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: error is %v, want one of its syntax", tt.template, err)
			continue
		}
		if syntax.Offset != tt.offset || syntax.Text != tt.text {
			t.Errorf("%s: got %d %s, want %d %s", tt.template, syntax.Offset, syntax.Text, tt.offset, tt.text)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		template, path string
		want           []string // nil: no match
	}{
		{"/", "/", []string{}},
		{"/", "/x", nil},
		{"/v1", "/", nil},
		{"/v1", "/v1/", nil},
		{"/v1", "v1", nil},
		{"/v1/{name}", "/v1/a", []string{"a"}},
		{"/v1/{name}", "/v1/a%2Fb%20c", []string{"a/b c"}},
		{"/v1/{name}", "/v1/a:b", []string{"a:b"}},
		{"/v1/{name}", "/v1/", nil},
		{"/v1/{name}", "/v1/a/b", nil},
		{"/v1/{name}:get", "/v1/a:get", []string{"a"}},
		{"/v1/{name}:get", "/v1/a:b:get", []string{"a:b"}},
		{"/v1/{name}:get", "/v1/a", nil},
		{"/v1/{name}:get", "/v1/:get", nil},
		{"/v1/{name}:get", "/v1/a:get/b", nil},
		{"/v1/{n=a/*}/b", "/v1/a/x/b", []string{"a/x"}},
		{"/v1/{n=a/*}/b", "/v1/a/x%2Fy/b", []string{"a/x%2Fy"}},
		{"/v1/{n=a/*}/b", "/v1/c/x/b", nil},
		{"/v1/{n=**}", "/v1", []string{""}},
		{"/v1/{n=**}", "/v1/a/b%20c/%2f", []string{"a/b c/%2f"}},
		{"/v1/{n=**}:get", "/v1/a/b:get", []string{"a/b"}},
		{"/v1/{a}/{b=x/**}", "/v1/1/x/2/3", []string{"1", "x/2/3"}},
		{"/v1/{a}/{b=x/**}", "/v1/1/x", []string{"1", "x"}},
		{"/v1/{a}/{b=x/**}", "/v1/1", nil},
		{"/a b/{x}", "/a%20b/1", nil},
		{"/a%20b/{x}", "/a%20b/1", []string{"1"}},
		{"/~me/{x}", "/%7Eme/1", []string{"1"}},
		{"/**", "/", []string{}},
	}
	for _, tt := range tests {
		tmpl, err := Parse(tt.template)
		if err != nil {
			if tt.want != nil {
				t.Errorf("%s: %v", tt.template, err)
			}
			continue
		}
		got, ok, err := tmpl.Match(tt.path)
		if err != nil || ok != (tt.want != nil) || !slices.Equal(got, tt.want) {
			t.Errorf("%s with %s: got %q, %v, %v, want %q", tt.template, tt.path, got, ok, err, tt.want)
		}
	}
}

func TestMatchBadEscape(t *testing.T) {
	t.Parallel()
	tmpl, err := Parse("/v1/{name}")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/%", "/v1/%2", "/v1/a%zzb"} {
		if _, ok, err := tmpl.Match(path); !ok || err == nil {
			t.Errorf("%s: got %v, %v, want an error", path, ok, err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("/v1/{a=shelves/*}/x/{b=**}:verb", "/v1/shelves/1/x/2/3:verb")
	f.Add("/a:b/c%20d", "/a:b/c%20d")
	f.Add("/{a.b}", "/%2F%zz")
	f.Fuzz(func(t *testing.T, template, path string) {
		tmpl, err := Parse(template)
		if err != nil {
			return
		}
		values, ok, err := tmpl.Match(path)
		if ok && err == nil && len(values) != len(tmpl.Variables) {
			t.Errorf("%s with %s: %d values for %d variables", template, path, len(values), len(tmpl.Variables))
		}
		for i := range tmpl.Variables {
			if v := &tmpl.Variables[i]; v.Begin >= v.End || v.End > len(tmpl.Segments) {
				t.Errorf("%s: variable %s has segments %d to %d", template, v.Name, v.Begin, v.End)
			}
		}
	})
}
