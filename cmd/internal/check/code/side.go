package code

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// mayBeClientStream reports whether a client's stream can come to call, which is that of the next handler: no condition
// on the way says otherwise, nothing is used that servers alone have, and the middleware is not the server's.
func (s *scan) mayBeClientStream(call *ast.CallExpr) bool {
	inner := ast.Node(call)
	for n := s.parents[call]; n != nil; inner, n = n, s.parents[n] {
		if s.rulesOut(n, inner) {
			return false
		}
	}
	return true
}

// rulesOut reports whether n, around inner, rules out that a client's stream comes there.
func (s *scan) rulesOut(n, inner ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		return inner == n.Body && s.excludes(n.Cond, true) || inner == n.Else && s.excludes(n.Cond, false)
	case *ast.CaseClause:
		return s.switchesByCall(s.parents[s.parents[n]])
	case *ast.BlockStmt:
		return s.excludedBefore(n.List, inner)
	case *ast.CallExpr:
		return s.isForServers(n) // a literal in the call of server.Use
	case *ast.FuncDecl, *ast.FuncLit:
		t := s.typeOf(n)
		switch {
		case t == nil:
		case isHandler(t):
			return s.usesServerOnly(n)
		case isMiddleware(t) || makesMiddleware(t):
			return s.usesServerOnly(n) || s.onlyForServers(s.objectOf(n))
		}
	}
	return false
}

// switchesByCall reports whether a switch is one over sides or kinds: its author has thought of them.
func (s *scan) switchesByCall(n ast.Node) bool {
	sw, ok := n.(*ast.SwitchStmt)
	if !ok {
		return false
	}
	if sw.Tag != nil && s.aboutCall(sw.Tag) {
		return true
	}
	for _, clause := range sw.Body.List {
		if c, ok := clause.(*ast.CaseClause); ok {
			if slices.ContainsFunc(c.List, func(e ast.Expr) bool { return s.aboutCall(e) }) {
				return true
			}
		}
	}
	return false
}

// excludedBefore reports whether one of the statements before inner leaves the block unless no client's stream comes.
func (s *scan) excludedBefore(list []ast.Stmt, inner ast.Node) bool {
	for _, stmt := range list {
		if stmt == inner {
			return false
		}
		if n, ok := stmt.(*ast.IfStmt); ok && n.Else == nil && leaves(n.Body) && s.excludes(n.Cond, false) {
			return true
		}
	}
	return false
}

// leaves reports whether a block ends with a statement that leaves it.
func leaves(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	switch n := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.ExprStmt:
		call, ok := n.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		name, ok := call.Fun.(*ast.Ident)
		return ok && name.Name == "panic"
	}
	return false
}

// excludes reports whether no client's stream is there when the condition e has the value holds. A condition about
// sides or kinds that is not understood is taken to exclude them, so as not to accuse who has thought of it.
func (s *scan) excludes(e ast.Expr, holds bool) bool {
	switch n := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			return s.excludes(n.X, !holds)
		}
	case *ast.BinaryExpr:
		switch {
		case n.Op == token.LAND && holds || n.Op == token.LOR && !holds:
			return s.excludes(n.X, holds) || s.excludes(n.Y, holds)
		case n.Op == token.LAND || n.Op == token.LOR:
			return s.excludes(n.X, holds) && s.excludes(n.Y, holds)
		case n.Op == token.EQL || n.Op == token.NEQ:
			if excluded, ok := s.compares(n, holds == (n.Op == token.EQL)); ok {
				return excluded
			}
		}
	case *ast.Ident:
		if o := s.pass.TypesInfo.Uses[n]; o != nil {
			if value := s.valueOf(o, s.outermost(n)); value != nil {
				return s.excludes(value, holds)
			}
		}
	}
	return s.aboutCall(e)
}

// compares understands comparisons with constants: side == ServerSide, kind == Unary.
func (s *scan) compares(n *ast.BinaryExpr, equal bool) (excluded, ok bool) {
	value := s.pass.TypesInfo.Types[n.Y]
	if value.Value == nil {
		value = s.pass.TypesInfo.Types[n.X]
	}
	if value.Value == nil || value.Value.Kind() != constant.Int {
		return false, false
	}
	// The excluding value of both types is the first: ServerSide and Unary.
	first := constant.Sign(value.Value) == 0
	if isNamed(value.Type, rootPath, "Side") || isNamed(value.Type, rootPath, "Kind") {
		return first == equal, true
	}
	return false, false
}

// aboutCall reports whether e mentions the side or the kind of a call, or whether it has a stream.
func (s *scan) aboutCall(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if n, ok := n.(*ast.SelectorExpr); ok {
			if t := s.pass.TypesInfo.TypeOf(n); t != nil && (isNamed(t, rootPath, "Side") || isNamed(t, rootPath, "Kind")) {
				found = true
			}
			if f, ok := s.pass.TypesInfo.Uses[n.Sel].(*types.Func); ok && f.Pkg() != nil && isRoot(f.Pkg()) {
				found = found || slices.Contains([]string{"Side", "Stream", "ClientStreams", "ServerStreams"}, f.Name())
			}
		}
		return !found
	})
	return found
}

