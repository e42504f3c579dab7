//go:build !linux

package main

// limitMemory bounds memory on Linux alone.
func limitMemory() {}
