// Package spell finds what somebody may have meant by a word that nobody knows, and spells names as contracts do.
package spell

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/internal/near"
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
		d := near.Distance(folded, fold(c))
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
	names := Nearest(word, candidates)
	if len(names) == 0 {
		return ""
	}
	for i := range names {
		names[i] = strconv.Quote(names[i])
	}
	return "did you mean " + near.List(names) + "?"
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

// UpperSnake spells a name as the values of enums are: SHOP_ERROR for ShopError, HTTP_ERROR for HTTPError.
func UpperSnake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isUpper(c) && i > 0 && name[i-1] != '_' &&
			(!isUpper(name[i-1]) || i+1 < len(name) && !isUpper(name[i+1]) && name[i+1] > '9') {
			b.WriteByte('_')
		}
		b.WriteByte(c)
	}
	return strings.ToUpper(b.String())
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
