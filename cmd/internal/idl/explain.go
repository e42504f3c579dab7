package idl

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

// explainer puts what the compiler found in words for people. It may read files again: it works only after an error.
type explainer struct {
	files    *resolver
	names    []string // of the files that were to be compiled
	outlines map[string]*outline.File
	known    *index          // of all that the roots declare; nil until it is needed
	twice    map[string]bool // names that are declared twice
	clashed  map[string]bool // the files that declare them
}

func newExplainer(files *resolver, names []string) *explainer {
	return &explainer{files: files, names: names, outlines: make(map[string]*outline.File)}
}

// explain returns the problems of all files.
func (e *explainer) explain(ctx context.Context, found []reporter.ErrorWithPos) []Problem {
	reached, problems := e.missingImports()
	slices.Sort(reached)
	twins := e.twins(reached)
	problems = append(problems, e.describeTwins(twins, reached)...)
	problems = append(problems, e.clashing(reached, twins)...)
	found = withoutTwins(found, twins)
	if len(e.twice) > 0 {
		// Of two files that clash the compiler gives up the one that it reaches last, whichever that is. Alone, each
		// gets all that there is to say about it.
		for _, name := range e.names {
			if !e.clashed[name] {
				continue
			}
			var alone diagnostics
			if err := compileAtOnce(ctx, e.files, []string{name}, &alone); err != nil {
				found = append(found, withoutTwins(alone.errors, twins)...)
			}
		}
	}
	byFile := make(map[string][]reporter.ErrorWithPos)
	for _, err := range found {
		if isNotFound(err) {
			continue // among the missing imports already
		}
		name := err.Start().Filename
		byFile[name] = append(byFile[name], err)
	}
	for name, errs := range byFile {
		problems = append(problems, e.file(name, errs)...)
	}
	if len(problems) == 0 { // something must have stopped the compiler
		for _, err := range found {
			problems = append(problems, e.files.problem(err))
		}
	}
	return inOrder(problems)
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*notFoundError](err)
	return ok
}

// file returns the problems of one file.
func (e *explainer) file(name string, errs []reporter.ErrorWithPos) []Problem {
	src, ok := e.files.source(name)
	if !ok {
		problems := make([]Problem, len(errs))
		for i, err := range errs {
			problems[i] = e.files.problem(err)
		}
		return problems
	}
	if at := e.outline(name).Edition; at.End > 0 && e.outline(name).Syntax != newestEdition {
		// What follows from it is noise: the file may use whatever that edition has brought.
		return []Problem{src.at(at, fmt.Sprintf("edition %s is not supported; %s is, and so are proto3 and proto2",
			e.outline(name).Syntax, newestEdition), fmt.Sprintf("write: edition = %q;", newestEdition))}
	}
	if !parses(name, src) {
		if mistakes := e.outline(name).Problems; len(mistakes) > 0 {
			problems := make([]Problem, len(mistakes))
			for i, m := range mistakes {
				problems[i] = src.at(m.At, m.Text, m.Help)
			}
			return problems
		}
	}
	w := worder{explainer: e, name: name, src: src, outline: e.outline(name)}
	var problems []Problem
	for _, err := range errs {
		if p, keep := w.reword(err); keep {
			problems = append(problems, p)
		}
	}
	return problems
}

// newestEdition is the newest edition that the compiler knows, and the only one.
const newestEdition = "2023"

// parses reports whether the compiler understands the file's syntax. When it does not, it has looked for nothing else.
func parses(name string, src source) bool {
	silent := reporter.NewReporter(func(reporter.ErrorWithPos) error { return nil }, nil)
	_, err := parser.Parse(name, strings.NewReader(src.text), reporter.NewHandler(silent))
	return err == nil
}

// outline returns what the file of that name declares; an empty outline when it cannot be read.
func (e *explainer) outline(name string) *outline.File {
	if o := e.outlines[name]; o != nil {
		return o
	}
	o := new(outline.File)
	if src, err := e.files.load(name); err == nil {
		o = outline.Parse(src.text)
	}
	e.outlines[name] = o
	return o
}

// missingImports reports the imports that cannot be found, of the files to compile and of all that these import: the
// compiler stops at the first. It returns the names of all these files too.
func (e *explainer) missingImports() (reached []string, problems []Problem) {
	todo := append([]string(nil), e.names...)
	seen := make(map[string]bool)
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		src, err := e.files.load(name)
		if err != nil {
			continue // part of the program
		}
		reached = append(reached, name)
		for _, imp := range e.outline(name).Imports {
			if _, err := e.files.FindFileByPath(imp.Path); err != nil {
				problems = append(problems, src.at(imp.At, err.Error(), e.importHelp(name, imp.Path)))
				continue
			}
			todo = append(todo, imp.Path)
		}
	}
	return reached, problems
}

// importHelp returns which file may have been meant by an import that was not found.
func (e *explainer) importHelp(from, name string) string {
	if plain, ok := e.plainImport(from, name); ok {
		return fmt.Sprintf("paths of imports begin at an import root, and have no \".\" and no \"..\": import %q;", plain)
	}
	if dir, ok := e.index().rootFor(name); ok {
		return fmt.Sprintf("it is in %s; it is found with: %s", path.Join(dir, name), e.rootsWith(from, dir))
	}
	if strings.Contains(name, `\`) {
		return fmt.Sprintf("write the path with slashes: import %q;", strings.ReplaceAll(name, `\`, "/"))
	}
	beside := path.Join(path.Dir(from), name)
	if _, err := e.files.load(beside); err == nil && path.Dir(from) != "." {
		return fmt.Sprintf("paths of imports begin at an import root: import %q;", beside)
	}
	return e.index().nearFile(name)
}

// rootsAnd returns the flags for the present roots and one more.
func (e *explainer) rootsAnd(more string) string {
	var b strings.Builder
	for _, root := range e.files.roots {
		b.WriteString("--proto-path " + Short(root) + " ")
	}
	return b.String() + "--proto-path " + more
}

// plainImport returns the name that an import should have which was written as a path from the file that it is in, or
// which has needless parts, as far as such a file is there.
func (e *explainer) plainImport(from, name string) (string, bool) {
	slashed := strings.ReplaceAll(name, `\`, "/")
	if path.Clean(slashed) == name {
		if !strings.HasPrefix(name, "../") && !strings.HasPrefix(name, "/") {
			return "", false
		}
	}
	for _, plain := range []string{path.Join(path.Dir(from), slashed), strings.TrimPrefix(path.Clean(slashed), "/")} {
		if _, err := e.files.FindFileByPath(plain); err == nil {
			return plain, true
		}
	}
	return "", false
}

// rootsWith returns the flags for the present roots and one more. The root of the file called from is the directory
// that its package's name leads to, when there is one: proto for proto/shop/v1/a.proto with the package shop.v1.
func (e *explainer) rootsWith(from, more string) string {
	var roots []string
	add := func(root string) {
		if !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	src, err := e.files.load(from)
	below := strings.ReplaceAll(e.outline(from).Package, ".", "/")
	for _, root := range e.files.roots {
		natural, ok := strings.CutSuffix("/"+path.Dir(from), "/"+below)
		if err == nil && ok && below != "" && Short(path.Join(root, from)) == src.path {
			root = path.Join(root, natural)
		}
		add(Short(root))
	}
	add(more)
	return "--proto-path " + strings.Join(roots, " --proto-path ")
}
