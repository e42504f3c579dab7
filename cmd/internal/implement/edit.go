package implement

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// edit is an addition to a file.
type edit struct {
	pkg   *pkg
	file  *file
	names map[string]string
	adds  []addition
}

// addition is methods of one type for one service.
type addition struct {
	receiver receiverText
	service  *Service
	methods  []Method
}

// receiverText is the receiver of the methods to add, as its type's other methods have it.
type receiverText struct {
	name string // "" for none
	typ  string // with the pointer and the type parameters
}

func (r receiverText) String() string {
	if r.name == "" {
		return r.typ
	}
	return r.name + " " + r.typ
}

func (e *edit) add(receiver receiverText, s *Service, methods []Method) {
	e.adds = append(e.adds, addition{receiver, s, methods})
}

// receiverOf returns the receiver that methods of typ have; pointer says what to take when there are none.
func receiverOf(in *pkg, typ string, pointer bool) receiverText {
	names, pointers := make(map[string]int), 0
	params := ""
	for _, d := range in.methods[typ] {
		if list := d.decl.Recv.List[0].Names; len(list) == 1 && list[0].Name != "_" {
			names[list[0].Name]++
		} else {
			names[""]++
		}
		if d.pointer {
			pointers++
		}
		if own := typeParams(d.decl); len(own) > 0 && !slices.Contains(own, "_") {
			params = "[" + strings.Join(own, ", ") + "]"
		}
	}
	decl := in.types[typ]
	if list := decl.spec.TypeParams; list != nil && params == "" {
		var own []string
		for _, field := range list.List {
			for _, name := range field.Names {
				own = append(own, name.Name)
			}
		}
		params = "[" + strings.Join(own, ", ") + "]"
	}
	r := receiverText{typ: typ + params}
	if n := len(in.methods[typ]); pointers*2 > n || n == 0 && pointer || pointers > 0 && pointer {
		r.typ = "*" + r.typ
	}
	r.name = initial(typ)
	if len(names) > 0 {
		best := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
			if names[a] != names[b] {
				return names[b] - names[a]
			}
			return strings.Compare(a, b)
		})
		r.name = best[0]
	}
	return r
}

// apply returns the file with all additions.
func (e *edit) apply() (*Change, error) {
	n := e.newNaming()
	var body strings.Builder
	change := &Change{Path: e.file.path}
	for _, a := range e.adds {
		for _, m := range a.methods {
			body.WriteString("\n" + methodText(a.receiver, a.service, m, n.name))
			change.Methods = append(change.Methods, m.Name)
		}
	}
	text := e.file.text
	appended := body.String()
	newline := "\n"
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		newline = "\r\n"
		appended = strings.ReplaceAll(appended, "\n", newline)
	}
	content := e.withImports(n.added, newline)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(content, newline...)
	}
	content = append(content, appended...)
	if _, err := parse(e.file.path, content, e.names); err != nil {
		return nil, fmt.Errorf("adding methods would make it unreadable: %w", err)
	}
	change.Content = content
	return change, nil
}

