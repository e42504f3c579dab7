package implement

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
	"github.com/fairlead-go/fairlead/cmd/internal/platform"
)

// file is a Go file.
type file struct {
	pkg         *pkg
	path        string
	text        []byte
	fset        *token.FileSet
	tree        *ast.File
	imports     map[string]string // import paths by the names that the file has for them; dot imports are in dots
	dots        []string
	generated   bool
	constrained bool // it is compiled for some platforms or tags only
}

// pkg is a Go package, without its tests.
type pkg struct {
	dir, path, name string
	files           []*file

	types   map[string]*typeDecl
	methods map[string][]*methodDecl // by the name of the type
	funcs   map[string]*funcDecl
	vars    map[string]*varDecl
}

type typeDecl struct {
	file *file
	spec *ast.TypeSpec
}

type methodDecl struct {
	file    *file
	decl    *ast.FuncDecl
	pointer bool
}

type funcDecl struct {
	file *file
	decl *ast.FuncDecl
}

type varDecl struct {
	file  *file
	typ   ast.Expr // may be nil
	value ast.Expr // may be nil
}

// position returns where something is.
func (f *file) position(pos token.Pos) token.Position { return f.fset.Position(pos) }

// load reads the package in dir; nil when there is none. Names has the names of packages by their import paths.
func load(dir, importPath string, names map[string]string) (*pkg, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there is no package and no mistake
	}
	if err != nil {
		return nil, err
	}
	byName := make(map[string][]*file)
	var errs []error
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			continue
		}
		f, err := read(filepath.Join(dir, name), names)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !f.ignored() {
			byName[f.tree.Name.Name] = append(byName[f.tree.Name.Name], f)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(byName) == 0 {
		return nil, nil //nolint:nilnil // as above
	}
	if len(byName) > 1 {
		var found []string
		for name := range byName {
			found = append(found, name)
		}
		slices.Sort(found)
		return nil, fmt.Errorf("%s: there are several packages: %s", dir, strings.Join(found, ", "))
	}
	p := &pkg{dir: dir, path: importPath}
	for name, files := range byName {
		p.name, p.files = name, files
	}
	for _, f := range p.files {
		f.pkg = p
	}
	p.index()
	return p, nil
}

// read parses a file.
func read(path string, names map[string]string) (*file, error) {
	text, err := cli.ReadSource(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text, names)
}

func parse(path string, text []byte, names map[string]string) (*file, error) {
	f := &file{path: path, text: text, fset: token.NewFileSet()}
	var err error
	f.tree, err = parser.ParseFile(f.fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if list, ok := errors.AsType[scanner.ErrorList](err); ok && len(list) > 0 {
		return nil, fmt.Errorf("%w; nothing is added to a file that is not Go", list[0])
	}
	if err != nil {
		return nil, err
	}
	f.imports = importsOf(f.tree, names)
	for _, spec := range f.tree.Imports {
		if spec.Name != nil && spec.Name.Name == "." {
			f.dots = append(f.dots, importPath(spec))
		}
	}
	f.generated = ast.IsGenerated(f.tree)
	f.constrained = f.expression() != nil || platform.Restricts(path)
	return f, nil
}

// expression returns the file's build constraint, nil without one.
func (f *file) expression() constraint.Expr {
	for _, group := range f.tree.Comments {
		if group.Pos() > f.tree.Package {
			break
		}
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) {
				if expr, err := constraint.Parse(c.Text); err == nil {
					return expr
				}
			}
		}
	}
	return nil
}

// ignored reports whether the file is kept out of every build, as programs that generate code are.
func (f *file) ignored() bool {
	expr := f.expression()
	return expr != nil && expr.String() == "ignore"
}

func importPath(spec *ast.ImportSpec) string {
	path, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return ""
	}
	return path
}

// importsOf returns the import paths of a file by the names that it has for them.
func importsOf(tree *ast.File, names map[string]string) map[string]string {
	imports := make(map[string]string)
	for _, spec := range tree.Imports {
		p := importPath(spec)
		switch {
		case spec.Name == nil:
			imports[packageName(p, names)] = p
		case spec.Name.Name != "_" && spec.Name.Name != ".":
			imports[spec.Name.Name] = p
		}
	}
	return imports
}

