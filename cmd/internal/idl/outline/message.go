package outline

import (
	"fmt"
	"slices"
	"strings"
)

// declare adds a declaration.
func (p *parser) declare(kind Kind, name token) *Decl {
	d := &Decl{Kind: kind, Name: p.fullName(name.text), At: name.at}
	p.file.Decls = append(p.file.Decls, d)
	return d
}

func (p *parser) message() {
	name, ok := p.name("the message")
	if !ok && !p.cur().is("{") {
		p.recover()
		return
	}
	if !ok {
		p.body(new(Decl), "this message", "")
		return
	}
	p.body(p.declare(Message, name), "message "+name.text, name.text)
}

// body reads the block of a message.
func (p *parser) body(d *Decl, what, name string) {
	p.names = append(p.names, name)
	before := p.later
	p.later = nil
	p.block(what, func() { p.messageStatement(d) })
	for _, f := range p.later {
		f()
	}
	p.later = before
	p.names = p.names[:len(p.names)-1]
}

func (p *parser) extend() {
	name, at, ok := p.typeName("the message to extend")
	if !ok {
		p.recover()
		return
	}
	// Its fields belong to another message: their numbers tell nothing about this file's.
	d := &Decl{Kind: Message, Name: name, At: at}
	p.block("extend "+name, func() { p.field(d, true) })
	for _, m := range d.Members {
		p.file.Decls = append(p.file.Decls, &Decl{Kind: Extension, Name: p.fullName(m.Name), At: m.At})
	}
}

func (p *parser) messageStatement(d *Decl) {
	t, second := p.cur(), p.peek(1)
	switch {
	case t.is("message") && second.kind == word, t.is("message") && second.is("{"):
		p.next()
		p.message()
	case t.is("enum") && second.kind == word, t.is("enum") && second.is("{"):
		p.next()
		p.enum()
	case t.is("oneof") && second.kind == word && p.peek(2).is("{"), t.is("oneof") && second.is("{"):
		p.next()
		p.oneof(d)
	case t.is("extend") && !p.isField():
		p.next()
		p.extend()
	case t.is("option") && !p.isField():
		p.next()
		p.option(t)
	case (t.is("reserved") || t.is("extensions")) && !p.isField():
		p.next()
		p.ranges(d, t.text)
	case t.is("rpc"):
		p.failf(t.at, "put it between the braces of a service", "methods stand inside of a service, not of a message")
		p.recover()
	case t.is("service"):
		p.failf(t.at, "", `a service cannot be inside of a message; is a "}" missing above?`)
		p.recover()
	case t.kind == word && second.kind == word && p.peek(2).is("{"):
		p.misspelt(d)
	case t.kind == word && (second.kind == number || second.kind == text):
		keyword := p.meant("reserved", "extensions")
		if keyword == "" {
			p.field(d, true)
			return
		}
		p.next()
		p.ranges(d, keyword)
	default:
		p.field(d, true)
	}
}

// isField reports whether the statement is a field whose type has a keyword's name: two names and "=".
func (p *parser) isField() bool {
	return p.peek(1).kind == word && p.peek(2).is("=") && p.peek(3).kind == number
}

// misspelt reads a block whose keyword is not one.
func (p *parser) misspelt(d *Decl) {
	switch p.meant("message", "enum", "oneof", "extend") {
	case "message":
		p.next()
		p.message()
	case "enum":
		p.next()
		p.enum()
	case "oneof":
		p.next()
		p.oneof(d)
	case "extend":
		p.next()
		p.extend()
	default:
		p.failf(p.cur().at, "", "%v begins no block inside of a message; message, enum and oneof do", p.cur())
		p.next()
		p.recover()
	}
}

func (p *parser) oneof(d *Decl) {
	name, ok := p.name("the oneof")
	if !ok && !p.cur().is("{") {
		p.recover()
		return
	}
	p.block("oneof "+name.text, func() {
		switch t := p.cur(); {
		case t.is("option") && !p.isField():
			p.next()
			p.option(t)
		case (t.is("repeated") || t.is("optional") || t.is("required")) && p.peek(1).kind == word && !p.peek(2).is("="),
			(t.is("repeated") || t.is("optional") || t.is("required")) && p.peek(1).is("."):
			help := fmt.Sprintf("remove %q", t.text)
			if t.is("repeated") {
				help = "put the repeated field into a message of its own, and that into the oneof"
			}
			p.failf(t.at, help, "a field of a oneof cannot be %s", t.text)
			p.next()
			p.field(d, false)
		case t.is("map") && p.peek(1).is("<"):
			p.failf(t.at, "put the map into a message of its own, and that into the oneof",
				"a field of a oneof cannot be a map")
			p.recover()
		default:
			p.field(d, false)
		}
	})
}

