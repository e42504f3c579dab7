package code

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// The packages that code is looked at for.
const (
	rootPath   = "github.com/fairlead-go/fairlead"
	serverPath = rootPath + "/server"
)

func isRoot(p *types.Package) bool { return p.Path() == rootPath }

// isNamed reports whether t is a type of that name, of that package.
func isNamed(t types.Type, path, name string) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == name && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == path
}

func isContext(t types.Type) bool { return isNamed(t, "context", "Context") }

func isCancel(t types.Type) bool {
	return isNamed(t, "context", "CancelFunc") || isNamed(t, "context", "CancelCauseFunc")
}

// isHandler reports whether t has the signature of fairlead.Handler.
func isHandler(t types.Type) bool {
	f, ok := types.Unalias(t).Underlying().(*types.Signature)
	return ok && f.Params().Len() == 2 && f.Results().Len() == 1 && !f.Variadic() &&
		isContext(f.Params().At(0).Type()) && isCall(f.Params().At(1).Type()) &&
		types.Identical(f.Results().At(0).Type(), types.Universe.Lookup("error").Type())
}

// isMiddleware reports whether t has the signature of fairlead.Middleware.
func isMiddleware(t types.Type) bool {
	f, ok := types.Unalias(t).Underlying().(*types.Signature)
	return ok && f.Params().Len() == 2 && f.Results().Len() == 1 && !f.Variadic() &&
		isNamed(f.Params().At(0).Type(), rootPath, "Site") && isHandler(f.Results().At(0).Type())
}

// makesMiddleware reports whether t is a function that returns middleware, maybe with an error.
func makesMiddleware(t types.Type) bool {
	f, ok := types.Unalias(t).Underlying().(*types.Signature)
	return ok && f.Results().Len() > 0 && isMiddleware(f.Results().At(0).Type())
}

func isCall(t types.Type) bool { return isPointerTo(t, "Call") }

// isClientStream reports whether t is what a stub returns for a stream.
func isClientStream(t types.Type) bool {
	return isPointerTo(t, "Inbound") || isPointerTo(t, "ClientStream") || isPointerTo(t, "Bidi")
}

func isPointerTo(t types.Type, name string) bool {
	pointer, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(pointer.Elem(), rootPath, name)
}

// calleeOf returns the declared function or method that a call runs, nil for the value of a variable.
func calleeOf(info *types.Info, call *ast.CallExpr) *types.Func {
	f, _ := typeutil.Callee(info, call).(*types.Func)
	return f
}
