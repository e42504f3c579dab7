package breaking

import (
	"fmt"
	"slices"
	"strings"
)

// Level is who must not notice a change: those who read the wire, those who read JSON, or those who compile generated
// code. A Rule belongs to a set of levels.
type Level uint8

// The levels, in the order of how much they forbid.
const (
	// Wire keeps the binary encoding and calls working: buf's category WIRE.
	Wire Level = 1 << iota
	// JSON keeps JSON working as well: buf's category WIRE_JSON.
	JSON
	// Package keeps code generated from a protobuf package working, wherever in the package a declaration stands:
	// buf's category PACKAGE.
	Package
	// File does so for languages whose generated code follows files, such as C++ and Python: buf's category FILE.
	File

	source = Package | File
	all    = Wire | JSON | Package | File
)

// ParseLevel returns the level of that name: wire, json, source (or package, buf's name for it) or file.
func ParseLevel(name string) (Level, error) {
	switch name {
	case "wire":
		return Wire, nil
	case "json", "wire_json":
		return JSON, nil
	case "source", "package":
		return Package, nil
	case "file":
		return File, nil
	default:
		return 0, fmt.Errorf("%q is no level: must be one of wire, json, source, file", name)
	}
}

// Rule is one way in which a contract can break those who use it.
type Rule struct {
	// ID is the rule's name. Where buf has a rule of that meaning, it is buf's name for it.
	ID string
	// Levels are the levels at which the rule is on.
	Levels Level
	// Shared means that buf has the rule as well.
	Shared bool
	// Breaks says what the rule finds.
	Breaks string
	// Why says what those who use the old contract see.
	Why string
	// Worse are rules of other levels that find some of the same changes, the worst first. They say more about those than
	// Why, which is about generated code.
	Worse []Worse

	check func(*comparison)
}

// Worse is another rule by which the finding of a rule is worse than the rule says by itself.
type Worse struct {
	// Rule is the other rule.
	Rule string
	// Why says what those who use the old contract see, of changes that the other rule finds.
	Why string
}

// Rules returns all rules, in the order of their names.
func Rules() []Rule {
	rules := slices.Concat(deleteRules(), fileRules(), messageRules(), fieldRules(), typeRules(), enumRules(),
		serviceRules(), moveRules(), httpRules(), methodOptionRules(), errorRules(), validationRules())
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// RuleIDs returns the names of all rules, in order.
func RuleIDs() []string {
	rules := Rules()
	ids := make([]string, len(rules))
	for i := range rules {
		ids[i] = rules[i].ID
	}
	return ids
}
