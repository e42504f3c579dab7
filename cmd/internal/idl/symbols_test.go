package idl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestDeclaredTwice compiles two files that cannot be linked into one program, at once and in two batches.
func TestDeclaredTwice(t *testing.T) {
	t.Parallel()
	const extensions = "extensions 10 to max [declaration = {number: 10, full_name: \".%s\", type: \"int32\"}];"
	tests := []struct {
		name, a, b, want string // want is a part of the problem; "" for none
	}{
		{"a package is in two files", "package p;\nmessage A {}", "package p;\nmessage B {}", ""},
		{"packages within one", "package p.q;\nmessage A {}", "package p;\nmessage B {}", ""},
		{"values within a message", "package p;\nmessage A {enum E {X = 0;}}", "package p;\nenum F {X = 0;}", ""},
		{"message", "package p;\nmessage A {}", "package p;\nmessage A {}", "p.A"},
		{"service and message", "package p;\nservice A {}", "package p;\nmessage A {}", "p.A"},
		{"value and enum", "package p;\nenum E {A = 0;}", "package p;\nenum A {X = 0;}", "p.A"},
		{"message and package", "package p;\nmessage q {}", "package p.q;\nmessage A {}", "p.q"},
		{"package and message", "package p.q.r;\nmessage A {}", "package p;\nmessage q {message r {}}", "p.q"},
		{"without a package", "message A {}", "message A {}", "A"},
		{"what is part of the program", "import \"google/protobuf/empty.proto\";\nmessage A {google.protobuf.Empty e = 1;}",
			"package google.protobuf;\nmessage Empty {}", "google.protobuf.Empty"},
		{"name of an extension",
			"package p;\nimport \"google/protobuf/descriptor.proto\";\nextend google.protobuf.FileOptions {int32 x = 50001;}",
			"package p;\nmessage x {}", "p.x"},
		{"number of an extension",
			"package p;\nimport \"google/protobuf/descriptor.proto\";\nextend google.protobuf.FileOptions {int32 x = 50001;}",
			"package q;\nimport \"google/protobuf/descriptor.proto\";\n" +
				"message M {extend google.protobuf.FileOptions {int32 y = 50001;}}", "50001"},
		{"declaration of an extension",
			"package p;\nmessage M {" + fmt.Sprintf(extensions, "r.x") + "}",
			"package q;\nmessage N {message M {" + fmt.Sprintf(extensions, "r.x") + "}}", "r.x"},
		{"declarations of two extensions",
			"package p;\nmessage M {" + fmt.Sprintf(extensions, "r.x") + "}",
			"package q;\nmessage M {" + fmt.Sprintf(extensions, "r.y") + "}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			said := func(padding string) string {
				root := tree(t, map[string]string{
					"a.proto": "syntax = \"proto2\";\n" + tt.a + "\n" + padding,
					"b.proto": "syntax = \"proto2\";\n" + tt.b + "\n" + padding,
				})
				sources, err := Find([]string{root}, []string{root})
				if err != nil {
					t.Fatal(err)
				}
				_, err = CompileCompact(t.Context(), sources[0])
				if err == nil {
					return ""
				}
				problems, ok := errors.AsType[*ContractError](err)
				if !ok {
					t.Fatal(err)
				}
				return strings.ReplaceAll(problems.Error(), root, "")
			}
			padding := "//" + strings.Repeat("x", batchSize) + "\n"
			for how, got := range map[string]string{"together": said(""), "apart": said(padding)} {
				if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
					t.Errorf("compiled %s: got %q, want %q in it", how, got, tt.want)
				}
			}
		})
	}
}
