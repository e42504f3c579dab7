//go:build !race

package combine_test

const raceEnabled = false
