package lint

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// compile compiles the files below dir, which is the import root.
func compile(t *testing.T, dir string) *idl.Contract {
	t.Helper()
	sources, err := idl.Find([]string{dir}, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) != 1 {
		t.Fatalf("%s has %d sources, want 1", dir, len(sources))
	}
	compiled, err := idl.Compile(t.Context(), sources[0])
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// check returns what a Linter with all rules finds in the files below dir.
func check(t *testing.T, dir string) []finding.Finding {
	t.Helper()
	linter, err := New(Config{Selection: Selection{Use: []string{All}}, RootsNamed: true})
	if err != nil {
		t.Fatal(err)
	}
	return linter.Check(compile(t, dir))
}

// wanted reads the comments of the form "want: RULE:COLUMN" in the files below dir, and returns them as
// "file:line:column: RULE". With "want above" they are about the line before theirs.
func wanted(t *testing.T, dir string) []string {
	t.Helper()
	pattern := regexp.MustCompile(`// want( above)?: ([A-Z_]+)((?::\d+)+)`)
	var want []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for i, line := range strings.Split(string(content), "\n") {
			match := pattern.FindStringSubmatch(line)
			if match == nil {
				continue
			}
			number := i + 1
			if match[1] != "" {
				number--
			}
			for column := range strings.SplitSeq(match[3][1:], ":") {
				want = append(want, fmt.Sprintf("%s:%d:%s: %s", path, number, column, match[2]))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	return want
}

// TestRules sees that each rule finds what it must in its bad files, and nothing in its good ones.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, rule := range Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{"bad", "good"} {
				dir := filepath.Join("testdata", rule.ID, kind)
				want := wanted(t, dir)
				if kind == "bad" && len(want) == 0 {
					t.Errorf("no file in %s has a comment that says what it is an example of", dir)
				}
				var got []string
				for _, f := range check(t, dir) {
					if f.Rule == rule.ID {
						got = append(got, f.Place.String()+": "+f.Rule)
						if f.Severity != rule.Severity || f.Category != rule.Category || f.Reason != rule.Reason {
							t.Errorf("finding %+v does not have what its rule has", f)
						}
						if f.Message == "" || strings.HasSuffix(f.Message, ".") || strings.Contains(f.Message, "\n") {
							t.Errorf("%s: message is %q, want half a sentence", f.Place, f.Message)
						}
						if f.EndLine < f.Line || f.EndLine == f.Line && f.EndColumn < f.Column {
							t.Errorf("%s: the end is %d:%d", f.Place, f.EndLine, f.EndColumn)
						}
					}
				}
				slices.Sort(got)
				got = slices.Compact(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s: found\n  %s\nwant\n  %s", kind, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
				}
			}
		})
	}
}

// TestTestdata sees that there is nothing in testdata that no rule is for.
func TestTestdata(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != "fuzz" && !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.ID == entry.Name() }) {
			t.Errorf("no rule is called like the directory testdata/%s", entry.Name())
		}
	}
}

// TestTable sees that the table says all that its users show.
func TestTable(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`)
	seen := make(map[string]bool)
	for _, r := range Rules() {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("%s is no good id, or not the only one", r.ID)
		}
		seen[r.ID] = true
		if cmp.Or(r.Category, r.Reason, r.Bad, r.Good) == "" || r.Category == "" || r.Bad == "" || r.Good == "" {
			t.Errorf("%s lacks a category, a reason or an example", r.ID)
		}
		if !regexp.MustCompile(`^([a-z]|JSON ).*[^.]$`).MatchString(r.Reason) {
			t.Errorf("the reason of %s is %q, want half a sentence", r.ID, r.Reason)
		}
		if r.Note != "" && !strings.HasSuffix(r.Note, ".") {
			t.Errorf("the note of %s is %q, want whole sentences", r.ID, r.Note)
		}
		if (r.run == nil) != (r.Category == Ignores) {
			t.Errorf("%s does nothing", r.ID)
		}
	}
	for _, r := range Rules() {
		if !slices.ContainsFunc(Categories(), func(c Category) bool { return c.Name == r.Category && c.About != "" }) {
			t.Errorf("no category is called %s, as %s says", r.Category, r.ID)
		}
	}
	if len(seen) < 25 {
		t.Errorf("there are %d rules, want at least 25", len(seen))
	}
}
