package breaking

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the documentation should have")

// The section of the documentation that comes from the rules.
const (
	docsFile  = "../../../../docs/checks.md"
	docsStart = "<!-- breaking rules: written by go test ./internal/check/breaking -update -->\n"
	docsEnd   = "<!-- end of breaking rules -->\n"
)

const docsIntroduction = `
%s compares contracts with an older version of themselves:

~~~sh
fairlead check breaking --against main                # a git ref; the work tree is not touched
fairlead check breaking --against main...             # the commit at which this branch left main
fairlead check breaking --against ../released         # another checkout
fairlead check breaking api --against api.binpb       # a descriptor set, or an image of buf
fairlead check breaking --against main --level wire   # those who compile generated code may notice
fairlead check breaking --against main --consumers .. # and who uses what changed
~~~

It exits with 0 when nothing breaks, 3 when something does, 1 when the contracts could not be compared (the older one
does not compile, the ref is not there), and 2 on wrong usage. Findings stand at places of the new contract; for what
was deleted that is what enclosed it. The place before is told with it. Comments silence findings as above, and %s
leaves rules out. At the levels source and file a finding also says when the change is misread on the wire or in JSON.

| level | who must not notice | in buf |
|---|---|---|
| wire | those who exchange messages in binary and call methods | WIRE |
| json | those who use JSON or HTTP, too | WIRE_JSON |
| source (default) | those who compile generated code, too, wherever in a package a declaration stands | PACKAGE |
| file | the same for languages whose generated code follows files, such as C++ and Python | FILE |

`

// documentation returns the section.
func documentation() string {
	var b strings.Builder
	fmt.Fprintf(&b, strings.ReplaceAll(docsIntroduction, "~~~", "```"), "`fairlead check breaking`", "`--except`")
	table := func(title string, shared bool) {
		b.WriteString(title + "\n\n| rule | levels | breaks when | what those who use the old contract see |\n" +
			"|---|---|---|---|\n")
		for _, rule := range Rules() {
			if rule.Shared == shared {
				fmt.Fprintf(&b, "| <a id=\"%s\"></a>%s | %s | %s | %s |\n", strings.ToLower(rule.ID), rule.ID,
					levelNames(rule.Levels), rule.Breaks, rule.Why)
			}
		}
	}
	table("### Rules that buf has, too\n\nThey have buf's names, and are on at the level that is buf's category. The "+
		"tests compare all verdicts and\nplaces on a corpus of edits with those of buf v1.60.0.", true)
	b.WriteString("\n")
	table("### Rules of our own\n\nThey read google.api.http, the options of package fairlead, and protovalidate's "+
		"annotations as they are written: what a\nCEL expression allows is not known, so that any new one counts.", false)
	return b.String()
}

func TestDocumentation(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), docsStart)
	got, after, closed := strings.Cut(rest, docsEnd)
	if !ok || !closed {
		t.Fatalf("%s has no section between %sand %s", docsFile, docsStart, docsEnd)
	}
	want := documentation()
	if *update {
		if err := os.WriteFile(docsFile, []byte(before+docsStart+want+docsEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not current; run go test ./internal/check/breaking -run TestDocumentation -update", docsFile)
	}
}

// TestRules sees that the table is complete.
func TestRules(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, rule := range Rules() {
		if seen[rule.ID] {
			t.Errorf("%s stands there twice", rule.ID)
		}
		seen[rule.ID] = true
		if rule.Levels == 0 || rule.Breaks == "" || rule.Why == "" || rule.check == nil {
			t.Errorf("%s is not complete", rule.ID)
		}
		texts := []string{rule.Breaks, rule.Why}
		for _, w := range rule.Worse {
			if !slices.Contains(RuleIDs(), w.Rule) || w.Rule == rule.ID {
				t.Errorf("%s: there is no other rule %s", rule.ID, w.Rule)
			}
			texts = append(texts, w.Why)
		}
		for _, text := range texts {
			if strings.HasSuffix(text, ".") || strings.ContainsAny(text, "|\n") {
				t.Errorf("%s: %q does not fit where it is printed", rule.ID, text)
			}
		}
	}
}

// levelNames returns the names of the levels in l.
func levelNames(l Level) string {
	var names []string
	for _, one := range []struct {
		level Level
		name  string
	}{{Wire, "wire"}, {JSON, "json"}, {Package, "source"}, {File, "file"}} {
		if l&one.level != 0 {
			names = append(names, one.name)
		}
	}
	return strings.Join(names, ", ")
}
