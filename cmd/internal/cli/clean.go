package cli

import (
	"strings"
	"unicode"
)

// Clean replaces control characters of text that somebody else wrote: to a terminal they could be commands.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
