package outline

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	end kind = iota
	word
	number
	text
	mark
)

// token is a word, a number, a quoted text, or one other character.
type token struct {
	kind kind
	text string // as it is written
	at   Span
	line int // from 0
}

func (t token) is(s string) bool { return t.kind != text && t.text == s }

// String returns the token for a message.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end of the file"
	case text:
		return "the text " + t.text
	case number:
		return "the number " + t.text
	default:
		return `"` + t.text + `"`
	}
}

// scan cuts src into tokens, the last of which has the kind end, without white space and comments.
func scan(src string) (tokens []token, problems []Problem) {
	line := 0
	for i := 0; i < len(src); {
		start := i
		r, size := utf8.DecodeRuneInString(src[i:])
		rest := src[i:]
		what := mark
		switch {
		case r == '\n':
			line++
			i++
			continue
		case r == ' ' || r == '\t' || r == '\r' || r == '\v' || r == '\f' || r == '\ufeff' && i == 0:
			i += size
			continue
		case strings.HasPrefix(rest, "//"):
			i += lengthUntil(rest, "\n")
			continue
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				problems = append(problems, Problem{At: Span{i, i + 2}, Text: "a comment begins here and does not end",
					Help: `end it with "*/"`})
				i = len(src)
				continue
			}
			line += strings.Count(rest[:n], "\n")
			i += n + 4
			continue
		case isLetter(r):
			what = word
			i += length(rest, func(r rune) bool { return isLetter(r) || '0' <= r && r <= '9' })
		case '0' <= r && r <= '9' || r == '.' && len(rest) > 1 && '0' <= rest[1] && rest[1] <= '9':
			what = number
			i += numberLength(rest)
		case r == '"' || r == '\'':
			what = text
			n, ok := textLength(rest)
			if !ok {
				problems = append(problems, Problem{At: Span{i, i + n}, Text: "a text in quotes begins here and does not end " +
					"on its line", Help: "end it with " + string(r)})
			}
			i += n
		case r == '#':
			n := lengthUntil(rest, "\n")
			problems = append(problems, Problem{At: Span{i, i + n}, Text: `"#" does not begin a comment`,
				Help: `comments begin with "//"`})
			i += n
			continue
		case strings.ContainsRune(";,.:=-+(){}[]<>/", r):
			i += size
		default:
			problems = append(problems, strange(r, Span{i, i + size}))
			i += size
			continue
		}
		tokens = append(tokens, token{kind: what, text: src[start:i], at: Span{start, i}, line: line})
	}
	return append(tokens, token{kind: end, at: Span{len(src), len(src)}, line: line}), problems
}

func strange(r rune, at Span) Problem {
	p := Problem{At: at, Text: "the character " + string(r) + " has no meaning here"}
	switch {
	case strings.ContainsRune("“”„‟«»‘’‚＂", r):
		p.Text = string(r) + " is not the quotation mark that contracts use"
		p.Help = `write "`
	case strings.ContainsRune("–—−", r):
		p.Help = `write "-"`
	case r == '；':
		p.Help = `write ";"`
	case r == '（' || r == '）' || r == '｛' || r == '｝' || r == '＝' || r == '，':
		p.Help = `write "` + string(r-'（'+'(') + `"` // full-width forms stand in the order of ASCII
	case r == utf8.RuneError:
		p.Text = "these bytes are not UTF-8"
		p.Help = "save the file as UTF-8"
	case unicode.IsSpace(r):
		p.Text = "this white space is not one that contracts may have"
		p.Help = "write a plain space"
	case unicode.IsLetter(r):
		p.Help = "names have the letters a to z, digits and underscores"
	}
	return p
}

func isLetter(r rune) bool { return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func length(s string, in func(rune) bool) int {
	for i, r := range s {
		if !in(r) {
			return i
		}
	}
	return len(s)
}

func lengthUntil(s, stop string) int {
	if i := strings.Index(s, stop); i >= 0 {
		return i
	}
	return len(s)
}

// numberLength returns the length of the number at the start of s, together with letters that do not belong there.
func numberLength(s string) int {
	i := 0
	for i < len(s) {
		c := s[i]
		exponent := i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && !strings.HasPrefix(s, "0x")
		if !isLetter(rune(c)) && (c < '0' || c > '9') && c != '.' && (c != '-' && c != '+' || !exponent) {
			break
		}
		i++
	}
	return i
}

// textLength returns the length of the quoted text at the start of s, and whether its end is there.
func textLength(s string) (int, bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case s[0]:
			return i + 1, true
		case '\n':
			return i, false
		case '\\':
			i++
		}
	}
	return len(s), false
}
