package idl

import (
	"fmt"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

// clashing reports names that two of the files declare, but for twins. Names are in order. The compiler says so too,
// from whichever of them it reaches last, and not when something else is wrong with one of them.
func (e *explainer) clashing(names []string, twins map[twin][]string) []Problem {
	type place struct {
		name string
		src  source
		at   outline.Span
		kind outline.Kind
	}
	e.twice, e.clashed = make(map[string]bool), make(map[string]bool)
	first := make(map[string]place)
	var problems []Problem
	for _, name := range names {
		src, err := e.files.load(name)
		if err != nil {
			continue
		}
		own := make(map[string]bool)
		visit(e.outline(name), func(full string, at outline.Span, kind outline.Kind) {
			if own[full] {
				return // within one file the compiler finds it
			}
			own[full] = true
			before, ok := first[full]
			if !ok {
				first[full] = place{name, src, at, kind}
				return
			}
			if kind == pkg && before.kind == pkg || sameFile(before.src.path, src.path) {
				return
			}
			if twins[twin{name, before.name}] != nil {
				return // they are told of as a whole
			}
			e.twice[full] = true
			e.clashed[name], e.clashed[before.name] = true, true
			problems = append(problems, src.at(at,
				fmt.Sprintf("%s is declared twice: as %s here, and as %s in %s:%d", full, article(kind), article(before.kind),
					before.src.path, before.src.lineAt(before.at.Start)), clashHelp(e.outline(name).Package, kind)))
		})
	}
	return problems
}

func clashHelp(in string, kind outline.Kind) string {
	if kind == value {
		return "the values of an enum belong to what is around the enum: begin them with the enum's name"
	}
	if in == "" {
		return "give each of the files a package of its own"
	}
	return "rename one, or put it into another package"
}

// What may have the name of a declaration and is none.
const (
	value outline.Kind = "value"
	pkg   outline.Kind = "package"
)

func article(kind outline.Kind) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + string(kind)
	}
	return "a " + string(kind)
}

// visit calls f with all full names that a file declares, but for those of fields and methods.
func visit(o *outline.File, f func(full string, at outline.Span, kind outline.Kind)) {
	for i, r := range o.Package + "." {
		if r == '.' && i > 0 {
			f(o.Package[:i], o.PackageAt, pkg)
		}
	}
	for _, d := range o.Decls {
		f(d.Name, d.At, d.Kind)
		if d.Kind != outline.Enum {
			continue
		}
		scope, _ := strings.CutSuffix(d.Name, outline.Simple(d.Name))
		for _, m := range d.Members {
			f(scope+m.Name, m.At, value)
		}
	}
}

// clashes returns the names that clashing reported.
func (e *explainer) clashes() map[string]bool { return e.twice }
