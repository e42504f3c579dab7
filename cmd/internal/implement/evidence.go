package implement

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// candidate is a type that may implement a service, and what speaks for it.
type candidate struct {
	typ     string
	reason  string // "pb.Greeter(service{})", for people
	where   token.Position
	pointer bool // the evidence has a pointer to it
}

// finder looks for the type in target that implements a service.
type finder struct {
	module *module
	target *pkg
}

// find returns the type that implements s, nil when nothing speaks for any.
func (f *finder) find(s *Service) (*candidate, error) {
	for _, look := range []func(*Service) []candidate{f.constructions, f.assertions, f.similar} {
		found := look(s)
		slices.SortStableFunc(found, func(a, b candidate) int { return strings.Compare(a.typ, b.typ) })
		distinct := slices.CompactFunc(slices.Clone(found), func(a, b candidate) bool { return a.typ == b.typ })
		switch len(distinct) {
		case 0:
			continue
		case 1:
			c := distinct[0]
			c.pointer = slices.ContainsFunc(found, func(c candidate) bool { return c.pointer })
			return &c, nil
		}
		var all []string
		for _, c := range distinct {
			all = append(all, fmt.Sprintf("\t%s:%d: %s: %s", c.where.Filename, c.where.Line, c.typ, c.reason))
		}
		return nil, fmt.Errorf("%s: several types may implement %s; say which, as in --implement %s=%s\n%s",
			f.target.dir, s.Name, f.target.dir, distinct[0].typ, strings.Join(all, "\n"))
	}
	return nil, nil //nolint:nilnil // nothing was found, and nothing is wrong
}

// constructions are calls of the function that makes a value for servers of an implementation.
func (f *finder) constructions(s *Service) []candidate {
	var found []candidate
	visit := func(in *file) {
		var around *ast.FuncDecl
		for _, decl := range in.tree.Decls {
			around, _ = decl.(*ast.FuncDecl)
			ast.Inspect(decl, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 || !in.refersTo(call.Fun, s.ImportPath, s.Construct) {
					return true
				}
				where, typ, pointer := f.typeOf(call.Args[0], in, around, 0)
				if where == f.target && f.isOurs(typ) {
					found = append(found, candidate{typ, in.print(call), in.position(call.Pos()), pointer})
				}
				return true
			})
		}
	}
	if f.module.path == "" || s.ImportPath == f.target.path {
		for _, in := range f.target.files {
			if !in.generated {
				visit(in)
			}
		}
	}
	if f.module.path != "" {
		_ = f.module.walk(s.ImportPath, func(in *file) { // it has no errors but those that visit would return
			if s.ImportPath != f.target.path || in.pkg != f.target {
				visit(in)
			}
		})
	}
	return found
}

// assertions are variables without a name that have the interface's type.
func (f *finder) assertions(s *Service) []candidate {
	var found []candidate
	for _, in := range f.target.files {
		for _, decl := range in.tree.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || v.Type == nil || len(v.Values) != 1 || !in.refersTo(v.Type, s.ImportPath, s.Interface) {
					continue
				}
				where, typ, pointer := f.typeOf(v.Values[0], in, nil, 0)
				if where == f.target && f.isOurs(typ) {
					text := fmt.Sprintf("var %s %s = %s", v.Names[0].Name, in.print(v.Type), in.print(v.Values[0]))
					found = append(found, candidate{typ, text, in.position(v.Pos()), pointer})
				}
			}
		}
	}
	return found
}

// similar are types that have most of the methods, as the contract has them.
func (f *finder) similar(s *Service) []candidate {
	var found []candidate
	for typ, methods := range f.target.methods {
		if !f.isOurs(typ) {
			continue
		}
		count := 0
		for _, m := range s.Methods {
			if slices.ContainsFunc(methods, func(d *methodDecl) bool { return d.decl.Name.Name == m.Name && d.fits(m) }) {
				count++
			}
		}
		if count*2 > len(s.Methods) {
			decl := f.target.types[typ]
			reason := fmt.Sprintf("it has %d of the %d methods", count, len(s.Methods))
			found = append(found, candidate{typ, reason, decl.file.position(decl.spec.Pos()), false})
		}
	}
	return found
}

// isOurs reports whether the name is that of a type of the target that a person wrote and that can have methods.
func (f *finder) isOurs(typ string) bool {
	decl := f.target.types[typ]
	if decl == nil || decl.file.generated || decl.spec.Assign.IsValid() {
		return false
	}
	_, isInterface := decl.spec.Type.(*ast.InterfaceType)
	return !isInterface
}

// refersTo reports whether an expression is the name of what a package exports.
func (f *file) refersTo(e ast.Expr, importPath, name string) bool {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return f.refersTo(e.X, importPath, name)
	case *ast.SelectorExpr:
		x, ok := e.X.(*ast.Ident)
		return ok && e.Sel.Name == name && f.imports[x.Name] == importPath
	case *ast.Ident:
		return e.Name == name && (f.pkg.path == importPath || slices.Contains(f.dots, importPath))
	default:
		return false
	}
}

// exprDepth is how many steps an expression's type is followed through variables and functions.
const exprDepth = 8

// typeOf returns the type of an expression: its package, its name, and whether the expression is a pointer to it. The
// package is nil when the source at hand does not tell. Around is the function that the expression is in; nil for none.
func (f *finder) typeOf(e ast.Expr, in *file, around *ast.FuncDecl, depth int) (*pkg, string, bool) {
	if depth > exprDepth {
		return nil, "", false
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return f.typeOf(e.X, in, around, depth)
	case *ast.UnaryExpr:
		p, name, _ := f.typeOf(e.X, in, around, depth+1)
		return p, name, e.Op == token.AND
	case *ast.CompositeLit:
		return f.typeNamed(e.Type, in, false)
	case *ast.CallExpr:
		return f.typeOfCall(e, in, depth)
	case *ast.Ident:
		return f.typeOfVariable(e.Name, in, around, depth)
	default:
		return nil, "", false
	}
}

