package breaking

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// against is the old side of the comparison, which --against names.
type against interface {
	// load returns the old side of each of the new side's units; a nil one has nothing that could break.
	load(ctx context.Context, units []*unit) ([]*Contract, error)
	// name says what it is, for messages: "at main", "in ../old".
	name() string
	// close removes what load has written.
	close() error
}

// parseAgainst finds out what text names: git:REF, a file, a directory, or a ref.
func parseAgainst(ctx context.Context, text string, cfg *compareFlags) (against, error) {
	if ref, ok := strings.CutPrefix(text, "git:"); ok {
		return openRef(ctx, ref)
	}
	info, err := os.Stat(text)
	if err == nil && info.Mode().IsRegular() {
		if !isSet(text) {
			return nil, fmt.Errorf("%s: not a descriptor set: its name ends with none of %s", text,
				strings.Join(setExtensions(), ", "))
		}
		return &descriptorSet{path: text}, nil
	}
	ref, refErr := openRef(ctx, text)
	switch {
	case err == nil && refErr == nil && !strings.ContainsAny(text, `./\`):
		return nil, errors.Join(fmt.Errorf("%q is a directory and a git ref; write ./%s or git:%s", text, text, text),
			ref.close())
	case err == nil:
		if refErr == nil {
			err = ref.close()
		}
		return &directory{path: text, roots: cfg.oldRoots}, err
	case refErr == nil:
		return ref, nil
	case isSet(text):
		return nil, fmt.Errorf("%s: there is no such file or directory", text)
	default:
		return nil, fmt.Errorf("%s: neither a file nor a directory, and %w", text, refErr)
	}
}

// checkout is a tree of files that holds at other places what the working directory holds: a commit, or a directory.
type checkout struct {
	// place returns where the checkout has what is at path now, and false when it cannot have it.
	place func(path string) (string, bool)
	// show turns the path of a file in the checkout into what people are told.
	show func(path string) string
}

// load compiles for each unit what was in its place.
func (c checkout) load(ctx context.Context, units []*unit) ([]*Contract, error) {
	var wrong idl.ContractError
	contracts := make([]*Contract, len(units))
	for i, u := range units {
		src, ok, err := c.source(u)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		compiled, err := idl.CompileLinked(ctx, src, u.compiled)
		if problems, ok := errors.AsType[*idl.ContractError](err); ok {
			for _, p := range problems.Problems {
				p.File = c.show(p.File)
				wrong.Problems = append(wrong.Problems, p)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		contracts[i], err = fromCompiled(compiled, ContractConfig{
			Own: compiled.Names, Prefix: u.oldPrefix, Path: compiled.Path, Show: c.show,
		})
		if err != nil {
			return nil, err
		}
	}
	if len(wrong.Problems) > 0 {
		return nil, &wrong
	}
	return contracts, nil
}

// source returns what to compile in place of the unit's source; false when nothing of it was there.
func (c checkout) source(u *unit) (idl.Source, bool, error) {
	dir, ok := c.place(u.source.Dir)
	if !ok || !exists(dir) {
		return idl.Source{}, false, nil
	}
	var roots []string
	for _, root := range u.source.Roots {
		old, ok := c.place(root)
		if !ok {
			old = root // imports from elsewhere have no old version
		}
		roots = append(roots, old)
	}
	var args []string
	for _, arg := range u.args {
		if old, ok := c.place(arg); ok && exists(old) {
			args = append(args, old)
		}
	}
	sources, err := idl.Find(args, roots)
	if err != nil {
		return idl.Source{}, false, err
	}
	for _, src := range sources {
		if src.Dir == dir {
			return src, true, nil
		}
	}
	return idl.Source{}, false, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// gitRef is a commit, written to a temporary directory.
type gitRef struct {
	checkout

	ref, temporary string
}

// openRef resolves a ref and writes the contracts of its commit to a temporary directory.
func openRef(ctx context.Context, ref string) (*gitRef, error) {
	if ref == "" {
		return nil, errors.New("no ref is named")
	}
	repo, err := openRepository(ctx, ".")
	if err != nil {
		return nil, err
	}
	commit, err := repo.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	temporary, err := os.MkdirTemp("", "fairlead-check-")
	if err != nil {
		return nil, err
	}
	temporary = physical(temporary)
	if err := repo.extract(ctx, commit, temporary); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", ref, err), os.RemoveAll(temporary))
	}
	here, _ := repo.inside(".")
	g := &gitRef{ref: ref, temporary: temporary}
	g.place = func(path string) (string, bool) {
		rel, ok := repo.inside(path)
		return filepath.Join(temporary, rel), ok
	}
	g.show = func(path string) string {
		abs, err := filepath.Abs(path)
		if err != nil {
			return path
		}
		rel, err := filepath.Rel(temporary, abs)
		if err != nil || !filepath.IsLocal(rel) {
			return path
		}
		if short, err := filepath.Rel(here, rel); err == nil {
			rel = short
		}
		return rel
	}
	return g, nil
}

func (g *gitRef) name() string { return "at " + g.ref }

// load implements against.
func (g *gitRef) load(ctx context.Context, units []*unit) ([]*Contract, error) {
	for _, u := range units {
		if _, ok := g.place(u.source.Dir); !ok {
			return nil, fmt.Errorf("%s lies outside the git repository of the working directory", u.source.Dir)
		}
	}
	return g.checkout.load(ctx, units)
}

func (g *gitRef) close() error { return os.RemoveAll(g.temporary) }

// directory is a directory that is another checkout of what is compared, or the old version of one directory.
type directory struct {
	path  string
	roots []string
}

func (d *directory) name() string { return "in " + d.path }

func (*directory) close() error { return nil }

// load implements against.
func (d *directory) load(ctx context.Context, units []*unit) ([]*Contract, error) {
	c := checkout{place: d.place, show: func(path string) string { return path }}
	if d.isCheckout(units) {
		return c.load(ctx, units)
	}
	if len(units) != 1 || len(units[0].args) != 1 || units[0].set {
		return nil, fmt.Errorf("%s: it holds none of what is compared under the same path; "+
			"to compare it with one directory, name only that", d.path)
	}
	u := units[0]
	sources, err := idl.Find([]string{d.path}, d.roots)
	if err != nil {
		return nil, err
	}
	if len(sources) != 1 {
		return nil, fmt.Errorf("%s: its .proto files belong to %d import roots; name one of them with --against-proto-path",
			d.path, len(sources))
	}
	arg := u.args[0]
	dir := arg
	if !isDir(arg) {
		dir = filepath.Dir(arg)
	}
	u.prefix = prefixOf(u.source.Dir, dir)
	u.oldPrefix = prefixOf(sources[0].Dir, d.path)
	if dir != arg {
		name := filepath.ToSlash(filepath.Join(u.oldPrefix, filepath.Base(arg)))
		if !slices.Contains(sources[0].Files, name) {
			return nil, fmt.Errorf("%s: it has no %s to compare %s with", d.path, filepath.Base(arg), arg)
		}
		sources[0].Files = []string{name}
	}
	compiled, err := idl.CompileLinked(ctx, sources[0], u.compiled)
	if err != nil {
		return nil, err
	}
	contract, err := fromCompiled(compiled, ContractConfig{
		Own: compiled.Names, Prefix: u.oldPrefix, Path: compiled.Path,
	})
	return []*Contract{contract}, err
}

// place returns where the directory has what the working directory has at path.
func (d *directory) place(path string) (string, bool) {
	path, ok := fromHere(path)
	return filepath.Join(d.path, path), ok
}

// fromHere returns a path relative to the working directory.
func fromHere(path string) (string, bool) {
	if !filepath.IsAbs(path) {
		return path, true
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return "", false
	}
	path, err = filepath.Rel(here, path)
	return path, err == nil
}

// isCheckout reports whether the directory has what any of the arguments name. One that leads out of the working
// directory leads out of a checkout as well, maybe to itself.
func (d *directory) isCheckout(units []*unit) bool {
	if len(d.roots) > 0 {
		return false
	}
	for _, u := range units {
		for _, arg := range u.args {
			if rel, ok := fromHere(arg); ok && filepath.IsLocal(rel) && exists(filepath.Join(d.path, rel)) {
				return true
			}
		}
	}
	return false
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// prefixOf returns the path of dir below root, with slashes, "" when it is the same.
func prefixOf(root, dir string) string {
	absRoot, err := filepath.Abs(root)
	if err != nil {
		return ""
	}
	absDir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(absRoot, absDir)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}
