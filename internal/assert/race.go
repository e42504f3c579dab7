//go:build race

package assert

// Race reports whether the race detector is on.
const Race = true
