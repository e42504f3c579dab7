package outline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead/internal/near"
)

// Parse reads a file. It always returns what it understood.
func Parse(src string) *File {
	p := &parser{src: src, file: new(File)}
	var unreadable []Problem
	p.tokens, unreadable = scan(p.src)
	p.parseFile()
	p.file.Problems = p.oncePerLine(unreadable)
	return p.file
}

// oncePerLine returns all problems in their order. Of a line with characters that could not be read only the first of
// these is kept: the rest follows from it.
func (p *parser) oncePerLine(unreadable []Problem) []Problem {
	if len(unreadable)+len(p.file.Problems) == 0 {
		return nil
	}
	var ends []int // of lines
	for at := range p.src {
		if p.src[at] == '\n' {
			ends = append(ends, at)
		}
	}
	line := func(m Problem) int {
		n, _ := slices.BinarySearch(ends, m.At.Start)
		return n
	}
	var all []Problem
	done := make(map[int]bool)
	for _, m := range unreadable {
		if !done[line(m)] {
			done[line(m)] = true
			all = append(all, m)
		}
	}
	for _, m := range p.file.Problems {
		if !done[line(m)] {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Problem) int { return a.At.Start - b.At.Start })
	return all
}

type parser struct {
	src    string
	tokens []token
	at     int
	start  int // of the present statement
	file   *File
	names  []string // of the messages around
	broken bool     // a mistake in the present statement was reported
	later  []func() // what is known when a message was read to its end
}

func (p *parser) cur() token { return p.tokens[p.at] }

