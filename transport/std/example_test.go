package std_test

import (
	"context"
	"fmt"
	"log"

	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
)

func Example() {
	ctx := context.Background()
	var network std.Network
	l, err := network.Listen(ctx, transport.Target{Network: "tcp", Addr: "127.0.0.1:0"})
	if err != nil {
		log.Print(err)
		return
	}
	go func() {
		defer func() { _ = l.Close() }()
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_ = c.Write([]byte("hello"))
	}()

	c, err := network.Dial(ctx, transport.Target{Network: "tcp", Addr: l.Addr().String()})
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = c.Close() }()
	b, err := c.Peek(5)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(string(b))
	c.Discard(len(b))
	// Output: hello
}
