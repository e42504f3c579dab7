package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// capped is a server.Gate: it admits no more than a number of calls at once.
type capped chan struct{}

func (c capped) Enter(*fairlead.Call) error {
	select {
	case c <- struct{}{}:
		return nil
	default:
		return fairlead.Errorf(fairlead.ResourceExhausted, "busy")
	}
}

func (c capped) Leave(*fairlead.Call) { <-c }

// A server put together by hand, from a wire, a codec and a network of one's own. Package preset has the usual ones.
func ExampleNew() {
	network := inproc.New()
	echo := protocoltest.NewEcho("test.Echo")
	srv, err := server.New(
		server.Service(echo.Implement(protocoltest.Handlers{})),
		server.Protocol(protocoltest.NewFrameServer()),
		server.Codec(protocoltest.Codec{}),
		server.Transport(network),
		server.Listen("echo:1"),
		server.Admission(make(capped, 100)),
		server.Logger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := srv.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("listening on", srv.Addr())

	tc, err := network.Dial(ctx, transport.Target{Addr: "echo:1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := &protocol.ClientConfig{Codec: protocoltest.Codec{}}
	var wire protocoltest.FrameClient
	conn, err := wire.NewConn(ctx, tc, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	bind, err := wire.Bind(echo.Unary, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	call := fairlead.NewCall(echo.Unary, &protocoltest.Msg{Text: "hello"})
	reply, err := fairlead.Result[protocoltest.Msg](call, conn.Unary(ctx, bind, call))
	fmt.Println(reply.Text, err)

	// Clients are asked to leave, and have ten seconds to do so.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx))
	// Output:
	// listening on echo:1
	// hello <nil>
	// <nil>
}
