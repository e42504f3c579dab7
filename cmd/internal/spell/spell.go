// Package spell finds what somebody may have meant by a word that nobody knows.
package spell

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Nearest returns those of candidates that are nearest to word, sorted, at most three; none when all are too far from
// it to be what was meant. It takes upper and lower case for alike, and the two parts of a name joined by "_", "-" or
// not at all.
func Nearest(word string, candidates []string) []string {
	folded := fold(word)
	best := limit(folded) + 1
	var found []string
	for _, c := range candidates {
		if c == word {
			continue
		}
		d := distance(folded, fold(c), best)
		switch {
		case d < best:
			best = d
			found = append(found[:0], c)
		case d == best && d <= limit(folded):
			found = append(found, c)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), 3)]
}

// Question returns "did you mean A?" for the nearest of candidates, "" when there is none.
func Question(word string, candidates []string) string {
	near := Nearest(word, candidates)
	if len(near) == 0 {
		return ""
	}
	for i := range near {
		near[i] = strconv.Quote(near[i])
	}
	if len(near) == 1 {
		return "did you mean " + near[0] + "?"
	}
	return "did you mean " + strings.Join(near[:len(near)-1], ", ") + " or " + near[len(near)-1] + "?"
}

func fold(word string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(word))
}

// limit is the distance from which on another word is another word.
func limit(word string) int {
	switch n := utf8.RuneCountInString(word); {
	case n <= 2:
		return 0
	case n <= 4:
		return 1
	case n <= 8:
		return 2
	default:
		return 3
	}
}

// distance counts the letters to insert, to delete, to replace or to swap with their neighbour that lead from a to b
// (the optimal string alignment distance); anything above most is as good as another.
func distance(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > most || len(y)-len(x) > most {
		return most + 1
	}
	before := make([]int, len(y)+1)
	last := make([]int, len(y)+1)
	row := make([]int, len(y)+1)
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
