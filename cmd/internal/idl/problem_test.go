package idl

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestProblems has contracts that do not compile, and what is said about them.
func TestProblems(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "problems.txt")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for section := range strings.SplitSeq(string(want), "=== ") {
		if section == "" {
			continue
		}
		source, _, _ := strings.Cut(section, "--- said\n")
		got.WriteString("=== " + source + "--- said\n" + said(t, source))
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.String() != string(want) {
		t.Errorf("what is said differs from %s; see what -update makes of it:\n%s", golden, got.String())
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 30)
	tests := []struct {
		name     string
		p        Problem
		severity string
		want     string
	}{
		{"text alone", Problem{Text: "x"}, "note", "x (note)"},
		{"no line", Problem{File: "a", Text: "x", Help: "y\nz"}, "", "a: x\n      y\n      z"},
		{
			"tabs", Problem{File: "a", Line: 12, Column: 3, EndColumn: 5, Text: "x", Source: "\t bcd"}, "warning",
			"a:12:3: x (warning)\n   12 | \t bcd\n      | \t ^~",
		},
		{
			"behind the end", Problem{File: "a", Line: 1, Column: 4, EndColumn: 9, Text: "x", Source: "abc"}, "",
			"a:1:4: x\n    1 | abc\n      |    ^",
		},
		{
			"a long line", Problem{File: "a", Line: 1, Column: 201, EndColumn: 204, Text: "x", Source: long}, "",
			"a:1:201: x\n    1 | …" + long[140:240] + "…\n      | " + strings.Repeat(" ", 61) + "^~~",
		},
	}
	for _, tt := range tests {
		if got := tt.p.Render(cli.Painter{}, tt.severity); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
	many := &ContractError{Problems: make([]Problem, maxShown+7)}
	if got := many.Error(); !strings.HasSuffix(got, "\nand 7 more") {
		t.Errorf("of many problems it shows\n%s", got)
	}
}

// said compiles the files of a section of the golden file, those at the top, and returns the error.
func said(t *testing.T, section string) string {
	t.Helper()
	files := make(map[string]string)
	var names []string
	for part := range strings.SplitSeq(section, "--- ") {
		if name, text, ok := strings.Cut(part, "\n"); ok && strings.HasSuffix(name, ".proto") {
			files[name] = text
			if !strings.Contains(name, "/") {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	root := tree(t, files)
	_, err := Compile(t.Context(), Source{Dir: root, Roots: []string{root}, Files: names})
	if err == nil {
		t.Errorf("compiled:\n%s", section)
		return ""
	}
	return strings.ReplaceAll(err.Error(), root, "$") + "\n"
}