// typeOfCall is typeOf for calls of functions, for new(T), and for conversions.
func (f *finder) typeOfCall(call *ast.CallExpr, in *file, depth int) (*pkg, string, bool) {
	fun := call.Fun
	switch e := fun.(type) {
	case *ast.IndexExpr: // an instance of what is generic
		fun = e.X
	case *ast.IndexListExpr:
		fun = e.X
	case *ast.ParenExpr:
		return f.typeNamed(e.X, in, false)
	}
	if id, ok := fun.(*ast.Ident); ok && id.Name == "new" && len(call.Args) == 1 {
		p, name, _ := f.typeNamed(call.Args[0], in, false)
		return p, name, true
	}
	p, name := f.lookup(fun, in)
	if p == nil {
		return nil, "", false
	}
	if p.types[name] != nil {
		return p, name, false
	}
	made := p.funcs[name]
	if made == nil || made.decl.Type.Results == nil {
		return nil, "", false
	}
	result := made.decl.Type.Results.List[0].Type
	if owner, typ, pointer := f.typeNamed(result, made.file, false); owner != nil && !isInterface(owner, typ) {
		return owner, typ, pointer
	}
	// It returns an interface: what do its return statements have?
	return f.typeReturned(made, depth)
}

// typeReturned is typeOf for the first value that a function returns.
func (f *finder) typeReturned(made *funcDecl, depth int) (p *pkg, name string, pointer bool) {
	if made.decl.Body == nil {
		return nil, "", false
	}
	ast.Inspect(made.decl.Body, func(n ast.Node) bool {
		if _, nested := n.(*ast.FuncLit); nested || p != nil {
			return false
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			p, name, pointer = f.typeOf(r.Results[0], made.file, made.decl, depth+1)
		}
		return true
	})
	return p, name, pointer
}

func isInterface(p *pkg, name string) bool {
	decl := p.types[name]
	if decl == nil {
		return false
	}
	_, is := decl.spec.Type.(*ast.InterfaceType)
	return is
}

// lookup returns the package of the module that an expression's name belongs to, nil for none, and the name.
func (f *finder) lookup(e ast.Expr, in *file) (*pkg, string) {
	switch e := e.(type) {
	case *ast.Ident:
		return in.pkg, e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if path, ok := in.imports[x.Name]; ok {
				return f.packageAt(path), e.Sel.Name
			}
		}
	}
	return nil, ""
}

// packageAt returns the package of the module with that path. The target is itself, so that it can be compared.
func (f *finder) packageAt(path string) *pkg {
	if path == f.target.path {
		return f.target
	}
	return f.module.find(path)
}

// typeNamed returns the package and the name of a type that is written out.
func (f *finder) typeNamed(t ast.Expr, in *file, pointer bool) (*pkg, string, bool) {
	switch e := t.(type) {
	case *ast.ParenExpr:
		return f.typeNamed(e.X, in, pointer)
	case *ast.StarExpr:
		return f.typeNamed(e.X, in, true)
	case *ast.IndexExpr:
		return f.typeNamed(e.X, in, pointer)
	case *ast.IndexListExpr:
		return f.typeNamed(e.X, in, pointer)
	default:
		p, name := f.lookup(t, in)
		if p == nil || p.types[name] == nil {
			return nil, "", false
		}
		return p, name, pointer
	}
}

// typeOfVariable is typeOf for a variable of the function around, or of the package.
func (f *finder) typeOfVariable(name string, in *file, around *ast.FuncDecl, depth int) (*pkg, string, bool) {
	var (
		p       *pkg
		typ     string
		pointer bool
	)
	if around != nil {
		if params := around.Type.Params; params != nil {
			for _, field := range params.List {
				if slices.ContainsFunc(field.Names, func(id *ast.Ident) bool { return id.Name == name }) {
					p, typ, pointer = f.typeNamed(field.Type, in, false)
				}
			}
		}
		ast.Inspect(around, func(n ast.Node) bool {
			if p != nil {
				return false
			}
			value, declared := assigned(n, name)
			switch {
			case declared != nil:
				p, typ, pointer = f.typeNamed(declared, in, false)
			case value != nil:
				p, typ, pointer = f.typeOf(value, in, around, depth+1)
			}
			return true
		})
		if p != nil {
			return p, typ, pointer
		}
	}
	v := in.pkg.vars[name]
	switch {
	case v == nil:
		return nil, "", false
	case v.value != nil:
		if p, typ, pointer := f.typeOf(v.value, v.file, nil, depth+1); p != nil {
			return p, typ, pointer
		}
	}
	if v.typ != nil {
		return f.typeNamed(v.typ, v.file, false)
	}
	return nil, "", false
}

// assigned returns the value that a statement assigns to a variable, or the type with which it declares it.
func assigned(n ast.Node, name string) (value, typ ast.Expr) {
	is := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && id.Name == name
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if !is(left) {
				continue
			}
			if len(n.Rhs) == len(n.Lhs) {
				return n.Rhs[i], nil
			}
			if i == 0 && len(n.Rhs) == 1 {
				return n.Rhs[0], nil // v, err := New()
			}
		}
	case *ast.ValueSpec:
		for i, id := range n.Names {
			if id.Name != name {
				continue
			}
			if i < len(n.Values) {
				return n.Values[i], nil
			}
			return nil, n.Type
		}
	}
	return nil, nil
}
