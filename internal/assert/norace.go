//go:build !race

package assert

// Race says whether the race detector is on.
const Race = false
