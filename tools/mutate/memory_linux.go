package main

import "syscall"

// maxMemory is the address space in bytes that a run of tests may take: a mutant may never stop to ask for more.
const maxMemory = 8 << 30

// limitMemory bounds the memory of the programs that this one starts.
func limitMemory() {
	l := syscall.Rlimit{Cur: maxMemory, Max: maxMemory}
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &l) // without, it works as well
}
