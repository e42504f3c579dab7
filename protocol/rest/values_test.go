package rest

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// cut cuts a body that arrives in parts of n bytes.
func cut(body string, n, limit int, lines bool) (got []string, err error) {
	v := values{src: &parts{body, n}, limit: limit, lines: lines}
	defer v.release()
	for {
		b, err := v.next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, string(b))
	}
}

// parts is a body in parts of n bytes.
type parts struct {
	rest string
	n    int
}

func (p *parts) Read() ([]byte, error) {
	if p.rest == "" {
		return nil, io.EOF
	}
	n := min(p.n, len(p.rest))
	b := []byte(p.rest[:n])
	p.rest = p.rest[n:]
	return b, nil
}

func TestValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body  string
		lines bool
		want  []string
		err   bool
	}{
		{`{"a":"}]\"\\"} [1,2]`, false, []string{`{"a":"}]\"\\"}`, `[1,2]`}, false},
		{`[{"a":[1]},2 , "x",null]`, false, []string{`{"a":[1]}`, "2", `"x"`, "null"}, false},
		{"[1]\n[2]", true, []string{"[1]", "[2]"}, false},
		{"[1]\n[2]", false, []string{"1"}, true},
		{"1 2\n3", true, []string{"1", "2", "3"}, false},
		{"1,2", true, []string{"1"}, true},
		{`"a""b"`, true, []string{`"a"`, `"b"`}, false},
		{`1{"a":1}`, true, []string{"1", `{"a":1}`}, false},
		{`{]`, true, nil, true},
		{`]`, true, nil, true},
		{`,`, true, nil, true},
		{`[,1]`, false, nil, true},
		{`[1`, false, nil, true},
		{`[1,`, false, []string{"1"}, true},
		{`{"a`, true, nil, true},
		{`tru`, true, []string{"tru"}, false}, // the codec's business
		{" \r\n\t", true, nil, false},
		{"", false, nil, false},
		{strings.Repeat("[", 20_000), true, nil, true},
		{`"` + strings.Repeat("x", 2000) + `"`, true, nil, true},
	}
	for _, tt := range tests {
		for _, n := range []int{1, 2, 3, 7, 1 << 20} {
			got, err := cut(tt.body, n, 1000, tt.lines)
			if !slices.Equal(got, tt.want) || (err != nil) != tt.err {
				t.Errorf("%.60q in parts of %d: got %.60q, %v, want %q, an error %v", tt.body, n, got, err, tt.want, tt.err)
			}
			if err != nil && fairlead.CodeOf(err) == fairlead.Unknown {
				t.Errorf("%.60q: the error is %v", tt.body, err)
			}
		}
	}
}

// FuzzValues compares with encoding/json, where that takes the body.
func FuzzValues(f *testing.F) {
	f.Add(`{"a":"}]\"\\"} [1,2]`, 3)
	f.Add(`[1,{"b":null}]`, 1)
	f.Add("1\n2 \"x\"", 2)
	f.Fuzz(func(t *testing.T, body string, n int) {
		if n < 1 {
			return
		}
		for _, lines := range []bool{false, true} {
			got, err := cut(body, n, 1<<20, lines)
			whole, wholeErr := cut(body, len(body)+1, 1<<20, lines)
			if !slices.Equal(got, whole) || (err != nil) != (wholeErr != nil) {
				t.Fatalf("%q in parts: %q, %v; as a whole: %q, %v", body, got, err, whole, wholeErr)
			}
			d := json.NewDecoder(iotest.OneByteReader(strings.NewReader(body)))
			var want []string
			for {
				var m json.RawMessage
				jsonErr := d.Decode(&m)
				if errors.Is(jsonErr, io.EOF) {
					break
				}
				if jsonErr != nil {
					return
				}
				want = append(want, string(m))
			}
			if strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "[") && !lines {
				var elements []json.RawMessage
				if json.Unmarshal([]byte(body), &elements) != nil {
					return
				}
				want = nil
				for _, e := range elements {
					want = append(want, string(e))
				}
			}
			if slices.ContainsFunc(got, func(v string) bool { return !json.Valid([]byte(v)) }) {
				return // such as 00, which is two values to that decoder, and none to codecs
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%q, lines %v: got %q, %v, want %q", body, lines, got, err, want)
			}
		}
	})
}

// FuzzQuery parses arbitrary queries.
func FuzzQuery(f *testing.F) {
	f.Add("a=1&b=%20&a=+&c")
	f.Add("%61=%zz&&=&a")
	f.Fuzz(func(t *testing.T, query string) {
		in := incoming{s: new(Server), matched: &matched{binding: &binding{query: map[string]*param{
			"a": {&fairlead.HTTPParam{Name: "a"}, 0}, "b": {&fairlead.HTTPParam{Name: "b"}, 1},
		}}}}
		pairs, err := in.parseQuery(nil, query)
		if err != nil && fairlead.CodeOf(err) != fairlead.InvalidArgument {
			t.Errorf("%q: %v", query, err)
		}
		if len(pairs) > maxParams {
			t.Errorf("%q: %d parameters", query, len(pairs))
		}
		for _, p := range pairs {
			if plain, ok := unescape(p.text); strings.ContainsAny(p.text, "%+") == (plain == p.text) && ok && plain == "" {
				t.Errorf("%q: %q", query, p.text)
			}
		}
	})
}

func TestAccept(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]format{
		"": lines, "*/*": lines, "text/html,application/xhtml+xml,*/*;q=0.8": lines, "application/json": array,
		"application/json, text/event-stream": array, "text/event-stream": events, "Text/Event-Stream ; q=0.5": events,
		"application/json;q=0.1, */*": lines, "text/event-stream;q=0": lines,
		"application/ndjson, application/json;q=0.9": lines,
		"application/json;q=2":                       array, "text/html": lines, ",;,": lines,
	} {
		if got := chooseFormat(list); got != want {
			t.Errorf("%q: got %d, want %d", list, got, want)
		}
	}
	for _, tt := range []struct {
		list, tag string
		want      bool
	}{
		{`"a"`, `"a"`, true}, {`W/"a"`, `"a"`, true}, {`"a"`, `W/"a"`, true}, {`"b", "a"`, `"a"`, true},
		{`*`, `"a"`, true}, {`"a`, `"a"`, false}, {`a`, `"a"`, false}, {``, `"a"`, false}, {`"b,"a"`, `"a"`, false},
		{`W/`, `"a"`, false},
	} {
		if got := matchesTag(tt.list, tt.tag); got != tt.want {
			t.Errorf("%s with %s: got %v", tt.list, tt.tag, got)
		}
	}
}

var _ rpcwire.Source = (*parts)(nil)