// packageName returns the name of the package with that path: one of names, or what the path says.
func packageName(importPath string, names map[string]string) string {
	if name := names[importPath]; name != "" {
		return name
	}
	base := path.Base(importPath)
	if regexp.MustCompile(`^v[0-9]+$`).MatchString(base) && strings.Contains(importPath, "/") {
		base = path.Base(path.Dir(importPath))
	}
	base, _, _ = strings.Cut(base, ".") // gopkg.in/yaml.v3
	return strings.ReplaceAll(strings.TrimPrefix(base, "go-"), "-", "_")
}

// index lists what the package declares.
func (p *pkg) index() {
	p.types, p.methods = make(map[string]*typeDecl), make(map[string][]*methodDecl)
	p.funcs, p.vars = make(map[string]*funcDecl), make(map[string]*varDecl)
	for _, f := range p.files {
		for _, decl := range f.tree.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					p.funcs[d.Name.Name] = &funcDecl{f, d}
				} else if name, pointer := receiver(d); name != "" {
					p.methods[name] = append(p.methods[name], &methodDecl{f, d, pointer})
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					p.indexSpec(f, spec)
				}
			}
		}
	}
}

func (p *pkg) indexSpec(f *file, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		p.types[s.Name.Name] = &typeDecl{f, s}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			v := &varDecl{file: f, typ: s.Type}
			if i < len(s.Values) {
				v.value = s.Values[i]
			}
			p.vars[name.Name] = v
		}
	}
}

// variable returns the value of a package's variable in its declaration.
func (p *pkg) variable(name string) (ast.Expr, bool) {
	v := p.vars[name]
	if v == nil || v.value == nil {
		return nil, false
	}
	return v.value, true
}

// declares reports whether the package has something of that name, so that imports must have another.
func (p *pkg) declares(name string) bool {
	return p.types[name] != nil || p.funcs[name] != nil || p.vars[name] != nil
}

// receiver returns the name of the type that a method belongs to, and whether it has a pointer to it.
func receiver(d *ast.FuncDecl) (name string, pointer bool) {
	if len(d.Recv.List) != 1 {
		return "", false
	}
	t := d.Recv.List[0].Type
	for {
		switch e := t.(type) {
		case *ast.ParenExpr:
			t = e.X
		case *ast.StarExpr:
			t, pointer = e.X, true
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.Ident:
			return e.Name, pointer
		default:
			return "", false
		}
	}
}

// module is the Go module around a directory.
type module struct {
	dir, path string
	names     map[string]string
	packages  map[string]*pkg // by import path
}

// moduleOf returns the module around dir; one without a path when there is none.
func moduleOf(dir string, names map[string]string) *module {
	m := &module{dir: dir, names: names, packages: make(map[string]*pkg)}
	if root := gomod.Root(dir); root != "" {
		m.dir, m.path = root, gomod.ImportPath(root)
	}
	return m
}

// importPath returns the path of the package in dir, "" when dir is in no module.
func (m *module) importPath(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil || m.path == "" {
		return ""
	}
	root, err := filepath.Abs(m.dir)
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return path.Join(m.path, filepath.ToSlash(rel))
}

// find returns the package of the module with that path, nil when it has none or it cannot be read.
func (m *module) find(importPath string) *pkg {
	if p, ok := m.packages[importPath]; ok {
		return p
	}
	var found *pkg
	if rel, ok := strings.CutPrefix(importPath+"/", m.path+"/"); ok && m.path != "" {
		found, _ = load(filepath.Join(m.dir, filepath.FromSlash(rel)), importPath, m.names) // it is only for evidence
	}
	m.packages[importPath] = found
	return found
}

// walk calls visit with the Go files of the module that contain text, but for tests, and for what is not part of it.
func (m *module) walk(text string, visit func(*file)) error {
	return filepath.WalkDir(m.dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be read is no evidence
		case entry.IsDir():
			base := entry.Name()
			if name != m.dir && (gomod.SkipsGo(base) || gomod.IsRoot(name)) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		content, err := cli.ReadSource(name)
		if err != nil || !strings.Contains(string(content), text) {
			return nil //nolint:nilerr // as above
		}
		f, err := parse(name, content, m.names)
		if err != nil || f.generated {
			return nil //nolint:nilerr // as above
		}
		f.pkg = m.find(m.importPath(filepath.Dir(name)))
		if f.pkg == nil {
			f.pkg = &pkg{path: m.importPath(filepath.Dir(name)), name: f.tree.Name.Name, files: []*file{f}}
			f.pkg.index()
		}
		visit(f)
		return nil
	})
}
