// Package rules is what the code in name_validate.fl.go calls, which fairlead gen makes of the rules in contracts: the
// types of its methods, and the checks for formats. Programs use package validate; handlers may find the checks useful
// (IsEmail, IsHostname and others). An Evaluator does what there is no generated code for.
package rules
