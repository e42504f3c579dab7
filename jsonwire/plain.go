package jsonwire

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the number of bytes at the beginning of b that a string in JSON has as they are: up to the first
// quotation mark, backslash or control character. High reports whether a byte among them may be at or above 0x80.
func plain(b []byte) (n int, high bool) {
	var seen uint64
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		if m := special(w); m != 0 {
			k := bits.TrailingZeros64(m) &^ 7
			seen |= w & (1<<k - 1)
			return n + k>>3, seen&highs != 0
		}
		seen |= w
	}
	for ; n < len(b); n++ {
		c := b[n]
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		seen |= uint64(c)
	}
	return n, seen&highs != 0
}

// special has the highest bit of each byte of w set that is a quotation mark, a backslash or a control character.
// Above the lowest such byte other bits may be set as well.
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}
