package call

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want []string // the place and the text of each
	}{
		{"", nil},
		{" \n\t\r\n", nil},
		{"{}", []string{"1:1 {}"}},
		{"{}{}", []string{"1:1 {}", "1:3 {}"}},
		{"\xef\xbb\xbf{}", []string{"1:1 {}"}},
		{"{\n}\n [1,[2]] ", []string{"1:1 {\n}", "3:2 [1,[2]]"}},
		{`{"a":"}\"{"}{}`, []string{`1:1 {"a":"}\"{"}`, "1:13 {}"}},
		{"\"a b\" 1 true{}", []string{`1:1 "a b"`, "1:7 1", "1:9 true", "1:13 {}"}},
		{"\x1e{}\n\x1e[]\n", []string{"1:2 {}", "2:2 []"}},
		{"}{}", []string{"1:1 }", "1:2 {}"}},
		{"{\"a", []string{"1:1 {\"a"}},
		{"{\"a\n}", []string{"1:1 {\"a\n}"}},
		{"[{}", []string{"1:1 [{}"}},
	}
	tests = append(tests, tests...)
	for i, tt := range tests {
		var in io.Reader = strings.NewReader(tt.in)
		if i >= len(tests)/2 {
			in = iotest.OneByteReader(in)
		}
		s := newSplitter(in)
		var got []string
		for {
			v, err := s.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v.String()+" "+string(v.text))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestSplitAtOnce: a value is there as soon as its last byte is.
func TestSplitAtOnce(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	defer r.Close()
	s := newSplitter(r)
	s.lines = true
	go func() { _, _ = io.WriteString(w, "1\n") }()
	if v, err := s.next(); err != nil || string(v.text) != "1" {
		t.Errorf("got %q, %v", v.text, err)
	}
	go func() { _, _ = io.WriteString(w, "{\n\"a\": 1}") }()
	if v, err := s.next(); err != nil || string(v.text) != "{\n\"a\": 1}" {
		t.Errorf("got %q, %v", v.text, err)
	}
	go func() { _, _ = io.WriteString(w, "\n{\"b\":\n\n{}\n") }()
	if v, err := s.next(); !errors.Is(err, errGivenUp) {
		t.Errorf("got %q, %v; want it given up", v.text, err)
	}
	if v, err := s.next(); err != nil || string(v.text) != "{}" {
		t.Errorf("got %q, %v", v.text, err)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	src := contractOf(t)
	m, err := src.Method(t.Context(), "shop.v1.Shop/Chat")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 200)
	tests := []struct{ in, want string }{
		{`{"name":1}`, "in:1:9: invalid value for string field name: 1\n  {\"name\":1}\n          ^"},
		{
			`{"parts":[{},{"of":{"pirce":1}}]}`,
			"in:1:21: there is no field \"pirce\" in shop.v1.Item; did you mean price?\n" +
				"  {\"parts\":[{},{\"of\":{\"pirce\":1}}]}\n                      ^",
		},
		{
			"{\n  \"stock\": {\n    \"a\": \"x\"\n  }\n}",
			"in:3:10: invalid value for int32 field value: \"x\" (at stock.a)\n      \"a\": \"x\"\n           ^",
		},
		{
			`{"name":"a",}`,
			"in:1:13: invalid character '}' looking for beginning of object key string\n  {\"name\":\"a\",}\n              ^",
		},
		{
			`{"name":"a"`,
			"in:1:12: the JSON ends too early: a bracket or a quotation mark is not closed\n  {\"name\":\"a\"\n             ^",
		},
		{`{"name":"a","name":"b"}`, "in:1:13: duplicate field \"name\"\n  {\"name\":\"a\",\"name\":\"b\"}\n              ^"},
		{
			`{"color":"COLOR_BLUE"}`,
			"in:1:10: invalid value for enum field color: \"COLOR_BLUE\"\n  {\"color\":\"COLOR_BLUE\"}\n           ^",
		},
		{`{"country":"a","madeOf":{}}`, "oneof"},
		{`[]`, "in:1:1: unexpected token [\n  []\n  ^"},
		{`"ü", 1`, "in:1:1: "},
		{`{"ünknown":1}`, "in:1:2: there is no field \"ünknown\" in shop.v1.Item\n  {\"ünknown\":1}\n   ^"},
		{`{"name":"` + long + `","x":1}`, "in:1:212: there is no field \"x\""},
		{`{"extra":{"@type":"x/no.Type"}}`, "unable to resolve"},
		{`{"tags":["a",2]}`, "(at tags.1)"},
		{"{\"name\":\"\xff\"}", "invalid UTF-8"},
	}
	for _, tt := range tests {
		r := requests{
			sources: []source{newSource("in", strings.NewReader(tt.in), false, false)}, method: m,
			resolver: src.Resolver(t.Context()),
		}
		_, err := r.next()
		var wrong *inputError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got\n%v\nwant\n%s", tt.in, err, tt.want)
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if len(line) > 200 {
				t.Errorf("%s: a line of %d bytes: %s", tt.in, len(line), line)
			}
		}
	}
}

// FuzzInput reads anything as requests.
func FuzzInput(f *testing.F) {
	src := contractOf(f)
	m, err := src.Method(f.Context(), "shop.v1.Shop/Chat")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		`{"name":1}`, "{\n\"a", `[{"parts":[{"of":{}}]}]`, "\xff", `{"stock":{"a":"x"}}`, "null 1 \"", "\xef\xbb",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, in string, asText bool) {
		r := requests{
			sources: []source{newSource("in", strings.NewReader(in), asText, false)}, method: m,
			resolver: src.Resolver(t.Context()), text: asText,
		}
		p := printer{contract: src, text: asText}
		for {
			msg, err := r.next()
			var wrong *inputError
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &wrong):
				lines := strings.Split(err.Error(), "\n")
				if !utf8.ValidString(wrong.source) || wrong.line < 1 || wrong.column < 1 || len(lines) > 1 &&
					wrong.caret > utf8.RuneCountInString(wrong.source) {
					t.Errorf("%q: got %+v", in, wrong)
				}
			case err != nil:
				t.Fatal(err)
			default:
				if _, err := p.format(t.Context(), msg); err != nil {
					t.Logf("%q: %v", in, err) // such as an Any of bytes that are no message
				}
			}
		}
	})
}
