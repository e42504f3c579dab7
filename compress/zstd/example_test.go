package zstd_test

import (
	"fmt"

	"github.com/fairlead-go/fairlead/compress/zstd"
)

func ExampleCompressor() {
	c, err := zstd.New(zstd.Level(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	packed, err := c.AppendCompress(nil, make([]byte, 1000))
	if err != nil {
		fmt.Println(err)
		return
	}
	message, err := c.AppendDecompress(nil, packed, 1000)
	fmt.Println(len(packed) < 50, len(message), err)
	_, err = c.AppendDecompress(nil, packed, 999)
	fmt.Println(err)
	// Output:
	// true 1000 <nil>
	// compress: the message is longer than the limit once decompressed
}
