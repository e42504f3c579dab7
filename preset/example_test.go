package preset_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
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

// What the defaults have can be left out or replaced by name, and one logger serves for all that is logged.
func ExampleNewServer() {
	type text = wrapperspb.StringValue
	hello := fairlead.NewMethod[text, text](fairlead.Unary, "greeter.v1.Greeter", "SayHello")
	greeter := fairlead.Implement(fairlead.NewService("greeter.v1.Greeter", "proto", nil, hello),
		fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) { return m, nil }))

	_, err := preset.NewServer(":8080", server.Service(greeter),
		preset.Logger(slog.New(slog.DiscardHandler)),
		server.Without("logging"), server.WithoutCompressor("zstd"))
	fmt.Println(err)
	_, err = preset.NewServer(":8080", server.Service(greeter), server.Without("tracing"))
	fmt.Println(err)
	// Output:
	// <nil>
	// server: Without: no middleware is named "tracing"; options before this one added ["recovery" "logging" "validation"]
}

// Calls carry a token, and those that are made on behalf of another get three quarters of its time.
func ExampleNewClient() {
	token := func(context.Context) (string, error) { return "Bearer secret", nil }
	conn, err := preset.NewClient("dns:///stock:8080",
		client.Header("authorization", token),
		preset.DeadlineShare(0.75))
	if err != nil {
		fmt.Println(err)
		return
	}
	// In a program the client comes before the server whose handlers use it: app.New("shop", conn, srv).
	defer func() { _ = conn.Close() }()
	fmt.Println(conn)
	// Output: the client of dns:///stock:8080
}

// Limits that are HTTP/2's alone are options of the wire.
func ExampleServerHTTP2() {
	_, err := preset.NewServer(":8080", preset.ServerHTTP2(
		web.PingPolicy(time.Minute, true), // clients may ask every minute, also without calls
		web.ControlBudget(50),
	), server.Service(sayer()))
	fmt.Println(err)
	// Output: server: Protocol http: web: ControlBudget: 50 is not between 100 and 2147483647
}

func sayer() *fairlead.Implementation {
	type text = wrapperspb.StringValue
	return fairlead.Implement(fairlead.NewService("echo.v1.Echo", "proto", nil,
		fairlead.NewMethod[text, text](fairlead.Unary, "echo.v1.Echo", "Say")),
		fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) { return m, nil }))
}
