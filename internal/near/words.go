package near

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Words returns those of candidates that are nearest to word, sorted, at most three; none when all are too far from it
// to be what was meant. Unlike Names it returns only the nearest, and compares whole words: it is for options, keywords
// and other names of a list that the program knows. Upper and lower case are the same, and so are names whose parts are
// joined by "_", by "-" and by nothing.
func Words(word string, candidates []string) []string {
	folded := fold(word)
	best := limit(folded) + 1
	var found []string
	for _, c := range candidates {
		if c == word {
			continue
		}
		d := Distance(folded, fold(c))
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
	return found[:min(len(found), most)]
}

// Question returns "did you mean A?" for the Words among candidates, "" when there is none.
func Question(word string, candidates []string) string {
	names := Words(word, candidates)
	if len(names) == 0 {
		return ""
	}
	for i := range names {
		names[i] = strconv.Quote(names[i])
	}
	return "did you mean " + List(names) + "?"
}

func fold(word string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(word))
}

// limit returns the largest distance at which a candidate may still be meant by word.
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
