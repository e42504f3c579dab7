package idl

import (
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

func TestCopies(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"a.proto": "syntax = \"proto3\";\nimport \"kept/google/api/http.proto\";\n" +
			"import \"google/api/annotations.proto\";\nmessage A { google.api.Http h = 1; }\n",
		"kept/google/api/http.proto": "syntax = \"proto3\";\npackage google.api;\nmessage Http {}\nmessage HttpRule {}\n",
	})
	_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: []string{"a.proto"}})
	want := strings.ReplaceAll(`$/kept/google/api/http.proto: it is read as "kept/google/api/http.proto", and `+
		`google/api/http.proto, which is part of the command, is read too: both declare the same names
      write: import "google/api/http.proto"; the copy is not needed, and is read in place of the command's with: `+
		`--proto-path $ --proto-path $/kept`, "$", root)
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
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
