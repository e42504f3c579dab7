package lint

import (
	"slices"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// The categories; see Categories.
const (
	Names       = "names"
	Packages    = "packages"
	Evolution   = "evolution"
	Limits      = "limits"
	Types       = "types"
	Methods     = "methods"
	Portability = "portability"
	Comments    = "comments"
	Ignores     = "ignores"
)

// Category is a group of rules.
type Category struct {
	Name string
	// About says what its rules look for.
	About string
}

// Categories returns all categories, in the order of Rules.
func Categories() []Category {
	return []Category{
		{Names, "names that generated code and other people's habits do not expect"},
		{Packages, "where packages lie, and what they import"},
		{Evolution, "what makes a later change break callers"},
		{Limits, "what lets one call cost without bound"},
		{Types, "fields for which there is a better type"},
		{Methods, "how services and methods are cut"},
		{Portability, "what other languages and JSON trip over"},
		{Comments, "declarations without a comment"},
		{Ignores, "comments that silence rules"},
	}
}

// Rule is a rule, with what its documentation shows.
type Rule struct {
	finding.Rule

	// Buf means that buf has the rule, under the same name.
	Buf bool
	// Bad and Good are an example of what the rule finds, and of what it likes.
	Bad, Good string
	// Note is more about the rule than its reason says, in whole sentences; "" if there is nothing to add.
	Note string

	run func(*pass)
}

// Rules returns all rules, by category and within it by what belongs together.
func Rules() []Rule {
	return slices.Concat(
		names(),
		packages(),
		imports(),
		evolution(),
		limits(),
		types(),
		methods(),
		bindings(),
		portability(),
		comments(),
		ignores(),
	)
}

// fails returns what most rules have in common: they are on, and their findings are errors.
func fails(id, category, reason string) finding.Rule {
	return finding.Rule{ID: id, Category: category, Severity: finding.Error, Reason: reason}
}

// warns is fails for rules that guess, or whose findings can wait.
func warns(id, category, reason string) finding.Rule {
	return finding.Rule{ID: id, Category: category, Severity: finding.Warning, Reason: reason}
}

// asked is fails for rules that apply only when they are asked for.
func asked(id, category, reason string) finding.Rule {
	return finding.Rule{ID: id, Category: category, Severity: finding.Error, Reason: reason, Off: true}
}
