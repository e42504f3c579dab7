package check

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/check/lint"
)

var update = flag.Bool("update", false, "write the generated part of docs/checks.md")

// The part of the document between these lines is what describe makes of the table.
const (
	begin = "<!-- lint rules: written by go test ./internal/check -update -->\n"
	end   = "<!-- end of lint rules -->\n"
)

// TestDocument sees that docs/checks.md says of the rules what the table says.
func TestDocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "docs", "checks.md")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no part between %q and %q", path, begin, end)
	}
	want := describe(lint.Rules())
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not current; write it with go test ./internal/check -run TestDocument -update", path)
	}
}

// describe returns the rules as a table and a section for each.
func describe(rules []lint.Rule) string {
	var b strings.Builder
	on := 0
	for i := range rules {
		if !rules[i].Off {
			on++
		}
	}
	fmt.Fprintf(&b, "\nThere are %d rules, of which %d apply without being asked for.\n\n", len(rules), on)
	b.WriteString("| category | its rules are about |\n|---|---|\n")
	for _, c := range lint.Categories() {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Name, c.About)
	}
	b.WriteString("\n| rule | category | default | reason |\n|---|---|---|---|\n")
	for i := range rules {
		r := &rules[i]
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Category, mode(r), r.Reason)
	}
	for i := range rules {
		r := &rules[i]
		fmt.Fprintf(&b, "\n### %s\n\n", r.ID)
		sentence := strings.ToUpper(r.Reason[:1]) + r.Reason[1:] + "."
		fmt.Fprintf(&b, "Category %s, default: %s. %s", r.Category, mode(r), sentence)
		if r.Buf {
			b.WriteString(" Buf has this rule, under the same name.")
		}
		b.WriteString("\n")
		if r.Note != "" {
			fmt.Fprintf(&b, "\n%s\n", r.Note)
		}
		fmt.Fprintf(&b, "\n```proto\n// bad\n%s\n\n// good\n%s\n```\n", r.Bad, r.Good)
	}
	b.WriteString("\n")
	return b.String()
}
