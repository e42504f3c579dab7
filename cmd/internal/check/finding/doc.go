// Package finding has what the checks of contracts have in common: what a check found, the flags that all of them have,
// and how findings are printed.
//
// A check adds the flags to its command with AddFlags, collects findings, and ends with Flags.Report, which prints them
// and returns how the command ends.
package finding
