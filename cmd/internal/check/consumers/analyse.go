package consumers

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// analysis goes through the files of one package.
type analysis struct {
	index   *index
	pkg     *packages.Package
	module  string
	short   func(path string) string
	written map[ast.Expr]Access // expressions that are assigned to
	uses    []Use
}

// analyse returns the uses in a package. Generated code is passed over.
func (x *index) analyse(pkg *packages.Package, module string, short func(path string) string) []Use {
	a := &analysis{index: x, pkg: pkg, module: module, short: short, written: make(map[ast.Expr]Access)}
	for _, file := range pkg.Syntax {
		if ast.IsGenerated(file) {
			continue
		}
		ast.Inspect(file, a.findWrites)
		ast.Inspect(file, a.visit)
	}
	return a.uses
}

// readWrite is the access to what is changed in place.
const readWrite Access = "read and write"

// findWrites notes the expressions that statements assign to.
func (a *analysis) findWrites(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		access := Write
		if n.Tok != token.ASSIGN && n.Tok != token.DEFINE {
			access = readWrite
		}
		for _, target := range n.Lhs {
			a.written[assigned(target)] = access
		}
	case *ast.IncDecStmt:
		a.written[assigned(n.X)] = readWrite
	case *ast.RangeStmt:
		if n.Key != nil {
			a.written[assigned(n.Key)] = Write
		}
		if n.Value != nil {
			a.written[assigned(n.Value)] = Write
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			a.written[assigned(n.X)] = readWrite // with the address one may do both
		}
	}
	return true
}

// assigned returns the expression that changes when target is assigned to: of an element, the list or map.
func assigned(target ast.Expr) ast.Expr {
	for {
		switch t := target.(type) {
		case *ast.ParenExpr:
			target = t.X
		case *ast.IndexExpr:
			target = t.X
		case *ast.SliceExpr:
			target = t.X
		default:
			return target
		}
	}
}

func (a *analysis) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		a.selector(n)
	case *ast.CompositeLit:
		a.literal(n)
	case *ast.Ident:
		a.ident(n)
	}
	a.conversions(n)
	return true
}

// add notes uses at a place.
func (a *analysis) add(at token.Pos, name string, access Access, member string) {
	position := a.pkg.Fset.Position(at)
	use := Use{
		Name: name, Module: a.module, Package: a.pkg.PkgPath, Broken: member != "", Member: member,
		Place: finding.Place{File: a.short(position.Filename), Line: position.Line, Column: position.Column},
	}
	if access == readWrite {
		use.Access = Read
		a.uses = append(a.uses, use)
		access = Write
	}
	use.Access = access
	a.uses = append(a.uses, use)
}

// named returns the generated package and the type's name in it, when t is a type of generated code or points to one.
func (x *index) named(t types.Type) (*goPackage, string) {
	if t == nil {
		return nil, ""
	}
	t = types.Unalias(t)
	if pointer, ok := t.(*types.Pointer); ok {
		t = types.Unalias(pointer.Elem())
	}
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return nil, ""
	}
	return x.packages[packagePath(named.Obj().Pkg().Path())], named.Obj().Name()
}

// packagePath returns an import path without what the go command adds to those of test variants.
func packagePath(path string) string {
	path, _, _ = strings.Cut(path, " [")
	return path
}

// selector looks at x.Sel, where x is a message, a client, or a package.
func (a *analysis) selector(n *ast.SelectorExpr) {
	g, typeName := a.index.named(a.pkg.TypesInfo.TypeOf(n.X))
	if selection := a.pkg.TypesInfo.Selections[n]; selection != nil {
		// What is selected may belong to a type that is embedded, or to the constraint of a type parameter.
		g, typeName = a.index.named(ownerOf(selection))
	}
	if g == nil {
		a.undefined(n)
		return
	}
	name := n.Sel.Name
	if client := g.clients[typeName]; client != nil {
		if method, ok := client.methods[name]; ok {
			a.add(n.Sel.Pos(), method, Call, "")
		} else if a.unresolved(n) {
			a.add(n.Sel.Pos(), client.service, Call, name)
		}
		return
	}
	if w, ok := g.wrappers[typeName]; ok && name == w.member {
		a.add(n.Sel.Pos(), w.field, a.access(n), "")
		return
	}
	message := g.messages[typeName]
	if message == nil {
		return
	}
	if field, access, ok := message.member(name, a.access(n)); ok {
		a.add(n.Sel.Pos(), field, access, "")
	} else if a.unresolved(n) {
		a.add(n.Sel.Pos(), message.name, a.access(n), name)
	}
}

