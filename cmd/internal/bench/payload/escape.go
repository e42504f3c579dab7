package payload

import (
	"errors"
	"fmt"
	"text/template/parse"
	"unicode/utf8"
)

// escape is the name of the function that is put behind actions within strings of JSON.
const escape = "_escape"

// appendEscaped appends text as it stands within a string of JSON (RFC 8259, section 7).
func appendEscaped(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	for len(text) > 0 {
		c := text[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(text)
			dst = utf8.AppendRune(dst, r) // what is not UTF-8 becomes U+FFFD
			text = text[n:]
			continue
		}
		text = text[1:]
	}
	return dst
}

// scanner follows JSON text through a template, to know which actions are within strings.
type scanner struct {
	inString bool
	escaped  bool
}

func (s *scanner) text(b []byte) {
	for _, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString && c == '\\':
			s.escaped = true
		case c == '"':
			s.inString = !s.inString
		}
	}
}

// errBranch reports that a string begins or ends in a part of a template that may be left out or repeated.
var errBranch = errors.New("a string of JSON begins or ends within a branch or a loop")

// escapeList puts the escape behind all actions of the list that are within strings. It calls each for these and
// others.
func (s *scanner) escapeList(t *parse.Tree, list *parse.ListNode, each func(a *parse.ActionNode, inString bool)) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.TextNode:
			s.text(n.Text)
		case *parse.ActionNode:
			each(n, s.inString)
		case *parse.IfNode:
			err = s.branch(t, &n.BranchNode, each)
		case *parse.RangeNode:
			err = s.branch(t, &n.BranchNode, each)
		case *parse.WithNode:
			err = s.branch(t, &n.BranchNode, each)
		case *parse.TemplateNode:
			err = fmt.Errorf("%s: templates within templates are not supported", n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) branch(t *parse.Tree, b *parse.BranchNode, each func(*parse.ActionNode, bool)) error {
	before := *s
	for _, list := range []*parse.ListNode{b.List, b.ElseList} {
		*s = before
		if err := s.escapeList(t, list, each); err != nil {
			return err
		}
		if *s != before {
			location, context := t.ErrorContext(b)
			return fmt.Errorf("%s: %s: %w", location, context, errBranch)
		}
	}
	return nil
}

// escapeAll prepares a parsed template whose actions print JSON.
func escapeAll(t *parse.Tree) error {
	return new(scanner).escapeList(t, t.Root, func(a *parse.ActionNode, inString bool) {
		if !inString || len(a.Pipe.Decl) > 0 {
			return
		}
		a.Pipe.Cmds = append(a.Pipe.Cmds, &parse.CommandNode{
			NodeType: parse.NodeCommand, Pos: a.Pos,
			Args: []parse.Node{parse.NewIdentifier(escape).SetTree(t).SetPos(a.Pos)},
		})
	})
}
