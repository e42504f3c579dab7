//go:build !race

package protovalidate

// samples is how many random messages of each type are compared.
const samples = 120
