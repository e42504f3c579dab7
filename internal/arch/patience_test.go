package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPatience: what tests wait for on the wall's clock, for more than a second, has a limit that a busy machine
// extends, assert.Patience. What runs on testing/synctest's clock, and examples, which users read, are left alone.
func TestPatience(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	for _, files := range testFiles(t, fset) {
		consts := limits{}
		for _, f := range files {
			ast.Inspect(f, consts.learn)
		}
		for _, f := range files {
			for _, at := range consts.faults(f) {
				t.Errorf("%v: a limit on the wall's clock; make it assert.Patience(limit)", fset.Position(at))
			}
		}
	}
}

// TestPatienceRule makes sure that the rule bites.
func TestPatienceRule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		bad        bool
	}{
		{"a context", `context.WithTimeout(t.Context(), 5*time.Second)`, true},
		{"a constant", `context.WithTimeout(t.Context(), patience)`, true},
		{"what a busy machine extends", `context.WithTimeout(t.Context(), assert.Patience(patience))`, false},
		{"short on purpose", `context.WithTimeout(t.Context(), 50*time.Millisecond)`, false},
		{"never", `context.WithTimeout(t.Context(), time.Hour)`, false},
		{"a timer", `time.NewTimer(time.Minute)`, true},
		{"a channel", `<-time.After(patience)`, true},
		{"a connection", `nc.SetReadDeadline(time.Now().Add(10 * time.Second))`, true},
		{"a loop", `for end := time.Now().Add(patience); time.Now().Before(end); {}`, true},
		{"a loop by its beginning", `for time.Since(begin) < patience {}`, true},
		{"what took too long", `if time.Since(begin) > 2*time.Second {}`, true},
		{"in a bubble", `synctest.Test(t, func(t *testing.T) { time.NewTimer(time.Minute) })`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := "package a\nconst patience = 10 * time.Second\nfunc f() {\n" + tt.body + "\n}"
			f, err := parser.ParseFile(token.NewFileSet(), "a_test.go", src, 0)
			if err != nil {
				t.Fatal(err)
			}
			consts := limits{}
			ast.Inspect(f, consts.learn)
			if got := consts.faults(f); (len(got) > 0) != tt.bad {
				t.Errorf("got %d faults, want any: %v", len(got), tt.bad)
			}
		})
	}
}

// testFiles parses the files that import testing, of all modules, by folder.
func testFiles(t *testing.T, fset *token.FileSet) map[string][]*ast.File {
	t.Helper()
	byFolder := make(map[string][]*ast.File)
	for _, f := range load(t) {
		if !slices.Contains(f.imports, "testing") || f.name == "example_test.go" {
			continue
		}
		path := filepath.Join(repository(t), filepath.FromSlash(f.pkg), f.name)
		parsed, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		byFolder[f.pkg] = append(byFolder[f.pkg], parsed)
	}
	return byFolder
}

// limits are the constants of a folder that are limits.
type limits map[string]bool

// learn adds the constants and variables that n declares, if it does.
func (l limits) learn(n ast.Node) bool {
	if spec, ok := n.(*ast.ValueSpec); ok {
		for i, name := range spec.Names {
			if i < len(spec.Values) && l.is(spec.Values[i]) {
				l[name.Name] = true
			}
		}
	}
	return true
}

// is reports whether e is a constant time that is more than a second, and less than hours, which stand for never.
func (l limits) is(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return l[e.Name]
	case *ast.SelectorExpr:
		return name(e) == "time.Minute"
	case *ast.BinaryExpr:
		if name(e.Y) == "time.Second" {
			n, ok := e.X.(*ast.BasicLit)
			return ok && n.Value != "1"
		}
		return l.is(e.X) || l.is(e.Y)
	}
	return false
}

// faults returns where f has limits of its own.
func (l limits) faults(f *ast.File) (faults []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch called := name(n.Fun); {
			case called == "synctest.Test":
				return false
			case called == "context.WithTimeout" && l.is(n.Args[1]),
				(called == "time.NewTimer" || called == "time.After") && l.is(n.Args[0]),
				strings.HasPrefix(called[strings.LastIndexByte(called, '.')+1:], "Set") && len(n.Args) == 1 && l.ahead(n.Args[0]):
				faults = append(faults, n.Pos())
			}
		case *ast.ForStmt:
			if begin, ok := n.Init.(*ast.AssignStmt); ok && l.ahead(begin.Rhs[0]) {
				faults = append(faults, n.Pos())
			}
		case *ast.BinaryExpr:
			if since, ok := n.X.(*ast.CallExpr); ok && name(since.Fun) == "time.Since" && l.is(n.Y) {
				faults = append(faults, n.Pos())
			}
		}
		return true
	})
	return faults
}

// ahead reports whether e is time.Now().Add of a limit.
func (l limits) ahead(e ast.Expr) bool {
	add, ok := e.(*ast.CallExpr)
	if !ok || len(add.Args) != 1 || !l.is(add.Args[0]) {
		return false
	}
	method, ok := add.Fun.(*ast.SelectorExpr)
	if !ok || method.Sel.Name != "Add" {
		return false
	}
	now, ok := method.X.(*ast.CallExpr)
	return ok && name(now.Fun) == "time.Now"
}

// name returns a name as it is written, such as "time.Now"; "" for an expression of another kind.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	}
	return ""
}
