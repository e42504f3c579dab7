// Package peer is what the programs under measurement have in common: the flags, the figures that a server gives away,
// and the load that a client makes. A framework that is compared adds its own way to serve and to call and nothing
// else, so that any client program can drive any server program and all results mean the same.
//
// Every program ends when its standard input does, so that none outlives the runner that started it.
package peer
