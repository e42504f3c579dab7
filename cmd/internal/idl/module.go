package idl

import (
	"os"
	"path"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// GoPackage returns the import path that a Go package in the directory of file would have, as the go.mod above says;
// and false when there is none.
func GoPackage(file string) (string, bool) {
	dir := filepath.Dir(file)
	root := moduleRoot(dir)
	if root == "" {
		return "", false
	}
	content, err := os.ReadFile(filepath.Join(root, "go.mod")) //nolint:gosec // the user's own module
	if err != nil {
		return "", false
	}
	module := modfile.ModulePath(content)
	name, ok := below(root, dir)
	if module == "" || !ok {
		return "", false
	}
	return path.Join(module, name), true
}
