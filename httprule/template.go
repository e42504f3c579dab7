package httprule

import (
	"fmt"
	"strings"
)

// Template is the path of an HTTP rule, in the syntax of google/api/http.proto:
//
//	Template = "/" [ Segments ] [ Verb ] ;
//	Segments = Segment { "/" Segment } ;
//	Segment  = "*" | "**" | LITERAL | Variable ;
//	Variable = "{" FieldPath [ "=" Segments ] "}" ;
//	FieldPath = IDENT { "." IDENT } ;
//	Verb     = ":" LITERAL ;
//
// It is read-only and safe for concurrent use.
type Template struct {
	// Segments are the parts between slashes, including those of variables; none: the path "/".
	Segments []Segment
	// Variables are in the order of the template.
	Variables []Variable
	// Verb is what follows the last colon, "" for none.
	Verb string
}

// SegmentKind is what a segment matches.
type SegmentKind uint8

// The kinds of segments.
const (
	Literal  SegmentKind = iota // itself
	Wildcard                    // "*": any one segment of the path that is not empty
	Rest                        // "**": any number of segments, none included; the last one of a template
)

// Segment is a part of a path between slashes.
type Segment struct {
	Kind SegmentKind
	Text string // of a Literal, unescaped
}

// Variable is a field that takes its value from some segments of the path, joined by slashes.
type Variable struct {
	Name       string // the path of the field, "shelf.name"
	Begin, End int    // Segments[Begin:End]
}

// multiple reports whether the variable's value may contain slashes.
func (v *Variable) multiple(segments []Segment) bool {
	return v.End-v.Begin != 1 || segments[v.Begin].Kind == Rest
}

// SyntaxError is the error of an invalid template.
type SyntaxError struct {
	Template string
	Offset   int // in bytes
	Text     string
}

// Error describes what is wrong and where.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("template %q: at byte %d: %s", e.Template, e.Offset+1, e.Text)
}

// Parse parses a template. Its errors are of type *SyntaxError.
func Parse(template string) (*Template, error) {
	p := parser{text: template, t: new(Template)}
	if err := p.template(); err != nil {
		return nil, err
	}
	return p.t, nil
}

// Shape returns the template without the names of its variables: two templates of the same shape match the same paths.
func (t *Template) Shape() string {
	var b strings.Builder
	for i := range t.Segments {
		b.WriteByte('/')
		b.WriteString(t.Segments[i].String())
	}
	if len(t.Segments) == 0 {
		b.WriteByte('/')
	}
	if t.Verb != "" {
		b.WriteString(":" + t.Verb)
	}
	return b.String()
}

// String returns the segment as written in a template.
func (s *Segment) String() string {
	switch s.Kind {
	case Wildcard:
		return "*"
	case Rest:
		return "**"
	default:
		return s.Text
	}
}

// parser parses one template.
type parser struct {
	text string
	at   int
	t    *Template
	rest int // where "**" stood, counted from 1; 0: nowhere
}

func (p *parser) template() error {
	if !p.take('/') {
		return p.fail("a path begins with a slash")
	}
	if !p.over() && p.text[p.at] != ':' {
		if err := p.segments(false); err != nil {
			return err
		}
	}
	if p.take(':') {
		verb, err := p.literal(":")
		if err != nil {
			return err
		}
		p.t.Verb = verb
	}
	if !p.over() {
		return p.fail("unexpected %q", p.text[p.at:p.at+1])
	}
	return nil
}

// segments parses segments up to the end of the template or, in a variable, up to its brace.
func (p *parser) segments(inVariable bool) error {
	for {
		if err := p.segment(inVariable); err != nil {
			return err
		}
		if !p.take('/') {
			return nil
		}
		if p.rest > 0 {
			p.at = p.rest - 1
			return p.fail("** can only be the last segment")
		}
	}
}

func (p *parser) segment(inVariable bool) error {
	switch begin := p.at; {
	case p.take('{'):
		if inVariable {
			p.at = begin
			return p.fail("a variable cannot contain another one")
		}
		return p.variable()
	case strings.HasPrefix(p.text[p.at:], "**"):
		p.rest = p.at + 1
		p.at += len("**")
		p.t.Segments = append(p.t.Segments, Segment{Kind: Rest})
	case p.take('*'):
		p.t.Segments = append(p.t.Segments, Segment{Kind: Wildcard})
	default:
		text, err := p.literal(p.stop(inVariable))
		if err != nil {
			return err
		}
		p.t.Segments = append(p.t.Segments, Segment{Text: text})
		return nil
	}
	if !p.over() && !strings.ContainsRune("/:}", rune(p.text[p.at])) {
		return p.fail("a wildcard is a whole segment")
	}
	return nil
}

// stop returns the colon if it ends the literal that begins here: in the last segment of the template it begins the
// verb, elsewhere it is an ordinary character.
func (p *parser) stop(inVariable bool) string {
	if inVariable || strings.ContainsAny(p.text[p.at:], "/{") {
		return ""
	}
	return ":"
}

func (p *parser) variable() error {
	begin := p.at
	v := Variable{Begin: len(p.t.Segments)}
	for {
		if !p.ident() {
			return p.fail("expected the name of a field")
		}
		if !p.take('.') {
			break
		}
	}
	v.Name = p.text[begin:p.at]
	for i := range p.t.Variables {
		if p.t.Variables[i].Name == v.Name {
			p.at = begin
			return p.fail("variable %s is there twice", v.Name)
		}
	}
	if p.take('=') {
		if err := p.segments(true); err != nil {
			return err
		}
	} else {
		p.t.Segments = append(p.t.Segments, Segment{Kind: Wildcard})
	}
	if !p.take('}') {
		return p.fail("expected } at the end of variable %s", v.Name)
	}
	if !p.over() && p.text[p.at] != '/' && p.text[p.at] != ':' {
		return p.fail("a variable is a whole segment")
	}
	v.End = len(p.t.Segments)
	p.t.Variables = append(p.t.Variables, v)
	return nil
}

// ident skips the name of a field, and reports whether there is one.
func (p *parser) ident() bool {
	begin := p.at
	for p.at < len(p.text) && (isLetter(p.text[p.at]) || p.at > begin && isDigit(p.text[p.at])) {
		p.at++
	}
	return p.at > begin
}

// literal parses characters that a segment of a path may have (RFC 3986, section 3.3, pchar) up to one of stop, and
// unescapes them.
func (p *parser) literal(stop string) (string, error) {
	begin := p.at
	for !p.over() {
		c := p.text[p.at]
		switch {
		case c == '%':
			if _, ok := escaped(p.text[p.at:]); !ok {
				return "", p.fail("%% must be followed by two hexadecimal digits")
			}
			p.at += len("%00")
			continue
		case c == '*':
			return "", p.fail("a wildcard is a whole segment")
		case c == '{':
			return "", p.fail("a variable is a whole segment")
		case isPathChar(c) && !strings.ContainsRune(stop, rune(c)):
			p.at++
			continue
		}
		break
	}
	if p.at == begin {
		if p.over() {
			return "", p.fail("it ends too early")
		}
		return "", p.fail("unexpected %q", p.text[p.at:p.at+1])
	}
	return unescape(p.text[begin:p.at], false)
}

func (p *parser) over() bool { return p.at == len(p.text) }

// take skips c, and reports whether it is there.
func (p *parser) take(c byte) bool {
	if p.over() || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Template: p.text, Offset: p.at, Text: fmt.Sprintf(format, args...)}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isPathChar reports whether c may be in a segment of a path; "*" and escapes are not included.
func isPathChar(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("-.~!$&'()+,;=:@", c) >= 0
}
