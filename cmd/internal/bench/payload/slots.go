package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// Where an action stands within a string, a marker stands in its place while the text around it is parsed as JSON;
// where it stands for a whole value, a string with a marker of another kind does. They are characters for private use.
const (
	markText  = '\ue000'
	markValue = '\ue001'
	markEnd   = '\ue002'
)

// slots is a template's source with markers in place of its actions.
type slots struct {
	name   string
	source string
	text   []byte
	values []*value
	pieces []piece
}

// piece says where in the source a part of the text comes from.
type piece struct{ text, source int }

// findSlots returns nil when the template has another form than text and single functions.
func findSlots(name, source string, t *parse.Tree, files *files) (*slots, error) {
	if strings.ContainsAny(source, string([]rune{markText, markValue, markEnd})) {
		return nil, nil //nolint:nilnil // the markers would not be ours
	}
	s := &slots{name: name, source: source}
	var scan scanner
	for _, n := range t.Root.Nodes {
		s.pieces = append(s.pieces, piece{len(s.text), int(n.Position())})
		switch n := n.(type) {
		case *parse.CommentNode:
		case *parse.TextNode:
			scan.text(n.Text)
			s.text = append(s.text, n.Text...)
		case *parse.ActionNode:
			v, err := bind(n.Pipe, files)
			if err != nil {
				return nil, s.errorAt(len(s.text), err)
			}
			if v == nil {
				return nil, nil //nolint:nilnil // another form
			}
			s.add(v, scan.inString)
		default:
			return nil, nil //nolint:nilnil // as above
		}
	}
	return s, nil
}

// add puts a value's marker into the text, or the value itself if it does not change.
func (s *slots) add(v *value, inString bool) {
	switch {
	case v.constant && inString:
		s.text = appendEscaped(s.text, []byte(v.text))
	case v.constant:
		s.text = append(s.text, v.text...)
	case inString:
		s.text = fmt.Appendf(s.text, "%c%d%c", markText, len(s.values), markEnd)
		s.values = append(s.values, v)
	default:
		s.text = fmt.Appendf(s.text, `"%c%d%c"`, markValue, len(s.values), markEnd)
		s.values = append(s.values, v)
	}
}

// errorAt gives err the position in the source that a place in the text comes from.
func (s *slots) errorAt(at int, err error) error {
	i, found := slices.BinarySearchFunc(s.pieces, at, func(p piece, at int) int { return p.text - at })
	if !found {
		i--
	}
	offset := at
	if i >= 0 {
		offset = s.pieces[i].source + at - s.pieces[i].text
		if i+1 < len(s.pieces) {
			offset = min(offset, s.pieces[i+1].source)
		}
	}
	return newPlaceError(s.name, s.source, offset, err)
}

// node is a value of JSON.
type node struct {
	start, end int  // in the text
	kind       byte // '{', '[', '"', or 'v' for numbers, booleans and null
	text       string
	slot       bool // there is a marker in it or below
	members    []member
	items      []*node
}

// member is a name with its value.
type member struct {
	name  string
	start int
	slot  bool // in the name
	value *node
}

// parser parses the text.
type parser struct {
	*slots

	dec *json.Decoder
}

// parse returns the values of the text, one for each message: the elements of arrays at the top count each.
func (s *slots) parse() ([]*node, error) {
	p := &parser{slots: s, dec: json.NewDecoder(bytes.NewReader(s.text))}
	p.dec.UseNumber()
	var nodes []*node
	for {
		n, err := p.next()
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, p.failed(err)
		}
		if n.kind == '[' {
			nodes = append(nodes, n.items...)
		} else {
			nodes = append(nodes, n)
		}
	}
}

// failed gives an error of the parser its position.
func (p *parser) failed(err error) error {
	at := int(p.dec.InputOffset())
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Offset > 0 {
		at = min(max(at, int(syntax.Offset)-1), len(p.text))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		at, err = len(p.text), errors.New("the JSON ends too early")
	}
	return p.errorAt(at, err)
}

// next reads a value.
func (p *parser) next() (*node, error) {
	from := p.skip(int(p.dec.InputOffset()))
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{start: from, end: int(p.dec.InputOffset())}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			err = p.object(n)
		} else {
			err = p.array(n)
		}
		n.end = int(p.dec.InputOffset())
		return n, inside(err)
	case string:
		n.kind, n.text, n.slot = '"', token, marked(token)
	default:
		n.kind = 'v'
	}
	return n, nil
}

// inside is err for a value that ends within another.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// skip passes over what is between values.
func (p *parser) skip(i int) int {
	for i < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[i]) >= 0 {
		i++
	}
	return i
}

func (p *parser) object(n *node) error {
	n.kind = '{'
	for p.dec.More() {
		m := member{start: p.skip(int(p.dec.InputOffset()))}
		token, err := p.dec.Token()
		if err != nil {
			return err
		}
		m.name, _ = token.(string)
		m.slot = marked(m.name)
		if m.value, err = p.next(); err != nil {
			return err
		}
		n.slot = n.slot || m.slot || m.value.slot
		n.members = append(n.members, m)
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) array(n *node) error {
	n.kind = '['
	for p.dec.More() {
		item, err := p.next()
		if err != nil {
			return err
		}
		n.slot = n.slot || item.slot
		n.items = append(n.items, item)
	}
	_, err := p.dec.Token()
	return err
}

func marked(text string) bool { return strings.ContainsAny(text, "\ue000\ue001") }

// fragment is a part of a text with slots: text, or a value.
type fragment struct {
	text  string
	value *value
	whole bool // the value is one of JSON, not a part of a string
}

// fragments cuts text at the markers.
func (s *slots) fragments(text string) []fragment {
	var list []fragment
	for text != "" {
		i := strings.IndexAny(text, "\ue000\ue001")
		if i < 0 {
			return append(list, fragment{text: text})
		}
		if i > 0 {
			list = append(list, fragment{text: text[:i]})
		}
		whole := strings.HasPrefix(text[i:], "\ue001")
		number, rest, _ := strings.Cut(text[i+len("\ue000"):], "\ue002")
		n, err := strconv.Atoi(number)
		if err != nil || n >= len(s.values) {
			return append(list, fragment{text: text}) // not a marker of ours
		}
		list = append(list, fragment{value: s.values[n], whole: whole})
		text = rest
	}
	return list
}
