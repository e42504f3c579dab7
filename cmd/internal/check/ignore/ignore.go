package ignore

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// The words that begin a directive.
const (
	marker     = "fairlead:ignore"
	fileMarker = "fairlead:ignore-file"
)

// IsDirective says whether a comment, without its slashes, silences findings.
func IsDirective(comment string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(comment), " ")
	return word == marker || word == fileMarker
}

// Directive is one comment that silences findings.
type Directive struct {
	// Place is where the comment is.
	Place finding.Place
	// Rules are the ids that it names, as they are written.
	Rules []string
	// Reason is what it gives as the reason.
	Reason string
	// Line is the line that it is about; 0 stands for the whole file.
	Line int

	used []string
}

// Parse returns the directives in the text of the file at path.
func Parse(path, text string) []*Directive {
	comments, code := scan(text)
	var directives []*Directive
	for _, c := range comments {
		body := strings.TrimSpace(c.text)
		if !IsDirective(body) {
			continue
		}
		word, rest, _ := strings.Cut(body, " ")
		d := &Directive{Place: finding.Place{
			File: path, Line: c.line, Column: c.column,
			EndLine: c.line, EndColumn: c.column + 2 + utf8.RuneCountInString(strings.TrimRight(c.text, " \t")),
		}}
		if word == marker {
			d.Line = about(c.line, code)
		}
		d.Rules, d.Reason = arguments(rest)
		directives = append(directives, d)
	}
	return directives
}

// about returns the line that a comment on the given line is about.
func about(line int, code []bool) int {
	for at := line; at < len(code); at++ {
		if code[at] {
			return at
		}
	}
	return line
}

// arguments parts the rules, of which all but the last end with a comma, from the reason.
func arguments(text string) (rules []string, reason string) {
	for more := true; more; {
		text = strings.TrimSpace(text)
		word, rest, _ := strings.Cut(text, " ")
		more = strings.HasSuffix(word, ",") && rest != ""
		for id := range strings.SplitSeq(strings.TrimSuffix(word, ":"), ",") {
			if id != "" {
				rules = append(rules, id)
			}
		}
		text = rest
	}
	return rules, strings.TrimSpace(text)
}

// Silences says whether the directive is about the rule and one of lines, and remembers that it was of use. One without
// a reason silences nothing.
func (d *Directive) Silences(rule string, lines ...int) bool {
	if d.Reason == "" || !slices.Contains(d.Rules, rule) || d.Line != 0 && !slices.Contains(lines, d.Line) {
		return false
	}
	if !slices.Contains(d.used, rule) {
		d.used = append(d.used, rule)
	}
	return true
}

// Used says whether the directive has silenced a finding of the rule.
func (d *Directive) Used(rule string) bool { return slices.Contains(d.used, rule) }

// List are the directives of a file, by the lines that they are about.
type List struct {
	// All are in the order of the file.
	All []*Directive

	byLine map[int][]*Directive
}

// NewList returns the directives in the text of the file at path.
func NewList(path, text string) *List {
	l := &List{All: Parse(path, text), byLine: make(map[int][]*Directive)}
	for _, d := range l.All {
		l.byLine[d.Line] = append(l.byLine[d.Line], d)
	}
	return l
}

// Silences says whether a directive is about the rule and the file, or one of lines. It asks all that may be, so that
// each of them remembers that it was of use. A nil List has none.
func (l *List) Silences(rule string, lines ...int) bool {
	if l == nil {
		return false
	}
	silent := false
	for _, d := range l.byLine[0] {
		silent = d.Silences(rule) || silent
	}
	for _, line := range lines {
		if line != 0 { // 0: not known
			for _, d := range l.byLine[line] {
				silent = d.Silences(rule, line) || silent
			}
		}
	}
	return silent
}
