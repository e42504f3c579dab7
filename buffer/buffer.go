// Package buffer holds pooled byte buffers under one ownership rule: whoever calls Get owns the buffer and either hands
// it over, in which case the receiver owns it, or calls Put once and touches it no more. A buffer that is never put back
// is garbage, not a fault, but tests count them.
package buffer

import (
	"math/bits"
	"sync"
)

// Buffers come in powers of two from minSize to maxSize; longer ones are not pooled.
const (
	minBits = 9  // 512 bytes
	maxBits = 20 // 1 MiB
)

// Buf is a buffer from the pool. B is its content; the owner may append to it, also past its capacity.
type Buf struct {
	B []byte
}

var pools [maxBits - minBits + 1]sync.Pool

// Get returns an empty buffer with room for at least n bytes.
func Get(n int) *Buf {
	c := class(n)
	if c >= len(pools) {
		track(1)
		return &Buf{B: make([]byte, 0, n)}
	}
	track(1)
	if b, ok := pools[c].Get().(*Buf); ok {
		b.B = b.B[:0]
		return b
	}
	return &Buf{B: make([]byte, 0, 1<<(c+minBits))}
}

// Put gives b back. Its owner must not touch it, or slices of its content, afterwards. Nil is allowed.
func Put(b *Buf) {
	if b == nil {
		return
	}
	track(-1)
	// A buffer that has grown goes to the class whose promise it keeps.
	c := bits.Len(uint(cap(b.B))) - 1 - minBits
	if c < 0 || c >= len(pools) {
		return
	}
	pools[c].Put(b)
}

// Grow makes room for n more bytes in b, moving its content to a larger pooled array if it must.
func (b *Buf) Grow(n int) {
	if cap(b.B)-len(b.B) >= n {
		return
	}
	nb := Get(max(len(b.B)+n, 2*cap(b.B)))
	nb.B = append(nb.B, b.B...)
	b.B, nb.B = nb.B, b.B
	Put(nb)
}

// class returns the pool whose buffers have room for n bytes.
func class(n int) int {
	if n <= 1<<minBits {
		return 0
	}
	return bits.Len(uint(n-1)) - minBits
}
