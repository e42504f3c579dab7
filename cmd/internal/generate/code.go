package generate

import (
	"bytes"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

// code is the content of a file, compressed: the code of all contracts is held until the first file is written, and
// has six times the size of their text. The zero value is that of a file that should not be there.
type code struct{ packed []byte }

// newCode returns the code with that content; nil is that of a file that should not be there.
func newCode(content []byte) code {
	if content == nil {
		return code{}
	}
	buffer, ok := packing.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	defer packing.Put(buffer)
	*buffer = slices.Grow(*buffer, s2.MaxEncodedLen(len(content)))
	return code{bytes.Clone(s2.Encode((*buffer)[:cap(*buffer)], content))}
}

// packing holds room for the worst case that s2 wants.
var packing sync.Pool

// none reports whether the file should not be there.
func (c code) none() bool { return c.packed == nil }

// content returns what the file should hold, nil for none.
func (c code) content() ([]byte, error) {
	if c.none() {
		return nil, nil
	}
	return s2.Decode(nil, c.packed)
}
