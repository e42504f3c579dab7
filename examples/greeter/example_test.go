package greeter_test

import (
	"context"
	"fmt"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/examples/greeter"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// polite greets one person, and has none of the other methods. It also compiles when the contract gets more of them.
type polite struct {
	greeter.UnimplementedGreeterServer
}

func (polite) SayHello(_ context.Context, req *greeter.HelloRequest) (*greeter.HelloReply, error) {
	return &greeter.HelloReply{Text: "Hello " + req.Name}, nil
}

// A server that embeds UnimplementedGreeterServer need not have all methods.
func ExampleUnimplementedGreeterServer() {
	ctx := context.Background()
	network := inproc.New()
	srv, err := preset.NewServer("greeter:1", server.Transport(network), server.Service(greeter.Greeter(polite{})))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Shutdown(ctx) }()
	conn, err := preset.NewClient("greeter:1", client.Dialer(network))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	hello := greeter.NewGreeterClient(conn)

	reply, err := hello.SayHello(ctx, &greeter.HelloRequest{Name: "Ann"})
	fmt.Println(reply.GetText(), err)

	stream, err := hello.Stream(ctx, &greeter.StreamRequest{Name: "Ann", Count: 2})
	if err == nil {
		_, err = stream.Recv()
	}
	fmt.Println(err)

	// Output:
	// Hello Ann <nil>
	// UNIMPLEMENTED: /greeter.v1.Greeter/Stream is not implemented
}
