// Package breaking is the command "fairlead check breaking": it compares a contract with an older version of itself,
// and finds what breaks those who use the older one.
//
// Both sides are linked descriptors (contract.go), wherever they come from: against.go, git.go and set.go read the old
// side, unit.go the new one. A rule (rule.go lists them) is a function that goes through pairs of declarations with the
// same full name, or the same number (compare.go). The rules of buf are here under buf's names; the tests compare every
// verdict on a corpus of edits with those of buf's command.
package breaking