// field reads a field of d, with a label where it may have one.
func (p *parser) field(d *Decl, labelled bool) {
	t := p.cur()
	if t.kind != word && !t.is(".") {
		p.notAField(t)
		return
	}
	start := p.at
	if labelled && (t.is("repeated") || t.is("optional") || t.is("required")) && !p.peek(1).is("=") &&
		!p.peek(1).is("<") {
		p.next()
	} else if labelled && p.peek(1).kind == word && p.peek(2).kind == word && p.peek(1).line == t.line &&
		p.peek(2).line == t.line {
		if p.meant("repeated", "optional", "required") == "" {
			p.failf(t.at, "", "%v is no label; a field has a type, a name and a number, as in: string name = 1;", t)
			p.recover()
			return
		}
		p.next()
	}
	if t := p.cur(); t.is("group") && p.peek(1).kind == word && p.peek(2).is("=") {
		p.group(d)
		return
	}
	typ, ok := p.fieldType(start)
	if !ok {
		p.recover()
		return
	}
	name, ok := p.fieldName(typ)
	if !ok {
		p.recover()
		return
	}
	p.fieldNumber(d, name, p.src[p.tokens[start].at.Start:name.at.End])
	if p.broken {
		p.recover()
		return
	}
	p.options()
	p.semicolon()
}

// notAField reports a statement that begins with what no field begins with.
func (p *parser) notAField(t token) {
	if t.is("[") && p.peek(1).is("]") && p.peek(2).kind == word {
		p.failf(Span{t.at.Start, p.peek(1).at.End}, "write: repeated "+p.peek(2).text,
			`a list is a field with the label "repeated"`)
	} else {
		p.failf(t.at, "", "a field should begin here, not %v; fields look like this: string name = 1;", t)
	}
	p.next()
	p.recover()
}

// fieldType reads the type of a field whose statement begins at the token start.
func (p *parser) fieldType(start int) (token, bool) {
	t := p.cur()
	if t.kind == word && p.peek(1).is("<") {
		return t, p.generic(start)
	}
	_, at, ok := p.typeName("a type")
	if !ok {
		return t, false
	}
	typ := token{kind: word, text: p.src[at.Start:at.End], at: at, line: t.line}
	if p.cur().is("[") && p.peek(1).is("]") {
		p.failf(Span{at.Start, p.peek(1).at.End}, "write: repeated "+typ.text,
			`a list is a field with the label "repeated"`)
		return typ, false
	}
	return typ, true
}

// generic reads a type with others between "<" and ">", which only maps are.
func (p *parser) generic(start int) bool {
	name := p.next()
	open := p.next()
	var inner []string
	for {
		typ, _, ok := p.typeName("a type")
		if !ok {
			return false
		}
		inner = append(inner, typ)
		if p.accept(">") {
			break
		}
		if !p.must(",", fmt.Sprintf(`close the "%s" with ">"`, open.text)) {
			return false
		}
	}
	all := Span{name.at.Start, p.prev().at.End}
	switch {
	case name.is("map") && len(inner) == 2:
		if p.tokens[start].at != name.at {
			p.failf(p.tokens[start].at, fmt.Sprintf("remove %q", p.tokens[start].text), "a map has no label")
		}
		if !slices.Contains(keyTypes(), inner[0]) {
			p.failf(all, "", "the keys of a map are whole numbers, bool or string, not %s", inner[0])
		}
		return true
	case strings.EqualFold(name.text, "map") && len(inner) == 2:
		p.failf(name.at, "write: map", "%v is not a type", name)
	case len(inner) == 2:
		p.failf(all, fmt.Sprintf("write: map<%s, %s>", inner[0], inner[1]), "there is no type %s", name.text)
	case name.is("map"):
		p.failf(all, "write: map<string, "+inner[0]+">", "a map has two types, that of its keys and that of its values")
	case strings.EqualFold(name.text, "optional"):
		p.failf(all, "write: optional "+inner[0], "%v is a label, not a type", name)
	default:
		p.failf(all, "write: repeated "+inner[0], `a list is a field with the label "repeated"`)
	}
	return false
}

func scalars() []string {
	return []string{
		"double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32",
		"sfixed64", "bool", "string", "bytes",
	}
}

// keyTypes are the types that the keys of maps may have.
func keyTypes() []string {
	return slices.DeleteFunc(scalars(), func(s string) bool { return s == "double" || s == "float" || s == "bytes" })
}

