package consumers

import (
	"go/ast"
	"go/token"
	"strconv"
)

// stringLit returns the text of e if that is a literal string.
func stringLit(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// typeSpecs returns the types that files declare, by name.
func typeSpecs(files []*ast.File) map[string]*ast.TypeSpec {
	specs := make(map[string]*ast.TypeSpec)
	for _, file := range files {
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok {
				for _, spec := range gen.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						specs[t.Name.Name] = t
					}
				}
			}
		}
	}
	return specs
}

// valueSpecs returns the constants and variables that files declare.
func valueSpecs(files []*ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, file := range files {
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok {
				for _, spec := range gen.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						specs = append(specs, v)
					}
				}
			}
		}
	}
	return specs
}

func funcDecls(files []*ast.File) []*ast.FuncDecl {
	var decls []*ast.FuncDecl
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				decls = append(decls, f)
			}
		}
	}
	return decls
}

// receiverName returns the name of the type that f is a method of, "" for none.
func receiverName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	t := f.Recv.List[0].Type
	if pointer, ok := t.(*ast.StarExpr); ok {
		t = pointer.X
	}
	if ident, ok := t.(*ast.Ident); ok {
		return ident.Name
	}
	return ""
}
