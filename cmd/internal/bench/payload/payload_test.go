package payload

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const contract = `
syntax = "proto3";
package p;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
enum Color { NONE = 0; RED = 1; BLUE = 2; }
message Leaf { string name = 1; int64 id = 2; Leaf next = 3; }
message All {
  string text = 1;
  int32 i32 = 2;
  int64 i64 = 3;
  uint32 u32 = 4;
  uint64 u64 = 5;
  sint32 s32 = 6;
  sint64 s64 = 7;
  fixed32 f32 = 8;
  fixed64 f64 = 9;
  sfixed32 sf32 = 10;
  sfixed64 sf64 = 11;
  bool flag = 12;
  double real = 13;
  bytes raw = 14;
  Color color = 15;
  Leaf leaf = 16;
  repeated Leaf leaves = 17;
  repeated string texts = 18;
  repeated int32 numbers = 19;
  map<string, string> names = 20;
  map<int32, Leaf> by_id = 21;
  google.protobuf.Timestamp at = 22;
  google.protobuf.Struct any = 23;
  oneof choice { string left = 24; int32 right = 25; }
  optional string maybe = 26;
}`

// message compiles the contract and returns the type All.
func message(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"p.proto": contract}),
	})}
	files, err := c.Compile(t.Context(), "p.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages().ByName("All")
}

// encoder returns an encoder whose calls are numbered from 7 by a worker with number 3.
func encoder(tmpl *Template) *Encoder {
	n := int64(6)
	s := NewState(3, 1, func() int64 { n++; return n })
	s.now = func() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, 5e6, time.UTC) }
	s.Next()
	return tmpl.Encoder(s)
}

