package implement

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Plan finds what the implementations in targets lack of services. Names has the names of Go packages by their import
// paths, for those whose name their path does not tell.
func Plan(targets []Target, services []Service, names map[string]string) (*Result, error) {
	p := &planner{
		services: services, names: maps.Clone(names), edits: make(map[string]*edit), made: make(map[string]bool),
		places: make(map[string]string),
	}
	if p.names == nil {
		p.names = make(map[string]string)
	}
	for _, s := range services {
		p.names[s.ImportPath] = s.Package
	}
	errs := make([]error, len(targets))
	for i, t := range targets {
		errs[i] = p.target(t)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := p.settle(); err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(p.edits)) {
		change, err := p.edits[path].apply()
		if err != nil {
			return nil, err
		}
		p.result.Changes = append(p.result.Changes, *change)
	}
	slices.SortStableFunc(p.result.Findings, func(a, b Finding) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return &p.result, nil
}

type planner struct {
	services []Service
	names    map[string]string
	edits    map[string]*edit  // by path
	made     map[string]bool   // new types, by their directory and name
	places   map[string]string // the directories that implement services, by the services' names
	waiting  []waiting
	result   Result
}

func (p *planner) findf(at token.Position, severity Severity, format string, args ...any) {
	p.result.Findings = append(p.result.Findings, Finding{
		File: at.Filename, Line: at.Line, Column: at.Column, Severity: severity, Text: fmt.Sprintf(format, args...),
	})
}

// target plans one target.
func (p *planner) target(t Target) error {
	dir := filepath.Clean(t.Dir)
	m := moduleOf(dir, p.names)
	path := m.importPath(dir)
	in, err := load(dir, path, p.names)
	if err != nil {
		return err
	}
	services := p.services
	if t.Service != "" {
		if services, err = p.named(dir, t.Service); err != nil {
			if t.Existing {
				return nil // it is in other contracts
			}
			return err
		}
		p.places[services[0].Name] = dir
	}
	if in == nil && t.Existing {
		return nil
	}
	if in == nil {
		p.wait(t, dir, path, services)
		return nil
	}
	m.packages[path] = in
	f := &finder{module: m, target: in}
	chosen := make(map[string][]*Service) // by type
	why := make(map[string]*candidate)
	for i := range services {
		s := &services[i]
		c, err := p.choose(f, t, s, len(services) == 1)
		if err != nil {
			return err
		}
		if c != nil && t.Existing && c.reason == named {
			continue // it may well implement another service
		}
		if c != nil {
			chosen[c.typ] = append(chosen[c.typ], s)
			why[c.typ+" "+s.Name] = c
		}
	}
	if len(chosen) == 0 && t.Existing {
		return nil
	}
	if len(chosen) == 0 {
		p.wait(t, dir, path, services)
		return nil
	}
	for _, typ := range slices.Sorted(maps.Keys(chosen)) {
		for _, s := range chosen[typ] {
			p.places[s.Name] = dir
			if err := p.complete(f, typ, s, why[typ+" "+s.Name]); err != nil {
				return err
			}
		}
		p.gone(f.target, typ, chosen[typ])
	}
	return nil
}

// named returns the one service that a target names.
func (p *planner) named(dir, name string) ([]Service, error) {
	var found []Service
	for i, s := range p.services {
		if s.Name == name {
			return p.services[i : i+1], nil
		}
		if strings.HasSuffix(s.Name, "."+name) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%s: there is no service %s in the contracts; there are: %s", dir, name,
			strings.Join(serviceNames(p.services), ", "))
	case 1:
		return found, nil
	default:
		return nil, fmt.Errorf("%s: several services are called %s: %s; write the whole name", dir, name,
			strings.Join(serviceNames(found), ", "))
	}
}

