package buffer_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/buffer"
)

func Example() {
	b := buffer.Get(64)
	defer buffer.Put(b)
	b.B = append(b.B, "hello"...)
	b.Grow(1 << 10)
	b.B = append(b.B, " world"...)
	fmt.Println(string(b.B))
	// Output: hello world
}
