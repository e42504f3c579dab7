package arch

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// listed are the folders whose files the map names one by one.
var listed = []string{root, "server", "client", "internal/http2"}

// TestFileMap: the file map in docs/DESIGN.md has all packages of the core, and of some folders all files. What it
// names is there.
func TestFileMap(t *testing.T) {
	t.Parallel()
	sections, text := fileMap(t)
	for _, f := range load(t) {
		if f.module != root || f.test {
			continue
		}
		if last := path.Base(f.pkg); f.pkg != root && !regexp.MustCompile(`\b`+last+`\b`).MatchString(text) {
			t.Errorf("docs/DESIGN.md: the file map does not name the package %s", f.pkg)
		}
		if slices.Contains(listed, f.pkg) && !slices.Contains(sections[f.pkg], f.name) {
			t.Errorf("docs/DESIGN.md: the file map does not name %s/%s", f.pkg, f.name)
		}
	}
	for folder, names := range sections {
		for _, name := range names {
			file := filepath.Join(repository(t), filepath.FromSlash(folder), name)
			if found, err := filepath.Glob(file); err != nil || len(found) == 0 {
				t.Errorf("docs/DESIGN.md: the file map names %s/%s, which is not there", folder, name)
			}
		}
	}
}

// fileMap returns the Go files that the map names, by folder, and its text.
func fileMap(t *testing.T) (sections map[string][]string, text string) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(repository(t), "docs", "DESIGN.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(document), "## File map\n\n```\n")
	text, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("docs/DESIGN.md has no file map")
	}
	sections = make(map[string][]string)
	names := regexp.MustCompile(`[a-z0-9_*]+\.go\b`)
	folder := root
	for line := range strings.Lines(text) {
		if first := strings.Fields(line); len(first) > 0 && line[0] != ' ' {
			if name, ok := strings.CutSuffix(first[0], "/"); ok {
				folder = name
			} else {
				folder = root
			}
		} else if len(first) > 0 && strings.HasSuffix(first[0], "/") {
			continue // a folder within, whose files are there
		}
		sections[folder] = append(sections[folder], names.FindAllString(line, -1)...)
	}
	return sections, text
}
