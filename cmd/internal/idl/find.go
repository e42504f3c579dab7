package idl

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

// Source names files to compile together, all of them below one directory.
type Source struct {
	// Dir is the root that holds the files.
	Dir string
	// Roots are the directories in which imports are looked for, in this order.
	Roots []string
	// Files are the names by which the files would be imported: paths below a root, with slashes.
	Files []string
}

// Find lists the .proto files of args, which are files, or directories that it searches with all below them. It passes
// over directories called testdata, vendor, third_party and node_modules, those whose names begin with a dot, and other
// Go modules, unless they are in args themselves. Copies of files that are part of the program, such as
// google/api/http.proto below any directory, are found only when args name them.
//
// A file's name is its path below the first root that contains it. Without roots the root of a file is the directory of
// the Go module that it lies in, or else the directory named in args, or the one that the named file lies in. Files
// that lie in different roots come back as different Sources.
func Find(args, roots []string) ([]Source, error) {
	f := finder{roots: roots, found: make(map[string]map[string]bool)}
	var errs []error
	for _, arg := range args {
		if err := f.add(arg); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(f.found) == 0 && f.copies > 0 {
		return nil, fmt.Errorf("%s: all its .proto files are copies of those that come with the command, for which no "+
			"code is needed; imports find them without a directory", strings.Join(args, ", "))
	}
	var sources []Source
	for _, dir := range slices.Sorted(maps.Keys(f.found)) {
		src := Source{Dir: dir, Roots: roots, Files: slices.Sorted(maps.Keys(f.found[dir]))}
		if len(roots) == 0 {
			src.Roots = []string{dir}
		}
		sources = append(sources, src)
	}
	return sources, nil
}

type finder struct {
	roots []string
	found map[string]map[string]bool // by root, then by name

	builtins map[string]string // packages of the files that are part of the program, by their names; see isCopy
	copies   int               // of these files
}

func (f *finder) add(arg string) error {
	info, err := os.Stat(arg)
	if errors.Is(err, fs.ErrNotExist) {
		dir, _ := os.Getwd() // only to help
		return fmt.Errorf("%s: there is no such file or directory in %s", arg, dir)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if filepath.Ext(arg) != ".proto" {
			return fmt.Errorf("%s: not a .proto file", arg)
		}
		return f.addFile(arg, filepath.Dir(arg))
	}
	dir := arg
	if entry, err := os.Lstat(arg); err == nil && entry.Mode()&fs.ModeSymlink != 0 {
		dir += string(filepath.Separator) // WalkDir follows no links; one that is named is meant
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if path != dir && (gomod.Skips(entry.Name()) || entry.Name() == "third_party" || gomod.IsRoot(path)) {
				return fs.SkipDir
			}
			return nil
		case filepath.Ext(path) != ".proto":
			return nil
		case f.isCopy(path):
			f.copies++
			return nil
		default:
			return f.addFile(path, arg)
		}
	})
}

// isCopy reports whether a file is a copy of one that is part of the program, as it is in repositories that keep what
// their contracts import: one that would have its name in imports if a directory above it were an import root, and that
// has the same package.
func (f *finder) isCopy(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	original, ok := f.original(filepath.ToSlash(abs))
	if !ok {
		return false
	}
	text, err := cli.ReadSource(path)
	return err == nil && outline.Parse(string(text)).Package == f.builtins[original]
}

// original returns the file that is part of the program whose name the path ends with.
func (f *finder) original(path string) (string, bool) {
	if f.builtins == nil {
		f.builtins = make(map[string]string)
		builtins(func(file protoreflect.FileDescriptor) { f.builtins[file.Path()] = string(file.Package()) })
	}
	for {
		_, rest, ok := strings.Cut(path, "/")
		if !ok {
			return "", false
		}
		if path = rest; f.builtins[path] != "" {
			return path, true
		}
	}
}

func (f *finder) addFile(path, fallback string) error {
	if len(f.roots) > 0 {
		for i, root := range f.roots {
			if name, ok := below(root, path); ok {
				f.keep(root, name)
				return hidden(f.roots[:i], path, name)
			}
		}
		return fmt.Errorf("%s: lies in none of the import roots (%s); name one that contains it with --proto-path",
			path, strings.Join(f.roots, ", "))
	}
	root := cmp.Or(gomod.Root(filepath.Dir(path)), fallback)
	name, ok := below(root, path)
	if !ok {
		return fmt.Errorf("%s: not below %s", path, root)
	}
	f.keep(root, name)
	return nil
}

// hidden returns an error when one of roots, in which imports are looked for first, has another file of that name.
func hidden(roots []string, path, name string) error {
	for _, root := range roots {
		other := filepath.Join(root, filepath.FromSlash(name))
		if _, err := os.Stat(other); err == nil {
			return fmt.Errorf("%s: hidden by %s, whose import root comes first", path, other)
		}
	}
	return nil
}

func (f *finder) keep(root, name string) {
	if f.found[root] == nil {
		f.found[root] = make(map[string]bool)
	}
	f.found[root][name] = true
}

// below returns path relative to root, with slashes, when it lies there.
func below(root, path string) (string, bool) {
	absRoot, err := filepath.Abs(root)
	if err != nil {
		return "", false
	}
	absPath, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(absRoot, absPath)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// Short returns a relative path without needless steps up and down again: "../here/a" is "a" in the directory here.
func Short(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	dir, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	short, err := filepath.Rel(dir, filepath.Join(dir, path))
	if err != nil {
		return path
	}
	return short
}
