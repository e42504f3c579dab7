package rules

import (
	"bytes"
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Pattern is a regular expression of a contract, in RE2's syntax. It is compiled when it is first used, so that it does
// not slow the start of a program; &Pattern{Expr: "…"} is ready for use. It is safe for concurrent use.
type Pattern struct {
	Expr string

	once     sync.Once
	compiled *regexp.Regexp
}

// Match reports whether s contains a match. An expression that does not compile, which the generator refuses, matches
// nothing.
func (p *Pattern) Match(s string) bool {
	p.once.Do(p.compile)
	return p.compiled != nil && p.compiled.MatchString(s)
}

// MatchBytes reports whether b contains a match.
func (p *Pattern) MatchBytes(b []byte) bool {
	p.once.Do(p.compile)
	return p.compiled != nil && p.compiled.Match(b)
}

func (p *Pattern) compile() { p.compiled, _ = regexp.Compile(p.Expr) }

// Finite reports whether x is neither infinite nor NaN.
func Finite(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }

// IsZero reports whether a floating-point field counts as not set. Negative zero is sent, so it counts as set.
func IsZero(x float64) bool { return x == 0 && !math.Signbit(x) }

// fewItems is up to how many items are compared with each other, without memory, instead of in a sorted copy.
const fewItems = 32

// Unique reports whether no two items are equal. NaN differs from itself.
func Unique[T cmp.Ordered](items []T) bool {
	if len(items) <= fewItems {
		for i := 1; i < len(items); i++ {
			if slices.Contains(items[:i], items[i]) {
				return false
			}
		}
		return true
	}
	// A map would take many times the memory of the message.
	sorted := slices.Clone(items)
	slices.Sort(sorted)
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return false
		}
	}
	return true
}

// UniqueBools is Unique for bools, of which there are two.
func UniqueBools(items []bool) bool {
	return len(items) < 2 || len(items) == 2 && items[0] != items[1]
}

// UniqueBytes is Unique for byte strings.
func UniqueBytes(items [][]byte) bool {
	if len(items) <= fewItems {
		for i := 1; i < len(items); i++ {
			for _, other := range items[:i] {
				if bytes.Equal(other, items[i]) {
					return false
				}
			}
		}
		return true
	}
	sorted := slices.Clone(items)
	slices.SortFunc(sorted, bytes.Compare)
	for i := 1; i < len(sorted); i++ {
		if bytes.Equal(sorted[i], sorted[i-1]) {
			return false
		}
	}
	return true
}

// MaskWithin reports whether each of a field mask's paths is one of allowed or lies below one.
func MaskWithin(paths []string, allowed ...string) bool {
	for _, p := range paths {
		if !below(p, allowed) {
			return false
		}
	}
	return true
}

// MaskWithout reports whether none of a field mask's paths is one of denied or lies below one.
func MaskWithout(paths []string, denied ...string) bool {
	for _, p := range paths {
		if below(p, denied) {
			return false
		}
	}
	return true
}

// below reports whether path is one of parents or lies below one. The loop is written out, because a function of
// package slices would allocate a closure.
func below(path string, parents []string) bool {
	for _, parent := range parents {
		rest, ok := strings.CutPrefix(path, parent)
		if ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}
