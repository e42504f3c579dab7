package gen

import (
	"bytes"
	"go/token"
)

// plain reports whether go/printer prints a statement, or the head of a block, as it is: names, calls, selectors,
// literals, assignments and comparisons, with one space where it puts one and none elsewhere.
func plain(statement []byte, head bool) bool {
	p := plainStatement{head: head, expectsOperand: true}
	for first := true; ; first = false {
		word, rest := cutWord(statement)
		switch string(word) {
		case "if", "for":
			if !first || !head {
				return false
			}
		case "return":
			if !first || head {
				return false
			}
			if len(rest) == 0 {
				return true
			}
		case "range":
			if !p.expectsOperand || first || !head {
				return false
			}
		case "=", ":=", "==", "!=", "&&", "||":
			if p.expectsOperand {
				return false
			}
			p.expectsOperand = true
		default:
			if !p.expectsOperand || first && head || !p.operand(word) {
				return false
			}
		}
		if len(rest) == 0 {
			return !p.expectsOperand && len(p.open) == 0
		}
		statement = rest[1:]
	}
}

// cutWord returns a text up to the first space outside of a string literal, and the rest.
func cutWord(text []byte) (word, rest []byte) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == ' ':
			return text[:i], text[i:]
		}
	}
	return text, nil
}

// plainStatement is what was seen of a statement.
type plainStatement struct {
	head           bool // of a block
	expectsOperand bool
	open           []byte // brackets, innermost last
}

// operand reads a part of an expression without spaces, and reports whether it is plain.
func (p *plainStatement) operand(word []byte) bool {
	if len(word) == 0 {
		return false
	}
	p.expectsOperand = false
	for i := 0; i < len(word); i++ {
		var before byte
		if i > 0 {
			before = word[i-1]
		}
		length := 1
		switch c := word[i]; {
		case '0' <= c && c <= '9' && !isNameByte(before):
			length = digits(word[i:])
		case isNameByte(c):
			length = name(word[i:])
		case c == '"':
			length = literal(word[i:])
		case c == '.' && endsOperand(before) && bytes.HasPrefix(word[i:], []byte("...)")) && len(p.open) > 0:
			length = len("...")
		case !p.symbol(word, i, before):
			return false
		}
		if length == 0 {
			return false
		}
		i += length - 1
	}
	return true
}

// symbol reads the character at i of a word, which is part of no name and no literal.
func (p *plainStatement) symbol(word []byte, i int, before byte) bool {
	var after byte
	if i+1 < len(word) {
		after = word[i+1]
	}
	switch c := word[i]; c {
	case '.':
		return endsOperand(before) && (after == '(' || isNameByte(after))
	case '(', '[', '{':
		return p.opens(c, before, after)
	case ')', ']', '}':
		return p.closes(c, before)
	case '*', '&', '!':
		return unary(word[:i], c, before, after)
	case ',', ';':
		p.expectsOperand = true
		return after == 0 && endsOperand(before) && (c == ',' || p.head && len(p.open) == 0)
	default:
		return false
	}
}

// opens reads an opening bracket.
func (p *plainStatement) opens(c, before, after byte) bool {
	p.open = append(p.open, c)
	switch c {
	case '(':
		// Others around an operand might go.
		return endsOperand(before) || before == '.' || before == '&' || after == '*' && before != '*'
	case '{':
		return after != 0 && endsOperand(before)
	default:
		return after != 0
	}
}

// closes reads a closing bracket.
func (p *plainStatement) closes(c, before byte) bool {
	if len(p.open) == 0 || before == 0 && c != '}' || before == ',' {
		return false
	}
	opening := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	switch c {
	case ')':
		return opening == '('
	case ']':
		return opening == '['
	default:
		return opening == '{' && before != 0
	}
}

// unary reports whether c, which stands between two other characters, is an operator of one operand, or part of a type.
func unary(text []byte, c, before, after byte) bool {
	if !isNameByte(after) && after != '[' && (c != '&' || after != '(') {
		return false
	}
	if after >= '0' && after <= '9' {
		return false
	}
	switch before {
	case 0, '(', '{', '&', '!':
		return before == 0 || before == '(' || before == '{' || c == '*'
	case '[':
		return c == '*'
	case ']': // a type: []*T or map[K]*T, and no product
		return c == '*' && (bytes.HasSuffix(text, []byte("[]")) || bytes.Contains(text, []byte("map[")))
	default:
		return false
	}
}

// endsOperand reports whether an operand can end with c.
func endsOperand(c byte) bool { return isNameByte(c) || c == ')' || c == ']' || c == '}' || c == '"' }

// name returns the length of the name that text begins with; 0 when it is a keyword other than map.
func name(text []byte) int {
	n := 0
	for n < len(text) && isNameByte(text[n]) {
		n++
	}
	if text[0] >= 'a' && n <= len("fallthrough") && token.IsKeyword(string(text[:n])) && string(text[:n]) != "map" {
		return 0
	}
	return n
}

// digits returns the length of the decimal number that text begins with; 0 when it is another number.
func digits(text []byte) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	if n > 1 && text[0] == '0' || n < len(text) && (isNameByte(text[n]) || text[n] == '.') {
		return 0
	}
	return n
}

// literal returns the length of the string literal that text begins with; 0 when it may have a quote in it, or no end.
func literal(text []byte) int {
	n := bytes.IndexByte(text[1:], '"')
	if n < 0 || text[n] == '\\' {
		return 0
	}
	return n + 2
}
