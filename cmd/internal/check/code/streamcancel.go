package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
)

const streamCancelDoc = `find contexts that are cancelled while a client's stream needs them

On a client the handler that a middleware calls next returns when a stream is
open, not when it is over:

	func limit(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel() // ends the stream that next has just opened
			return next(ctx, c)
		}
	}

c.CancelOnEnd(cancel) in place of the defer statement cancels the context when
the call is over, on both sides. The same goes for a function that returns a
stream which it opened with such a context.

Middleware for servers may defer, since there the next handler returns when the
call is over. It is known by a condition (at.Side == fairlead.ClientSide), by
what it calls (c.Authority), or by where the package uses it (server.Use,
fairlead.Wrap).`

// StreamCancel returns the analyzer.
func StreamCancel() *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: "streamcancel",
		Doc:  streamCancelDoc,
		URL:  streamCancelRule().Doc(),
		Run:  runStreamCancel,
	}
}

func runStreamCancel(pass *analysis.Pass) (any, error) {
	if !slices.ContainsFunc(pass.Pkg.Imports(), isRoot) {
		return nil, nil //nolint:nilnil // there is no result
	}
	for _, file := range pass.Files {
		if ast.IsGenerated(file) {
			continue
		}
		s := &scan{pass: pass, parents: parentsOf(file)}
		ast.Inspect(file, func(n ast.Node) bool {
			if f := functionOf(n); f != nil {
				s.function(f)
			}
			return true
		})
	}
	return nil, nil //nolint:nilnil // there is no result
}

// function is a declared function or a literal.
type function struct {
	node ast.Node
	typ  *ast.FuncType
	body *ast.BlockStmt
}

func functionOf(n ast.Node) *function {
	switch n := n.(type) {
	case *ast.FuncDecl:
		if n.Body != nil {
			return &function{n, n.Type, n.Body}
		}
	case *ast.FuncLit:
		return &function{n, n.Type, n.Body}
	}
	return nil
}

// scan goes through one file.
type scan struct {
	pass    *analysis.Pass
	parents map[ast.Node]ast.Node
}

// parentsOf returns for each node of a file the one around it.
func parentsOf(file *ast.File) map[ast.Node]ast.Node {
	parents := make(map[ast.Node]ast.Node)
	var stack []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			parents[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		return true
	})
	return parents
}

// derived is a context that a function derives, and what cancels it.
type derived struct {
	ctx, cancel types.Object
	from        token.Pos // where both get their values
	at          ast.Node  // the statement that calls cancel
}

// function reports the contexts that f cancels when it returns, or right after the call, and that a client's stream has
// been given.
func (s *scan) function(f *function) {
	for _, d := range s.derivedIn(f) {
		carries := s.carriers(f, d)
		if call := s.handsOn(f, d, carries); call != nil {
			s.report(d, call)
		}
	}
}

// derivedIn returns the contexts that f derives and cancels without a condition.
func (s *scan) derivedIn(f *function) []derived {
	var made, cancelled []derived
	inspectOwn(f.body, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if d, ok := s.derives(n); ok {
				made = append(made, d)
			}
		case *ast.DeferStmt:
			if o := s.cancels(n.Call); o != nil {
				cancelled = append(cancelled, derived{cancel: o, at: n})
			}
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok {
				if o := s.cancels(call); o != nil {
					cancelled = append(cancelled, derived{cancel: o, at: n})
				}
			}
		}
	})
	var both []derived
	for _, c := range cancelled {
		for _, d := range slices.Backward(made) {
			if d.cancel == c.cancel && d.from < c.at.Pos() {
				d.at = c.at
				both = append(both, d)
				break
			}
		}
	}
	return both
}

// derives reports whether an assignment is that of a context and the function that cancels it: ctx, cancel := f(…).
func (s *scan) derives(n *ast.AssignStmt) (derived, bool) {
	const pair = 2
	if len(n.Lhs) != pair || len(n.Rhs) != 1 {
		return derived{}, false
	}
	ctx, cancel := s.object(n.Lhs[0]), s.object(n.Lhs[1])
	if ctx == nil || cancel == nil || !isContext(ctx.Type()) || !isCancel(cancel.Type()) {
		return derived{}, false
	}
	return derived{ctx: ctx, cancel: cancel, from: n.End()}, true
}

