// Package rules has what the code in name_validate.fl.go calls, which fairlead gen makes from the rules in contracts:
// the types of its methods, and the checks of formats. Programs use package validate; handlers may find the checks
// useful (IsEmail, IsHostname and others). An Evaluator applies rules for which there is no generated code.
package rules
