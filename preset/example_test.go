package preset_test

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// A server and a client with the defaults. Generated code brings the service and a stub around the handler of Bind.
func Example() {
	type text = wrapperspb.StringValue
	hello := fairlead.NewMethod[text, text](fairlead.Unary, "greeter.v1.Greeter", "SayHello")
	greeter := fairlead.Implement(fairlead.NewService("greeter.v1.Greeter", "proto", nil, hello),
		fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) {
			return wrapperspb.String("hello " + m.GetValue()), nil
		}))

	ctx := context.Background()
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(greeter))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = srv.Shutdown(ctx) }()

	conn, err := preset.NewClient(srv.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	call := fairlead.NewCall(hello, wrapperspb.String("Ann"), fairlead.WithTimeout(time.Second))
	reply, err := fairlead.Result[text](call, conn.Bind(hello)(ctx, call))
	fmt.Println(reply.GetValue(), err)
	// Output: hello Ann <nil>
}
