package consumers

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/go/packages"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
)

// moduleDirs returns the directories of the Go modules in dirs, in order: those below each of them, or else the one
// that it belongs to.
func moduleDirs(dirs []string) ([]string, error) {
	var found []string
	var errs []error
	for _, dir := range dirs {
		below, err := modulesBelow(dir)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if len(below) == 0 {
			above := gomod.Root(dir)
			if above == "" {
				errs = append(errs, fmt.Errorf("%s: neither a Go module nor in one, and there are none below it", dir))
				continue
			}
			below = []string{above}
		}
		found = append(found, below...)
	}
	slices.Sort(found)
	return slices.Compact(found), errors.Join(errs...)
}

// modulesBelow returns the directories below dir, itself included, that hold a go.mod.
func modulesBelow(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != dir && gomod.SkipsGo(entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && entry.Name() == gomod.File:
			found = append(found, filepath.Dir(path))
		}
		return nil
	})
	return found, err
}

// loader loads the packages of modules.
type loader struct {
	tests bool
	fset  *token.FileSet
	temp  string // for copies of go.mod
}

// graphMode asks where the source of all packages is, dependencies included.
const graphMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedDeps | packages.NeedModule

// typesMode asks for syntax and types of a module's own packages. Without packages.NeedDeps the types of others come
// from export data, which the go command has or makes: it compiles all that it has not compiled before, the module's
// own packages included.
const typesMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedModule | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo

// heavyCode is from how much generated code on, in bytes, types come from source. To compile it for export data takes
// ever more time and memory: 12 s of CPU and 0.8 GB for 5 MB, 289 s and 7.2 GB for 19 MB. To read the types of all
// packages from source takes 2 s and 0.4 GB for some hundred packages, and as long the next time.
const heavyCode = 4 << 20

func (l *loader) config(ctx context.Context, dir string, mode packages.LoadMode, s setting) *packages.Config {
	return &packages.Config{
		Context: ctx, Mode: mode, Dir: dir, Fset: l.fset, Tests: l.tests, BuildFlags: s.flags,
		Env: slices.Concat(os.Environ(), s.env, []string{
			"GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=" + withoutMod(os.Getenv("GOFLAGS")),
		}),
	}
}

// withoutMod returns flags of the go command without -mod, which settingFor sets, and which a workspace does not take.
func withoutMod(flags string) string {
	kept := slices.DeleteFunc(strings.Fields(flags), func(flag string) bool {
		return strings.HasPrefix(strings.TrimPrefix(flag, "-"), "-mod=") || strings.HasPrefix(flag, "-mod=")
	})
	return strings.Join(kept, " ")
}

// graph returns the packages of the module in dir, with all that they depend on.
func (l *loader) graph(ctx context.Context, dir string, s setting) ([]*packages.Package, error) {
	return packages.Load(l.config(ctx, dir, graphMode, s), "./...")
}

// typed returns the packages of the module in dir with syntax and types. With heavy generated code, or where the export
// data of what they depend on cannot be had, because a dependency is missing or does not compile, types come from the
// source of what is there.
func (l *loader) typed(ctx context.Context, dir string, s setting, heavy bool) ([]*packages.Package, error) {
	if !heavy {
		loaded, err := packages.Load(l.config(ctx, dir, typesMode, s), "./...")
		if err != nil || !slices.ContainsFunc(loaded, importsFailed) {
			return loaded, err
		}
	}
	return l.fromSource(ctx, dir, s)
}

// fromSource is typed without export data.
func (l *loader) fromSource(ctx context.Context, dir string, s setting) ([]*packages.Package, error) {
	own, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if own, err = filepath.EvalSymlinks(own); err != nil { // as the go command names files
		return nil, err
	}
	cfg := l.config(ctx, dir, typesMode|packages.NeedDeps, s)
	cfg.ParseFile = func(fset *token.FileSet, path string, text []byte) (*ast.File, error) {
		// What the go command has made, such as the main package of a test, is in its cache, under another ending.
		whole := strings.HasPrefix(path, own+string(filepath.Separator)) || filepath.Ext(path) != ".go"
		return parse(fset, path, text, whole)
	}
	return packages.Load(cfg, "./...")
}

// parse parses a file. Those of others do without comments and the bodies of functions, in which nobody looks for uses.
func parse(fset *token.FileSet, path string, text []byte, whole bool) (*ast.File, error) {
	const mode = parser.SkipObjectResolution | parser.AllErrors
	if whole {
		return parser.ParseFile(fset, path, text, mode|parser.ParseComments)
	}
	file, err := parser.ParseFile(fset, path, text, mode)
	if file != nil {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				f.Body = nil
			}
		}
	}
	return file, err
}

// importsFailed reports whether types of what a package imports are missing.
func importsFailed(p *packages.Package) bool {
	return slices.ContainsFunc(p.Errors, func(e packages.Error) bool {
		return strings.Contains(e.Msg, "could not import")
	})
}

// setting is how the go command is called for one module.
type setting struct {
	flags []string
	env   []string
}

// settingFor returns the setting in which the go command lists the packages of the module in dir without the network,
// and without changing a file of it: where no workspace and no vendor directory say which versions count, it works on a
// copy of go.mod, which it may complete.
func (l *loader) settingFor(ctx context.Context, dir string) (setting, error) {
	work, err := workspaceOf(ctx, dir)
	if err != nil || work {
		return setting{}, err
	}
	s := setting{env: []string{"GOWORK=off"}}
	if _, err := os.Stat(filepath.Join(dir, "vendor", "modules.txt")); err == nil {
		return s, nil
	}
	copied, err := os.MkdirTemp(l.temp, "module-")
	if err != nil {
		return s, err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := cli.ReadSource(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && name == "go.sum" {
			continue
		}
		if err != nil {
			return s, err
		}
		if err := os.WriteFile(filepath.Join(copied, name), content, 0o600); err != nil {
			return s, err
		}
	}
	s.flags = []string{"-mod=mod", "-modfile=" + filepath.Join(copied, "go.mod")}
	return s, nil
}

// workspaceOf reports whether the module in dir belongs to a workspace that the go command uses there.
func workspaceOf(ctx context.Context, dir string) (bool, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOWORK")
	cmd.Dir = dir
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return false, errors.New("the go command is not installed")
	}
	if err != nil {
		return false, fmt.Errorf("go env: %w", err)
	}
	path := strings.TrimSpace(string(out))
	if path == "" || path == "off" {
		return false, nil
	}
	content, err := cli.ReadSource(path)
	if err != nil {
		return false, err
	}
	work, err := modfile.ParseWork(path, content, nil)
	if err != nil {
		return false, err
	}
	module, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(work.Use, func(use *modfile.Use) bool {
		used := filepath.FromSlash(use.Path)
		if !filepath.IsAbs(used) {
			used = filepath.Join(filepath.Dir(path), used)
		}
		info, err := os.Stat(used)
		return err == nil && os.SameFile(info, module)
	}), nil
}
