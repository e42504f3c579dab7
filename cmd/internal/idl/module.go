package idl

import (
	"path/filepath"

	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
)

// GoPackage returns the import path that a Go package in the directory of file would have, as the go.mod above says;
// and false when there is none.
func GoPackage(file string) (string, bool) {
	importPath := gomod.ImportPath(filepath.Dir(file))
	return importPath, importPath != ""
}