// cancels returns what a call cancels: cancel() and, for a deferred literal, that among its statements.
func (s *scan) cancels(call *ast.CallExpr) types.Object {
	if lit, ok := call.Fun.(*ast.FuncLit); ok {
		for _, stmt := range lit.Body.List {
			if e, ok := stmt.(*ast.ExprStmt); ok {
				if inner, ok := e.X.(*ast.CallExpr); ok {
					if o := s.cancels(inner); o != nil {
						return o
					}
				}
			}
		}
		return nil
	}
	if o := s.object(call.Fun); o != nil && isCancel(o.Type()) {
		return o
	}
	return nil
}

// carriers returns the variables that hold the derived context, or one derived from it.
func (s *scan) carriers(f *function, d derived) map[types.Object]token.Pos {
	from := map[types.Object]token.Pos{d.ctx: d.from}
	ast.Inspect(f.body, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || n.Pos() < d.from {
			return true
		}
		for i, target := range assign.Lhs {
			o := s.object(target)
			value := assign.Rhs[0]
			if len(assign.Lhs) == len(assign.Rhs) {
				value = assign.Rhs[i]
			}
			if o == nil || !isContext(o.Type()) {
				continue
			}
			if _, known := from[o]; !known && s.carries(value, from) {
				from[o] = n.End()
			}
		}
		return true
	})
	return from
}

// carries reports whether the value of e is, or depends on, one of the contexts.
func (s *scan) carries(e ast.Expr, contexts map[types.Object]token.Pos) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if callee := calleeOf(s.pass.TypesInfo, n); callee != nil && callee.FullName() == "context.WithoutCancel" {
				return false // what it returns ends with nothing
			}
		case *ast.Ident:
			if at, ok := contexts[s.pass.TypesInfo.Uses[n]]; ok && n.Pos() >= at {
				found = true
			}
		}
		return !found
	})
	return found
}

// handsOn returns the call by which f gives one of the contexts to a client's stream that outlives f, nil for none.
func (s *scan) handsOn(f *function, d derived, contexts map[types.Object]token.Pos) *ast.CallExpr {
	var found *ast.CallExpr
	ast.Inspect(f.body, func(n ast.Node) bool {
		if found != nil {
			return false
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			return false // it has a life of its own
		case *ast.CallExpr:
			if len(n.Args) == 0 || !s.carries(n.Args[0], contexts) {
				return true
			}
			outlives := s.isNext(n) && s.isCallOfCaller(n.Args[1]) && s.mayBeClientStream(n) || s.opensReturned(f, n)
			if outlives && s.comesAfter(d.at, n) {
				found = n
			}
		}
		return true
	})
	return found
}

// comesAfter reports whether the context is cancelled after call, without a condition of its own: by a defer statement,
// or by a statement in one of the blocks around the call.
func (s *scan) comesAfter(at ast.Node, call *ast.CallExpr) bool {
	if _, deferred := at.(*ast.DeferStmt); deferred {
		return true
	}
	if at.Pos() < call.End() {
		return false
	}
	inner := ast.Node(call)
	for n := s.parents[call]; n != nil && functionOf(n) == nil; inner, n = n, s.parents[n] {
		if block, ok := n.(*ast.BlockStmt); ok && n == s.parents[at] {
			// A statement between them may have left the block, with the stream.
			return !slices.ContainsFunc(block.List, func(stmt ast.Stmt) bool {
				return stmt.Pos() > inner.Pos() && stmt.Pos() < at.Pos() && mayLeave(stmt)
			})
		}
	}
	return false
}

// mayLeave reports whether a statement holds one that leaves the block around it.
func mayLeave(stmt ast.Stmt) bool {
	found := false
	ast.Inspect(stmt, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt, *ast.BranchStmt:
			found = true
		}
		return !found
	})
	return found
}