// Every form of a template gives the message that its text says, whichever way it is encoded.
func TestTemplate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines := filepath.Join(dir, "lines.txt")
	if err := os.WriteFile(lines, []byte("zero\n\none \"quoted\"\ntwo\\\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(table, []byte("\ufeffid,name\n10,Ann\n11,\"Bob, \"\"the\"\" Bo\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	desc := message(t)
	const (
		constant = iota
		parts
		general
	)
	tests := []struct {
		name, source, want string
		form               int
	}{
		{"empty", "", `{}`, constant},
		{"no actions", `{"text": "a", "leaf": {"id": 5}}`, `{"text": "a", "leaf": {"id": 5}}`, constant},
		{"a comment", `{"text": {{/* "b" */}} "a"}`, `{"text": "a"}`, constant},
		{"a constant file", `{"text": "{{file "` + lines + `"}}"}`, `{"text": "zero\n\none \"quoted\"\ntwo\\"}`, constant},
		{"text", `{"text": "a{{seq}}b{{worker}}", "i32": 1}`, `{"text": "a7b3", "i32": 1}`, parts},
		{"proto names", `{"by_id": {"1": {"name": "{{seq}}"}}, "u32": {{seq}}}`, `{"byId": {"1": {"name": "7"}}, "u32": 7}`,
			parts},
		{"numbers", `{"i32": {{seq}}, "i64": "{{seq}}", "u32": {{seq}}, "u64": {{seq}}, "s32": {{seq}}, "s64": {{seq}},
			"f32": {{seq}}, "f64": {{seq}}, "sf32": {{seq}}, "sf64": {{seq}}, "real": {{seq}}}`,
			`{"i32": 7, "i64": 7, "u32": 7, "u64": 7, "s32": 7, "s64": 7, "f32": 7, "f64": 7, "sf32": 7, "sf64": 7, "real": 7}`,
			parts},
		{"negative", `{"i32": {{randInt -5 -5}}, "s64": {{randInt -5 -5}}, "sf32": {{randInt -5 -5}}}`,
			`{"i32": -5, "s64": -5, "sf32": -5}`, parts},
		{"zero", `{"i32": {{randInt 0 0}}, "maybe": "{{randString 0}}"}`, `{"maybe": ""}`, parts},
		{"nested", `{"leaf": {"name": "{{worker}}", "next": {"id": {{seq}}, "name": "x"}}}`,
			`{"leaf": {"name": "3", "next": {"id": 7, "name": "x"}}}`, parts},
		{"long nested", `{"leaf": {"name": "` + strings.Repeat("x", 300) + `{{seq}}"}}`,
			`{"leaf": {"name": "` + strings.Repeat("x", 300) + `7"}}`, parts},
		{"lists", `{"leaves": [{"id": 1}, {"id": {{seq}}}], "texts": ["a", "{{seq}}"], "numbers": [1, {{seq}}]}`,
			`{"leaves": [{"id": 1}, {"id": 7}], "texts": ["a", "7"], "numbers": [1, 7]}`, parts},
		{"enum", `{"color": "{{choice "RED" "RED"}}"}`, `{"color": "RED"}`, parts},
		{"bool", `{"flag": {{choice "true"}}}`, `{"flag": true}`, parts},
		{"bytes", `{"raw": "{{choice "AQID"}}"}`, `{"raw": "AQID"}`, parts},
		{"well-known", `{"at": "{{timestamp}}", "any": {"n": {{seq}}, "s": "{{choice "\""}}"}}`,
			`{"at": "2026-07-01T12:00:00.005Z", "any": {"n": 7, "s": "\""}}`, parts},
		{"whole text", `{"text": {{choice "\"quoted\""}}}`, `{"text": "quoted"}`, parts},
		{"map", `{"names": {"a": "{{seq}}", "{{worker}}": "b"}}`, `{"names": {"a": "7", "3": "b"}}`, parts},
		{"oneof", `{"right": {{seq}}}`, `{"right": 7}`, parts},
		{"times", `{"i64": {{unix}}, "u64": {{unixMilli}}, "s64": {{unixNano}}}`,
			`{"i64": 1782907200, "u64": 1782907200005, "s64": "1782907200005000000"}`, parts},
		{"rows",
			`{"text": "{{line "` + lines + `"}}", "maybe": "{{csv "` + table + `" "name"}}",
				"i32": {{csv "` + table + `" "id"}}}`,
			`{"text": "one \"quoted\"", "maybe": "Bob, \"the\" Bo", "i32": 11}`, parts},
		{"a function that prints an object", `{"leaf": {{choice "{\"id\": 4}"}}}`, `{"leaf": {"id": 4}}`, parts},
		{"branch", `{"text": "{{if eq .Worker 3}}three{{else}}other{{end}}"}`, `{"text": "three"}`, general},
		{"variable", `{{$n := seq}}{"text": "{{$n}}-{{$n}}"}`, `{"text": "7-7"}`, general},
		{"pipeline", `{"text": "{{seq | printf "%05d"}}"}`, `{"text": "00007"}`, general},
		{"escape in a pipeline", `{"text": "{{printf "%q" "a"}}"}`, `{"text": "\"a\""}`, general},
		{"dot", `{"text": "{{.Seq}}/{{.Message}}"}`, `{"text": "7/0"}`, general},
		{"json", `{"text": {{json "a\"b"}}}`, `{"text": "a\"b"}`, general},
		{"an object in braces", `{{"{"}}"i32": 4}`, `{"i32": 4}`, general},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tmpl, err := Parse("data", tt.source, desc, nil)
			if err != nil {
				t.Fatal(err)
			}
			form := parts
			if tmpl.general != nil {
				form = general
			} else if _, ok := tmpl.Constant(0); ok {
				form = constant
			}
			if form != tt.form {
				t.Errorf("got form %d, want %d", form, tt.form)
			}
			got, want := dynamicpb.NewMessage(desc), dynamicpb.NewMessage(desc)
			b, err := encoder(tmpl).Append([]byte("prefix"), 0)
			if err != nil || !strings.HasPrefix(string(b), "prefix") {
				t.Fatalf("got %q, %v", b, err)
			}
			if err := proto.Unmarshal(b[len("prefix"):], got); err != nil {
				t.Fatal(err)
			}
			if err := protojson.Unmarshal([]byte(tt.want), want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("got %s, want %s", protojson.Format(got), protojson.Format(want))
			}
		})
	}
}

