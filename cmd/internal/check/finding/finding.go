package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a finding is.
type Severity string

// The severities. A finding that is a Warning does not fail the command unless --warnings-as-errors was given.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Rule is one of the things that a check looks for.
type Rule struct {
	// ID is the rule's name, in upper snake case.
	ID string `json:"id"`
	// Category is the name of the group of rules that it belongs to, in lower case.
	Category string `json:"category"`
	// Severity is that of its findings.
	Severity Severity `json:"severity"`
	// Reason is half a sentence that says why breaking the rule hurts. It begins in lower case and has no full stop.
	Reason string `json:"reason"`
	// Off means that the rule is not among those that apply without being asked for.
	Off bool `json:"off,omitempty"`
}

// docs is the document that describes all rules, each beneath a heading that is the rule's id.
const docs = "https://github.com/fairlead-go/fairlead/blob/main/docs/checks.md"

// Doc returns the address of the rule's description.
func (r Rule) Doc() string { return docs + "#" + strings.ToLower(r.ID) }

// Place is a part of a file. Lines and columns count from 1, columns in characters; 0 stands for not known.
type Place struct {
	// File is the path of the file, relative to the working directory unless it was named by an absolute path.
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// EndLine and EndColumn are where the character after the last one would be.
	EndLine   int `json:"end_line,omitempty"`
	EndColumn int `json:"end_column,omitempty"`
}

// Finding is one violation of a rule.
type Finding struct {
	Rule     string   `json:"rule"`
	Category string   `json:"category"`
	Severity Severity `json:"severity"`
	Place
	// Message says what is wrong with this place, on one line and without a full stop.
	Message string `json:"message"`
	// Reason says why that hurts; see Rule.
	Reason string `json:"reason,omitempty"`
	// Doc is the address of the rule's description.
	Doc string `json:"doc,omitempty"`
	// Related are other places that matter to it, in the order in which they are told.
	Related []Related `json:"related,omitempty"`
}

// Related is a place that matters to a finding somewhere else.
type Related struct {
	Place
	// Message says what is there, on one line and without a full stop.
	Message string `json:"message"`
}

// New returns a finding of the rule. The message is formatted as by fmt.Sprintf.
func New(rule Rule, at Place, format string, args ...any) Finding {
	return Finding{
		Rule:     rule.ID,
		Category: rule.Category,
		Severity: rule.Severity,
		Place:    at,
		Message:  fmt.Sprintf(format, args...),
		Reason:   rule.Reason,
		Doc:      rule.Doc(),
	}
}

// Sort puts findings in the order in which they are printed, and returns them without repetitions.
func Sort(findings []Finding) []Finding {
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.CompactFunc(findings, func(a, b Finding) bool {
		return a.Rule == b.Rule && a.Place == b.Place && a.Message == b.Message
	})
}

// Count returns how many of findings are errors and how many are warnings.
func Count(findings []Finding) (errs, warnings int) {
	for _, f := range findings {
		if f.Severity == Warning {
			warnings++
		} else {
			errs++
		}
	}
	return errs, warnings
}