// choose returns the type that implements s, nil for none. Only says that no other service comes into question.
func (p *planner) choose(f *finder, t Target, s *Service, only bool) (*candidate, error) {
	if t.Type == "" {
		return f.find(s)
	}
	if decl := f.target.types[t.Type]; decl != nil && !f.isOurs(t.Type) {
		return nil, fmt.Errorf("%s: %s is no type to which methods can be added", decl.file.position(decl.spec.Pos()), t.Type)
	}
	// The user named the type: it implements the only service there is, or those that something speaks for.
	if f.target.types[t.Type] == nil {
		return nil, nil //nolint:nilnil // it is to be made
	}
	decl := f.target.types[t.Type]
	chosen := &candidate{typ: t.Type, reason: named, where: decl.file.position(decl.spec.Pos())}
	if only && !t.Existing {
		return chosen, nil
	}
	for _, look := range []func(*Service) []candidate{f.constructions, f.assertions, f.similar} {
		for _, c := range look(s) {
			if c.typ == t.Type {
				return &c, nil
			}
		}
	}
	if sharesMethod(f.target.methods[t.Type], s) {
		return chosen, nil
	}
	return nil, nil //nolint:nilnil // it implements another service
}

// named is the reason for a type that the user names.
const named = "it was named"

func sharesMethod(methods []*methodDecl, s *Service) bool {
	for _, m := range s.Methods {
		if slices.ContainsFunc(methods, func(d *methodDecl) bool { return d.decl.Name.Name == m.Name }) {
			return true
		}
	}
	return false
}

