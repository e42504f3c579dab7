package breaking

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		compiled, err := idl.CompileLinked(ctx, src)
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
		units = append(units, newUnit(src, compiled, args))
	}
	if len(wrong.Problems) > 0 {
		return nil, &wrong
	}
	return units, nil
}

func newUnit(src idl.Source, compiled *idl.Contract, args []string) *unit {
	u := &unit{source: src, compiled: compiled, files: compiled.Files, names: compiled.Names}
	u.path = func(name string) string {
		if path := compiled.Path(name); path != name {
			return path
		}
		return idl.Short(filepath.Join(src.Dir, filepath.FromSlash(name))) // it is gone, and was there
	}
	u.findImports()
	for _, arg := range args {
		switch {
		case below(src.Dir, arg):
			u.args = append(u.args, arg)
		case below(arg, src.Dir):
			u.args = append(u.args, src.Dir)
		}
	}
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
	return slices.DeleteFunc(old, func(name string) bool {
		path := filepath.Join(u.source.Dir, filepath.FromSlash(u.prefix), filepath.FromSlash(name))
		return !slices.ContainsFunc(u.args, func(arg string) bool { return below(arg, path) })
	})
}

// commonPrefix returns the directory below which the first of names is called as one of others, "" for none.
func commonPrefix(names, others []string) string {
	for _, name := range names {
		for _, other := range others {
			if prefix, ok := strings.CutSuffix(name, "/"+other); ok {
				return prefix
			}
		}
	}
	return ""
}
