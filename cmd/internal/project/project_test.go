package project

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const whole = `# What this project generates.
version: 1 # of the format

gen:
  # Where imports are.
  roots: [., third_party]
  inputs:
    - api # ours
    - other/x.proto
  out: gen
  paths: import
  module: example.com/m
  map:
    shared/s.proto: example.com/s
  messages: true
  vt: true
  stubs: false
  validate: yes
  beside_grpc: false
  strict: true
  plugins:
    - name: es
      path: ./bin/protoc-gen-es
      out: web
      opts: [target=ts]
  implement:
    - dir: internal/server
      type: Server
      service: a.v1.S
`

func TestParse(t *testing.T) {
	t.Parallel()
	text := strings.Replace(whole, "validate: yes", "validate: true", 1)
	f, err := Parse([]byte(text), "/p/fairlead.yaml", "fairlead.yaml")
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	want := Document{Version: 1, Gen: &Gen{
		Roots: []string{".", "third_party"}, Inputs: []string{"api", "other/x.proto"}, Out: "gen", Paths: "import",
		Module: "example.com/m", Map: map[string]string{"shared/s.proto": "example.com/s"},
		Messages: &yes, VT: &yes, Stubs: &no, Validate: &yes, BesideGRPC: &no, Strict: &yes,
		Plugins:   []Plugin{{Name: "es", Path: "./bin/protoc-gen-es", Out: "web", Opts: []string{"target=ts"}}},
		Implement: []Implement{{Dir: "internal/server", Type: "Server", Service: "a.v1.S"}},
	}}
	if !reflect.DeepEqual(f.Document, want) {
		t.Errorf("document is %+v, want %+v", f.Gen, want.Gen)
	}
	if f.Dir() != "/p" {
		t.Errorf("directory is %s", f.Dir())
	}
	if got, ok := f.Place("gen", "inputs", "1"); got != "9:7" || !ok {
		t.Errorf("the second input is at %s, %v", got, ok)
	}
	if _, ok := f.Place("gen", "inputs", "2"); ok {
		t.Error("there is a third input")
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "\n", `f:1:1: the file is empty; it begins with "version: 1"`},
		{"comments", "# nothing\n", `f:1:1: there are only comments`},
		{"no version", "gen: {}\n", `f:1:1: the version of the format is missing; add the line "version: 1"`},
		{"another version", "version: 2\n", "f:1:10: version 2 of the format is not known; this program knows version 1"},
		{"version as text", "version: one\n", `f:1:10: version: it must be a number, not "one"`},
		{"unknown section", "version: 1\ngne: {}\n", `f:2:1: unknown key "gne"; did you mean "gen"?`},
		{
			"unknown key", "version: 1\ngen:\n  root: [a]\n  something: 1\n",
			`f:3:3: gen: unknown key "root"; did you mean "roots"?` + "\n" +
				`f:4:3: gen: unknown key "something"; the keys are beside_grpc, implement, inputs, json, map, messages, module, ` +
				`openapi, out, paths, plugins, roots, strict, stubs, validate, vt`,
		},
		{
			"types", "version: 1\ngen:\n  roots: api\n  vt: [1]\n  out: {a: b}\n  map: [x]\n  module: 5\n  stubs: \"yes\"\n",
			`f:3:10: gen.roots: it must be a list, not "api"` + "\n" +
				`f:4:7: gen.vt: it must be true or false, not a list` + "\n" +
				`f:5:8: gen.out: it must be a text, not a section with keys` + "\n" +
				`f:6:8: gen.map: it must be a section with keys, not a list` + "\n" +
				`f:7:11: gen.module: it must be a text, not 5; put it in quotes: "5"` + "\n" +
				`f:8:10: gen.stubs: it must be true or false, not "yes"`,
		},
		{"choice", "version: 1\ngen:\n  paths: imports\n", `f:3:10: gen.paths: "imports" ` +
			`is none of source_relative, import; did you mean "import"?`},
		{"in a list", "version: 1\ngen:\n  plugins:\n  - nam: x\n", `f:4:5: gen.plugins[0]: unknown ` +
			`key "nam"; did you mean "name"?`},
		{"twice", "version: 1\ngen: {}\ngen: {}\n", "f:3:1: gen: it is there already, in line 2"},
		{"list at the top", "- version: 1\n", "f:1:1: the file: it must be a section with keys, not a list"},
		{"two documents", "version: 1\n---\nversion: 1\n", "f:1:1: there is more than one document in it"},
		{"not YAML", "version: 1\n gen: [\n", "f:2:1: this is not YAML: "},
		{"itself", "version: 1\ngen: &a\n  plugins: [*a]\n", `unknown key "plugins"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(tt.text), "/p/f", "f")
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("error is %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is\n%v\nwant\n%s", err, tt.want)
			}
		})
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), Name)
	text := strings.Replace(whole, "validate: yes", "validate: true", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	f.Set([]string{"api", "more"}, "gen", "inputs")
	f.Set(false, "gen", "vt")
	f.Set([]Pairs{{{"name", "go"}, {"opts", []string{"a=b"}}}}, "gen", "plugins")
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# What this project generates.\n", "version: 1 # of the format\n\ngen:\n", "  # Where imports are.\n" +
			"  roots: [., third_party]\n",
		"    - api # ours\n    - more\n", "  vt: false\n", "    - name: go\n      opts:\n        - a=b\n",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	again, err := Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if g := again.Gen; *g.VT || len(g.Inputs) != 2 || g.Inputs[1] != "more" || g.Plugins[0].Opts[0] != "a=b" ||
		g.Out != "gen" {
		t.Errorf("read again it is %+v", g)
	}
}

// TestSaveTexts sees that texts which look like something else come back as texts.
func TestSaveTexts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), Name)
	texts := []string{"true", "12", "null", "a: b", "# c", "", "~", "- x", "é\n\t\"", "2020-01-01", "*a", "%d"}
	f := New(path)
	f.Set(texts, "gen", "inputs")
	f.Set(map[string]string{"1": "yes"}, "gen", "map")
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Gen.Inputs, texts) || again.Gen.Map["1"] != "yes" {
		t.Errorf("texts come back as %q, %q", again.Gen.Inputs, again.Gen.Map)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, name := range []string{"fairlead.yaml", "m/go.mod", "m/a/x", "n/go.mod", "n/fairlead.yaml", "n/a/b/x",
		"c/d/x", "g/.git/x", "g/h/x", "n/nested/.git/x", "n/nested/below/x"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ dir, want string }{
		{"n", "n/fairlead.yaml"},
		{"n/a/b", "n/fairlead.yaml"},
		{"m", ""},
		{"m/a", ""},
		{"c/d", "fairlead.yaml"},
		{"g/h", ""},
	}
	for _, tt := range tests {
		got, err := Find(filepath.Join(root, tt.dir))
		if err != nil {
			t.Fatal(err)
		}
		want := tt.want
		if want != "" {
			want = filepath.Join(root, want)
		}
		if got != want {
			t.Errorf("from %s it found %q, want %q", tt.dir, got, want)
		}
	}
	if got, err := Place(filepath.Join(root, "m", "a")); err != nil || got != filepath.Join(root, "m", Name) {
		t.Errorf("a new file goes to %s, %v", got, err)
	}
	if got, err := Place(filepath.Join(root, "n", "nested", "below")); err != nil ||
		got != filepath.Join(root, "n", "nested", "below", Name) {
		t.Errorf("in a repository within a module a new file goes to %s, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("version: 1\ngen: {plugins: [{name: &a x, opts: [*a]}]}\n")
	f.Add("? [a]\n: b\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Parse([]byte(text), "f", "f")
	})
}
