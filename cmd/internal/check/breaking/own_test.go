package breaking

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOwnRules sees what the rules find that buf does not have, and that each of them finds something.
func TestOwnRules(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	own := make(map[string]bool)
	for _, rule := range Rules() {
		if !rule.Shared && rule.ID != "MESSAGE_SAME_LEGACY_REQUIRED_FIELDS" { // which the corpus has cases for
			own[rule.ID] = true
		}
	}
	found := make(map[string]bool)
	const dir = "testdata/own"
	base := readFiles(t, filepath.Join(dir, "base"))
	old := compileFiles(t, base)
	for _, c := range readEdits(t, filepath.Join(dir, "edits.txt")) {
		files, err := c.apply(base)
		if err != nil {
			t.Fatalf("case %s: %v", c.name, err)
		}
		level := Package
		if c.level != "" {
			if level, err = ParseLevel(c.level); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, f := range Compare(newTestContract(t, old), newTestContract(t, compileFiles(t, files)), Config{Level: level}) {
			if own[f.Rule] {
				got = append(got, fmt.Sprintf("%s %d", f.Rule, f.At.Line))
				found[f.Rule] = true
			}
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("case %s: findings are\n  %s\nwant\n  %s", c.name, strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(own)) {
		if !found[rule] {
			t.Errorf("no case breaks %s", rule)
		}
	}
}

// TestLegacyRequired sees the rule about editions, which buf's rule for required fields passes over.
func TestLegacyRequired(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"legacy-required-dropped": 1, "legacy-required-set": 1, "legacy-required-added": 1, "legacy-required-deleted": 1,
	}
	for _, pair := range compileCorpus(t, "edition") {
		got := 0
		for _, f := range Compare(newTestContract(t, pair.old), newTestContract(t, pair.now), Config{Level: Wire}) {
			if f.Rule == "MESSAGE_SAME_LEGACY_REQUIRED_FIELDS" {
				got++
			}
		}
		if got != want[pair.name] {
			t.Errorf("case %s: %d findings, want %d", pair.name, got, want[pair.name])
		}
	}
}