func TestSeveral(t *testing.T) {
	t.Parallel()
	desc := message(t)
	for _, source := range []string{
		`[{"i32": 1}, {"i32": {{message}}}, {}]`, `{"i32": 1} {"i32": {{message}}}` + "\n{}",
	} {
		tmpl, err := Parse("data", source, desc, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := tmpl.Len(); got != 3 {
			t.Fatalf("got %d messages, want 3", got)
		}
		e := encoder(tmpl)
		for i, want := range []string{"\x10\x01", "\x10\x09", ""} {
			e.state.SetMessage(9)
			b, err := e.Append(nil, i)
			if string(b) != want || err != nil {
				t.Errorf("message %d: got %q, %v; want %q", i, b, err, want)
			}
		}
	}
}

// What is wrong is found when a template is parsed, and its place is told.
func TestErrors(t *testing.T) {
	t.Parallel()
	desc := message(t)
	tests := []struct{ name, source, want string }{
		{"unknown field", "{\n  \"text\": \"a\",\n  \"txt\": 1\n}",
			`data:3:3: there is no field "txt" in p.All; did you mean text?`},
		{"unknown field of many", "{\"txt\": {{seq}}}", `data:1:2: there is no field "txt" in p.All`},
		{"unknown nested field", `{"leaf": {"nam": "{{seq}}"}}`, `data:1:11: there is no field "nam" in p.Leaf`},
		{"wrong type", "{\n\"text\": \"{{seq}}\",\n\"i32\": \"x\"}", `data:3:1: invalid value for int32 field i32: "x"`},
		{"wrong type, constant", "{\n\"i32\": \"x\"}", `data:2:1: invalid value for int32 field i32: "x"`},
		{"not JSON", "{\n\"text\": \"{{uuid}}\",\n \"i32\": ]}", "data:3:9: invalid character ']'"},
		{"ends early", "{\"text\": \"{{uuid}}\"", "data:1:20: the JSON ends too early"},
		{"two colons", `{"text":: 1}`, "data:1:9: "},
		{"no object", `"{{uuid}}"`, "data: the template printed "},
		{"a number", `5`, "data:1:1: "},
		{"action", "{\n\"text\": \"{{nonsense}}\"}", `data:2: function "nonsense" not defined`},
		{"open action", "{\n\"text\": \"{{seq\"}", "data:2: "},
		{"too few arguments", "{\n \"i32\": {{randInt 1}}}", "data:2:11: randInt: want {{randInt LOWEST HIGHEST}}"},
		{"range", `{"i32": {{randInt 2 1}}}`, "data:1:11: randInt: 2 to 1 is no range"},
		{"too long", `{"text": "{{randString 99999999}}"}`, "data:1:13: randString: a length of 99999999"},
		{"arguments of none", `{"i32": {{seq 1}}}`, "data:1:11: seq: want {{seq}}"},
		{"variable", `{"text": "{{env "FAIRLEAD_NO_SUCH"}}"}`,
			"data:1:13: env: the environment has no variable FAIRLEAD_NO_SUCH"},
		{"file", `{"text": "{{file "no/such"}}"}`, "data:1:13: file: open no/such"},
		{"does not fit", `{"u32": {{randInt -2 -1}}}`, "data:1:11: -2 does not fit"},
		{"wrong value", "{\n\"color\": \"{{choice \"GREEN\"}}\"}",
			"data:2:1: \"color\":\"GREEN\": invalid value for enum field color"},
		{"string across branches", `{"text": {{if true}}"a{{end}}"}`, "begins or ends within a branch"},
		{"general, wrong", `{"text": {{if true}}5{{end}}}`, `the template printed {"text": 5}: `},
		{"missing field of dot", `{"text": "{{.Nothing}}"}`, "data:1:"},
		{"duplicate", `{"text": "a", "text": "b"}`, "data:1:1: duplicate field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("data", tt.source, desc, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRandom(t *testing.T) {
	t.Parallel()
	desc := message(t)
	const source = `{"text": "{{uuid}}", "i32": {{randInt 5 7}}, "maybe": "{{randString 12}}", "real": {{randFloat 1 2}}}`
	tmpl, err := Parse("data", source, desc, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	same := tmpl.Encoder(NewState(0, 5, nil))
	again := tmpl.Encoder(NewState(0, 5, nil))
	for range 200 {
		b, err := same.Append(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := again.Append(nil, 0); string(c) != string(b) {
			t.Fatal("the same seed and worker gave something else")
		}
		m := dynamicpb.NewMessage(desc)
		if err := proto.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		get := func(name protoreflect.Name) protoreflect.Value { return m.Get(desc.Fields().ByName(name)) }
		id := get("text").String()
		if len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) || seen[id] {
			t.Errorf("got UUID %q", id)
		}
		seen[id] = true
		if n := get("i32").Int(); n < 5 || n > 7 {
			t.Errorf("got %d, want 5 to 7", n)
		}
		if s := get("maybe").String(); len(s) != 12 {
			t.Errorf("got %q, want twelve letters", s)
		}
		if f := get("real").Float(); f < 1 || f >= 2 {
			t.Errorf("got %v, want 1 to 2", f)
		}
	}
	other, _ := tmpl.Encoder(NewState(1, 5, nil)).Append(nil, 0)
	first, _ := tmpl.Encoder(NewState(0, 5, nil)).Append(nil, 0)
	if string(other) == string(first) {
		t.Error("two workers drew the same")
	}
}

// Numbers are drawn once for each call, and only if they are wanted.
func TestNumbers(t *testing.T) {
	t.Parallel()
	desc := message(t)
	drawn := int64(0)
	s := NewState(0, 0, func() int64 { drawn++; return drawn })
	with, err := Parse("data", `{"i32": {{seq}}, "text": "{{seq}}"}`, desc, nil)
	if err != nil {
		t.Fatal(err)
	}
	without, err := Parse("data", `{"text": "{{uuid}}"}`, desc, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.Next()
		if _, err := without.Encoder(s).Append(nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if drawn != 0 {
		t.Errorf("%d numbers were drawn for nothing", drawn)
	}
	for i := range int64(3) {
		s.Next()
		got, err := with.Encoder(s).Append(nil, 0)
		want := "\x10" + string(rune(i+1)) + "\x0a\x01" + string(rune('1'+i))
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source, want string
		constant     bool
	}{
		{"plain", "plain", true},
		{"Bearer {{env \"PATH\"}}", "Bearer " + os.Getenv("PATH"), true},
		{"{{worker}}-{{seq}}", "3-7", false},
		{"{{seq | printf \"%03d\"}}", "007", false},
	}
	for _, tt := range tests {
		text, err := ParseText("header", tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		got, err := text.Writer(NewState(3, 0, func() int64 { return 7 }))([]byte(">"))
		if string(got) != ">"+tt.want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", tt.source, got, err, tt.want)
		}
		if _, ok := text.Constant(); ok != tt.constant {
			t.Errorf("%s: got constant %v", tt.source, ok)
		}
	}
	for _, bad := range []string{"{{", "{{nonsense}}", "{{randInt}}", "{{.Nothing}}"} {
		if _, err := ParseText("header", bad); err == nil || !strings.HasPrefix(err.Error(), "header:1") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// FuzzParse sees that no template and no JSON makes it panic, and that what it accepts it can encode.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"text": "a{{seq}}b"}`, `[{"i32": {{randInt 1 2}}}, {}]`, `{"leaf": {"next": {"name": "{{uuid}}"}}}`,
		`{"names": {"{{seq}}": "x"}}`, `{"any": {"a": [{{seq}}]}}`, "{\"text\": \"\ue0000\ue002\"}", `{{if true}}{}{{end}}`,
		`{"text": "\{{seq}}"}`, `{"text": "\\{{seq}}"}`, `{"at": "{{timestamp}}"}`,
	} {
		f.Add(seed)
	}
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"p.proto": contract}),
	})}
	files, err := c.Compile(f.Context(), "p.proto")
	if err != nil {
		f.Fatal(err)
	}
	desc := files[0].Messages().ByName("All")
	f.Fuzz(func(t *testing.T, source string) {
		for _, avoid := range []string{"file", "line", "csv", "env", "range", "randString", "printf"} {
			if strings.Contains(source, avoid) {
				return // they read the machine, or take long
			}
		}
		tmpl, err := Parse("data", source, desc, nil)
		if err != nil {
			return
		}
		e := encoder(tmpl)
		for i := range tmpl.Len() {
			if b, err := e.Append(nil, i); err == nil {
				if err := proto.Unmarshal(b, dynamicpb.NewMessage(desc)); err != nil {
					t.Errorf("%q: message %d cannot be decoded: %v", source, i, err)
				}
			}
		}
	})
}
