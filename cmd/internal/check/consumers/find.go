package consumers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// Config says where Find looks.
type Config struct {
	// Dirs are directories of Go modules, or directories that hold some.
	Dirs []string
	// Tests means that tests count, too.
	Tests bool
	// Progress is called with the path of each module before it is loaded. It may be nil.
	Progress func(module string)

	heavyCode int // in place of the constant, for tests
}

// Find returns the uses of contracts in modules. A package that does not compile is searched as far as its types are
// known; Result.Problems names it.
func Find(ctx context.Context, cfg Config) (result *Result, err error) {
	dirs, err := moduleDirs(cfg.Dirs)
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "fairlead-check-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()

	result = new(Result)
	for _, dir := range dirs {
		if err := result.findIn(ctx, dir, temp, cfg); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	result.Uses = sortUses(result.Uses)
	result.index()
	slices.Sort(result.Modules)
	slices.Sort(result.Problems)
	slices.Sort(result.Known)
	result.Known = slices.Compact(result.Known)
	return result, nil
}

// findIn adds what is found in one module. Modules may build on different versions of generated code, so that each has
// an index of its own.
func (r *Result) findIn(ctx context.Context, dir, temp string, cfg Config) error {
	if cfg.Progress != nil {
		cfg.Progress(dir)
	}
	l := &loader{tests: cfg.Tests, fset: token.NewFileSet(), temp: temp}
	how, err := l.settingFor(ctx, dir)
	if err != nil {
		return err
	}
	graph, err := l.graph(ctx, dir, how)
	if err != nil {
		return err
	}
	x := newIndex()
	x.add(graph)
	r.Known = append(r.Known, x.known()...)
	typed, err := l.typed(ctx, dir, how, x.size >= cmp.Or(cfg.heavyCode, heavyCode))
	if err != nil {
		return err
	}
	seen := make(map[string]bool) // files of a package and of its test variant are the same
	for _, p := range typed {
		module := p.PkgPath
		if p.Module != nil {
			module = p.Module.Path
		}
		if !slices.Contains(r.Modules, module) && p.Module != nil {
			r.Modules = append(r.Modules, module)
		}
		if p.TypesInfo == nil || len(p.Syntax) == 0 {
			if len(p.Errors) > 0 {
				r.Problems = append(r.Problems, problemOf(p))
			}
			continue
		}
		if !seen[p.PkgPath] {
			r.Packages++
			seen[p.PkgPath] = true
		}
		if len(p.Errors) > 0 {
			r.Problems = append(r.Problems, problemOf(p))
		}
		r.Uses = append(r.Uses, x.analyse(p, module, shorten)...)
	}
	return nil
}

// problemOf returns a line that says why uses may have been missed in a package. The go command reports what the
// compiler said, too, but all of it at once.
func problemOf(p *packages.Package) string {
	errs := slices.DeleteFunc(slices.Clone(p.Errors), func(e packages.Error) bool { return e.Kind == packages.ListError })
	if len(errs) == 0 {
		errs = p.Errors
	}
	text := p.PkgPath + ": "
	if position := errs[0].Pos; position != "" && position != "-" {
		text += shorten(position) + ": "
	}
	said, _, _ := strings.Cut(errs[0].Msg, "\n")
	text += said
	if more := len(errs) - 1; more > 0 {
		text += fmt.Sprintf(" (and %s)", finding.Plural(more, "more error"))
	}
	return text
}

// shorten returns a path relative to the working directory, when it lies in it or beside it.
func shorten(path string) string {
	dir, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return path
	}
	short, err := filepath.Rel(dir, path)
	if err != nil || len(short) > len(path) {
		return path
	}
	return short
}

// known returns the full names of all fields and methods that there is generated code for.
func (x *index) known() []string {
	var names []string
	for _, g := range x.packages {
		for _, m := range g.messages {
			for _, field := range m.fields {
				names = append(names, field)
			}
		}
		for _, client := range g.clients {
			for _, method := range client.methods {
				names = append(names, method)
			}
		}
	}
	return names
}
