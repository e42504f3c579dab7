package idl

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// twin is two files that are read side by side and declare the same names: a contract and a copy of it, changed or not,
// of which one may be part of the program. It is one problem, and not one for each name.
type twin struct{ copied, original string } // names; original is that of the program, or the first in order

// twins finds the twins among the files called names and those of the program that they import. A file on disk that
// declares a name of one of the program's is a twin of it. Two files on disk are twins when they are of one package and
// half of the types of the smaller one are in the other, and not only one unless the files are called alike.
func (e *explainer) twins(names []string) map[twin][]string {
	types := make(map[string]int)
	declared := make(map[string][]string) // the files that declare a type
	add := func(file, full string) {
		if !slices.Contains(declared[full], file) {
			declared[full] = append(declared[full], file)
			types[file]++
		}
	}
	fromProgram := make(map[string]bool)
	for _, name := range names {
		for _, imp := range e.outline(name).Imports {
			if _, err := e.files.load(imp.Path); err != nil {
				readFromProgram(imp.Path, fromProgram, add)
			}
		}
	}
	for _, name := range names { // after those of the program
		for _, d := range e.outline(name).Decls {
			add(name, d.Name)
		}
	}
	same := make(map[twin][]string)
	for full, files := range declared {
		for i, copied := range files {
			for _, original := range files[:i] {
				if !fromProgram[copied] && !sameFile(e.files.path(copied), e.files.path(original)) {
					t := twin{copied, original}
					same[t] = append(same[t], full)
				}
			}
		}
	}
	for t, shared := range same {
		slices.Sort(shared)
		half := (min(types[t.copied], types[t.original]) + 1) / 2
		switch {
		case fromProgram[t.original]:
		case e.outline(t.copied).Package != e.outline(t.original).Package, len(shared) < half,
			len(shared) == 1 && path.Base(t.copied) != path.Base(t.original):
			delete(same, t)
		}
	}
	return same
}

// readFromProgram calls add with the types of a file that is part of the program, and of all that it imports. It notes
// them in done.
func readFromProgram(name string, done map[string]bool, add func(file, full string)) {
	file, err := protoregistry.GlobalFiles.FindFileByPath(name)
	if err != nil || done[name] {
		return
	}
	done[name] = true
	for i := range file.Imports().Len() {
		readFromProgram(file.Imports().Get(i).Path(), done, add)
	}
	addAll := func(list interface{ Len() int }, get func(int) protoreflect.Descriptor) {
		for i := range list.Len() {
			add(name, string(get(i).FullName()))
		}
	}
	addAll(file.Messages(), func(i int) protoreflect.Descriptor { return file.Messages().Get(i) })
	addAll(file.Enums(), func(i int) protoreflect.Descriptor { return file.Enums().Get(i) })
	addAll(file.Services(), func(i int) protoreflect.Descriptor { return file.Services().Get(i) })
	addAll(file.Extensions(), func(i int) protoreflect.Descriptor { return file.Extensions().Get(i) })
}

// describeTwins returns a problem for each twin.
func (e *explainer) describeTwins(twins map[twin][]string, reached []string) []Problem {
	problems := make([]Problem, 0, len(twins))
	for t, shared := range twins {
		src, err := e.files.load(t.copied)
		if err != nil {
			continue // it was read before
		}
		p := Problem{File: src.path}
		if at := e.outline(t.copied).PackageAt; at.End > 0 {
			p = src.at(at, "", "")
		}
		names := shared[0]
		if more := len(shared) - 1; more > 0 {
			names = fmt.Sprintf("%s and %d more", names, more)
		}
		other := e.files.path(t.original)
		if _, onDisk := e.files.source(t.original); !onDisk {
			p.Text = fmt.Sprintf("it is read as %q, and %s, which is part of the command, is read too: both declare %s",
				t.copied, t.original, names)
			p.Help = e.programHelp(t, src, reached)
		} else {
			p.Text = fmt.Sprintf("%s is read too, as %q: both declare %s", other, t.original, names)
			p.Help = e.copyHelp(t, reached)
		}
		problems = append(problems, p)
	}
	return problems
}

// programHelp returns what to do about a copy of what is part of the program.
func (e *explainer) programHelp(t twin, src source, reached []string) string {
	dir, ok := strings.CutSuffix(src.path, t.original)
	dir = strings.TrimSuffix(dir, "/")
	keep := "it is read in place of the command's if it is kept as DIR/" + t.original + ", with: " + e.rootsAnd("DIR")
	if ok {
		keep = "it is read in place of the command's with: " + e.rootsAnd(cmp.Or(dir, "."))
	}
	by, imported := e.importers(t.copied, reached)
	if !imported {
		return "the copy is not needed, and nothing imports it: name the directories of your own contracts only; or " + keep
	}
	return fmt.Sprintf("the copy is not needed; write: import %q; and not %q (%s); or %s", t.original, t.copied, by, keep)
}

// copyHelp returns what to do about two copies on disk.
func (e *explainer) copyHelp(t twin, reached []string) string {
	first, firstImported := e.importers(t.original, reached)
	second, secondImported := e.importers(t.copied, reached)
	unused := t.copied
	switch {
	case firstImported && secondImported:
		return fmt.Sprintf("import one of them everywhere: %q (%s) or %q (%s)", t.original, first, t.copied, second)
	case secondImported:
		unused = t.original
	}
	return fmt.Sprintf("%q is not imported: remove one of them, or name the directories of your own contracts without %s",
		unused, path.Dir(e.files.path(unused)))
}

// importers returns the places that import a file, and whether there are any.
func (e *explainer) importers(name string, reached []string) (places string, ok bool) {
	const shown = 3
	var list []string
	for _, from := range reached {
		src, err := e.files.load(from)
		if err != nil {
			continue
		}
		for _, imp := range e.outline(from).Imports {
			if imp.Path == name {
				list = append(list, fmt.Sprintf("%s:%d", src.path, src.lineAt(imp.At.Start)))
			}
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	places = strings.Join(list[:min(len(list), shown)], ", ")
	if more := len(list) - shown; more > 0 {
		places += fmt.Sprintf(" and %d more", more)
	}
	return places, len(list) > 0
}

// alreadyDefined matches the compiler's message about a name that two files declare.
var alreadyDefined = regexp.MustCompile(`^symbol "[\w.]+" already defined(?: as a package)? at (.*?)(?::\d+:\d+|$)`)

// withoutTwins leaves out what the compiler says of names that two files of a twin declare.
func withoutTwins(found []reporter.ErrorWithPos, twins map[twin][]string) []reporter.ErrorWithPos {
	return slices.DeleteFunc(found, func(err reporter.ErrorWithPos) bool {
		groups := alreadyDefined.FindStringSubmatch(err.Unwrap().Error())
		if groups == nil {
			return false
		}
		a, b := err.Start().Filename, groups[1]
		return twins[twin{a, b}] != nil || twins[twin{b, a}] != nil
	})
}
