package idl

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportForms has ways to write an import that are none, and what is said about them.
func TestImportForms(t *testing.T) {
	t.Parallel()
	const remedy = "paths of imports begin at an import root, and have no \".\" and no \"..\": import \"a/b.proto\";"
	tests := []struct{ name, path, want string }{
		{"from the file's directory", "./b.proto", remedy},
		{"up and down", "../a/b.proto", remedy},
		{"needless parts", "a/./b.proto", remedy},
		{"two slashes", "a//b.proto", remedy},
		{"from the root of the disk", "/a/b.proto", remedy},
		{"backslashes", `a\\b.proto`, remedy},
		{"nowhere", "./c.proto", "\"./c.proto\" is not a path below an import root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{
				"a/a.proto": "syntax = \"proto3\";\nimport \"" + tt.path + "\";\n",
				"a/b.proto": "syntax = \"proto3\";\n",
			})
			_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"a/a.proto"}})
			if err == nil || !strings.Contains(err.Error(), "a/a.proto:2:8: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is\n%v\nwant one in line 2 with\n%s", err, tt.want)
			}
		})
	}
}

// TestCopies has contracts that are read beside changed copies of them. Each pair of files is told of once, with what
// helps, and not for each of the names that both declare.
func TestCopies(t *testing.T) {
	t.Parallel()
	const (
		syntax      = "syntax = \"proto3\";\n"
		http        = syntax + "package google.api;\nmessage Http {}\nmessage HttpRule { string mine = 77; }\n"
		annotations = syntax + "package google.api;\nimport \"IN/http.proto\";\n" +
			"import \"google/protobuf/descriptor.proto\";\n" +
			"extend google.protobuf.MethodOptions { HttpRule http = 72295728; }\n"
		two = syntax + "package two.v1;\nmessage A { string s = 1; }\nmessage B {}\n"
	)
	tests := []struct {
		name  string
		files map[string]string
		names []string
		want  []string // the first line of each problem, and parts of its help
		fixed map[string]string
		roots []string // with which it compiles once fixed
	}{
		{
			name: "below third_party, and imported by its path there",
			files: map[string]string{
				"a.proto": syntax + "import \"third_party/google/api/annotations.proto\";\n",
				"b.proto": syntax + "import \"google/api/annotations.proto\";\n",
				"third_party/google/api/annotations.proto": strings.ReplaceAll(annotations, "IN", "google/api"),
				"third_party/google/api/http.proto":        http,
			},
			names: []string{"a.proto", "b.proto"},
			want: []string{
				`$/third_party/google/api/annotations.proto:2:9: it is read as "third_party/google/api/annotations.proto", ` +
					`and google/api/annotations.proto, which is part of the command, is read too: both declare google.api.http`,
				`write: import "google/api/annotations.proto"; and not "third_party/google/api/annotations.proto" ($/a.proto:2); ` +
					`or it is read in place of the command's with: --proto-path $ --proto-path $/third_party`,
			},
			fixed: map[string]string{"a.proto": syntax + "import \"google/api/annotations.proto\";\n"},
			roots: []string{"", "third_party"},
		},
		{
			name: "under another name",
			files: map[string]string{
				"a.proto":                syntax + "import \"gapi/annotations.proto\";\n",
				"b.proto":                syntax + "import \"google/api/annotations.proto\";\n",
				"gapi/annotations.proto": strings.ReplaceAll(annotations, "IN", "gapi"),
				"gapi/http.proto":        http,
			},
			names: []string{"a.proto", "b.proto", "gapi/annotations.proto", "gapi/http.proto"},
			want: []string{
				`$/gapi/annotations.proto:2:9: it is read as "gapi/annotations.proto", and google/api/annotations.proto, which `,
				`write: import "google/api/annotations.proto"; and not "gapi/annotations.proto" ($/a.proto:2); or it is read in ` +
					`place of the command's if it is kept as DIR/google/api/annotations.proto, with: --proto-path $ --proto-path DIR`,
				`$/gapi/http.proto:2:9: it is read as "gapi/http.proto", and google/api/http.proto, which is part of the ` +
					`command, is read too: both declare google.api.Http and 1 more`,
				`and not "gapi/http.proto" ($/gapi/annotations.proto:3); or`,
			},
			fixed: map[string]string{"a.proto": syntax + "import \"google/api/annotations.proto\";\n"},
			roots: []string{""},
		},
		{
			name: "found beside the contracts, and not imported",
			files: map[string]string{
				"a.proto":         syntax + "import \"google/api/http.proto\";\n",
				"gapi/http.proto": http,
			},
			names: []string{"a.proto", "gapi/http.proto"},
			want: []string{
				`$/gapi/http.proto:2:9: it is read as "gapi/http.proto", and google/api/http.proto, which is part of the command`,
				"the copy is not needed, and nothing imports it: name the directories of your own contracts only; or",
			},
		},
		{
			name: "two on disk",
			files: map[string]string{
				"a.proto":       syntax + "import \"one/two.proto\";\n",
				"b.proto":       syntax + "import \"other/two.proto\";\n",
				"one/two.proto": two, "other/two.proto": two + "message C {}\n",
			},
			names: []string{"a.proto", "b.proto"},
			want: []string{
				`$/other/two.proto:2:9: $/one/two.proto is read too, as "one/two.proto": both declare two.v1.A and 1 more`,
				`import one of them everywhere: "one/two.proto" ($/a.proto:2) or "other/two.proto" ($/b.proto:2)`,
			},
			fixed: map[string]string{"b.proto": syntax + "import \"one/two.proto\";\n"},
			roots: []string{""},
		},
		{
			name:  "two on disk, of which one is found only",
			files: map[string]string{"a.proto": syntax + "import \"one.proto\";\n", "one.proto": two, "old/one.proto": two},
			names: []string{"a.proto", "old/one.proto"},
			want: []string{
				`$/one.proto:2:9: $/old/one.proto is read too, as "old/one.proto": both declare two.v1.A and 1 more`,
				`"old/one.proto" is not imported: remove one of them, or name the directories of your own contracts without $/old`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, tt.files)
			_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: tt.names})
			if err == nil {
				t.Fatal("it compiles")
			}
			problems := 0
			for _, want := range tt.want {
				want = strings.ReplaceAll(want, "$", root)
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is\n%v\nwant\n%s", err, want)
				}
				if strings.HasPrefix(want, root) {
					problems++
				}
			}
			if wrong, ok := errors.AsType[*ContractError](err); !ok || len(wrong.Problems) != problems {
				t.Errorf("error is\n%v\nwant %d problems", err, problems)
			}
			if tt.fixed == nil {
				return
			}
			files := maps.Clone(tt.files)
			maps.Copy(files, tt.fixed)
			root = tree(t, files)
			var roots []string
			for _, below := range tt.roots {
				roots = append(roots, filepath.Join(root, below))
			}
			src := Source{Dir: root, Roots: roots, Files: []string{"a.proto", "b.proto"}}
			if _, err := Compile(t.Context(), src); err != nil {
				t.Errorf("with what helps: %v", err)
			}
		})
	}
}

func TestEditions(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"a.proto": "edition = \"2024\";\nimport option \"x.proto\";\nexport message A {}\n",
		"b.proto": "edition = \"2024\";\nmessage B {}\n",
		"c.proto": "edition = \"2023\";\nmessage C {}\n",
	})
	for _, name := range []string{"a.proto", "b.proto"} {
		_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{name}})
		want := root + "/" + name + ":1:11: edition 2024 is not supported; 2023 is, and so are proto3 and proto2\n" +
			"    1 | edition = \"2024\";\n      |           ^~~~~~\n      write: edition = \"2023\";"
		if err == nil || err.Error() != want {
			t.Errorf("%s: error is\n%v\nwant\n%s", name, err, want)
		}
	}
	if _, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"c.proto"}}); err != nil {
		t.Error(err)
	}
}
