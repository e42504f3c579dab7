package idl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
	"github.com/fairlead-go/fairlead/internal/near"
)

// elsewhere returns what a type of another language is called in contracts, "" when the word is none.
func elsewhere(word string) string {
	switch strings.ToLower(word) {
	case "int", "integer":
		return `the whole numbers are "int32" and "int64"`
	case "int8", "int16", "short":
		return `the smallest whole number is "int32"`
	case "uint8", "uint16":
		return `the smallest whole number is "uint32"`
	case "uint":
		return `the whole numbers without sign are "uint32" and "uint64"`
	case "long":
		return `did you mean "int64"?`
	case "float64", "number", "decimal":
		return `did you mean "double"?`
	case "float32", "single":
		return `did you mean "float"?`
	case "boolean":
		return `did you mean "bool"?`
	case "str", "text", "char", "varchar", "uuid":
		return `did you mean "string"?`
	case "byte", "blob", "binary":
		return `did you mean "bytes"?`
	default:
		return ""
	}
}

// common returns the full name of the common type that somebody means who writes the word, "" when there is none.
func common(word string) string {
	switch strings.ToLower(word) {
	case "timestamp", "datetime", "time", "instant":
		return "google.protobuf.Timestamp"
	case "duration", "timespan":
		return "google.protobuf.Duration"
	case "any", "object":
		return "google.protobuf.Any"
	case "empty", "void":
		return "google.protobuf.Empty"
	case "struct", "json":
		return "google.protobuf.Struct"
	default:
		return ""
	}
}

func scalars() []string {
	return []string{
		"double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
		"sfixed64", "bool", "string", "bytes",
	}
}

// typeHelp returns what may have been meant by a type that is not known in the file; message says that it cannot be
// anything but a message.
func (w *worder) typeHelp(name string, message bool) string {
	fits := func(k outline.Kind) bool { return k == outline.Message || k == outline.Enum && !message }
	if message && slices.Contains(scalars(), name) {
		return "methods take and return messages: put the " + name + " into one"
	}
	if found := w.index().ending(strings.TrimPrefix(name, "."), fits); len(found) > 0 {
		return w.declaredHelp(name, found)
	}
	if full := common(name); full != "" {
		if found := w.index().ending(full, fits); len(found) == 1 {
			return w.declaredHelp(name, found)
		}
	}
	if help := elsewhere(name); help != "" && !message {
		return help
	}
	return w.nearType(name, message, fits)
}

// declaredHelp returns what is missing to use what is declared in another place.
func (w *worder) declaredHelp(name string, found []declared) string {
	d := slices.MinFunc(found, func(a, b declared) int { return cmp.Compare(w.remoteness(a), w.remoteness(b)) })
	use := ""
	if relative := w.relative(d.name); relative != name {
		use = "write " + relative
	}
	if w.imports(d.file) || d.file == w.name {
		return use
	}
	help := fmt.Sprintf("%s is declared in %q; add: import %q;", d.name, d.file, d.file)
	if use != "" {
		help += "\nand " + use
	}
	return help
}

// remoteness is small for what the file knows already, and larger for what belongs to others.
func (w *worder) remoteness(d declared) int {
	builtin := 0
	if strings.HasPrefix(d.file, "google/") {
		builtin = 1
	}
	switch {
	case d.file == w.name:
		return 0
	case w.imports(d.file):
		return 1 + builtin
	case w.relative(d.name) != d.name:
		return 3
	default:
		return 4 + builtin*100 + strings.Count(d.name, ".")
	}
}

// relative returns the name by which the file would call what has the full name.
func (w *worder) relative(full string) string {
	if pkg := w.outline.Package; pkg != "" {
		if short, ok := strings.CutPrefix(full, pkg+"."); ok {
			return short
		}
	}
	return full
}

func (w *worder) imports(file string) bool {
	return slices.ContainsFunc(w.outline.Imports, func(i outline.Import) bool { return i.Path == file })
}

// nearType asks for a type with a similar name: one that the file knows, or else one of another file.
func (w *worder) nearType(name string, message bool, fits func(outline.Kind) bool) string {
	var known, far []string
	if !message {
		known = scalars()
	}
	files := make(map[string]string)
	for _, d := range w.index().decls {
		if !fits(d.kind) {
			continue
		}
		relative := w.relative(d.name)
		if w.imports(d.file) || d.file == w.name {
			known = append(known, relative)
			if simple := outline.Simple(d.name); simple != relative {
				files[simple] = relative
				known = append(known, simple)
			}
			continue
		}
		if !strings.HasPrefix(d.file, "google/") || strings.Contains(name, ".") {
			far = append(far, relative)
			files[relative] = d.file
		}
	}
	if found := near.Words(name, known); len(found) > 0 {
		for i, f := range found {
			if relative, ok := files[f]; ok {
				found[i] = relative
			}
			found[i] = strconv.Quote(found[i])
		}
		slices.Sort(found)
		return "did you mean " + strings.Join(slices.Compact(found), " or ") + "?"
	}
	found := near.Words(name, far)
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("did you mean %q? It is declared in %q; add: import %q;",
		found[0], files[found[0]], files[found[0]])
}

// extensionHelp returns what may have been meant by an option that is not known.
func (w *worder) extensionHelp(name string) string {
	is := func(k outline.Kind) bool { return k == outline.Extension }
	if found := w.index().ending(strings.TrimPrefix(name, "."), is); len(found) > 0 {
		d := found[0]
		if w.imports(d.file) {
			return "write (" + d.name + ")"
		}
		help := fmt.Sprintf("it is declared in %q; add: import %q;", d.file, d.file)
		if d.name != strings.TrimPrefix(name, ".") {
			help += "\nand write (" + d.name + ")"
		}
		return help
	}
	var all []string
	files := make(map[string]string)
	for _, d := range w.index().decls {
		if is(d.kind) {
			all = append(all, d.name)
			files[d.name] = d.file
		}
	}
	found := near.Words(name, all)
	if len(found) == 0 {
		return ""
	}
	help := fmt.Sprintf("did you mean (%s)?", found[0])
	if file := files[found[0]]; !w.imports(file) && file != w.name {
		help += fmt.Sprintf(" It is declared in %q; add: import %q;", file, file)
	}
	return help
}
