package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// plain are the folders whose comments are in plain words, with those below them.
var plain = []string{ //nolint:gochecknoglobals // a constant
	"admin", "app", "balance", "buffer", "client", "codec", "compress", "discovery", "dynamic", "fairleadtest", "httprule",
	"internal/combine", "internal/http2", "internal/rpcwire", "jsonwire",
	"middleware", "options", "preset", "protocol", "protoerr", "resilience", "server", "transport",
}

// odd are phrases that readers stumble over, with what to write instead.
var odd = []struct { //nolint:gochecknoglobals // a constant
	phrase  *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\bsays (whether|which|what|why|how)\b`), `"reports whether", "returns" or "describes"`},
	{regexp.MustCompile(`\bhas (an? |the |its )?([A-Za-z.]+) (called|woken|admitted|refused)\b`),
		`"calls" or "arranges for … to be called"`},
	{regexp.MustCompile(`\bWho (holds|takes|has|calls|waits)\b`), "a name for the goroutine, the caller or the peer"},
	{regexp.MustCompile(`\b[Ww]hoever\b`), "a name for the goroutine, the caller or the peer"},
	{regexp.MustCompile(`\banew\b`), `"again"`},
	{regexp.MustCompile(`\b[Ww]hat little\b`), `"the part" or "the few"`},
}

// perfect are the words with which "has … called" is the verb's own tense: "has been called".
var perfect = []string{"been", "not", "never", "just", "already", "last"} //nolint:gochecknoglobals // a constant

// oddIn returns the phrases in a comment that are odd, with what to write instead.
func oddIn(comment string) (found []string) {
	comment = strings.Join(strings.Fields(comment), " ") // a phrase may be broken between lines
	for _, o := range odd {
		for _, m := range o.phrase.FindAllStringSubmatch(comment, -1) {
			if len(m) > 2 && slices.Contains(perfect, m[2]) {
				continue
			}
			found = append(found, `"`+m[0]+`": write `+o.instead)
		}
	}
	return found
}

// TestPlainWords: comments in the root and in the folders of plain have none of the odd phrases.
func TestPlainWords(t *testing.T) {
	t.Parallel()
	root := repository(t)
	for _, f := range load(t) {
		if f.test || strings.HasSuffix(f.name, ".pb.go") || f.pkg != "." && !slices.ContainsFunc(plain, f.in) {
			continue
		}
		name := filepath.Join(filepath.FromSlash(f.pkg), f.name)
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			for _, what := range oddIn(group.Text()) {
				t.Errorf("%s: %s", fset.Position(group.Pos()), what)
			}
		}
	}
}

// TestNamesInComments: the comment of a function begins with its name, and so does that of a type, a constant or a
// variable unless it is a sentence. Tests, examples and generated code are free.
func TestNamesInComments(t *testing.T) {
	t.Parallel()
	root := repository(t)
	for _, f := range load(t) {
		name := filepath.Join(root, filepath.FromSlash(f.pkg), f.name)
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(parsed) {
			continue
		}
		for _, d := range parsed.Decls {
			doc, is := named(d)
			words := strings.Fields(doc.Text())
			if is == "" || len(words) == 0 {
				continue
			}
			if first := strings.TrimRight(words[0], ",.:;"); first != is {
				t.Errorf("%s: the comment of %s begins with %s", fset.Position(doc.Pos()), is, first)
			}
		}
	}
}

// named returns the comment of a declaration and the name that it should begin with, "" for any.
func named(d ast.Decl) (doc *ast.CommentGroup, name string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		for _, free := range []string{"Test", "Example", "Benchmark", "Fuzz"} {
			if strings.HasPrefix(d.Name.Name, free) {
				return nil, ""
			}
		}
		return d.Doc, d.Name.Name
	case *ast.GenDecl:
		if d.Lparen.IsValid() || len(d.Specs) != 1 || sentence(d.Doc.Text()) {
			return nil, ""
		}
		switch s := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return d.Doc, s.Name.Name
		case *ast.ValueSpec:
			return d.Doc, s.Names[0].Name
		}
	}
	return nil, ""
}

// sentence reports whether text begins with a word in upper case, such as "The".
func sentence(text string) bool { return text != "" && unicode.IsUpper(rune(text[0])) }

func TestOddPhrases(t *testing.T) {
	t.Parallel()
	for comment, want := range map[string]int{
		"Done says whether the call is over.":            1,
		"OnEnd has f called when the call is over.":      1,
		"It has the function called\nonce.":              1,
		"FinishWritten has Owner.Finish called at last.": 1,
		"It has s woken when there is room.":             1,
		"Who holds one may take those below it.":         1,
		"Whoever calls Get owns the buffer.":             1,
		"The time begins anew\nfor each message.":        1,
		"What little of it is needed.":                   1,
		"Done reports whether the call is over or not.":  0,
		"Finish or Reset has been called.":               0,
		"The protocol has not called Done yet.":          0,
		"Each comment says when to use one, and so on.":  0,
		"f is called when the call is over; it is new.":  0,
		"It says what, and whoever reads it begins anew": 3,
	} {
		if got := oddIn(comment); len(got) != want {
			t.Errorf("%q: got %q, want %d phrases", comment, got, want)
		}
	}
}
