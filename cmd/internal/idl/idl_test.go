package idl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// tree writes files below a new directory, whose path it returns.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"one/go.mod":                "module example.com/one\n",
		"one/api/a.proto":           "",
		"one/api/deep/b.proto":      "",
		"one/api/testdata/no.proto": "",
		"one/vendor/x/no.proto":     "",
		"one/node_modules/no.proto": "",
		"one/.cache/no.proto":       "",
		"one/main.go":               "",
		"two/go.mod":                "module example.com/two\n",
		"two/c.proto":               "",
		"loose/d/e.proto":           "",
		"kept/go.mod":               "module example.com/kept\n",
		"kept/f.proto":              "",
		"kept/third_party/g.proto":  "",
		// Copies of what is part of the program are no contracts of one's own, others by these names are.
		"kept/google/api/http.proto":              "package google.api;\n",
		"kept/deep/google/type/money.proto":       "package google.type;\n",
		"kept/deep/google/api/annotations.proto":  "package other;\n",
		"kept/third_party/google/api/field.proto": "package google.api;\n",
		"copies/google/api/http.proto":            "package google.api;\n",
		"other/api/a.proto":                       "",
	})
	if err := os.Symlink(filepath.Join(root, "one", "api", "deep"), filepath.Join(root, "loose", "link")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, args, roots string
		want              string // of each source: its directory, then its files
		wantErr           string
	}{
		{name: "module", args: "one", want: "one: api/a.proto api/deep/b.proto"},
		{name: "directory in a module", args: "one/api/deep", want: "one: api/deep/b.proto"},
		{name: "file and its directory", args: "one/api one/api/a.proto", want: "one: api/a.proto api/deep/b.proto"},
		{name: "two modules", args: "two one", want: "one: api/a.proto api/deep/b.proto; two: c.proto"},
		{name: "no module", args: "loose", want: "loose: d/e.proto"},
		{name: "link to a directory", args: "loose/link", want: "loose/link: b.proto"},
		{name: "file, no module", args: "loose/d/e.proto", want: "loose/d: e.proto"},
		{name: "named although passed over", args: "one/api/testdata", want: "one: api/testdata/no.proto"},
		{
			name: "one root for all", args: "one/vendor/x one/.cache", roots: "one",
			want: "one: .cache/no.proto vendor/x/no.proto",
		},
		{
			name: "first root that holds it", args: "one/api/deep", roots: "two one/api one",
			want: "one/api: deep/b.proto",
		},
		{
			name: "outside the roots", args: "two", roots: "one",
			wantErr: "two/c.proto: lies in none of the import roots",
		},
		{name: "copies", args: "kept", want: "kept: deep/google/api/annotations.proto f.proto"},
		{
			name: "third_party named", args: "kept/third_party",
			want: "kept: third_party/g.proto third_party/google/api/field.proto",
		},
		{name: "a copy that is named", args: "kept/google/api/http.proto", want: "kept: google/api/http.proto"},
		{name: "copies alone", args: "copies", wantErr: "copies: all its .proto files are copies of those that come with"},
		{name: "hidden", args: "one/api/a.proto", roots: "other one", wantErr: "hidden by"},
		{name: "no such file", args: "absent", wantErr: "no such file"},
		{name: "another kind of file", args: "one/main.go", wantErr: "one/main.go: not a .proto file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sources, err := Find(join(root, tt.args), join(root, tt.roots))
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("error is %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, src := range sources {
				dir, err := filepath.Rel(root, src.Dir)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, filepath.ToSlash(dir)+": "+strings.Join(src.Files, " "))
			}
			if got := strings.Join(got, "; "); got != tt.want {
				t.Errorf("found %s\nwant %s", got, tt.want)
			}
		})
	}
}

// join puts root before each of names, which spaces part.
func join(root, names string) []string {
	paths := strings.Fields(names)
	for i := range paths {
		paths[i] = filepath.Join(root, filepath.FromSlash(paths[i]))
	}
	return paths
}

func TestCompile(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"main.proto": `syntax = "proto3";
package p;
import "sub/part.proto";
import "google/api/annotations.proto";
import "google/rpc/status.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
// M is a message.
message M { sub.Part part = 1; google.protobuf.Timestamp at = 2; google.rpc.Status status = 3; }
service S { rpc Do(M) returns (M) { option (google.api.http) = { get: "/do" }; } }
`,
		"sub/part.proto": "syntax = \"proto3\"; package sub; message Part {}",
	})
	c, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"main.proto"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, file := range c.Files {
		for _, dep := range file.GetDependency() {
			if !seen[dep] {
				t.Errorf("%s comes before %s, which it imports", file.GetName(), dep)
			}
		}
		seen[file.GetName()] = true
	}
	for _, name := range []string{"main.proto", "sub/part.proto", "google/api/http.proto", "google/rpc/status.proto"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
	last := c.Files[len(c.Files)-1]
	comments := false
	for _, at := range last.GetSourceCodeInfo().GetLocation() {
		comments = comments || at.GetLeadingComments() == " M is a message.\n"
	}
	if last.GetName() != "main.proto" || !comments {
		t.Errorf("the last file is %s, with comments: %v", last.GetName(), comments)
	}
	main := filepath.Join(root, "main.proto")
	want := fmt.Sprintf("%s:7:1: import %q is not used", main, "google/protobuf/duration.proto")
	if len(c.Warnings) != 1 || c.Warnings[0].String() != want {
		t.Errorf("warnings are %v, want %s", c.Warnings, want)
	}
	if got := c.Path("main.proto"); got != main {
		t.Errorf("path is %s, want %s", got, main)
	}
	if got := c.Path("google/rpc/status.proto"); got != "google/rpc/status.proto" {
		t.Errorf("path of a file that is not on disk is %s, want its name", got)
	}
}

func TestCompileProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  []string // each begins with the file's name
	}{
		{
			name: "several in several files",
			files: map[string]string{
				"a.proto": "syntax = \"proto3\";\npackage a;\nmessage M { Absent x = 1; Missing y = 2; }\n",
				"b.proto": "syntax = \"proto3\";\npackage b;\nservice S { rpc Do(No) returns (No); }\n",
			},
			want: []string{
				"a.proto:3:13: field a.M.x: unknown type Absent",
				"a.proto:3:27: field a.M.y: unknown type Missing",
				"b.proto:3:20: method b.S.Do: unknown request type No",
				"b.proto:3:33: method b.S.Do: unknown response type No",
			},
		},
		{
			name:  "syntax",
			files: map[string]string{"a.proto": "syntax = \"proto3\";\nmessage {\n"},
			want: []string{
				"a.proto:2:9: the message has no name",
				"a.proto:2:9: this message is never closed",
			},
		},
		{
			name:  "import that is not there",
			files: map[string]string{"a.proto": "syntax = \"proto3\";\nimport \"gone.proto\";\n"},
			want:  []string{"a.proto:2:8: \"gone.proto\" was not found; import roots:"},
		},
		{
			name:  "import from outside",
			files: map[string]string{"a.proto": "syntax = \"proto3\";\nimport \"../gone.proto\";\n"},
			want:  []string{"a.proto:2:8: \"../gone.proto\" is not a path below an import root"},
		},
		{
			name: "circle",
			files: map[string]string{
				"a.proto": "syntax = \"proto3\";\nimport \"b.proto\";\n",
				"b.proto": "syntax = \"proto3\";\nimport \"a.proto\";\n",
			},
			want: []string{":2:8: cycle found in imports"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, tt.files)
			var names []string
			for name := range tt.files {
				names = append(names, name)
			}
			slices.Sort(names)
			_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: names})
			var wrong *ContractError
			if !errors.As(err, &wrong) {
				t.Fatalf("error is %v, want a ContractError", err)
			}
			if len(wrong.Problems) != len(tt.want) {
				t.Fatalf("problems are\n%v\nwant %d", wrong, len(tt.want))
			}
			for i, p := range wrong.Problems {
				got := p.String()
				if !strings.Contains(got, tt.want[i]) || !strings.HasPrefix(got, root) {
					t.Errorf("problem is %s, want it to contain %s", got, tt.want[i])
				}
				if !strings.Contains(wrong.Error(), got+"\n") {
					t.Errorf("the whole error is\n%v\nwithout the line %s", wrong, got)
				}
			}
		})
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		p    Problem
		want string
	}{
		{Problem{File: "a", Line: 1, Column: 2, Text: "x"}, "a:1:2: x"},
		{Problem{File: "a", Line: 1, Text: "x"}, "a:1: x"},
		{Problem{File: "a", Text: "x"}, "a: x"},
	}
	for _, tt := range tests {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Base(dir)
	tests := []struct{ path, want string }{
		{"a/b", "a/b"},
		{"../" + here + "/a", "a"},
		{"../other/a", "../other/a"},
		{"/a/../b", "/a/../b"},
	}
	for _, tt := range tests {
		if got := Short(filepath.FromSlash(tt.path)); got != filepath.FromSlash(tt.want) {
			t.Errorf("Short(%s) is %s, want %s", tt.path, got, tt.want)
		}
	}
}

func TestGoPackage(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"go.mod":         "// A module.\nmodule example.com/m // of mine\n",
		"api/v1/a.proto": "",
	})
	if got, ok := GoPackage(filepath.Join(root, "api", "v1", "a.proto")); !ok || got != "example.com/m/api/v1" {
		t.Errorf("GoPackage is %q, %v, want example.com/m/api/v1", got, ok)
	}
	if got, ok := GoPackage(filepath.Join(t.TempDir(), "a.proto")); ok {
		t.Errorf("GoPackage outside a module is %q, want none", got)
	}
}

// TestCompileOnBoard imports all that is part of the program.
func TestCompileOnBoard(t *testing.T) {
	t.Parallel()
	text := "syntax = \"proto3\";\npackage all;\n"
	count := make(map[string]int)
	builtins(func(file protoreflect.FileDescriptor) {
		text += "import \"" + file.Path() + "\";\n"
		count[file.Path()[:strings.LastIndexByte(file.Path(), '/')+1]]++
	})
	for _, dir := range append(onBoard(), "google/protobuf/") {
		if count[dir] == 0 {
			t.Errorf("nothing of %s is on board", dir)
		}
	}
	for _, name := range []string{
		"google/api/annotations.proto", "google/api/client.proto", "google/api/field_behavior.proto",
		"google/api/field_info.proto", "google/api/resource.proto", "google/api/routing.proto",
		"google/api/visibility.proto", "google/api/launch_stage.proto", "google/rpc/error_details.proto",
		"google/rpc/context/attribute_context.proto", "google/type/money.proto", "google/type/latlng.proto",
		"google/type/postal_address.proto", "google/protobuf/any.proto", "google/protobuf/descriptor.proto",
		"buf/validate/validate.proto", "fairlead/options.proto",
	} {
		if !strings.Contains(text, `"`+name+`"`) {
			t.Errorf("%s is not on board", name)
		}
	}
	root := tree(t, map[string]string{"all.proto": text})
	if _, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"all.proto"}}); err != nil {
		t.Error(err)
	}
}
