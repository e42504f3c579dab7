package buffer

import (
	"bytes"
	"runtime"
)

// venom is what released memory is filled with.
const venom = "\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb"

// poison makes bytes that nobody may read any more recognisable, and has the race detector see those who do.
func poison(b []byte) {
	b = b[:cap(b)]
	for done := copy(b, venom); done < len(b); done *= 2 {
		copy(b[done:], b[:done]) // quick under the race detector, too
	}
}

// retire poisons an array for good: nobody gets it again, so that whoever still reads it finds poison however late, and
// whoever writes to it is found out when it is collected.
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
