package idl

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bufbuild/protocompile"
	// Linked in for their descriptors, which contracts import.
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/api/visibility"
	_ "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// resolver finds files below the roots, then among those that are part of the program, and remembers where each was.
// The compiler calls it from several goroutines.
type resolver struct {
	roots   []string
	builtin protocompile.Resolver

	mu     sync.Mutex
	onDisk map[string]string
}

func newResolver(roots []string) *resolver {
	return &resolver{
		roots:   roots,
		onDisk:  make(map[string]string),
		builtin: protocompile.WithStandardImports(protocompile.ResolverFunc(linkedIn)),
	}
}

// linkedIn returns files of Google's common APIs.
func linkedIn(name string) (protocompile.SearchResult, error) {
	if !strings.HasPrefix(name, "google/api/") && !strings.HasPrefix(name, "google/rpc/") {
		return protocompile.SearchResult{}, protoregistry.NotFound
	}
	desc, err := protoregistry.GlobalFiles.FindFileByPath(name)
	if err != nil {
		return protocompile.SearchResult{}, err
	}
	return protocompile.SearchResult{Desc: desc}, nil
}

// FindFileByPath implements protocompile.Resolver.
func (r *resolver) FindFileByPath(name string) (protocompile.SearchResult, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return protocompile.SearchResult{}, fmt.Errorf("%q is not a path below an import root", name)
	}
	for _, root := range r.roots {
		path := filepath.Join(root, filepath.FromSlash(name))
		file, err := os.Open(path) //nolint:gosec // reading the files that the user names is what it is for
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return protocompile.SearchResult{}, err
		}
		r.mu.Lock()
		r.onDisk[name] = Short(path)
		r.mu.Unlock()
		return protocompile.SearchResult{Source: file}, nil
	}
	result, err := r.builtin.FindFileByPath(name)
	if err != nil {
		return result, fmt.Errorf("%q was not found; import roots: %s (add one with --proto-path)",
			name, strings.Join(r.roots, ", "))
	}
	return result, nil
}

// path returns where on disk the file of that name was found, or the name.
func (r *resolver) path(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path, ok := r.onDisk[name]; ok {
		return path
	}
	return name
}

func (r *resolver) paths() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.onDisk)
}
