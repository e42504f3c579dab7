package idl

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// resolver finds files below the roots, then among those that are part of the program, and remembers what it read. The
// compiler calls it from several goroutines.
type resolver struct {
	roots   []string
	builtin protocompile.Resolver

	mu   sync.Mutex
	read map[string]source

	// linked are the files that were compiled already and that others may import. It is not changed while the compiler
	// runs.
	linked    map[string]linker.File
	importers importers
	keeps     keeps
	kept      map[string]*kept // all files that were compiled already
}

func newResolver(roots []string, keeps keeps) *resolver {
	return &resolver{
		roots:   roots,
		read:    make(map[string]source),
		linked:  make(map[string]linker.File),
		keeps:   keeps,
		kept:    make(map[string]*kept),
		builtin: protocompile.WithStandardImports(protocompile.ResolverFunc(linkedIn)),
	}
}

// FindFileByPath implements protocompile.Resolver.
func (r *resolver) FindFileByPath(name string) (protocompile.SearchResult, error) {
	if !isName(name) {
		return protocompile.SearchResult{}, &notFoundError{name: name}
	}
	if file := r.linked[name]; file != nil {
		return protocompile.SearchResult{Desc: file}, nil
	}
	src, err := r.load(name)
	if err == nil {
		return protocompile.SearchResult{Source: strings.NewReader(src.text)}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return protocompile.SearchResult{}, err
	}
	result, err := r.builtin.FindFileByPath(name)
	if err != nil {
		return result, &notFoundError{name: name, roots: r.roots}
	}
	return result, nil
}

// notFoundError reports that an import leads nowhere.
type notFoundError struct {
	name  string
	roots []string // nil: it leads out of all roots
}

func (e *notFoundError) Error() string {
	if e.roots == nil {
		return fmt.Sprintf("%q is not a path below an import root", e.name)
	}
	return fmt.Sprintf("%q was not found; import roots: %s (add one with --proto-path)",
		e.name, strings.Join(e.roots, ", "))
}

// load reads the file of that name below the first root that has it.
func (r *resolver) load(name string) (source, error) {
	if src, ok := r.source(name); ok {
		return src, nil
	}
	for _, root := range r.roots {
		path := filepath.Join(root, filepath.FromSlash(name))
		text, err := cli.ReadSource(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return source{}, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		src, ok := r.read[name]
		if !ok { // nobody else was faster
			src = newSource(Short(path), string(text))
			r.read[name] = src
		}
		return src, nil
	}
	return source{}, fs.ErrNotExist
}

// source returns the file of that name when it was read from disk.
func (r *resolver) source(name string) (source, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	src, ok := r.read[name]
	return src, ok
}

// path returns where on disk the file of that name was found, or the name.
func (r *resolver) path(name string) string {
	if src, ok := r.source(name); ok {
		return src.path
	}
	return name
}

func (r *resolver) sources() map[string]source {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.read)
}

// batch returns how many of names to compile at once.
func (r *resolver) batch(names []string) int {
	size := 0
	for i, name := range names {
		src, err := r.load(name)
		if err != nil {
			continue // the compiler reports it
		}
		if size += len(src.text); size > batchSize && i > 0 {
			return i
		}
	}
	return len(names)
}
