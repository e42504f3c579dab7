package implement

import (
	"bytes"
	"go/ast"
	"go/printer"
	"go/types"
	"slices"
	"strings"
)

// canon returns a type with import paths in quotes in place of the names of packages, so that types of several files
// can be compared. Aliases that the package declares are resolved. Params are names of type parameters.
func (f *file) canon(t ast.Expr, params []string) string { return f.canonical(t, params, 0) }

// aliasDepth is how many aliases of aliases are followed.
const aliasDepth = 10

func (f *file) canonical(t ast.Expr, params []string, depth int) string {
	inner := func(t ast.Expr) string { return f.canonical(t, params, depth) }
	switch t := t.(type) {
	case *ast.Ident:
		return f.named(t.Name, params, depth)
	case *ast.ParenExpr:
		return inner(t.X)
	case *ast.StarExpr:
		return "*" + inner(t.X)
	case *ast.SelectorExpr:
		if x, ok := t.X.(*ast.Ident); ok {
			if path, ok := f.imports[x.Name]; ok {
				return `"` + path + `".` + t.Sel.Name
			}
		}
		return f.print(t)
	case *ast.IndexExpr:
		return inner(t.X) + "[" + inner(t.Index) + "]"
	case *ast.IndexListExpr:
		all := make([]string, len(t.Indices))
		for i, index := range t.Indices {
			all[i] = inner(index)
		}
		return inner(t.X) + "[" + strings.Join(all, ", ") + "]"
	case *ast.ArrayType:
		if t.Len == nil {
			return "[]" + inner(t.Elt)
		}
		return "[" + f.print(t.Len) + "]" + inner(t.Elt)
	case *ast.MapType:
		return "map[" + inner(t.Key) + "]" + inner(t.Value)
	case *ast.Ellipsis:
		return "..." + inner(t.Elt)
	case *ast.InterfaceType:
		if len(t.Methods.List) == 0 {
			return "any"
		}
		return f.print(t)
	default:
		return f.print(t)
	}
}

// named is canonical for a name without a package.
func (f *file) named(name string, params []string, depth int) string {
	if slices.Contains(params, name) {
		return name
	}
	if decl := f.pkg.types[name]; decl != nil {
		if decl.spec.Assign.IsValid() && decl.spec.TypeParams == nil && depth < aliasDepth {
			return decl.file.canonical(decl.spec.Type, nil, depth+1)
		}
		return `"` + f.pkg.path + `".` + name
	}
	if types.Universe.Lookup(name) != nil {
		return name
	}
	if len(f.dots) == 1 {
		return `"` + f.dots[0] + `".` + name
	}
	return `"` + f.pkg.path + `".` + name
}

func (f *file) print(t ast.Expr) string {
	var b bytes.Buffer
	fset := f.fset
	if fset == nil {
		return types.ExprString(t)
	}
	if err := printer.Fprint(&b, fset, t); err != nil {
		return types.ExprString(t)
	}
	return b.String()
}

// signature returns the types of parameters and results, one for each, however many names share one.
func (f *file) signature(t *ast.FuncType, typeParams []string) (params, results []string) {
	return f.fields(t.Params, typeParams), f.fields(t.Results, typeParams)
}

func (f *file) fields(list *ast.FieldList, typeParams []string) []string {
	if list == nil {
		return nil
	}
	var all []string
	for _, field := range list.List {
		t := f.canon(field.Type, typeParams)
		for range max(len(field.Names), 1) {
			all = append(all, t)
		}
	}
	return all
}

// typeParams returns the names of the type parameters in a method's receiver.
func typeParams(d *ast.FuncDecl) []string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return nil
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	var names []string
	add := func(e ast.Expr) {
		if id, ok := e.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
	}
	switch t := t.(type) {
	case *ast.IndexExpr:
		add(t.Index)
	case *ast.IndexListExpr:
		for _, index := range t.Indices {
			add(index)
		}
	}
	return names
}

// fits reports whether a method has the signature that the contract has for it.
func (m *methodDecl) fits(want Method) bool {
	params, results := m.file.signature(m.decl.Type, typeParams(m.decl))
	return slices.Equal(params, want.Params) && slices.Equal(results, want.Results)
}

// spelled returns a type as Go has it, with the names that name has for import paths: "" for none.
func spelled(t string, name func(importPath string) string) string {
	var b strings.Builder
	parts := strings.Split(t, `"`)
	for i, part := range parts {
		switch {
		case i%2 == 0 && i > 0 && name(parts[i-1]) == "":
			b.WriteString(strings.TrimPrefix(part, "."))
		case i%2 == 0:
			b.WriteString(part)
		default:
			b.WriteString(name(part))
		}
	}
	return b.String()
}
