package outline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead/internal/near"
)

func (p *parser) parseFile() {
	for p.cur().kind != end {
		p.broken, p.start = false, p.at
		before := p.at
		p.topLevel()
		if p.at == before {
			p.next()
		}
	}
}

func topWords() []string {
	return []string{"syntax", "edition", "package", "import", "option", "message", "enum", "service", "extend"}
}

func (p *parser) topLevel() {
	t := p.cur()
	keyword := t.text
	switch {
	case p.accept(";"):
		return
	case t.is("}"):
		p.failf(t.at, `remove it, or look for the "{" that is missing above`, `this "}" closes nothing`)
		p.next()
		return
	case t.kind == word && !slices.Contains(topWords(), keyword):
		if keyword = p.misplaced(); keyword == "" {
			p.recover()
			return
		}
	case t.kind != word:
		p.failf(t.at, "", "a declaration should begin here (message, enum, service, import or option), not %v", t)
		p.recover()
		return
	}
	p.next()
	switch keyword {
	case "syntax", "edition":
		p.syntax(keyword)
	case "package":
		p.packageName()
	case "import":
		p.importPath()
	case "option":
		p.option(t)
	case "message":
		p.message()
	case "enum":
		p.enum()
	case "service":
		p.service()
	case "extend":
		p.extend()
	}
}

// misplaced reports a word at the top of the file that does not belong there. It returns the keyword for which it was
// probably meant, "" when there is none.
func (p *parser) misplaced() string {
	t, second, third := p.cur(), p.peek(1), p.peek(2)
	switch {
	case t.is("rpc"):
		p.failf(t.at, "put it between the braces of a service", "methods stand inside of a service")
	case slices.Contains([]string{"repeated", "optional", "required", "oneof", "map", "reserved"}, t.text),
		second.kind == word && third.is("="):
		p.failf(t.at, "put it between the braces of a message; an enum's values belong into an enum",
			"fields stand inside of a message")
	default:
		if keyword := p.meant(topWords()...); keyword != "" {
			return keyword
		}
		p.failf(t.at, "", "%v begins no declaration; message, enum, service, import, option and package do", t)
	}
	return ""
}

func (p *parser) syntax(keyword string) {
	known := []string{"proto3", "proto2"}
	if keyword == "edition" {
		known = []string{"2023"}
	}
	example := keyword + ` = "` + known[0] + `";`
	if p.must("=", "write: "+example) {
		if t := p.cur(); t.kind == text {
			p.next()
			p.syntaxValue(keyword, t, known, example)
		} else {
			p.failf(t.at, "write: "+example, "the %s stands in quotes", keyword)
		}
	}
	p.semicolon()
}

func (p *parser) syntaxValue(keyword string, t token, known []string, example string) {
	value := unquote(t.text)
	p.file.Syntax = value
	switch {
	case keyword == "edition":
		p.file.Edition = t.at
	case !slices.Contains(known, value):
		p.failf(t.at, cmp.Or(near.Question(value, known), "write: "+example), "there is no syntax %s", t.text)
	}
}

func (p *parser) packageName() {
	if t := p.cur(); t.kind == text {
		p.failf(t.at, "write: package "+unquote(t.text)+";", "the package's name stands without quotes")
		p.file.Package = unquote(t.text)
		p.next()
		p.semicolon()
		return
	}
	if t := p.cur(); t.is(".") {
		p.failf(t.at, "remove the dot", "a package's name cannot begin with a dot")
	}
	if name, at, ok := p.typeName("the package's name"); ok {
		p.file.Package, p.file.PackageAt = name, at
		if t := p.cur(); t.is("-") || t.is("/") {
			p.failf(t.at, `join the words by "_" and the parts by "."`, `a package's name cannot have a "%s"`, t.text)
		}
	}
	p.semicolon()
}

func (p *parser) importPath() {
	if t := p.cur(); (t.is("public") || t.is("weak")) && p.peek(1).kind == text {
		p.next()
	}
	t := p.cur()
	if t.kind == text {
		imp := Import{At: t.at}
		for p.cur().kind == text { // texts beside each other are one
			piece := p.next()
			imp.Path += unquote(piece.text)
			imp.At.End = piece.at.End
		}
		p.file.Imports = append(p.file.Imports, imp)
		p.semicolon()
		return
	}
	if t.kind == end || t.line > p.prev().line {
		p.unexpected("the path of a file, in quotes,", "")
	} else {
		path := strings.Trim(p.restFrom(t.at.Start), "<>; \t\r")
		p.failf(t.at, `write: import "`+path+`";`, "the path of an import stands in quotes")
	}
	p.recover()
}

// restFrom returns the text from an offset to the end of the statement or of the line.
func (p *parser) restFrom(start int) string {
	rest := p.src[start:]
	if i := strings.IndexAny(rest, ";\n"); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimSpace(rest)
}

// option reads an option statement, after its keyword.
func (p *parser) option(start token) {
	name := p.optionName()
	if !p.broken && p.must("=", "") {
		p.optionValue()
	}
	p.semicolon()
	if len(p.names) == 0 {
		p.file.Options = append(p.file.Options, Option{Name: name, At: Span{start.at.Start, p.prev().at.End}})
	}
}

func (p *parser) optionName() string {
	var b strings.Builder
	for {
		if p.accept("(") {
			name, _, ok := p.typeName("the name of an option")
			if !ok || !p.must(")", "") {
				return b.String()
			}
			b.WriteString("(" + name + ")")
		} else {
			t, ok := p.name("the option")
			if !ok {
				return b.String()
			}
			b.WriteString(t.text)
		}
		if !p.accept(".") {
			return b.String()
		}
		b.WriteByte('.')
	}
}