// ownerOf returns the type that declares what was selected: that of the operand, or one that is embedded in it.
func ownerOf(selection *types.Selection) types.Type {
	if method, ok := selection.Obj().(*types.Func); ok {
		if receiver := method.Signature().Recv(); receiver != nil {
			return receiver.Type()
		}
	}
	t := selection.Recv()
	for _, i := range selection.Index()[:len(selection.Index())-1] {
		if pointer, ok := types.Unalias(t).Underlying().(*types.Pointer); ok {
			t = pointer.Elem()
		}
		fields, ok := types.Unalias(t).Underlying().(*types.Struct)
		if !ok {
			return nil
		}
		t = fields.Field(i).Type()
	}
	return t
}

// unresolved reports whether what n selects is not there, so that the place does not compile.
func (a *analysis) unresolved(n *ast.SelectorExpr) bool {
	return a.pkg.TypesInfo.Selections[n] == nil && a.pkg.TypesInfo.Uses[n.Sel] == nil
}

// undefined notes pkg.Name when a package of generated code does not have it.
func (a *analysis) undefined(n *ast.SelectorExpr) {
	ident, ok := n.X.(*ast.Ident)
	if !ok || !a.unresolved(n) {
		return
	}
	name, ok := a.pkg.TypesInfo.Uses[ident].(*types.PkgName)
	if !ok {
		return
	}
	if g := a.index.packages[name.Imported().Path()]; g != nil {
		for _, pkg := range g.proto {
			a.add(n.Sel.Pos(), pkg, Type, n.Sel.Name)
		}
	}
}

func (a *analysis) access(n ast.Expr) Access {
	if access, ok := a.written[n]; ok {
		return access
	}
	return Read
}

// member returns the field that a name of Go stands for: the struct's field, or a method that gets or sets it.
func (m *goMessage) member(name string, access Access) (string, Access, bool) {
	if field, ok := m.fields[name]; ok {
		return field, access, true
	}
	for _, accessor := range []struct {
		prefix string
		access Access
	}{{"Get", Read}, {"Set", Write}, {"Has", Read}, {"Clear", Write}, {"Which", Read}} {
		if rest, ok := strings.CutPrefix(name, accessor.prefix); ok {
			if field, ok := m.fields[rest]; ok {
				return field, accessor.access, true
			}
		}
	}
	return "", "", false
}

// literal looks at the keys of Item{Name: …} and, for messages of the opaque API, of Item_builder{Name: …}.
func (a *analysis) literal(n *ast.CompositeLit) {
	g, typeName := a.index.named(a.pkg.TypesInfo.TypeOf(n))
	if g == nil {
		return
	}
	message := g.messages[strings.TrimSuffix(typeName, "_builder")]
	w, isWrapper := g.wrappers[typeName]
	for _, element := range n.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := pair.Key.(*ast.Ident)
		switch {
		case !ok:
		case isWrapper && key.Name == w.member:
			a.add(key.Pos(), w.field, Write, "")
		case message != nil && message.fields[key.Name] != "":
			a.add(key.Pos(), message.fields[key.Name], Write, "")
		case message != nil:
			a.add(key.Pos(), message.name, Write, key.Name)
		}
	}
	if isWrapper && len(n.Elts) > 0 {
		if _, keyed := n.Elts[0].(*ast.KeyValueExpr); !keyed {
			a.add(n.Pos(), w.field, Write, "")
		}
	}
}

// ident looks at names of types, of constants, and of the variables that stand for methods.
func (a *analysis) ident(n *ast.Ident) {
	object := a.pkg.TypesInfo.Uses[n]
	if object == nil || object.Pkg() == nil || object.Parent() != object.Pkg().Scope() {
		return
	}
	g := a.index.packages[packagePath(object.Pkg().Path())]
	if g == nil {
		return
	}
	switch object.(type) {
	case *types.TypeName:
		if m := g.messages[n.Name]; m != nil {
			a.add(n.Pos(), m.name, Type, "")
		} else if e := g.enums[n.Name]; e != nil {
			a.add(n.Pos(), e.name, Type, "")
		} else if w, ok := g.wrappers[n.Name]; ok {
			a.add(n.Pos(), w.field, Type, "")
		}
	case *types.Const:
		if value, ok := g.values[n.Name]; ok {
			a.add(n.Pos(), value, Read, "")
		} else if method, ok := g.descriptors[n.Name]; ok {
			a.add(n.Pos(), method, Type, "")
		}
	case *types.Var:
		if method, ok := g.descriptors[n.Name]; ok {
			a.add(n.Pos(), method, Type, "")
		}
	}
}
