package proto

import (
	"bytes"
	"testing"
)

// TestASCII has one byte at each place of encodings of many lengths.
func TestASCII(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		b := bytes.Repeat([]byte{0x7f}, n)
		if !ascii(b) {
			t.Errorf("%d bytes: got false", n)
		}
		for i := range b {
			b[i] = 0x80
			if ascii(b) {
				t.Errorf("0x80 at %d of %d: got true", i, n)
			}
			b[i] = 0
		}
	}
}