func (p *parser) optionValue() {
	t := p.cur()
	switch {
	case t.kind == text:
		for p.cur().kind == text { // texts beside each other are one
			p.next()
		}
	case t.is("{"):
		start := p.at
		p.messageLiteral()
		for closing := p.closing(start); p.broken && p.prev().at.End < closing; {
			p.next() // the mistake is between its braces
		}
	case t.is("-"), t.is("+"):
		p.signedValue()
	case t.kind == number:
		p.number()
	case t.kind == word:
		p.next()
		for p.cur().is(".") && p.peek(1).kind == word {
			p.next()
			p.next()
		}
		if after := p.cur(); after.line == t.line && (after.is("/") || after.is(".") || after.is("-") || after.is(":")) {
			value := p.restFrom(t.at.Start)
			p.failf(Span{t.at.Start, t.at.Start + len(value)}, fmt.Sprintf("write: %q", value), "a text stands in quotes")
		}
	default:
		p.unexpected("the option's value", "")
	}
}

func (p *parser) signedValue() {
	p.next()
	switch p.cur().kind {
	case number:
		p.number()
	case word: // inf, nan
		p.next()
	default:
		p.unexpected("a number", "")
	}
}

// number reads a number of any kind.
func (p *parser) number() {
	t := p.cur()
	_, whole := parseNumber(t.text)
	if _, err := strconv.ParseFloat(strings.TrimRight(t.text, "fF"), 64); !whole && err != nil &&
		!errors.Is(err, strconv.ErrRange) {
		p.failf(t.at, "", "%s is no number", t.text)
		return
	}
	p.next()
}

// closing returns where the literal that begins at a token ends; 0 when it seems not to be closed.
func (p *parser) closing(start int) int {
	depth := 0
	for _, t := range p.tokens[start:] {
		switch {
		case t.is("{"):
			depth++
		case t.is("}"):
			depth--
		case t.is(";") && depth == 1 && t.line > p.tokens[start].line:
			return 0 // statements end so, fields of a literal hardly ever do
		}
		if depth == 0 {
			return t.at.End
		}
	}
	return 0
}

// messageLiteral reads a message in the text format: fields between braces, or between "<" and ">".
func (p *parser) messageLiteral() {
	open := p.next()
	closing := "}"
	if open.is("<") {
		closing = ">"
	}
	for !p.broken {
		t := p.cur()
		switch {
		case p.accept(closing):
			return
		case t.kind == end:
			p.failf(open.at, "", "this %q is never closed", open.text)
			return
		case t.is("["):
			p.skipBlock() // the name of an extension, or a type URL
		case t.kind == word:
			p.next()
		default:
			p.failf(t.at, `fields of a message look like this: name: "value"`, "the name of a field should be here, not %v", t)
			return
		}
		if p.broken {
			return
		}
		name := p.prev()
		switch colon := p.accept(":"); {
		case colon, p.cur().is("{"), p.cur().is("<"), p.cur().is("["):
			p.literal()
		case p.cur().is("="):
			p.failf(p.cur().at, `write: ":"`, `within braces a field's name is followed by ":", not by "="`)
		case p.cur().kind == word && p.peek(1).is("="):
			p.failf(open.at, fmt.Sprintf("add a %q where it ends", closing), "this %q is not closed", open.text)
		default:
			p.failf(name.at, fmt.Sprintf("write: %s:", name.text), `a ":" is missing behind %v`, name)
		}
		if !p.broken && !p.accept(",") {
			p.accept(";")
		}
	}
}

// literal reads the value of a field in the text format.
func (p *parser) literal() {
	t := p.cur()
	switch {
	case t.is("{"), t.is("<"):
		p.messageLiteral()
	case t.is("["):
		p.listLiteral()
	case t.kind == text:
		for p.cur().kind == text {
			p.next()
		}
	case t.is("-"), t.is("+"):
		p.signedValue()
	case t.kind == number:
		p.number()
	case t.kind == word:
		p.next()
	default:
		p.failf(t.at, "", "the value of a field should be here, not %v", t)
	}
}

func (p *parser) listLiteral() {
	open := p.next()
	for !p.accept("]") {
		p.literal()
		if p.broken {
			return
		}
		if p.cur().kind == end {
			p.failf(open.at, "", `this "[" is never closed`)
			return
		}
		if !p.cur().is("]") && !p.must(",", "") {
			return
		}
	}
}

// options reads the options in brackets behind a field or a value, if there are any.
func (p *parser) options() {
	open := p.cur()
	if !p.accept("[") {
		return
	}
	for {
		p.optionName()
		if p.broken || !p.must("=", "") {
			return
		}
		p.optionValue()
		if p.broken || p.accept("]") {
			return
		}
		if !p.accept(",") {
			if p.cur().is(";") || p.cur().kind == end || p.cur().line > p.prev().line {
				p.failf(open.at, "", `this "[" is not closed: a "]" is missing before the ";"`)
			} else {
				p.unexpected(`"," or "]"`, "")
			}
			return
		}
	}
}

// unquote returns what a text says. Escapes stay as they are, since names and paths have none.
func unquote(quoted string) string {
	if len(quoted) < 2 {
		return ""
	}
	return strings.Trim(quoted, quoted[:1])
}

// parseNumber returns the value of a whole number.
func parseNumber(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 0, 64)
	return int(n), err == nil
}
