package lint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// plausible fails the test when a finding lies outside of its file.
func plausible(t *testing.T, f finding.Finding, lines []string) {
	t.Helper()
	if f.Line < 1 || f.Line > max(len(lines), 1) || f.EndLine < f.Line || f.EndLine > max(len(lines), 1) ||
		f.Column < 1 || f.EndLine == f.Line && f.EndColumn < f.Column {
		t.Errorf("%s lies outside of its file: it ends at %d:%d", f.Place, f.EndLine, f.EndColumn)
	}
}

// FuzzCheck sees that nothing that compiles makes a rule panic, or report a place that is not there.
func FuzzCheck(f *testing.F) {
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".proto" {
			return err
		}
		content, err := os.ReadFile(path)
		f.Add(string(content))
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	linter, err := New(Config{Selection: Selection{Use: []string{All}}, RootsNamed: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.proto"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		compiled, err := idl.Compile(t.Context(), idl.Source{Dir: dir, Roots: []string{dir}, Files: []string{"a.proto"}})
		if err != nil {
			return
		}
		lines := strings.Split(text, "\n")
		for _, found := range linter.Check(compiled) {
			plausible(t, found, lines)
		}
	})
}

// TestForeign checks all contracts below the directory that FAIRLEAD_CONTRACTS names, such as the Go module cache: none
// may make a rule panic, or report a place that is not there. It is run by hand.
func TestForeign(t *testing.T) {
	t.Parallel()
	root := os.Getenv("FAIRLEAD_CONTRACTS")
	if root == "" {
		t.Skip("FAIRLEAD_CONTRACTS names no directory")
	}
	linter, err := New(Config{Selection: Selection{Use: []string{All}}})
	if err != nil {
		t.Fatal(err)
	}
	files, compiled := 0, 0
	found := make(map[string]int)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".proto" {
			return err
		}
		files++
		c := compileSomehow(t, root, path)
		if c == nil {
			return nil
		}
		compiled++
		content, err := os.ReadFile(path)
		lines := strings.Split(string(content), "\n")
		for _, f := range linter.Check(c) {
			found[f.Rule]++
			plausible(t, f, lines)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, of which %d compile", files, compiled)
	for _, r := range Rules() {
		t.Logf("%6d %s", found[r.ID], r.ID)
	}
}

// compileSomehow compiles a file with the nearest directory above it as the import root with which it compiles, up to
// the root of its module; nil when there is none.
func compileSomehow(t *testing.T, root, path string) *idl.Contract {
	t.Helper()
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		src := idl.Source{Dir: dir, Roots: []string{dir}, Files: []string{filepath.ToSlash(name)}}
		c, err := idl.Compile(t.Context(), src)
		if err == nil {
			return c
		}
		if wrong, ok := errors.AsType[*idl.ContractError](err); !ok || dir == root || !missing(wrong) ||
			strings.Contains(filepath.Base(dir), "@") {
			return nil
		}
	}
}

// missing reports whether an import was not found.
func missing(err *idl.ContractError) bool { return strings.Contains(err.Error(), "was not found") }
