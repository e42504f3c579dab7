package grpc_test

import (
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// A server speaks gRPC once its HTTP wire has it. Package preset does this, and package client what follows it here.
func Example() {
	ctx := context.Background()
	const service = "greeter.v1.Greeter"
	method := fairlead.NewMethod[wrapperspb.StringValue, wrapperspb.StringValue](fairlead.Unary, service, "SayHello")
	hello := func(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("hello " + name.Value), nil
	}

	network := inproc.New()
	srv, err := server.New(
		server.Service(fairlead.Implement(
			fairlead.NewService(service, "proto", nil, method),
			fairlead.UnaryHandler(hello),
		)),
		server.Protocol(web.NewServer(grpc.NewServer())),
		server.Codec(proto.Codec{}),
		server.Transport(network),
		server.Listen("greeter:1"),
		server.Logger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Shutdown(ctx) }()

	wire := web.NewClient(grpc.NewClient())
	cfg := &protocol.ClientConfig{Codec: proto.Codec{}, Authority: "greeter", HeaderList: 16 << 10}
	bound, err := wire.Bind(method, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	tc, err := network.Dial(ctx, transport.Target{Addr: "greeter:1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := wire.NewConn(ctx, tc, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(nil)

	call := fairlead.NewCall(method, wrapperspb.String("Ann"))
	reply, err := fairlead.Result[wrapperspb.StringValue](call, conn.Unary(ctx, bound, call))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Value)
	// Output: hello Ann
}
