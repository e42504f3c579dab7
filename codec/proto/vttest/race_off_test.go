//go:build !race

package vttest

const raceEnabled = false
