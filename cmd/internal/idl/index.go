package idl

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
	"github.com/fairlead-go/fairlead/internal/near"
)

// indexLimit is how many files are read to find what was meant: it is only for help, and must not take long.
const indexLimit = 2000

// declared is a type or an option that some file declares.
type declared struct {
	name string // full
	kind outline.Kind
	file string // the name by which it is imported
}

// index lists the declarations of the files below the roots, and of those that are part of the program.
type index struct {
	roots []string
	files []string // names by which they are imported
	decls []declared
}

// index reads all files below the roots, once.
func (e *explainer) index() *index {
	if e.known != nil {
		return e.known
	}
	x := &index{roots: e.files.roots}
	e.known = x
	seen := make(map[string]bool)
	for _, root := range x.roots {
		_ = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fs.SkipDir // it is only for help
			case entry.IsDir():
				if file != root && (gomod.Skips(entry.Name()) || gomod.IsRoot(file)) {
					return fs.SkipDir
				}
				return nil
			case filepath.Ext(file) != ".proto":
				return nil
			case len(x.files) == indexLimit:
				return fs.SkipAll
			}
			if name, ok := below(root, file); ok && !seen[name] {
				seen[name] = true
				x.files = append(x.files, name)
				for _, d := range e.outline(name).Decls {
					x.decls = append(x.decls, declared{name: d.Name, kind: d.Kind, file: name})
				}
			}
			return nil
		})
	}
	builtins(func(file protoreflect.FileDescriptor) {
		if !seen[file.Path()] {
			x.files = append(x.files, file.Path())
			x.addTypes(file, file.Path())
		}
	})
	return x
}

// container is a file or a message.
type container interface {
	Messages() protoreflect.MessageDescriptors
	Enums() protoreflect.EnumDescriptors
	Extensions() protoreflect.ExtensionDescriptors
}

func (x *index) addTypes(in container, file string) {
	for i := range in.Messages().Len() {
		m := in.Messages().Get(i)
		if !m.IsMapEntry() {
			x.decls = append(x.decls, declared{name: string(m.FullName()), kind: outline.Message, file: file})
			x.addTypes(m, file)
		}
	}
	for i := range in.Enums().Len() {
		name := string(in.Enums().Get(i).FullName())
		x.decls = append(x.decls, declared{name: name, kind: outline.Enum, file: file})
	}
	for i := range in.Extensions().Len() {
		name := string(in.Extensions().Get(i).FullName())
		x.decls = append(x.decls, declared{name: name, kind: outline.Extension, file: file})
	}
}

// ending returns what is declared under a name, or under one that ends with it after a dot.
func (x *index) ending(name string, fits func(outline.Kind) bool) []declared {
	var found []declared
	for _, d := range x.decls {
		if fits(d.kind) && (d.name == name || strings.HasSuffix(d.name, "."+name)) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b declared) int { return strings.Compare(a.name, b.name) })
	return found
}

// nearFile asks for the file that may have been meant, "" when there is none.
func (x *index) nearFile(name string) string {
	var same []string
	for _, file := range x.files {
		if strings.HasSuffix(file, "/"+name) || path.Base(file) == path.Base(name) {
			same = append(same, file)
		}
	}
	if len(same) == 1 {
		return `did you mean "` + same[0] + `"?`
	}
	return near.Question(name, x.files)
}

// rootFor returns a directory below the present roots that would make name known if it were a root too. It looks into
// vendor and testdata as well: import roots lie there.
func (x *index) rootFor(name string) (string, bool) {
	for _, root := range x.roots {
		found := ""
		visited := 0
		_ = filepath.WalkDir(root, func(dir string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil || !entry.IsDir():
				return nil //nolint:nilerr // it is only for help
			case dir != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
				return fs.SkipDir
			}
			if visited++; visited > indexLimit {
				return fs.SkipAll
			}
			if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err == nil && !info.IsDir() {
				found = dir
				return fs.SkipAll
			}
			return nil
		})
		if found != "" {
			return Short(found), true
		}
	}
	return "", false
}
