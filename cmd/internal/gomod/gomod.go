// Package gomod finds the Go module of a directory, and says which directories a search for source files leaves out.
package gomod

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// File is the name of the file in the root directory of a module.
const File = "go.mod"

// IsRoot reports whether dir is the root directory of a module.
func IsRoot(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, File))
	return err == nil && info.Mode().IsRegular()
}

// Root returns the root directory of the module that dir is in: the nearest one from dir upwards that holds a go.mod.
// It returns "" when there is none. The result is relative where dir is, so that messages stay short.
func Root(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for at := abs; ; at = filepath.Dir(at) {
		if IsRoot(at) {
			rel, err := filepath.Rel(abs, at)
			if err != nil || filepath.IsAbs(dir) {
				return at
			}
			return filepath.Join(dir, rel)
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// ImportPath returns the import path of the package in dir, which need not exist, by the go.mod above it. It returns ""
// when there is none, or when it names no module.
func ImportPath(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	root := Root(abs)
	if root == "" {
		return ""
	}
	content, err := cli.ReadSource(filepath.Join(root, File))
	if err != nil {
		return ""
	}
	module := modfile.ModulePath(content)
	rel, err := filepath.Rel(root, abs)
	if err != nil || module == "" {
		return ""
	}
	return path.Join(module, filepath.ToSlash(rel))
}

// Skips reports whether a search for contracts and other sources of a project leaves out directories of that name,
// which hold the files of others or of tests.
func Skips(name string) bool {
	return strings.HasPrefix(name, ".") || name == "testdata" || name == "vendor" || name == "node_modules"
}

// SkipsGo is Skips for Go files: the go command leaves out names that begin with an underscore, too.
func SkipsGo(name string) bool { return Skips(name) || strings.HasPrefix(name, "_") }
