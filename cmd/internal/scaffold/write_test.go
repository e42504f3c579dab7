package scaffold

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listing returns the files and directories below dir.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); err == nil && rel != "." {
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func contentOf(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func files(pairs ...string) []file {
	var list []file
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, file{path: pairs[i], content: []byte(pairs[i+1])})
	}
	return list
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "shop")
	list := files("a", "1", "b/c/d", "2")
	list[1].program = true
	steps, err := plan(dir, list, false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := perform(t.Context(), dir, steps); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"a", "b", "b/c", "b/c/d"}) {
		t.Errorf("got %q", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "b/c/d")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("a program got %v, %v", info.Mode(), err)
	}

	// Again: refused, and with force there is nothing to do.
	if _, err := plan(dir, list, false, false); err == nil || !strings.Contains(err.Error(), "is not empty (a, b)") {
		t.Errorf("got %v", err)
	}
	steps, err = plan(dir, list, true, false)
	if err != nil || steps[0].action != unchanged || steps[1].action != unchanged {
		t.Errorf("got %+v, %v", steps, err)
	}

	// Changed files are kept.
	list[0].content = []byte("one")
	steps, err = plan(dir, list, true, false)
	if err != nil || steps[0].action != replace {
		t.Fatalf("got %+v, %v", steps, err)
	}
	if err := perform(t.Context(), dir, steps); err != nil {
		t.Fatal(err)
	}
	if got, old := contentOf(t, dir, "a"), contentOf(t, dir, "a.orig"); got != "one" || old != "1" {
		t.Errorf("got %q and %q", got, old)
	}
	// And not kept over what was kept before.
	list[0].content = []byte("uno")
	if _, err := plan(dir, list, true, false); err == nil || !strings.Contains(err.Error(), "there is a a.orig already") {
		t.Errorf("got %v", err)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"file": "", "repository/.git/HEAD": "", "full/a": "", "full/b": "", "full/c": "", "full/d": "", "full/.e": "",
	})
	for name, want := range map[string]string{
		"missing": "", "repository": "", "file": "is a file", "full": "is not empty (.e, a, b and 2 more)",
	} {
		_, err := plan(filepath.Join(dir, name), files("x", ""), false, false)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	// All that stands in the way is told.
	_, err := plan(filepath.Join(dir, "full"), files("a/x", "", "b/y", ""), true, false)
	if err == nil || !strings.Contains(err.Error(), "a/x") || !strings.Contains(err.Error(), "b/y") {
		t.Errorf("got %v, want both files", err)
	}
}

// TestFailure: when a file cannot be written everything is as it was.
func TestFailure(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"old/a": "before"})
	at := filepath.Join(dir, "old")
	steps, err := plan(at, files("a", "after", "new/b", "1", "z", "2"), true, false)
	if err != nil {
		t.Fatal(err)
	}
	// Meanwhile somebody makes a directory where a file is to be.
	if err := os.MkdirAll(filepath.Join(at, "z", "y"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := perform(t.Context(), at, steps); err == nil {
		t.Error("got no error")
	}
	if got := listing(t, dir); !slices.Equal(got, []string{"old", "old/a", "old/z", "old/z/y"}) {
		t.Errorf("got %q", got)
	}
	if got := contentOf(t, at, "a"); got != "before" {
		t.Errorf("got %q, want what was there before", got)
	}

	// An interrupt, too.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fresh := filepath.Join(dir, "fresh")
	steps, err = plan(fresh, files("a", "1"), false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := perform(ctx, fresh, steps); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(fresh); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is there: %v", err)
	}
}
