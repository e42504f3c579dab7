package consumers

import (
	"go/ast"
	"go/token"
	"go/types"
)

// conversions looks at the places where n turns values into interfaces. A module that declares an interface of its own
// for a client, or for messages, uses what that interface has:
//
//	type getter interface {
//		GetItem(context.Context, *shopv1.GetItemRequest, ...fairlead.CallOption) (*shopv1.Item, error)
//	}
//
// Which of its methods are called cannot be told where they are called, since anything may be behind it.
func (a *analysis) conversions(n ast.Node) {
	info := a.pkg.TypesInfo
	switch n := n.(type) {
	case *ast.CallExpr:
		a.arguments(n)
	case *ast.AssignStmt:
		if n.Tok == token.ASSIGN && len(n.Lhs) == len(n.Rhs) {
			for i, value := range n.Rhs {
				a.becomes(value, info.TypeOf(n.Lhs[i]))
			}
		}
	case *ast.ValueSpec:
		if n.Type != nil {
			for _, value := range n.Values {
				a.becomes(value, info.TypeOf(n.Type))
			}
		}
	case *ast.SendStmt:
		if t := info.TypeOf(n.Chan); t != nil {
			if channel, ok := t.Underlying().(*types.Chan); ok {
				a.becomes(n.Value, channel.Elem())
			}
		}
	case *ast.CompositeLit:
		a.elements(n)
	case *ast.FuncDecl:
		a.returns(info.TypeOf(n.Name), n.Body)
	case *ast.FuncLit:
		a.returns(info.TypeOf(n), n.Body)
	case *ast.Ident:
		a.instance(n)
	}
}

// arguments looks at those of a call, or of a conversion.
func (a *analysis) arguments(n *ast.CallExpr) {
	fun, ok := a.pkg.TypesInfo.Types[n.Fun]
	if !ok || fun.Type == nil {
		return
	}
	if fun.IsType() {
		if len(n.Args) == 1 {
			a.becomes(n.Args[0], fun.Type)
		}
		return
	}
	signature, ok := fun.Type.Underlying().(*types.Signature)
	if !ok {
		return
	}
	params := signature.Params()
	for i, arg := range n.Args {
		switch last := params.Len() - 1; {
		case signature.Variadic() && i >= last && !n.Ellipsis.IsValid():
			if list, ok := params.At(last).Type().Underlying().(*types.Slice); ok {
				a.becomes(arg, list.Elem())
			}
		case i <= last:
			a.becomes(arg, params.At(i).Type())
		}
	}
}

// elements looks at those of a composite literal.
func (a *analysis) elements(n *ast.CompositeLit) {
	t := a.pkg.TypesInfo.TypeOf(n)
	if t == nil {
		return
	}
	for i, element := range n.Elts {
		value, key := element, ast.Expr(nil)
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			value, key = pair.Value, pair.Key
		}
		switch t := t.Underlying().(type) {
		case *types.Struct:
			if name, ok := key.(*ast.Ident); ok {
				if field := a.pkg.TypesInfo.Uses[name]; field != nil {
					a.becomes(value, field.Type())
				}
			} else if key == nil && i < t.NumFields() {
				a.becomes(value, t.Field(i).Type())
			}
		case *types.Map:
			a.becomes(value, t.Elem())
		case *types.Slice:
			a.becomes(value, t.Elem())
		case *types.Array:
			a.becomes(value, t.Elem())
		}
	}
}

// returns looks at what a function returns.
func (a *analysis) returns(t types.Type, body *ast.BlockStmt) {
	signature, ok := t.(*types.Signature)
	if !ok || body == nil {
		return
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // visited by itself
		case *ast.ReturnStmt:
			if len(n.Results) == signature.Results().Len() {
				for i, value := range n.Results {
					a.becomes(value, signature.Results().At(i).Type())
				}
			}
		}
		return true
	})
}

// instance looks at the type arguments of a generic function or type.
func (a *analysis) instance(n *ast.Ident) {
	instance, ok := a.pkg.TypesInfo.Instances[n]
	if !ok {
		return
	}
	var params *types.TypeParamList
	switch o := a.pkg.TypesInfo.Uses[n].(type) {
	case *types.Func:
		params = o.Signature().TypeParams()
	case *types.TypeName:
		if named, ok := o.Type().(*types.Named); ok {
			params = named.TypeParams()
		}
	}
	for i := range min(params.Len(), instance.TypeArgs.Len()) {
		if constraint, ok := params.At(i).Constraint().Underlying().(*types.Interface); ok {
			a.through(n.Pos(), instance.TypeArgs.At(i), constraint)
		}
	}
}

// becomes looks at a value that is given where a type is wanted.
func (a *analysis) becomes(value ast.Expr, wanted types.Type) {
	if wanted == nil {
		return
	}
	if iface, ok := wanted.Underlying().(*types.Interface); ok && iface.NumMethods() > 0 {
		if t := a.pkg.TypesInfo.TypeOf(value); t != nil {
			a.through(value.Pos(), t, iface)
		}
	}
}

// through notes a use of each method of an interface behind which there is generated code, given that a value of type t
// is put into it. What the interface itself has from generated code is found where it is called.
func (a *analysis) through(at token.Pos, t types.Type, iface *types.Interface) {
	for wanted := range iface.Methods() {
		if g, _ := a.index.named(wanted.Signature().Recv().Type()); g != nil || !wanted.Exported() {
			continue
		}
		found, _, _ := types.LookupFieldOrMethod(t, true, wanted.Pkg(), wanted.Name())
		method, ok := found.(*types.Func)
		if !ok || method.Signature().Recv() == nil {
			continue
		}
		g, typeName := a.index.named(method.Signature().Recv().Type())
		if g == nil {
			continue
		}
		if client := g.clients[typeName]; client != nil {
			if name, ok := client.methods[method.Name()]; ok {
				a.add(at, name, Call, "")
			}
		} else if message := g.messages[typeName]; message != nil {
			if name, access, ok := message.member(method.Name(), Read); ok {
				a.add(at, name, access, "")
			}
		}
	}
}
