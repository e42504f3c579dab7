package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// titles are the headings of the first level in Markdown.
var titles = regexp.MustCompile(`(?m)^# .*$`)

// TestDecisions: each decision in docs/decisions has one title, which begins its file.
func TestDecisions(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join(repository(t), "docs", "decisions", "*.md"))
	if err != nil || len(names) == 0 {
		t.Fatalf("found %d decisions: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := titles.FindAllIndex(text, -1); len(found) != 1 || found[0][0] != 0 {
			t.Errorf("%s has %d titles, want one, at its beginning", filepath.Base(name), len(found))
		}
	}
}
