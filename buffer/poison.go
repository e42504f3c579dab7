package buffer

import (
	"bytes"
	"runtime"
)

// venom is the content of released memory.
const venom = "\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb"

// poison overwrites bytes that must not be read any more, which also shows readers to the race detector.
func poison(b []byte) {
	b = b[:cap(b)]
	for done := copy(b, venom); done < len(b); done *= 2 {
		copy(b[done:], b[:done]) // quick under the race detector, too
	}
}

// retire poisons an array that is never used again, so that late readers find poison at any time, and late writers are
// found when it is collected.
func retire(b *Buf) {
	array := b.B[:cap(b.B)]
	poison(array)
	if len(array) > 0 {
		runtime.AddCleanup(b, inspect, array)
	}
}

// inspect looks for bytes that were written to a retired array: all of it repeats the first eight.
func inspect(array []byte) {
	n := min(len(array), len(venom))
	if string(array[:n]) != venom[:n] || !bytes.Equal(array[n:], array[:len(array)-n]) {
		panic("buffer: written to after it was put back")
	}
}
