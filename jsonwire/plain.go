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
	i := 0
	for ; i <= len(b)-32; i += 32 {
		p := (*[32]byte)(b[i:])
		m := unusual(binary.LittleEndian.Uint64(p[:]))
		m |= unusual(binary.LittleEndian.Uint64(p[8:]))
		m |= unusual(binary.LittleEndian.Uint64(p[16:]))
		m |= unusual(binary.LittleEndian.Uint64(p[24:]))
		if m&highs != 0 {
			break
		}
	}
	var seen uint64
	rest := b[i:]
	for len(rest) >= 8 {
		w := binary.LittleEndian.Uint64(rest)
		if m := special(w) & highs; m != 0 {
			k := bits.TrailingZeros64(m) &^ 7
			seen |= w & (1<<k - 1)
			return len(b) - len(rest) + k>>3, seen&highs != 0
		}
		seen |= w
		rest = rest[8:]
	}
	n = len(b) - len(rest)
	for _, c := range rest {
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		seen |= uint64(c)
		n++
	}
	return n, seen&highs != 0
}

// special has the highest bit of each byte of w set that is a quotation mark, a backslash or a control character. In
// bytes above the lowest such byte it may be set as well; the other bits mean nothing.
func special(w uint64) uint64 { return candidates(w) &^ w }

// unusual has a highest bit set if there is such a byte in w, or one at or above 0x80.
func unusual(w uint64) uint64 { return candidates(w) | w }

// candidates is special if all bytes of w are ASCII. The control characters and the quotation mark, and no others, are
// below 0x21 with their second bit changed.
func candidates(w uint64) uint64 {
	control := (w ^ ones*2) - ones*0x21
	slash := (w ^ ones*'\\') - ones
	return control | slash
}
