package idl

import (
	"math"
	"path"
	"path/filepath"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/parallel"
)

// importers counts the files that import a file and are not compiled yet: what the compiler has linked is needed as
// long as there are any.
type importers struct {
	imports map[string][]string // of the files that are not compiled yet, by name
	count   map[string]int      // of these files, by what they import
	unsure  bool                // some imports are not known
}

// countImporters returns the importers of all files, those of the given names and what they import.
func countImporters(files *resolver, names []string) importers {
	c := importers{imports: make(map[string][]string), count: make(map[string]int)}
	_ = parallel.Each(len(names), math.MaxInt, func(i int) error {
		if isName(names[i]) {
			_, _ = files.load(names[i]) // the compiler reports what cannot be read
		}
		return nil
	})
	var visit func(name string)
	visit = func(name string) {
		if _, visited := c.imports[name]; visited || !isName(name) {
			return
		}
		src, err := files.load(name)
		if err != nil {
			return // it is part of the program, or the compiler reports it
		}
		imports, sure := scanImports(src.text)
		c.imports[name] = imports
		c.unsure = c.unsure || !sure
		for _, imported := range imports {
			c.count[imported]++
			visit(imported)
		}
	}
	for _, name := range names {
		visit(name)
	}
	return c
}

// isName reports whether a file can have that name in imports. One file would have several names otherwise.
func isName(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && path.Clean(name) == name
}

// compiled notes that a file has been compiled.
func (c *importers) compiled(name string) {
	for _, imported := range c.imports[name] {
		c.count[imported]--
	}
	c.imports[name] = nil
}

// none reports whether nothing that is still to be compiled imports a file. Those that are part of the program are
// always needed.
func (c *importers) none(name string) bool {
	_, fromText := c.imports[name]
	return fromText && c.count[name] == 0 && !c.unsure
}

// scanImports returns what a file may import: the text after each word "import", in comments and literals too. It
// returns false when it cannot tell, because a name is written in an unusual way.
func scanImports(text string) (imports []string, sure bool) {
	sure = true
	for {
		_, rest, found := strings.Cut(text, "import")
		if !found {
			return imports, sure
		}
		text = rest
		rest = skipSpace(rest)
		for _, modifier := range []string{"public", "weak", "option"} {
			if after, ok := strings.CutPrefix(rest, modifier); ok {
				rest = skipSpace(after)
				break
			}
		}
		if rest == "" || rest[0] != '"' && rest[0] != '\'' {
			continue
		}
		length := strings.IndexAny(rest[1:], rest[:1]+"\\\n")
		if length < 0 || rest[1+length] != rest[0] {
			sure = sure && (length < 0 || rest[1+length] == '\n') // an escape; the others end no string
			continue
		}
		imports = append(imports, rest[1:1+length])
		if after := skipSpace(rest[length+2:]); after != "" && (after[0] == '"' || after[0] == '\'') {
			sure = false // two literals are one
		}
	}
}

// skipSpace returns a text without the white space and the comments that it begins with.
func skipSpace(text string) string {
	for {
		text = strings.TrimLeft(text, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(text, "//"):
			_, text, _ = strings.Cut(text, "\n")
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text[2:], "*/")
		default:
			return text
		}
	}
}