// initial returns the name of a receiver of typ, when there is no other method to take it from.
func initial(typ string) string {
	first, _ := utf8.DecodeRuneInString(typ)
	return string(unicode.ToLower(first))
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// naming chooses the names of packages in a file.
type naming struct {
	edit  *edit
	names map[string]string // by import path; "" for none, in the package itself or after a dot import
	added []importLine
}

// importLine is an import to add; its name is "" when the path tells it.
type importLine struct{ name, path string }

func (e *edit) newNaming() *naming {
	n := &naming{edit: e, names: map[string]string{e.pkg.path: ""}}
	for _, path := range e.file.dots {
		n.names[path] = ""
	}
	for name, path := range e.file.imports {
		if current, ok := n.names[path]; !ok || current != "" && name < current {
			n.names[path] = name
		}
	}
	return n
}

// name returns the name of a package, which it imports when the file does not.
func (n *naming) name(path string) string {
	if name, ok := n.names[path]; ok {
		return name
	}
	name := packageName(path, n.edit.names)
	for _, f := range n.edit.pkg.files { // as its neighbours call it
		for as, p := range f.imports {
			if p == path && as != name && n.free(as) {
				name = as
			}
		}
	}
	for i, base := 2, name; !n.free(name); i++ {
		name = base + strconv.Itoa(i)
	}
	n.names[path] = name
	line := importLine{path: path}
	if name != packageName(path, nil) {
		line.name = name
	}
	n.added = append(n.added, line)
	return name
}

func (n *naming) free(name string) bool {
	for path, taken := range n.names {
		if taken == name && path != n.edit.pkg.path {
			return false
		}
	}
	return !n.edit.pkg.declares(name) && token.IsIdentifier(name)
}

// methodText returns the code of a method that is not implemented yet.
func methodText(receiver receiverText, s *Service, m Method, name func(string) string) string {
	fairlead := name(FairleadPath)
	taken := map[string]bool{receiver.name: true, fairlead: true}
	var b strings.Builder
	for _, line := range m.Doc {
		b.WriteString(line + "\n")
	}
	if len(m.Doc) == 0 {
		b.WriteString("// " + m.Name + " implements " + s.Name + "." + m.Name + ".\n")
	}
	b.WriteString("func (" + receiver.String() + ") " + m.Name + "(")
	for i, t := range m.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		param := paramName(t)
		for taken[param] {
			param += "_"
		}
		taken[param] = true
		b.WriteString(param + " " + spelled(t, name))
	}
	b.WriteString(") ")
	results := make([]string, len(m.Results))
	for i, t := range m.Results {
		results[i] = spelled(t, name)
	}
	if len(results) == 1 {
		b.WriteString(results[0])
	} else {
		b.WriteString("(" + strings.Join(results, ", ") + ")")
	}
	dot := ""
	if fairlead != "" {
		dot = "."
	}
	b.WriteString(" {\n\treturn ")
	for range len(m.Results) - 1 {
		b.WriteString("nil, ")
	}
	fmt.Fprintf(&b, "%s%sErrorf(%s%sUnimplemented, %q)\n}\n", fairlead, dot, fairlead, dot,
		m.Name+" is not implemented yet")
	return b.String()
}

// paramName returns the name of a parameter by its type.
func paramName(t string) string {
	switch {
	case t == `"context".Context`:
		return "ctx"
	case strings.HasPrefix(t, `*"`+FairleadPath+`".`):
		return "stream"
	default:
		return "req"
	}
}

// withImports returns a copy of the file's text with imports added.
func (e *edit) withImports(lines []importLine, newline string) []byte {
	text := e.file.text
	if len(lines) == 0 {
		return slices.Clone(text)
	}
	slices.SortFunc(lines, func(a, b importLine) int { return strings.Compare(a.path, b.path) })
	if block := e.importBlock(); block != nil {
		return e.intoBlock(block, lines, newline)
	}
	// There is no block to add to: a declaration of its own stands behind the last import, or the package's name.
	after := e.offset(e.file.tree.Name.End())
	blank := newline
	for _, decl := range e.file.tree.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
			after, blank = e.offset(d.End()), ""
		}
	}
	insert := newline + blank
	if len(lines) == 1 {
		insert += "import " + lines[0].String()
	} else {
		insert = newline + newline + "import (" + newline + block(lines, newline) + ")"
	}
	rest := text[after:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		end = len(rest)
	}
	line := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(rest[:end]), []byte(";")))
	switch {
	case len(line) == 0, bytes.HasPrefix(line, []byte("//")):
		after += len(bytes.TrimRight(rest[:end], "\r"))
		if next := bytes.TrimLeft(text[after:], "\r"); len(next) > 1 && !bytes.HasPrefix(next[1:], []byte(newline)) {
			insert += newline // what follows has no blank line of its own
		}
	default: // something else is on this line
		var b strings.Builder
		for _, l := range lines {
			b.WriteString("; import " + l.String())
		}
		insert = b.String()
	}
	return slices.Concat(text[:after], []byte(insert), text[after:])
}

func (l importLine) String() string {
	if l.name == "" {
		return strconv.Quote(l.path)
	}
	return l.name + " " + strconv.Quote(l.path)
}

// block returns lines as they stand in an import block: the standard library's first.
func block(lines []importLine, newline string) string {
	var b strings.Builder
	std := 0
	for _, l := range lines {
		if isStandard(l.path) {
			b.WriteString("\t" + l.String() + newline)
			std++
		}
	}
	if std > 0 && std < len(lines) {
		b.WriteString(newline)
	}
	for _, l := range lines {
		if !isStandard(l.path) {
			b.WriteString("\t" + l.String() + newline)
		}
	}
	return b.String()
}

