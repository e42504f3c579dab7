//go:build race

package protovalidate

// samples is less than without the race detector, which takes ten times as long.
const samples = 20
