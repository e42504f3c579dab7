package ignore

import (
	"cmp"
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

// IsDirective reports whether a comment, without its slashes, silences findings.
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
	// Reason is the reason that it gives.
	Reason string
	// Line is the line that it is about; 0 stands for the whole file.
	Line int

	used []string
}

// Parse returns the directives in the text of the file at path.
func Parse(path, text string) []*Directive {
	comments, code := scan(text)
	next := nextCode(code)
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
			d.Line = c.line
			if c.line < len(next) {
				d.Line = cmp.Or(next[c.line], c.line)
			}
		}
		d.Rules, d.Reason = arguments(rest)
		directives = append(directives, d)
	}
	return directives
}

// nextCode returns for each line the first one from there on that has code, which is what a comment is about; 0 for
// none.
func nextCode(code []bool) []int {
	next := make([]int, len(code))
	last := 0
	for line := len(code) - 1; line >= 0; line-- {
		if code[line] {
			last = line
		}
		next[line] = last
	}
	return next
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

// Used reports whether the directive has silenced a finding of the rule.
func (d *Directive) Used(rule string) bool { return slices.Contains(d.used, rule) }

// List are the directives of a file, by what they are about.
type List struct {
	// All are in the order of the file.
	All []*Directive

	about map[subject]*silence
}

// subject is a rule on a line; line 0 stands for the whole file.
type subject struct {
	line int
	rule string
}

// silence holds the directives about one subject.
type silence struct {
	directives []*Directive
	used       bool
}

// NewList returns the directives in the text of the file at path. Those without a reason silence nothing.
func NewList(path, text string) *List {
	l := &List{All: Parse(path, text), about: make(map[subject]*silence)}
	for _, d := range l.All {
		if d.Reason == "" {
			continue
		}
		for _, rule := range d.Rules {
			at := subject{d.Line, rule}
			if l.about[at] == nil {
				l.about[at] = new(silence)
			}
			l.about[at].directives = append(l.about[at].directives, d)
		}
	}
	return l
}

// Silences reports whether a directive is about the rule and the file, or one of lines. All that are remember that they
// were of use. A nil List has none.
func (l *List) Silences(rule string, lines ...int) bool {
	if l == nil {
		return false
	}
	silent := l.use(subject{0, rule})
	for _, line := range lines {
		if line != 0 { // 0: not known
			silent = l.use(subject{line, rule}) || silent
		}
	}
	return silent
}

// use marks the directives about a subject as used, and reports whether there are any.
func (l *List) use(at subject) bool {
	s := l.about[at]
	if s == nil {
		return false
	}
	if !s.used {
		s.used = true
		for _, d := range s.directives {
			d.used = append(d.used, at.rule)
		}
	}
	return true
}