// isStandard reports whether a package is of the standard library, by its path.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func (e *edit) offset(pos token.Pos) int { return e.file.fset.Position(pos).Offset }

func (e *edit) line(pos token.Pos) int { return e.file.fset.PositionFor(pos, false).Line }

// importBlock returns the import declaration in parentheses to which lines can be added; nil when there is none.
func (e *edit) importBlock() *ast.GenDecl {
	for _, decl := range e.file.tree.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.IMPORT || !d.Lparen.IsValid() || len(d.Specs) == 0 {
			continue
		}
		open := e.line(d.Lparen)
		tidy := true
		for _, spec := range d.Specs { // each on a line of its own
			tidy = tidy && e.line(spec.Pos()) > open
			open = e.line(spec.End())
		}
		if tidy && e.line(d.Rparen) > open {
			return d
		}
	}
	return nil
}

// intoBlock adds lines to an import block, each to the group of imports that it belongs to.
func (e *edit) intoBlock(d *ast.GenDecl, lines []importLine, newline string) []byte {
	type insertion struct {
		at   int
		text string
	}
	text := e.file.text
	groups := e.groups(d)
	var insertions []insertion
	var alone []importLine // without a group to go to
	for _, l := range lines {
		group := bestGroup(groups, l)
		if group == nil {
			alone = append(alone, l)
			continue
		}
		before := group[len(group)-1]
		at := e.endOfLine(before.End())
		for _, spec := range group {
			if importPath(spec) > l.path {
				at = e.startOfLine(spec)
				break
			}
		}
		insertions = append(insertions, insertion{at, "\t" + l.String() + newline})
	}
	if len(alone) > 0 {
		added := block(alone, newline)
		if isStandard(alone[0].path) && !isStandard(importPath(groups[0][0])) {
			insertions = append(insertions, insertion{e.startOfLine(groups[0][0]), added + newline})
		} else {
			last := groups[len(groups)-1]
			insertions = append(insertions, insertion{e.endOfLine(last[len(last)-1].End()), newline + added})
		}
	}
	slices.SortStableFunc(insertions, func(a, b insertion) int { return a.at - b.at })
	var content []byte
	from := 0
	for _, in := range insertions {
		content = append(content, text[from:in.at]...)
		content = append(content, in.text...)
		from = in.at
	}
	return append(content, text[from:]...)
}

// groups returns the imports of a block in the groups into which blank lines part them.
func (e *edit) groups(d *ast.GenDecl) [][]*ast.ImportSpec {
	var groups [][]*ast.ImportSpec
	last := 0
	for _, spec := range d.Specs {
		s, ok := spec.(*ast.ImportSpec)
		if !ok {
			continue
		}
		start := e.line(s.Pos())
		if s.Doc != nil {
			start = e.line(s.Doc.Pos())
		}
		if len(groups) == 0 || start > last+1 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], s)
		last = e.line(s.End())
	}
	return groups
}

// bestGroup returns the group in which an import has most in common with another, nil when none has imports of its
// kind.
func bestGroup(groups [][]*ast.ImportSpec, l importLine) []*ast.ImportSpec {
	var best []*ast.ImportSpec
	most := -1
	for _, group := range groups {
		for _, spec := range group {
			path := importPath(spec)
			if isStandard(path) != isStandard(l.path) || path == "C" {
				continue
			}
			if n := commonPrefix([]byte(path), []byte(l.path)); n > most {
				best, most = group, n
			}
		}
	}
	return best
}

// startOfLine returns the offset of the line on which an import begins, or the comment above that belongs to it.
func (e *edit) startOfLine(spec *ast.ImportSpec) int {
	pos := spec.Pos()
	if spec.Doc != nil {
		pos = spec.Doc.Pos()
	}
	return bytes.LastIndexByte(e.file.text[:e.offset(pos)], '\n') + 1
}

// endOfLine returns the offset of the line after the one that pos is on.
func (e *edit) endOfLine(pos token.Pos) int {
	at := e.offset(pos)
	if i := bytes.IndexByte(e.file.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(e.file.text)
}
