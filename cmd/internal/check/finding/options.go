package finding

import (
	"encoding/binary"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// Options finds the places of options in the source code info of a file. Other than by going through all of it, the
// options of one declaration are found in the time that they take.
type Options struct {
	of map[string][]int
}

// NewOptions returns the options among n locations, of which path returns the path of one.
func NewOptions(n int, path func(i int) []int32) *Options {
	o := &Options{of: make(map[string][]int)}
	for i := range n {
		if declaration, ok := idl.OptionsOf(path(i)); ok {
			key := Key(declaration)
			o.of[key] = append(o.of[key], i)
		}
	}
	return o
}

// Of returns the indices of the locations of the options of a declaration, and of what is in them, in their order.
// Declaration is its path; that of the file is empty.
func (o *Options) Of(declaration []int32) []int { return o.of[Key(declaration)] }

// Key makes a path in a descriptor a key of maps.
func Key(path []int32) string {
	b := make([]byte, 0, 2*len(path))
	for _, n := range path {
		b = binary.AppendVarint(b, int64(n))
	}
	return string(b)
}
