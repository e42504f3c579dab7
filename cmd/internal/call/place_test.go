package call

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
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
		s := newSplitter(in, 1<<20)
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
	s := newSplitter(r, 1<<20)
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
		{
			`{"tags":["\ud83d\ude00","a\\ud800\ud800b"]}`,
			"in:1:34: the escape \\ud800 is half of a surrogate pair, and no character without the other half (at tags.1)\n" +
				"  {\"tags\":[\"\\ud83d\\ude00\",\"a\\\\ud800\\ud800b\"]}\n" + "                                   ^",
		},
		{`{"name":"\udc00\ud800"}`, "in:1:10: the escape \\udc00 is half"},
		{`{"name":"\uD800\u0041"}`, "in:1:10: the escape \\uD800 is half"},
		{`{"name":"\ud800`, "the JSON ends too early"},
		{strings.Repeat("\x00", 100_000), "in:1:1: invalid character '\\x00'"},
	}
	for _, tt := range tests {
		r := requests{
			sources: []source{(&inputOptions{limit: limit}).source("in", strings.NewReader(tt.in), false)}, method: m,
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

// limit is that of a request in tests.
var limit = cli.Limit{Bytes: 1 << 20, Flag: "--max N"} //nolint:gochecknoglobals // read-only

// endless is a text that has no end.
type endless string

func (e endless) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		n += copy(b[n:], e)
	}
	return n, nil
}

// TestInputLimit: messages have a limit, however they go on. Streams have none.
func TestInputLimit(t *testing.T) {
	t.Parallel()
	src := contractOf(t)
	m, err := src.Method(t.Context(), "shop.v1.Shop/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		in   io.Reader
		text bool
		want string
	}{
		"brackets": {
			endless("["), false, "in:1:1: the message that begins here has more than 1 MiB, which is the limit; --max N",
		},
		"objects":  {io.MultiReader(strings.NewReader("{}\n {"), endless(`"a":1,`)), false, "in:2:2: the message that"},
		"a string": {io.MultiReader(strings.NewReader(`{"name":"`), endless("a")), false, "more than 1 MiB"},
		"strings":  {io.MultiReader(strings.NewReader(`["`), endless(`","`)), false, "more than 1 MiB"},
		"space":    {io.MultiReader(strings.NewReader("{}"), endless(" \n")), false, "in:1:3: the message that"},
		"text":     {io.MultiReader(strings.NewReader("name: 'a'\x1e"), endless("tags: 'a'\n")), true, "in:1:1: the message"},
		"zeros":    {endless("\x00"), true, "more than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := requests{
				sources: []source{(&inputOptions{limit: limit, text: tt.text}).source("in", tt.in, false)}, method: m,
				resolver: src.Resolver(t.Context()), text: tt.text, limit: limit, unknown: true,
			}
			var err error
			for err == nil {
				_, err = r.next()
			}
			var large *cli.TooLargeError
			if !errors.As(err, &large) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
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
			sources: []source{(&inputOptions{limit: limit, text: asText}).source("in", strings.NewReader(in), false)}, method: m,
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
