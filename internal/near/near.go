// Package near finds what somebody may have meant who wrote a name that does not exist.
package near

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// most is the number of names that Names and Words return: more help nobody.
	most = 3
	// maxCompared is the length in bytes up to which names are compared, since that takes the product of both.
	maxCompared = 256
)

// Names returns the names most like name, three at most, best first: those that differ by few letters, upper and lower
// being the same, those whose part behind the last dot does, and those that contain it.
func Names(name string, names []string) []string {
	type scored struct {
		name string
		part int // the smaller distance, of the whole or of the last parts
		full int
	}
	want := strings.ToLower(name)
	short := last(want)
	var list []scored
	seen := make(map[string]bool)
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		have := strings.ToLower(n)
		full := Distance(want, have)
		part := min(full, Distance(short, last(have)))
		if part <= max(1, len(short)/3) || len(short) >= 3 && strings.Contains(have, short) {
			list = append(list, scored{n, part, full})
		}
	}
	slices.SortFunc(list, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.full, b.full), cmp.Compare(a.name, b.name))
	})
	list = list[:min(most, len(list))]
	result := make([]string, len(list))
	for i, s := range list {
		result[i] = s.name
	}
	return result
}

// last returns the part of a name behind the last dot.
func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// Distance returns the number of letters that have to be inserted, removed, replaced, or swapped with their neighbour
// to make b of a (the optimal string alignment distance). Of names longer than 256 bytes it says only that they are far
// from others.
func Distance(a, b string) int {
	if len(a) > maxCompared || len(b) > maxCompared {
		return max(len(a), len(b))
	}
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

// List puts names into a sentence: "a", "a or b", "a, b or c".
func List(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	end := len(names) - 1
	return strings.Join(names[:end], ", ") + " or " + names[end]
}
