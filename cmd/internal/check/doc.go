// Package check is the command "fairlead check": it looks for what is wrong with contracts that compile. The rules are
// in package lint; the checks that compare contracts are commands of their own below it.
package check