// isNext reports whether a call is that of a handler: of a value of type fairlead.Handler, or of a variable of the same
// signature. Functions and methods that are declared are not, as they may do anything with the context.
func (s *scan) isNext(call *ast.CallExpr) bool {
	const arguments = 2
	t := s.pass.TypesInfo.TypeOf(call.Fun)
	if t == nil || len(call.Args) != arguments || !isHandler(t) {
		return false
	}
	return isNamed(t, rootPath, "Handler") || calleeOf(s.pass.TypesInfo, call) == nil
}

// isCallOfCaller reports whether e is a call that somebody else made: a parameter, or an attempt made of one. A
// function that makes a call itself also sees its stream's end.
func (s *scan) isCallOfCaller(e ast.Expr) bool {
	o := s.object(e)
	if o == nil {
		return false
	}
	for n := s.parents[e]; n != nil; n = s.parents[n] {
		f := functionOf(n)
		if f == nil {
			continue
		}
		if f.typ.Pos() <= o.Pos() && o.Pos() < f.typ.End() {
			return true
		}
		if value := s.valueOf(o, f.body); value != nil {
			if call, ok := value.(*ast.CallExpr); ok {
				callee := calleeOf(s.pass.TypesInfo, call)
				return callee != nil && callee.FullName() == "(*"+rootPath+".WireCall).Another"
			}
		}
	}
	return false
}

// opensReturned reports whether call opens a client's stream in a function that returns one.
func (s *scan) opensReturned(f *function, call *ast.CallExpr) bool {
	if f.typ.Results == nil {
		return false
	}
	returns := slices.ContainsFunc(f.typ.Results.List, func(r *ast.Field) bool {
		return isClientStream(s.pass.TypesInfo.TypeOf(r.Type))
	})
	if !returns {
		return false
	}
	switch t := s.pass.TypesInfo.TypeOf(call).(type) {
	case *types.Tuple:
		return t.Len() > 0 && isClientStream(t.At(0).Type())
	default:
		return t != nil && isClientStream(t)
	}
}

// report reports the statement that cancels.
func (s *scan) report(d derived, call *ast.CallExpr) {
	found := analysis.Diagnostic{
		Pos: d.at.Pos(), End: d.at.End(), Category: "streamcancel",
		Message: d.cancel.Name() + " ends the stream that is returned; call the stream's Call().CancelOnEnd(" +
			d.cancel.Name() + ") when it is open",
		Related: []analysis.RelatedInformation{{Pos: call.Pos(), End: call.End(), Message: "the stream is opened here"}},
	}
	if !s.isNext(call) {
		s.pass.Report(found)
		return
	}
	found.Message = d.cancel.Name() + " ends a client's stream as soon as it is open, because that is when the next " +
		"handler returns"
	if name, ok := call.Args[1].(*ast.Ident); ok && isNamed(d.cancel.Type(), "context", "CancelFunc") {
		instead := name.Name + ".CancelOnEnd(" + d.cancel.Name() + ")"
		found.Message += "; use " + instead
		if _, deferred := d.at.(*ast.DeferStmt); deferred && s.inScope(name, d.at.Pos()) {
			found.SuggestedFixes = []analysis.SuggestedFix{{
				Message:   "Replace by " + instead,
				TextEdits: []analysis.TextEdit{{Pos: d.at.Pos(), End: d.at.End(), NewText: []byte(instead)}},
			}}
		}
	} else {
		found.Message += "; cancel it with the call's OnEnd"
	}
	s.pass.Report(found)
}

// inScope reports whether the variable that name stands for is there at pos.
func (s *scan) inScope(name *ast.Ident, pos token.Pos) bool {
	o := s.object(name)
	return o != nil && o.Parent() != nil && o.Parent().Contains(pos) && o.Pos() < pos
}

// object returns the object that a name stands for, nil for other expressions.
func (s *scan) object(e ast.Expr) types.Object {
	ident, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	return s.pass.TypesInfo.ObjectOf(ident)
}

// inspectOwn calls visit for the nodes of a body, but for those of literals in it.
func inspectOwn(body *ast.BlockStmt, visit func(ast.Node)) {
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		visit(n)
		return true
	})
}
