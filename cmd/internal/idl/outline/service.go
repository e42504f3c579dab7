package outline

import "fmt"

func (p *parser) enum() {
	name, ok := p.name("the enum")
	if !ok && !p.cur().is("{") {
		p.recover()
		return
	}
	d := p.declare(Enum, name)
	p.names = append(p.names, name.text)
	before := p.later
	p.later = nil
	p.block("enum "+name.text, func() { p.enumStatement(d) })
	for _, f := range p.later {
		f()
	}
	p.later = before
	p.names = p.names[:len(p.names)-1]
}

func (p *parser) enumStatement(d *Decl) {
	t := p.cur()
	switch {
	case t.is("option") && !p.peek(1).is("="):
		p.next()
		p.option(t)
		return
	case t.is("reserved") && !p.peek(1).is("="):
		p.next()
		p.ranges(d, "reserved")
		return
	case t.kind == word && p.peek(1).kind == word && (p.peek(2).is("{") || p.peek(2).is("=")):
		p.failf(t.at, "values look like this: COLOR_RED = 1;", `an enum has values; is a "}" missing above?`)
		p.recover()
		return
	}
	name, ok := p.name("the value")
	if !ok {
		p.next()
		p.recover()
		return
	}
	if name.is("reserved") || name.is("option") {
		p.failf(name.at, "choose another name", "%v cannot be the name of a value", name)
		p.recover()
		return
	}
	if !p.accept("=") {
		p.failf(name.at, "", "the value %s has no number", name.text)
		i := len(p.file.Problems) - 1
		p.later = append(p.later, func() {
			p.file.Problems[i].Help = fmt.Sprintf("write: %s = %d;", name.text, d.NextNumber())
		})
		if p.cur().is(",") {
			p.next()
			return
		}
		p.semicolonAfterMistake()
		return
	}
	n, at, ok := p.signed()
	if !ok {
		p.recover()
		return
	}
	d.Members = append(d.Members, Member{Name: name.text, Number: n, At: at})
	p.options()
	p.semicolon()
}

// semicolonAfterMistake ends a statement that is on one line.
func (p *parser) semicolonAfterMistake() {
	if p.accept(";") || p.cur().line > p.prev().line || p.cur().is("}") {
		return
	}
	p.recover()
}

func (p *parser) service() {
	name, ok := p.name("the service")
	if !ok && !p.cur().is("{") {
		p.recover()
		return
	}
	p.declare(Service, name)
	p.names = append(p.names, name.text)
	p.block("service "+name.text, p.serviceStatement)
	p.names = p.names[:len(p.names)-1]
}

func (p *parser) serviceStatement() {
	t := p.cur()
	switch {
	case t.is("rpc"):
		p.next()
		p.method()
	case t.is("option"):
		p.next()
		p.option(t)
	case t.is("message"), t.is("enum"):
		p.failf(t.at, "put it outside of the service", `a service has methods only; is a "}" missing above?`)
		p.recover()
	case t.kind == word && p.peek(1).is("("):
		p.failf(t.at, "write: rpc "+t.text, `"rpc" is missing before the method %s`, t.text)
		p.broken = false
		p.method()
	case t.kind == word && p.peek(1).kind == word && p.peek(2).is("("):
		if p.meant("rpc") == "" {
			p.failf(t.at, `methods begin with "rpc"`, "%q is not a keyword", t.text)
			p.broken = false
		}
		p.next()
		p.method()
	default:
		if p.meant("option") == "option" {
			p.next()
			p.option(t)
			return
		}
		p.failf(t.at, "methods look like this: rpc Get(Request) returns (Response);",
			"a method should begin here, not %v", t)
		p.next()
		p.recover()
	}
}

// method reads a method, after the keyword.
func (p *parser) method() {
	name, ok := p.name("the method")
	if !ok {
		p.recover()
		return
	}
	p.parameter("request", name.text)
	if p.broken {
		p.recover()
		return
	}
	t := p.cur()
	switch {
	case p.accept("returns"):
	case t.is(";"), t.is("{"), t.is("}"), t.kind == end, t.line > p.prev().line && !t.is("("):
		p.failf(p.behind(), "write: returns (Response)", "method %s has no response", name.text)
		p.recover()
		return
	case t.is("("):
		p.failf(p.behind(), "", `"returns" is missing between the request and the response of method %s`, name.text)
		p.broken = false
	case t.kind == word && p.peek(1).is("("):
		if p.meant("returns") == "" {
			p.failf(t.at, "write: returns", "%v should be \"returns\"", t)
			p.broken = false
		}
		p.next()
	case t.is("-") && p.peek(1).is(">"):
		p.failf(Span{t.at.Start, p.peek(1).at.End}, "write: returns", `"->" should be "returns"`)
		p.recover()
		return
	default:
		p.unexpected(`"returns"`, "")
		p.recover()
		return
	}
	p.parameter("response", name.text)
	if p.broken {
		p.recover()
		return
	}
	if !p.cur().is("{") {
		p.semicolon()
		return
	}
	p.block("method "+name.text, func() {
		t := p.cur()
		if !t.is("option") && p.meant("option") == "" {
			p.failf(t.at, "", "a method's block has options only, not %v", t)
			p.next()
			p.recover()
			return
		}
		p.next()
		p.option(t)
	})
}

// parameter reads the message in parentheses that a method takes or returns.
func (p *parser) parameter(what, method string) {
	if !p.must("(", "methods look like this: rpc Get(Request) returns (Response);") {
		return
	}
	if t := p.cur(); t.is(")") {
		p.failf(Span{p.prev().at.Start, t.at.End},
			`make a message for it, or import "google/protobuf/empty.proto" and write google.protobuf.Empty`,
			"method %s needs one message as its %s", method, what)
		return
	}
	if t := p.cur(); t.is("stream") && p.peek(1).is(")") {
		p.failf(t.at, "write: (stream Message)", "the message is missing behind %v", t)
		return
	} else if t.is("stream") && !p.peek(1).is(".") {
		p.next()
	} else if t.kind == word && p.peek(1).kind == word && p.peek(2).is(")") {
		if p.meant("stream") == "" {
			p.failf(p.peek(1).at, fmt.Sprintf("write: (%s)", t.text), "the %s of a method has no name, only a type", what)
			return
		}
		p.next()
	}
	if _, _, ok := p.typeName("a message"); !ok {
		return
	}
	if t := p.cur(); t.is(",") {
		p.failf(t.at, "put all that it takes into one message", "a method has exactly one message as its %s", what)
		return
	}
	p.must(")", "")
}
