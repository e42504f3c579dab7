package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// file is a Go file of the repository.
type file struct {
	pkg     string // folder within the repository, slash-separated; "." for the root
	name    string
	test    bool // its name ends in _test.go
	module  string
	imports []string
}

// in reports whether the file is under a folder at the top of the repository.
func (f file) in(top string) bool { return f.pkg == top || strings.HasPrefix(f.pkg, top+"/") }

// repository is the root of the tree.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the repository's root is not where this test looks for it: %v", err)
	}
	return dir
}

// load reads the imports of all Go files of all modules, without type-checking, so that no module needs its
// dependencies. Build constraints are not looked at: the rules hold on every platform.
func load(t *testing.T) []file {
	t.Helper()
	dir := repository(t)
	var files []file
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != dir && (name == "testdata" || name[0] == '.' || name[0] == '_') {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, filepath.Dir(p))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		entry := file{pkg: pkg, name: name, test: strings.HasSuffix(name, "_test.go"), module: moduleOf(dir, pkg)}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			entry.imports = append(entry.imports, imported)
		}
		files = append(files, entry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return files
}

// moduleOf returns the folder of the module that pkg belongs to: the nearest one upwards with a go.mod.
func moduleOf(dir, pkg string) string {
	for pkg != root {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(pkg), "go.mod")); err == nil {
			return pkg
		}
		pkg = path.Dir(pkg)
	}
	return root
}
