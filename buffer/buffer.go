// Package buffer holds pooled byte buffers. They have one owner: the caller of Get owns the buffer and either passes it
// on, so that the receiver owns it, or calls Put once and does not use it any more. A buffer that is never put back is
// garbage, not a fault, but tests count them: see Count.
//
// In a program built with the tag poison, a buffer that is put back is overwritten with the byte 0xdb and not used
// again, so that late readers find that byte, and late writers cause a panic when the buffer is collected; putting back
// twice panics. Poisoning tells other packages that pool memory about the tag. It is for test runs: without the tag it
// costs nothing.
package buffer

import (
	"math/bits"
	"sync"
)

// Buffers come in powers of two from 512 bytes to 1 MiB. Longer ones are not pooled: they are rare, and one that is
// kept for the next small use costs more than it saves.
const (
	minBits = 9
	maxBits = 20
	classes = maxBits - minBits + 1
)

// Buf is a buffer from the pool. Only its owner may use it.
type Buf struct {
	// B is the content; the owner may append to it, also past its capacity, and may replace it.
	B []byte

	free bool // it is in the pool, or was put
}

var pools [classes]sync.Pool

// Get returns an empty buffer with room for at least n bytes, and for 512 if n is less. It is safe for concurrent use.
func Get(n int) *Buf {
	b := get(n)
	if counting.Load() {
		ledger.got(b)
	}
	return b
}

func get(n int) *Buf {
	c := class(n)
	if c >= classes {
		return &Buf{B: make([]byte, 0, n)}
	}
	if b, ok := pools[c].Get().(*Buf); ok {
		b.B, b.free = b.B[:0], false
		return b
	}
	return &Buf{B: make([]byte, 0, 1<<(c+minBits))}
}

// Put returns b to the pool. Its owner must not use it, or slices of its content, afterwards. b may be nil. Put is safe
// for concurrent use.
func Put(b *Buf) {
	if b == nil {
		return
	}
	if Poisoning || counting.Load() {
		check(b)
	}
	if b.free {
		// Two owners would share it from now on, so the second Put is ignored. Tests panic instead.
		return
	}
	b.free = true
	if Poisoning {
		retire(b)
		return
	}
	if c := home(cap(b.B)); c >= 0 {
		pools[c].Put(b)
	}
}

// Drop leaves b to the garbage collector instead of the pool. It is for an owner who cannot tell whether the content is
// still being read. It is the same as forgetting b, except that b no longer counts as held. b may be nil.
func Drop(b *Buf) {
	if b != nil && counting.Load() {
		ledger.drop(b)
	}
}

// Grow makes room for n more bytes in b. If it must, it moves the content to a larger pooled array; that at least
// doubles the capacity, so that many small steps cost no more than one large one. Slices of the old content are then
// invalid.
func (b *Buf) Grow(n int) {
	if cap(b.B)-len(b.B) >= n {
		return
	}
	larger := get(max(len(b.B)+n, 2*cap(b.B)))
	larger.B = append(larger.B, b.B...)
	b.B, larger.B = larger.B, b.B
	larger.free = true
	if Poisoning {
		retire(larger)
		return
	}
	if counting.Load() {
		poison(larger.B)
	}
	if c := home(cap(larger.B)); c >= 0 {
		pools[c].Put(larger)
	}
}

// class returns the pool whose buffers have room for n bytes. A result of classes or more means that there is none.
func class(n int) int {
	if n <= 1<<minBits {
		return 0
	}
	return bits.Len(uint(n-1)) - minBits
}

// home returns the pool for a buffer of that capacity, which is the largest class that it has room for, and -1 for one
// that is too short or too long to keep. Any capacity occurs: the owner may have appended past the capacity or cut off
// the front.
func home(capacity int) int {
	if capacity < 1<<minBits || capacity > 1<<maxBits {
		return -1
	}
	return bits.Len(uint(capacity)) - 1 - minBits
}
