package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance/roundrobin"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// A client with all that it needs named; preset.NewClient has defaults for it. The server, the wire and the service are
// those of tests.
func Example() {
	ctx := context.Background()
	network := inproc.New()
	echo := protocoltest.NewEcho("test.Echo")
	srv, err := server.New(server.Service(echo.Implement(protocoltest.Handlers{})), server.Codec(protocoltest.Codec{}),
		server.Protocol(protocoltest.NewFrameServer()))
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := network.Listen(ctx, transport.Target{Addr: "a:1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = srv.Serve(l) }() // ends with Shutdown
	defer func() { _ = srv.Shutdown(ctx) }()

	names := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			fmt.Println("attempt at", c.Peer().Addr)
			return next(ctx, c)
		}
	}
	c, err := client.New("static:///a:1,b:1",
		client.Resolver(static.Resolver{}),
		client.Balancer(roundrobin.Balancer{}),
		client.Dialer(network),
		client.Protocol(protocoltest.FrameClient{}),
		client.Codec(protocoltest.Codec{}),
		client.UsePerAttempt(names),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()

	stub := echo.NewClient(c)
	reply, err := stub.Unary(ctx, &protocoltest.Msg{Text: "hello"}, fairlead.WithTimeout(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Text)
	// Output:
	// attempt at a:1
	// hello
}