// complete plans what typ lacks of s.
func (p *planner) complete(f *finder, typ string, s *Service, why *candidate) error {
	have := f.methodsOf(f.target, typ, nil)
	served := f.embedsUnimplemented(f.target, typ, s, nil)
	var missing []Method
	for _, want := range s.Methods {
		d := have.named[want.Name]
		switch {
		case d == nil && served: // as the user wants it
		case d == nil:
			missing = append(missing, want)
		case !d.fits(want):
			name := func(path string) string { return packageName(path, p.names) }
			p.findf(d.file.position(d.decl.Name.Pos()), Warning,
				"%s.%s does not have the signature of %s.%s in the contract; it was left alone, it should be\n\t%s",
				typ, want.Name, s.Name, want.Name, signatureText(want, name))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	decl := f.target.types[typ]
	at := decl.file.position(decl.spec.Pos())
	if have.unknown != "" {
		p.findf(at, Warning,
			"%s embeds %s, whose methods are not known here; nothing was added, and these may be missing: %s",
			typ, have.unknown, strings.Join(methodNames(missing), ", "))
		return nil
	}
	p.findf(at, Note, "%s implements %s (%s at %s:%d)", typ, s.Name, why.reason, why.where.Filename, why.where.Line)
	e := p.edit(f.target, f.fileFor(typ))
	e.add(receiverOf(f.target, typ, why.pointer), s, missing)
	return nil
}

// edit returns the edit of a file.
func (p *planner) edit(in *pkg, f *file) *edit {
	e := p.edits[f.path]
	if e == nil {
		e = &edit{pkg: in, file: f, names: p.names}
		p.edits[f.path] = e
	}
	return e
}

// gone notes methods of typ that look as if they served a method that the contract has no more.
func (p *planner) gone(in *pkg, typ string, services []*Service) {
	known := make(map[string]bool)
	paths := make(map[string]bool)
	for i := range p.services {
		for _, m := range p.services[i].Methods {
			known[m.Name] = true
		}
	}
	for _, s := range services {
		paths[s.ImportPath] = true
		for _, path := range s.packages(s.Methods) {
			paths[path] = path != "context" && path != FairleadPath
		}
	}
	for _, d := range in.methods[typ] {
		name := d.decl.Name.Name
		if !token.IsExported(name) || known[name] || !serves(d, paths) {
			continue
		}
		p.findf(d.file.position(d.decl.Name.Pos()), Note, "%s.%s: no service in the contracts has a method %s", typ, name,
			name)
	}
}

// serves reports whether a method has the shape of one that serves calls: a context first, an error last, and messages
// of one of the packages in between.
func serves(d *methodDecl, paths map[string]bool) bool {
	params, results := d.file.signature(d.decl.Type, typeParams(d.decl))
	if len(params) < 2 || params[0] != `"context".Context` || len(results) == 0 || results[len(results)-1] != "error" {
		return false
	}
	for _, t := range slices.Concat(params, results) {
		for i, part := range strings.Split(t, `"`) {
			if i%2 == 1 && paths[part] {
				return true
			}
		}
	}
	return false
}

// methodSet is the known part of the method set of a type.
type methodSet struct {
	named   map[string]*methodDecl
	unknown string // a type that it embeds, of which nothing is known; "" for none
}

// methodsOf returns the methods of a type, with those that it has from types that it embeds.
func (f *finder) methodsOf(in *pkg, typ string, seen []string) methodSet {
	set := methodSet{named: make(map[string]*methodDecl)}
	for _, d := range in.methods[typ] {
		set.named[d.decl.Name.Name] = d
	}
	decl := in.types[typ]
	if decl == nil || slices.Contains(seen, in.path+"."+typ) {
		return set
	}
	structure, ok := decl.spec.Type.(*ast.StructType)
	if !ok {
		return set
	}
	seen = append(slices.Clip(seen), in.path+"."+typ)
	for _, field := range structure.Fields.List {
		if len(field.Names) > 0 {
			continue
		}
		owner, name, _ := f.typeNamed(field.Type, decl.file, false)
		if owner == nil {
			if path := decl.file.pathOf(field.Type); strings.Contains(path, ".") {
				set.unknown = decl.file.print(field.Type)
			}
			continue // what the standard library has serves no calls
		}
		if isInterface(owner, name) {
			continue // a value for it may be nil: it keeps no promise
		}
		below := f.methodsOf(owner, name, seen)
		for method, d := range below.named {
			if set.named[method] == nil {
				set.named[method] = d
			}
		}
		if below.unknown != "" {
			set.unknown = below.unknown
		}
	}
	return set
}

// embedsUnimplemented reports whether a type embeds the one of the stubs that answers every method of s. It goes by the
// name: the stubs on disk may be older than the contract.
func (f *finder) embedsUnimplemented(in *pkg, typ string, s *Service, seen []string) bool {
	decl := in.types[typ]
	if decl == nil || slices.Contains(seen, in.path+"."+typ) {
		return false
	}
	structure, ok := decl.spec.Type.(*ast.StructType)
	if !ok {
		return false
	}
	seen = append(slices.Clip(seen), in.path+"."+typ)
	return slices.ContainsFunc(structure.Fields.List, func(field *ast.Field) bool {
		embedded := field.Type
		if star, ok := embedded.(*ast.StarExpr); ok {
			embedded = star.X
		}
		if len(field.Names) > 0 {
			return false
		}
		if decl.file.refersTo(embedded, s.ImportPath, "Unimplemented"+s.Interface) {
			return true
		}
		owner, name, _ := f.typeNamed(embedded, decl.file, false)
		return owner != nil && f.embedsUnimplemented(owner, name, s, seen)
	})
}

// pathOf returns the import path of the package that a type is from, "" when it is from none.
func (f *file) pathOf(t ast.Expr) string {
	_, rest, ok := strings.Cut(f.canon(t, nil), `"`)
	if !ok {
		return ""
	}
	path, _, _ := strings.Cut(rest, `"`)
	return path
}

// fileFor returns the file in which methods of typ belong: the one that has most of them, or else its declaration.
// Files that are built for some platforms only come last; those that are generated, not at all.
func (f *finder) fileFor(typ string) *file {
	counts := make(map[*file]int)
	for _, d := range f.target.methods[typ] {
		counts[d.file] += 2
	}
	declared := f.target.types[typ].file
	counts[declared]++
	best := declared
	better := func(a, b *file) bool {
		if a.constrained != b.constrained {
			return b.constrained
		}
		if counts[a] != counts[b] {
			return counts[a] > counts[b]
		}
		return a.path < b.path
	}
	for candidate := range counts {
		if !candidate.generated && better(candidate, best) {
			best = candidate
		}
	}
	return best
}

func methodNames(methods []Method) []string {
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = m.Name
	}
	return names
}

// signatureText returns a method as an interface has it.
func signatureText(m Method, name func(string) string) string {
	all := func(types []string) string {
		out := make([]string, len(types))
		for i, t := range types {
			out[i] = spelled(t, name)
		}
		return strings.Join(out, ", ")
	}
	results := all(m.Results)
	if len(m.Results) > 1 {
		results = "(" + results + ")"
	}
	return m.Name + "(" + all(m.Params) + ") " + results
}