func (p *parser) fieldName(typ token) (token, bool) {
	t := p.cur()
	switch {
	case t.kind == word && (t.line == typ.line || p.peek(1).is("=")):
		return p.next(), true
	case t.is("="):
		if slices.Contains(scalars(), typ.text) || strings.Contains(typ.text, ".") {
			p.failf(t.at, "", `the field has no name; it should stand before the "="`)
		} else {
			p.failf(typ.at, "write the type before it, as in: string "+typ.text, "field %q has no type", typ.text)
		}
	case t.is("(") && t.line == typ.line:
		p.failf(typ.at, "methods stand inside of a service, as in: rpc Get(Request) returns (Response);",
			"a message has fields, no methods")
	case t.is("{") && t.line == typ.line:
		p.failf(typ.at, "", "%v begins no block inside of a message; message, enum and oneof do", typ)
	case t.is(";") || t.is("}") || t.line > typ.line:
		p.failf(typ.at, "fields look like this: string name = 1;", "%v is no whole field: a name and a number are missing",
			typ)
	default:
		return p.name("the field")
	}
	return t, false
}

// fieldNumber reads "=" and the number of a field. statement is the field up to there.
func (p *parser) fieldNumber(d *Decl, name token, statement string) {
	t := p.cur()
	statement = strings.Join(strings.Fields(statement), " ")
	wrong := func(at Span, format string, args ...any) {
		if p.broken {
			return
		}
		p.failf(at, "", format, args...)
		i := len(p.file.Problems) - 1
		p.later = append(p.later, func() {
			p.file.Problems[i].Help = fmt.Sprintf("write: %s = %d;", statement, d.NextNumber())
		})
	}
	if !p.accept("=") {
		switch {
		case t.is(";") || t.is("}") || t.is("[") || t.kind == end || t.line > name.line:
			wrong(name.at, "field %q has no number", name.text)
		case t.is(":") || t.kind == number:
			wrong(t.at, `the number of field %q stands behind a "="`, name.text)
		case t.is(","):
			wrong(t.at, "one statement declares one field")
		default:
			p.unexpected(`"=" and the field's number`, "")
		}
		return
	}
	t = p.cur()
	n, whole := parseNumber(t.text)
	switch {
	case t.kind == number && whole:
		p.next()
		d.Members = append(d.Members, Member{Name: name.text, Number: n, At: t.at})
	case t.is(";"), t.kind == end, t.line > p.prev().line:
		wrong(p.prev().at, "field %q has no number", name.text)
	case t.is("-"):
		wrong(Span{t.at.Start, p.peek(1).at.End}, "the number of field %q cannot be negative", name.text)
	case t.kind == text && !p.peek(1).is(";"):
		wrong(t.at, "the number of field %q should be here, not %v", name.text, t)
	case t.kind == text, t.kind == word:
		wrong(t.at, "what follows the \"=\" of field %q is its number, not a value", name.text)
	default:
		wrong(t.at, "the number of field %q should be here, not %v", name.text, t)
	}
}

// group reads a group of proto2, from its keyword.
func (p *parser) group(d *Decl) {
	p.next()
	name := p.next()
	p.fieldNumber(d, name, "group "+name.text)
	if p.broken {
		p.recover()
		return
	}
	p.options()
	p.body(p.declare(Message, name), "group "+name.text, name.text)
}

// ranges reads what is reserved, or set aside for extensions, after the keyword.
func (p *parser) ranges(d *Decl, keyword string) {
	first := p.cur()
	for {
		t := p.cur()
		numbers := first.kind == number || first.is("-")
		switch {
		case numbers != (t.kind == number || t.is("-")) && (t.kind == number || t.kind == word || t.kind == text):
			p.failf(t.at, "end the statement with \";\" and begin another", "names and numbers are not %s by one statement",
				keyword)
		case t.kind == text:
			for p.cur().kind == text {
				p.next()
			}
		case t.kind == word && keyword == "reserved":
			p.next()
		case t.kind == number, t.is("-"):
			p.oneRange(d)
		default:
			p.unexpected("a number or a name", "as in: "+keyword+" 2, 15, 9 to 11;")
		}
		if p.broken {
			break
		}
		if after := p.cur(); after.is("-") && after.line == p.prev().line {
			p.failf(after.at, `write: to`, `a range is written with "to"`)
			break
		}
		if !p.accept(",") {
			break
		}
	}
	if !p.broken && keyword == "extensions" {
		p.options()
	}
	p.semicolon()
}

func (p *parser) oneRange(d *Decl) {
	first, start, ok := p.signed()
	if !ok {
		return
	}
	last := first
	if p.accept("to") {
		if p.accept("max") {
			last = MaxNumber
		} else if last, _, ok = p.signed(); !ok {
			return
		}
	}
	d.Reserved = append(d.Reserved, Range{First: first, Last: last, At: Span{start.Start, p.prev().at.End}})
}

func (p *parser) signed() (int, Span, bool) {
	start := p.cur().at
	negative := p.accept("-")
	t := p.cur()
	n, whole := parseNumber(t.text)
	if t.kind != number || !whole {
		p.unexpected("a whole number", "")
		return 0, start, false
	}
	p.next()
	if negative {
		n = -n
	}
	return n, Span{start.Start, t.at.End}, true
}
