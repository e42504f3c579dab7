// Package cli holds what the subcommands of fairlead have in common: exit codes, what may be done with a terminal, a
// line of progress, and writing files so that nobody sees half of one.
//
// A subcommand is a package beside this one with a function New that returns its *cobra.Command. It reads and writes
// through the command's In, Out and Err streams alone, so that tests can run it within their own process.
package cli
