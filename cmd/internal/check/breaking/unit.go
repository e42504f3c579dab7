package breaking

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// unit is a part of the new side that is compiled by itself: the files of one import root, or a descriptor set.
type unit struct {
	source idl.Source
	args   []string // the arguments, or parts of them, that name its files
	set    bool     // it is a descriptor set, and args has its path

	compiled  *idl.Contract                       // nil: it is a descriptor set
	files     []*descriptorpb.FileDescriptorProto // with those that are imported
	names     []string                            // of its own files
	imports   []string                            // of the others
	path      func(name string) string
	prefix    string // see ContractConfig
	oldPrefix string // the same of the old side
}

// contract returns the unit's contract, once its prefix is known.
func (u *unit) contract() (*Contract, error) {
	cfg := ContractConfig{Own: u.names, Prefix: u.prefix, Path: u.path}
	if u.compiled != nil {
		return fromCompiled(u.compiled, cfg)
	}
	return NewContract(u.files, cfg)
}

// loadUnits compiles the new side.
func loadUnits(ctx context.Context, args, roots []string, stderr io.Writer) ([]*unit, error) {
	if len(args) == 1 && !isDir(args[0]) && isSet(args[0]) {
		u, err := setUnit(ctx, args[0])
		if err != nil {
			return nil, err
		}
		return []*unit{u}, nil
	}
	sources, err := idl.Find(args, roots)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no .proto files in %s", strings.Join(args, ", "))
	}
	var units []*unit
	var wrong idl.ContractError
	for _, src := range sources {
		compiled, err := idl.CompileLinked(ctx, src, nil)
		if problems, ok := errors.AsType[*idl.ContractError](err); ok {
			wrong.Problems = append(wrong.Problems, problems.Problems...)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, w := range compiled.Warnings {
			if w.Kind == idl.Other {
				fmt.Fprintln(stderr, w.Render(cli.PainterFor(stderr), "warning"))
			}
		}
		units = append(units, newUnit(src, compiled))
	}
	if len(wrong.Problems) > 0 {
		return nil, &wrong
	}
	return units, shareArgs(units, args)
}

// shareArgs gives each unit the arguments that name its files: those within its directory, and that itself for each
// argument that is around it.
func shareArgs(units []*unit, args []string) error {
	given := make(map[string][]string) // by absolute path
	for _, arg := range args {
		abs, err := filepath.Abs(arg)
		if err != nil {
			return err
		}
		given[abs] = append(given[abs], arg)
	}
	in := make(map[string]*unit)
	for _, u := range units {
		abs, err := filepath.Abs(u.source.Dir)
		if err != nil {
			return err
		}
		in[abs] = u
		for dir := range parents(abs) {
			for range given[dir] {
				u.args = append(u.args, u.source.Dir)
			}
		}
	}
	for _, abs := range slices.Sorted(maps.Keys(given)) {
		if u := in[abs]; u != nil {
			u.args = append(u.args, given[abs]...)
		}
		for dir := range parents(abs) {
			if u := in[dir]; u != nil {
				u.args = append(u.args, given[abs]...)
			}
		}
	}
	return nil
}

// parents yields the directories around an absolute path, from the innermost.
func parents(abs string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for dir := filepath.Dir(abs); yield(dir) && dir != filepath.Dir(dir); {
			dir = filepath.Dir(dir)
		}
	}
}

func newUnit(src idl.Source, compiled *idl.Contract) *unit {
	u := &unit{source: src, compiled: compiled, files: compiled.Files, names: compiled.Names}
	u.path = func(name string) string {
		if path := compiled.Path(name); path != name {
			return path
		}
		return idl.Short(filepath.Join(src.Dir, filepath.FromSlash(name))) // it is gone, and was there
	}
	u.findImports()
	return u
}

// setUnit returns the new side when it is a descriptor set.
func setUnit(ctx context.Context, path string) (*unit, error) {
	files, own, err := readSet(ctx, path)
	if err != nil {
		return nil, err
	}
	u := &unit{args: []string{path}, set: true, files: files, names: own}
	u.findImports()
	return u, nil
}

func (u *unit) findImports() {
	own := setOf(u.names)
	for _, file := range u.files {
		if !own[file.GetName()] {
			u.imports = append(u.imports, file.GetName())
		}
	}
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// limit returns those names of an old contract that the unit's arguments cover. When no file of the old contract is
// called as one of the unit's, but those of the unit are called so below one directory, that directory is taken for the
// import root of the old contract.
func (u *unit) limit(old []string) []string {
	imports, own := setOf(u.imports), setOf(u.names)
	old = slices.DeleteFunc(slices.Clone(old), func(name string) bool { return imports[name] })
	if u.set {
		return old
	}
	if !slices.ContainsFunc(old, func(name string) bool { return own[name] }) {
		u.prefix = commonPrefix(u.names, old)
	}
	given := make(map[string]bool, len(u.args))
	for _, arg := range u.args {
		if abs, err := filepath.Abs(arg); err == nil {
			given[abs] = true
		}
	}
	return slices.DeleteFunc(old, func(name string) bool {
		abs, err := filepath.Abs(filepath.Join(u.source.Dir, filepath.FromSlash(u.prefix), filepath.FromSlash(name)))
		if err != nil || given[abs] {
			return err != nil
		}
		for dir := range parents(abs) {
			if given[dir] {
				return false
			}
		}
		return true
	})
}

// commonPrefix returns the directory below which the first of names is called as one of others, "" for none.
func commonPrefix(names, others []string) string {
	isOther := setOf(others)
	for _, name := range names {
		for at, rest := 0, name; ; {
			dir, file, ok := strings.Cut(rest, "/")
			if !ok {
				break
			}
			at += len(dir)
			if isOther[file] {
				return name[:at]
			}
			at, rest = at+1, file
		}
	}
	return ""
}
