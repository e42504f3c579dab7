// Package arch has rules of the repository, as tests: the layers of imports, what server and client may name, what the
// modules around the core may use of it, and what the core may require; the file map in docs/DESIGN.md; the time that
// tests wait; phrases that comments avoid. It has no code of its own.
//
// The table in layers_test.go is the design, not a description of it: changing it needs a note in docs/decisions.
package arch
