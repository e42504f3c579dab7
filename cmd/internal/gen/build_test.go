package gen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildRoot holds contracts that are hard on Go, a directory each. Their Go packages are below it, but for Go alone:
// nothing is written there.
const buildRoot = "testdata/build"

// TestBuild has Go compile what is made of contracts that are hard on it.
func TestBuild(t *testing.T) {
	t.Parallel()
	// Parts of the notes.
	notes := map[string]string{
		"groups":                       "has groups, repeated or in a oneof",
		"fields_named_as_fast_methods": "has the name of its method SizeVT",
		"packages_with_hidden_fields":  "uses an edition",
	}
	b := newBuild(t)
	dirs, err := os.ReadDir(buildRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		c := compile(t, filepath.Join(buildRoot, dir.Name()), ".")
		cfg := b.config(dir.Name())
		out, err := Run(c.Files, c.Names, cfg)
		if err != nil {
			t.Fatalf("%s: %v", dir.Name(), err)
		}
		b.add(dir.Name(), out, notes[dir.Name()])
	}
	// Packages whose names are those of variables, functions and packages in generated code, or of what Go declares.
	for i, names := range []string{
		"wire m l v b n i num k s x o d t c e w f y r z", "o1 j1 x1 f1 v1 v2 num1 pksize2 v_ m_ x_ i2",
		"dAtA iNdEx size err shift field ok msg vtmsg encoded oneof unmarshal mapkey mapvalue key value elt in",
		"ctx req opts call impl binder fairlead context httprule time validate",
		"proto protoimpl protohelpers sync unsafe fmt io math binary strings reflect utf8 regexp",
		"len copy string uint64 error nil append any init type func range true make new int",
	} {
		dir := fmt.Sprintf("packages%d", i)
		cfg := b.config(dir)
		out, err := runOn(t, withPackages(cfg.Module, strings.Fields(names)), cfg)
		if err != nil {
			t.Fatalf("packages %s: %v", names, err)
		}
		b.add(dir, out, "")
	}
	b.run()
}

// build collects packages and has Go compile them.
type build struct {
	t       *testing.T
	here    string // the working directory
	written string // a directory for what was generated
	overlay map[string]string
	args    []string
}

func newBuild(t *testing.T) *build {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	written := t.TempDir()
	return &build{t, here, written, make(map[string]string), []string{
		"build", "-gcflags=-N -l", "-overlay", filepath.Join(written, "overlay.json"),
	}}
}

func (*build) config(dir string) Config {
	return Config{
		Messages: true, VT: true, Stubs: true, Validate: true, JSON: true,
		ImportPaths: true, Module: "github.com/fairlead-go/fairlead/cmd/internal/gen/" + buildRoot + "/" + dir,
	}
}

// add adds what was generated for a directory below buildRoot. Note is a part of the notes, "" for none.
func (b *build) add(dir string, out *Output, note string) {
	b.t.Helper()
	if notes := strings.Join(out.Notes, "\n"); (notes == "") != (note == "") || !strings.Contains(notes, note) {
		b.t.Errorf("%s: notes are %q, want %q", dir, notes, note)
	}
	for _, f := range out.Files {
		if f.Content == nil {
			continue
		}
		formatted, err := format.Source(f.Content)
		if err != nil || strings.HasSuffix(f.Name, stubSuffix) && !bytes.Equal(formatted, f.Content) {
			b.t.Errorf("%s: %s is not as gofmt has it (%v)", dir, f.Name, err)
		}
		path := filepath.Join(b.written, dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Content, 0o600); err != nil {
			b.t.Fatal(err)
		}
		b.overlay[filepath.Join(b.here, buildRoot, dir, filepath.FromSlash(f.Name))] = path
		pkg := "./" + buildRoot + "/" + dir + "/" + strings.TrimSuffix(f.Name, filepath.Base(f.Name))
		if b.args[len(b.args)-1] != pkg {
			b.args = append(b.args, pkg)
		}
	}
}

func (b *build) run() {
	b.t.Helper()
	encoded, err := json.Marshal(map[string]any{"Replace": b.overlay})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.written, "overlay.json"), encoded, 0o600); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.CommandContext(b.t.Context(), "go", b.args...) //nolint:gosec // directories of this test
	if output, err := cmd.CombinedOutput(); err != nil {
		b.t.Errorf("go build: %v\n%s", err, strings.ReplaceAll(string(output), b.written, ""))
	}
}

// withPackages returns a contract that uses messages and enums of Go packages of these names, below root, in each way
// there is.
func withPackages(root string, names []string) map[string]string {
	const (
		head  = "syntax = \"proto3\";\npackage %s;\noption go_package = %q;\nimport \"buf/validate/validate.proto\";\n"
		types = `message M { string a = 1 [(buf.validate.field).string.min_len = 1]; int32 c = 2; }
message Q { string a = 1; int32 b = 2; E e = 3; }
enum E { Z = 0; ONE = 1; }
`
		fields = `P.M f_N = N1;
map<string, P.E> e_N = N2;
repeated P.E r_N = N3;
map<string, P.M> m_N = N4;
repeated P.M l_N = N5 [(buf.validate.field).repeated.min_items = 1];
oneof o_N { P.M a_N = N6; P.E b_N = N7; }
P.E s_N = N8 [(buf.validate.field).enum.defined_only = true];
`
		query   = "P.Q q_N = N1; P.E e_N = N2; oneof o_N { P.Q a_N = N3; P.E b_N = N4; }\n"
		methods = `rpc AN(P.M) returns (stream P.M);
rpc BN(stream P.M) returns (P.M);
rpc CN(stream P.M) returns (stream P.M);
rpc DN(P.M) returns (P.M) { option (google.api.http) = {
  get: "/dN/{a}" additional_bindings { post: "/dN/{a}/{c}" } }; }
`
	)
	files := make(map[string]string)
	var all struct{ imports, fields, query, methods strings.Builder }
	for i, name := range names {
		number, pkg := fmt.Sprint(i+1), fmt.Sprintf("p%d", i+1)
		fill := strings.NewReplacer("P", pkg, "N", number).Replace
		files[name+".proto"] = fmt.Sprintf(head, pkg, root+"/"+name) + types
		all.imports.WriteString("import \"" + name + ".proto\";\n")
		all.fields.WriteString(fill(fields))
		all.query.WriteString(fill(query))
		all.methods.WriteString(fill(methods))
	}
	files["main.proto"] = fmt.Sprintf(head, "p", root) + "import \"google/api/annotations.proto\";\n" +
		all.imports.String() + "message All {\n" + all.fields.String() + "}\nmessage Query {\nstring id = 1;\n" +
		all.query.String() + "}\nservice S {\n" + all.methods.String() + `rpc Find(Query) returns (All) {
  option (google.api.http) = { get: "/find/{id}" additional_bindings { get: "/other/{id}" } };
}
}
`
	return files
}