// usesServerOnly reports whether a function calls what only servers' calls have.
func (s *scan) usesServerOnly(f ast.Node) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch callee := calleeOf(s.pass.TypesInfo, call); {
			case callee == nil || callee.Pkg() == nil || !isRoot(callee.Pkg()) || callee.Signature().Recv() == nil:
			case isCall(callee.Signature().Recv().Type()):
				found = found || slices.Contains([]string{"Authority", "UserAgent", "SendHeader", "Context"}, callee.Name())
			}
		}
		return !found
	})
	return found
}

// isForServers reports whether a call makes an option of a server, or goes around a service.
func (s *scan) isForServers(call *ast.CallExpr) bool {
	callee := calleeOf(s.pass.TypesInfo, call)
	return callee != nil && callee.Pkg() != nil &&
		(callee.Pkg().Path() == serverPath || callee.FullName() == rootPath+".Wrap")
}

// onlyForServers reports whether the package uses an object, a middleware or what makes one, and only for servers.
func (s *scan) onlyForServers(o types.Object) bool {
	if o == nil {
		return false
	}
	uses := 0
	for _, file := range s.pass.Files {
		in := s
		if file.FileStart > o.Pos() || o.Pos() >= file.FileEnd || s.parents[file.Name] != file {
			in = &scan{s.pass, parentsOf(file)}
		}
		for ident, used := range s.pass.TypesInfo.Uses {
			if used != o || ident.Pos() < file.FileStart || ident.Pos() >= file.FileEnd {
				continue
			}
			uses++
			if !in.goesToServer(ident) {
				return false
			}
		}
	}
	return uses > 0
}

// goesToServer reports whether n is among the arguments of a call that isForServers, or becomes a variable that is.
func (s *scan) goesToServer(n ast.Node) bool {
	for n = s.parents[n]; n != nil; n = s.parents[n] {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s.isForServers(n) {
				return true
			}
		case *ast.AssignStmt:
			o := s.object(n.Lhs[0])
			return n.Tok == token.DEFINE && len(n.Rhs) == 1 && o != nil && isMiddleware(o.Type()) && s.onlyForServers(o)
		case ast.Stmt:
			return false
		}
	}
	return false
}

// typeOf returns the type of a function.
func (s *scan) typeOf(f ast.Node) types.Type {
	switch n := f.(type) {
	case *ast.FuncDecl:
		if o := s.pass.TypesInfo.Defs[n.Name]; o != nil {
			return o.Type()
		}
	case *ast.FuncLit:
		return s.pass.TypesInfo.TypeOf(n)
	}
	return nil
}

// objectOf returns what a function is called: its own name or the variable that it is assigned to.
func (s *scan) objectOf(f ast.Node) types.Object {
	switch n := f.(type) {
	case *ast.FuncDecl:
		return s.pass.TypesInfo.Defs[n.Name]
	case *ast.FuncLit:
		return s.holder(n)
	}
	return nil
}

// holder returns the variable that a literal is assigned to, nil for none.
func (s *scan) holder(lit *ast.FuncLit) types.Object {
	switch n := s.parents[lit].(type) {
	case *ast.AssignStmt:
		if i := slices.Index(n.Rhs, ast.Expr(lit)); i >= 0 && len(n.Lhs) == len(n.Rhs) {
			return s.object(n.Lhs[i])
		}
	case *ast.ValueSpec:
		if i := slices.Index(n.Values, ast.Expr(lit)); i >= 0 && len(n.Names) == len(n.Values) {
			return s.pass.TypesInfo.Defs[n.Names[i]]
		}
	}
	return nil
}

// outermost returns the body of the outermost function around n.
func (s *scan) outermost(n ast.Node) *ast.BlockStmt {
	var body *ast.BlockStmt
	for ; n != nil; n = s.parents[n] {
		if f := functionOf(n); f != nil {
			body = f.body
		}
	}
	return body
}

// valueOf returns what a variable is declared with in body, nil when there is no single expression.
func (s *scan) valueOf(o types.Object, body *ast.BlockStmt) ast.Expr {
	if body == nil {
		return nil
	}
	var value ast.Expr
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, target := range n.Lhs {
				if ident, ok := target.(*ast.Ident); ok && len(n.Lhs) == len(n.Rhs) && s.pass.TypesInfo.Defs[ident] == o {
					value = n.Rhs[i]
				}
			}
		case *ast.ValueSpec:
			for i, ident := range n.Names {
				if len(n.Names) == len(n.Values) && s.pass.TypesInfo.Defs[ident] == o {
					value = n.Values[i]
				}
			}
		}
		return value == nil
	})
	return value
}