func (p *parser) peek(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

// prev returns the token before the present one.
func (p *parser) prev() token {
	if p.at == 0 {
		return token{kind: end}
	}
	return p.tokens[p.at-1]
}

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// accept passes over the token s when it is there.
func (p *parser) accept(s string) bool {
	if !p.cur().is(s) {
		return false
	}
	p.next()
	return true
}

// failf reports a mistake, unless one of the same statement was reported before: what follows from a mistake is noise.
func (p *parser) failf(at Span, help, format string, args ...any) {
	if p.broken {
		return
	}
	p.broken = true
	p.file.Problems = append(p.file.Problems, Problem{At: at, Text: fmt.Sprintf(format, args...), Help: help})
}

// unexpected reports the present token, in whose place something else should be.
func (p *parser) unexpected(want, help string) {
	t := p.cur()
	if t.kind == end {
		p.failf(p.behind(), help, "the file ends where %s should follow", want)
		return
	}
	if t.line > p.prev().line {
		p.failf(p.behind(), help, "%s should follow here", want)
		return
	}
	p.failf(t.at, help, "%s should be here, in place of %v", want, t)
}

// behind is the place right behind the last token.
func (p *parser) behind() Span {
	if p.at == 0 {
		return Span{}
	}
	at := p.prev().at.End
	return Span{at, at + 1}
}

// must passes over the token s, or reports that it is missing.
func (p *parser) must(s, help string) bool {
	if p.accept(s) {
		return true
	}
	p.unexpected(strconv.Quote(s), help)
	return false
}

// semicolon ends a statement.
func (p *parser) semicolon() {
	t := p.cur()
	switch {
	case p.accept(";"):
	case p.broken:
		p.recover()
	case t.line > p.prev().line, t.is("}"), t.kind == end:
		// The statement is complete but for the semicolon: what follows is another one.
		p.failf(p.behind(), "", `a ";" is missing at the end of this statement`)
	case t.is(","), t.is(":"):
		p.failf(t.at, "", `statements end with ";", not with "%s"`, t.text)
		p.next()
	default:
		p.unexpected(`";"`, "")
		p.recover()
	}
}

// statementWords begin statements; recovery stops before them when they begin a line.
func statementWords() []string {
	return []string{
		"message", "enum", "service", "rpc", "import", "option", "package", "syntax", "edition", "oneof", "reserved",
		"extend", "extensions", "repeated", "optional", "required", "map",
	}
}

// recover passes over the rest of a statement in which there was a mistake, with the block that belongs to it. What
// stands on another line than what was understood is another statement.
func (p *parser) recover() {
	if p.at == p.start {
		if p.cur().is("{") {
			p.skipBlock()
			return
		}
		p.next()
	} else if p.cur().line > p.prev().line {
		return
	}
	line := p.prev().line
	for {
		t := p.cur()
		switch {
		case t.kind == end, t.is("}"):
			return
		case t.is(";"):
			p.next()
			return
		case t.is("{"):
			p.skipBlock()
			p.accept(";")
			return
		case t.line > line && slices.Contains(statementWords(), t.text):
			return
		}
		p.next()
	}
}

// skipBlock passes over a block in braces, brackets or parentheses, with all those within.
func (p *parser) skipBlock() {
	open := p.next()
	depth := 1
	for depth > 0 {
		t := p.cur()
		switch {
		case t.kind == end:
			p.failf(open.at, "", `this "%s" is never closed`, open.text)
			return
		case t.is("{"), t.is("["), t.is("("):
			depth++
		case t.is("}"), t.is("]"), t.is(")"):
			depth--
		}
		p.next()
	}
}

// block reads the statements between braces; what says which block it is, for a message.
func (p *parser) block(what string, statement func()) {
	open := p.cur()
	if !p.accept("{") {
		p.unexpected(`"{"`, "")
		p.recover()
		return
	}
	for {
		p.broken, p.start = false, p.at
		switch {
		case p.accept("}"):
			return
		case p.cur().kind == end:
			p.failf(open.at, `add a "}" where it ends`, "%s is never closed: the file ends inside of it", what)
			return
		case p.cur().is(";") && strings.HasPrefix(what, "oneof "):
			p.failf(p.cur().at, "remove it", "there is nothing before this \";\", and a oneof has fields only")
			p.next()
		case p.accept(";"):
		default:
			before := p.at
			statement()
			if p.at == before {
				p.next() // whatever it is, it must not stop us
			}
		}
	}
}

// name reads the name in a declaration.
func (p *parser) name(of string) (token, bool) {
	t := p.cur()
	if t.kind == word {
		return p.next(), true
	}
	switch t.kind {
	case number:
		p.failf(t.at, "", "the name of %s cannot begin with a digit", of)
	case text:
		p.failf(t.at, "", "the name of %s stands without quotes", of)
	default:
		if t.line > p.prev().line {
			p.failf(p.behind(), "", "%s has no name", of)
		} else {
			p.failf(t.at, "", "%s has no name: it should be here, in place of %v", of, t)
		}
	}
	return t, false
}

// typeName reads a name with dots in it.
func (p *parser) typeName(what string) (string, Span, bool) {
	start := p.cur().at
	var b strings.Builder
	if p.accept(".") {
		b.WriteByte('.')
	}
	for {
		t := p.cur()
		if t.kind != word {
			p.unexpected(what, "")
			return b.String(), start, false
		}
		p.next()
		b.WriteString(t.text)
		if !p.cur().is(".") {
			return b.String(), Span{start.Start, t.at.End}, true
		}
		p.next()
		b.WriteByte('.')
	}
}

func (p *parser) fullName(name string) string {
	parts := p.names
	if p.file.Package != "" {
		parts = append([]string{p.file.Package}, parts...)
	}
	return strings.Join(append(slices.Clip(parts), name), ".")
}

// meant returns which of words the present one may have been meant to be, "" for none; and reports the mistake.
func (p *parser) meant(words ...string) string {
	t := p.cur()
	found := near.Words(t.text, words)
	if t.kind != word || len(found) == 0 {
		return ""
	}
	p.failf(t.at, fmt.Sprintf("did you mean %q?", found[0]), "%q is not a keyword", t.text)
	p.broken = false // the rest of the statement is read as what was meant
	return found[0]
}
