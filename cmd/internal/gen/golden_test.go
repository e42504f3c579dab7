package gen

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

// golden are the directories below testdata whose contracts are generated together. That their code compiles is seen by
// the tests that import it.
var golden = []struct {
	dir  string
	stub StubConfig
	note string // a part of the only note expected, "" for none
	// rules has those of messages compiled; VT is off then, because one unfit file leaves a note on each of the package.
	rules bool
	// json has the JSON form generated, and VT is off as well.
	json bool
	// openAPI has documents written. What they leave out is a note of its own.
	openAPI bool
}{
	{dir: "shapes"},
	{dir: "other"},
	{dir: "names"},
	{dir: "legacy"},
	{dir: "grpc", stub: StubConfig{BesideGRPC: true}},
	{dir: "opaque", note: "opaque/opaque.proto: without vtprotobuf"},
	{dir: "rest"},
	{dir: "restopaque", note: "restopaque/restopaque.proto: without vtprotobuf"},
	{dir: "reasons"},
	{dir: "validate", rules: true},
	{dir: "openapi", rules: true, openAPI: true, note: "SEARCH /v1/books is not in the OpenAPI document"},
	{dir: "edition", note: "edition/edition.proto: without vtprotobuf"},
	{dir: "json", json: true},
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, tt := range golden {
		t.Run(tt.dir, func(t *testing.T) {
			t.Parallel()
			contract := compile(t, "testdata", tt.dir)
			cfg := Config{
				Messages: true, VT: !tt.rules && !tt.json, Stubs: true, Validate: tt.rules, JSON: tt.json, StubConfig: tt.stub,
				OpenAPI: tt.openAPI,
			}
			got, err := Run(contract.Files, contract.Names, cfg)
			if err != nil {
				t.Fatal(err)
			}
			notes := strings.Join(got.Notes, "\n")
			if (notes == "") != (tt.note == "") || !strings.Contains(notes, tt.note) {
				t.Errorf("notes are %q, want %q", notes, tt.note)
			}
			if *update {
				write(t, got)
				return
			}
			compare(t, tt.dir, got)
		})
	}
}

// compile compiles all contracts below dir, a directory of root.
func compile(t *testing.T, root, dir string) *idl.Contract {
	t.Helper()
	// Find passes over testdata, unless it is told to look there.
	sources, err := idl.Find([]string{filepath.Join(root, dir)}, []string{root})
	if err != nil || len(sources) != 1 {
		t.Fatalf("Find(%s) = %v, %v", dir, sources, err)
	}
	contract, err := idl.Compile(t.Context(), sources[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(contract.Warnings) > 0 {
		t.Errorf("warnings: %v", contract.Warnings)
	}
	return contract
}

func write(t *testing.T, out *Output) {
	t.Helper()
	for _, file := range out.Files {
		path := filepath.Join("testdata", filepath.FromSlash(file.Name))
		var err error
		if file.Content == nil {
			err = os.RemoveAll(path)
		} else {
			err = os.WriteFile(path, file.Content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func compare(t *testing.T, dir string, out *Output) {
	t.Helper()
	var got []string
	for _, file := range out.Files {
		if file.Content == nil {
			continue
		}
		path := filepath.Join("testdata", filepath.FromSlash(file.Name))
		got = append(got, path)
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(file.Content, want) {
			t.Errorf("%s: %s; run go test ./internal/gen -update and look at what changed",
				path, difference(file.Content, want))
		}
	}
	var want []string
	err := filepath.WalkDir(filepath.Join("testdata", dir), func(path string, _ fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); ext == ".go" || ext == ".json" {
			want = append(want, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("files are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// difference shows the first line in which got is not want.
func difference(got, want []byte) string {
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return "line " + a[i] + ", want " + strings.Join(b[min(i, len(b)):min(i+1, len(b))], "")
		}
	}
	return "it is shorter"
}
