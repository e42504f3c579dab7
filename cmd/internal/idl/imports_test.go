package idl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile/linker"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/idltest"
)

func TestScanImports(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
		sure             bool
	}{
		{"none", "message Important { string import = 1; }", "", true},
		{"plain", `import "a.proto";import 'b/c.proto' ;`, "a.proto b/c.proto", true},
		{"modifiers", "import public \"a\";\nimport weak\t\"b\";import option\n'c';", "a b c", true},
		{"comments", "import /* \"x\" */ \"a\"; import // \"y\"\npublic/**/\"b\";", "a b", true},
		{"in a comment", "// We import \"a\", and import / b.\nimport \"c\";", "a c", true},
		{"as a name", "import = 1; option import.x = \"a\"; importance \"b\"", "", true},
		{"two literals", `import "a" ".proto";`, "a", false},
		{"an escape", `import "a\x2eproto"; import "b";`, "b", false},
		{"no end", "import \"a\nimport \"b\";", "b", true},
		{"the end", "import", "", true},
		{"a quote at the end", "import \"", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, sure := scanImports(tt.text)
			if strings.Join(got, " ") != tt.want || sure != tt.sure {
				t.Errorf("got %q and %v, want %q and %v", got, sure, tt.want, tt.sure)
			}
		})
	}
}

// TestLinkedIsDropped compiles files in several batches and sees that nothing linked is left, unless the imports of one
// file cannot be told.
func TestLinkedIsDropped(t *testing.T) {
	t.Parallel()
	for _, last := range []string{`import "base.proto";`, `import "bas\x65.proto";`} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			text := map[string]string{
				"base.proto": "syntax = \"proto3\"; package base; message Base {}",
				"z.proto":    "syntax = \"proto3\"; package z; " + last + " message Z { base.Base base = 1; }",
			}
			names := []string{"a.proto"}
			text["a.proto"] = strings.Replace(text["z.proto"], "package z", "package a", 1)
			for i := range 4 { // each is a batch
				name := fmt.Sprintf("b%d.proto", i)
				text[name] = idltest.File(fmt.Sprintf("b%d", i), 20) + "//" + strings.Repeat(" ", batchSize)
				names = append(names, name)
			}
			names = append(names, "z.proto")
			files := newResolver([]string{tree(t, text)}, keepsEncoded)
			var said diagnostics
			if err := compileInBatches(t.Context(), files, names, nil, &said); err != nil {
				t.Fatal(err)
			}
			left := 0
			for name, file := range files.linked {
				if _, ok := file.(linker.Result); ok {
					left++
					if files.kept[name] == nil {
						t.Errorf("%s is linked and not kept", name)
					}
				}
			}
			if sure := !strings.Contains(last, `\`); sure == (left > 0) {
				t.Errorf("%d linked files are left", left)
			}
			for _, name := range append(names, "base.proto") {
				if k := files.kept[name]; k == nil || len(k.encoded) == 0 || len(k.places.all) == 0 {
					t.Errorf("%s is not kept", name)
				}
			}
		})
	}
}
