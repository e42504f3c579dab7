package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// file is a source file whose sites are looked for.
type file struct {
	path string // as the folder was named
	fset *token.FileSet
	text []byte
}

// site is one change of one file.
type site struct {
	file     *file
	from, to int // what is replaced
	text     string
	kind     string
	fn       [2]position // from where to where the function goes that it is in; zero: it is in none
	line     int
	column   int
}

// place is where the site is, as compilers say it.
func (s *site) place() string {
	return fmt.Sprintf("%s:%d:%d", filepath.ToSlash(s.file.path), s.line, s.column)
}

// mutant returns the file with the change.
func (s *site) mutant() []byte {
	b := append([]byte(nil), s.file.text[:s.from]...)
	b = append(b, s.text...)
	return append(b, s.file.text[s.to:]...)
}

// diff shows the lines that change.
func (s *site) diff() string {
	start := bytes.LastIndexByte(s.file.text[:s.from], '\n') + 1
	end := len(s.file.text)
	if i := bytes.IndexByte(s.file.text[s.to:], '\n'); i >= 0 {
		end = s.to + i
	}
	var b strings.Builder
	show := func(mark, text string) {
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) != "" {
				b.WriteString(mark + line + "\n")
			}
		}
	}
	show("-", string(s.file.text[start:end]))
	show("+", string(s.file.text[start:s.from])+s.text+string(s.file.text[s.to:end]))
	return b.String()
}

// collect returns the sites of the packages in folders, in the order of the folders, their files, and the places there.
func collect(folders []string) ([]*site, error) {
	var all []*site
	for _, folder := range folders {
		p, err := build.ImportDir(folder, 0)
		if err != nil {
			return nil, err
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(folder, name)
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			sites, err := sitesOf(path, text)
			if err != nil {
				return nil, err
			}
			all = append(all, sites...)
		}
	}
	return all, nil
}

// sitesOf returns the sites of a file. One that is generated has none.
func sitesOf(path string, text []byte) ([]*site, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	f := &finder{file: &file{path, fset, text}}
	for _, d := range tree.Decls {
		f.fn = [2]position{}
		if _, ok := d.(*ast.FuncDecl); ok {
			from, to := fset.Position(d.Pos()), fset.Position(d.End())
			f.fn = [2]position{{from.Line, from.Column}, {to.Line, to.Column}}
		}
		f.walk(d, nil)
	}
	return f.sites, nil
}

// finder collects the sites of a file.
type finder struct {
	file  *file
	fn    [2]position // of the function that is walked
	sites []*site
}

// add notes that what is from one position to another may be replaced.
func (f *finder) add(from, to token.Pos, text, kind string) {
	at := f.file.fset.Position(from)
	f.sites = append(f.sites, &site{
		file: f.file, from: at.Offset, to: f.file.fset.Position(to).Offset, text: text, kind: kind,
		line: at.Line, column: at.Column, fn: f.fn,
	})
}

func (f *finder) source(n ast.Node) string {
	return string(f.file.text[f.file.fset.Position(n.Pos()).Offset:f.file.fset.Position(n.End()).Offset])
}

// swaps are the operators that take the place of others: the neighbours of comparisons, opposites of the rest.
var swaps = map[token.Token][]token.Token{ //nolint:gochecknoglobals // a constant
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
	token.REM: {token.MUL}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
	token.AND: {token.OR}, token.OR: {token.AND}, token.AND_NOT: {token.AND}, token.XOR: {token.AND},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
	token.MUL_ASSIGN: {token.QUO_ASSIGN}, token.QUO_ASSIGN: {token.MUL_ASSIGN},
	token.OR_ASSIGN: {token.AND_ASSIGN}, token.AND_ASSIGN: {token.OR_ASSIGN},
	token.AND_NOT_ASSIGN: {token.AND_ASSIGN}, token.SHL_ASSIGN: {token.SHR_ASSIGN},
	token.SHR_ASSIGN: {token.SHL_ASSIGN}, token.INC: {token.DEC}, token.DEC: {token.INC},
}

func kindOf(op token.Token) string {
	switch op {
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
		return "comparison"
	case token.LAND, token.LOR:
		return "logic"
	default:
		return "arithmetic"
	}
}

func (f *finder) swap(op token.Token, at token.Pos) {
	for _, other := range swaps[op] {
		f.add(at, at+token.Pos(len(op.String())), other.String(), kindOf(op))
	}
}

// walk finds the sites below n, which is in a function with those results.
func (f *finder) walk(n ast.Node, results *ast.FieldList) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				f.walk(n.Body, n.Type.Results)
			}
			return false
		case *ast.FuncLit:
			f.walk(n.Body, n.Type.Results)
			return false
		case *ast.ImportSpec, *ast.Field:
			return false
		case *ast.BinaryExpr:
			f.swap(n.Op, n.OpPos)
		case *ast.BasicLit:
			f.literal(n)
		case *ast.IfStmt:
			f.negate(n.Cond)
		case *ast.ForStmt:
			f.negate(n.Cond)
		case *ast.IncDecStmt:
			f.swap(n.Tok, n.TokPos)
			f.remove(n, "deleted statement")
		case *ast.AssignStmt:
			f.swap(n.Tok, n.TokPos)
			if n.Tok != token.DEFINE && !isBlank(n.Lhs) {
				f.remove(n, "deleted statement")
			}
		case *ast.SendStmt, *ast.BranchStmt:
			f.remove(n, "deleted statement")
		case *ast.DeferStmt:
			f.remove(n, "removed call")
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && !isLog(call) {
				f.remove(n, "removed call")
			}
		case *ast.ReturnStmt:
			f.zero(n, results)
		}
		return true
	})
}

// literal makes neighbours of a whole number.
func (f *finder) literal(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	v, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return
	}
	f.add(n.Pos(), n.End(), strconv.FormatInt(v+1, 10), "constant")
	if v > 0 {
		f.add(n.Pos(), n.End(), strconv.FormatInt(v-1, 10), "constant")
	}
}

// negate turns a condition round. For a comparison that swap turns round already, there is no second site.
func (f *finder) negate(cond ast.Expr) {
	if cond == nil {
		return
	}
	if b, ok := cond.(*ast.BinaryExpr); ok && kindOf(b.Op) == "comparison" {
		return
	}
	f.add(cond.Pos(), cond.End(), "!("+f.source(cond)+")", "negated condition")
}

func (f *finder) remove(n ast.Node, kind string) { f.add(n.Pos(), n.End(), "", kind) }

// zero returns the zero value in place of one that is returned.
func (f *finder) zero(n *ast.ReturnStmt, results *ast.FieldList) {
	var types []ast.Expr
	if results != nil {
		for _, r := range results.List {
			for range max(1, len(r.Names)) {
				types = append(types, r.Type)
			}
		}
	}
	if len(types) != len(n.Results) {
		return // of named results, or of a call with several
	}
	for i, e := range n.Results {
		switch old := f.source(e); old {
		case "nil", "false", "0", `""`:
		case "true":
			f.add(e.Pos(), e.End(), "false", "returned zero value")
		default:
			f.add(e.Pos(), e.End(), "*new("+f.source(types[i])+")", "returned zero value")
		}
	}
}

func isBlank(lhs []ast.Expr) bool {
	for _, e := range lhs {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// isLog reports whether a call writes to the log, which tests need not look at.
func isLog(call *ast.CallExpr) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch strings.TrimSuffix(s.Sel.Name, "Context") {
	case "debug", "Debug", "Info", "Warn", "Error", "LogAttrs":
		return true
	}
	return false
}
