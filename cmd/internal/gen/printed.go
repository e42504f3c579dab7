package gen

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// printedFile is a file as a generator printed it: without imports, and not formatted.
type printedFile struct {
	name    string
	text    []byte // belongs to protogen
	imports []goImport
}

// goImport is an import of a generated file.
type goImport struct{ name, path string }

// printedFiles returns the files that a plugin holds, and false when it holds an error, or when they cannot be read.
//
// protogen returns files only after go/parser and go/printer have gone through them, which takes longer than to
// generate them. So they are read from protogen's unexported fields. Another version of protogen may have other fields:
// then the caller takes what protogen returns.
func printedFiles(plugin *protogen.Plugin) (files []printedFile, ok bool) {
	p := reflect.ValueOf(plugin).Elem()
	all, failure := p.FieldByName("genFiles"), p.FieldByName("err")
	if !isOf[[]*protogen.GeneratedFile](all) || !isOf[error](failure) || !failure.IsNil() {
		return nil, false
	}
	for i := range all.Len() {
		f := all.Index(i).Elem()
		skip, name, buf := f.FieldByName("skip"), f.FieldByName("filename"), f.FieldByName("buf")
		named, manual := f.FieldByName("packageNames"), f.FieldByName("manualImports")
		if !isOf[bool](skip) || !isOf[string](name) || !isOf[bytes.Buffer](buf) ||
			!isOf[map[protogen.GoImportPath]protogen.GoPackageName](named) ||
			!isOf[map[protogen.GoImportPath]bool](manual) {
			return nil, false
		}
		if skip.Bool() {
			continue
		}
		text, read := buf.FieldByName("buf"), buf.FieldByName("off")
		if !isOf[[]byte](text) || !isOf[int](read) || read.Int() != 0 {
			return nil, false
		}
		files = append(files, printedFile{name.String(), text.Bytes(), importsOf(named, manual)})
	}
	return files, true
}

// isOf reports whether v is a value of type T.
func isOf[T any](v reflect.Value) bool { return v.IsValid() && v.Type() == reflect.TypeFor[T]() }

// importsOf returns the imports of a generated file in the order in which protogen writes them. named are the packages
// whose names are used, by their paths, and manual is a set of others.
func importsOf(named, manual reflect.Value) []goImport {
	all := make([]goImport, 0, named.Len()+manual.Len())
	for at := named.MapRange(); at.Next(); {
		all = append(all, goImport{at.Value().String(), originalPath(protogen.GoImportPath(at.Key().String()))})
	}
	for at := manual.MapRange(); at.Next(); {
		if !named.MapIndex(at.Key()).IsValid() {
			all = append(all, goImport{"_", originalPath(protogen.GoImportPath(at.Key().String()))})
		}
	}
	slices.SortFunc(all, func(a, b goImport) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.name, b.name))
	})
	return all
}

// formatted returns a file as protogen would: with its imports, and as go/printer prints it.
//
// The syntax tree of a file takes some ten times the memory of its text, and the code of one large contract is 10 MB
// and more: it is formatted in parts.
func (f *printedFile) formatted() ([]byte, error) {
	clause, ok := clauseEnd(f.text)
	if !ok {
		return nil, errNotFormatted
	}
	head := make([]byte, 0, clause+100*len(f.imports))
	head = append(head, f.text[:clause]...)
	if len(f.imports) > 0 {
		head = append(head, "\nimport (\n"...)
		for _, imported := range f.imports {
			head = fmt.Appendf(head, "%s %q\n", imported.name, imported.path)
		}
		head = append(head, ")\n"...)
	}
	code := f.text[clause:]
	part := code[:partEnd(code, partSize)]
	whole, err := formatted(head, part)
	if err != nil || len(part) == len(code) {
		return whole, err
	}
	whole = slices.Grow(whole, len(code)+len(code)/4)
	for code = code[len(part):]; len(code) > 0; code = code[len(part):] {
		part = code[:partEnd(code, partSize)]
		const clause = "package p\n"
		body, err := formatted([]byte(clause), part)
		if err != nil {
			return nil, err
		}
		body, ok := bytes.CutPrefix(body, []byte(clause))
		if !ok {
			return nil, errNotFormatted
		}
		whole = append(whole, body...)
	}
	return whole, nil
}

// clauseEnd returns where the line with the package clause of Go code ends. It returns false if there is no such line
// behind comments alone, or if no empty line comes behind it.
func clauseEnd(text []byte) (int, bool) {
	for at := 0; at < len(text); {
		line, rest, _ := bytes.Cut(text[at:], []byte("\n"))
		at = len(text) - len(rest)
		if bytes.HasPrefix(line, []byte("package ")) {
			name := line[len("package "):]
			return at, isWord(name, "") && (len(rest) == 0 || rest[0] == '\n')
		}
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			return 0, false
		}
	}
	return 0, false
}

// partSize is how much code is formatted at once, in bytes.
const partSize = 512 << 10

// partEnd returns where the first function begins in code that is behind size bytes and an empty line, or else the end.
func partEnd(code []byte, size int) int {
	const function = "\n}\n\nfunc "
	if len(code) > size {
		if at := bytes.Index(code[size:], []byte(function)); at >= 0 {
			return size + at + len("\n}\n")
		}
	}
	return len(code)
}
