// Package micro measures one side of a call without the kernel: its benchmarks replay what the other side sends from
// memory, so that their figures are the framework's own work and repeat better than those of two processes. Compare two
// versions with benchstat.
package micro
