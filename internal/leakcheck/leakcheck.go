// Package leakcheck fails tests that leave goroutines behind.
package leakcheck

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Goroutines get this long to end after the test, looked at this often.
const (
	patience = 30 * time.Second
	period   = 2 * time.Millisecond
)

// Check has the test fail if, up to half a minute after it and the cleanups registered later than Check, goroutines run
// that did not when Check was called; their stacks are in the failure. Call it first in the test.
//
// Go does not say which test a goroutine belongs to. A test that runs in parallel with others therefore must not call
// Check: it would wait for theirs as well. Check the parent of a group of parallel subtests, or the whole package with
// Main.
func Check(t testing.TB) {
	t.Helper()
	check(t, patience)
}

func check(t testing.TB, patience time.Duration) {
	t.Helper()
	before := snapshot()
	t.Cleanup(func() {
		t.Helper()
		if left := wait(before, patience); len(left) > 0 {
			t.Errorf("%d goroutines are left:\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
	})
}

// Main is a TestMain: it runs the tests and, if they pass, fails when goroutines are left that did not run before. It
// does not return.
//
//	func TestMain(m *testing.M) { leakcheck.Main(m) }
//
// Cleanups run after the tests, whatever came of them.
func Main(m *testing.M, cleanups ...func()) {
	before := snapshot()
	code := m.Run()
	for _, f := range cleanups {
		f()
	}
	if code == 0 {
		if left := wait(before, patience); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "leakcheck: %d goroutines are left:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code) //nolint:forbidigo // a TestMain is a main
}

// snapshot returns the numbers of the goroutines that run.
func snapshot() map[string]bool {
	ids := make(map[string]bool)
	for _, g := range goroutines() {
		ids[g.id] = true
	}
	return ids
}

// wait returns the stacks of goroutines that are not in before and do not end in time.
func wait(before map[string]bool, patience time.Duration) []string {
	tick := time.NewTicker(period)
	defer tick.Stop()
	deadline := time.Now().Add(patience)
	for {
		var left []string
		for _, g := range goroutines() {
			if !before[g.id] && !g.foreign() {
				left = append(left, g.stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		<-tick.C
	}
}

// goroutine is one block of a stack dump.
type goroutine struct {
	id    string // its number, which is never used again
	stack string
}

// goroutines returns all but the calling one.
func goroutines() []goroutine {
	dump := make([]byte, 64<<10)
	for {
		n := runtime.Stack(dump, true)
		if n < len(dump) {
			return parse(string(dump[:n]))
		}
		dump = make([]byte, 2*len(dump))
	}
}

// parse cuts a dump into goroutines and leaves out the first, the one that took it.
func parse(dump string) []goroutine {
	blocks := strings.Split(strings.TrimSpace(dump), "\n\n")
	list := make([]goroutine, 0, len(blocks))
	for _, b := range blocks[1:] {
		// "goroutine 18 [select]:"
		head, _, _ := strings.Cut(b, "\n")
		fields := strings.Fields(head)
		if len(fields) < 2 || fields[0] != "goroutine" {
			continue
		}
		list = append(list, goroutine{id: fields[1], stack: b})
	}
	return list
}

// outsiders start goroutines that belong to no test: the runtime, package testing, which waits for its own, and
// packages of the standard library that keep one for ever once they are used.
var outsiders = []string{ //nolint:gochecknoglobals // only read
	"runtime.", "runtime/", "testing.", "os/signal.",
}

// foreign reports whether no test is responsible for the goroutine.
func (g goroutine) foreign() bool {
	// The last two lines are "created by f in goroutine n" and the place, except in the main goroutine.
	_, creator, _ := strings.Cut(g.stack, "\ncreated by ")
	return creator == "" || slices.ContainsFunc(outsiders, func(p string) bool { return strings.HasPrefix(creator, p) })
}
