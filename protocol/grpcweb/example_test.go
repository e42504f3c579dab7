package grpcweb_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/std"
)

// A server answers gRPC-Web once its HTTP wire has it, as that of package preset does. Here a client of HTTP/1.1 that
// knows nothing of it calls, in the text form.
func Example() {
	const service = "greeter.v1.Greeter"
	method := fairlead.NewMethod[wrapperspb.StringValue, wrapperspb.StringValue](fairlead.Unary, service, "SayHello")
	hello := func(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("hello " + name.Value), nil
	}
	srv, err := server.New(
		server.Service(fairlead.Implement(
			fairlead.NewService(service, "proto", nil, method),
			fairlead.UnaryHandler(hello),
		)),
		server.Protocol(web.NewServer(grpcweb.NewServer())),
		server.Codec(proto.Codec{}),
		server.Transport(std.Network{}),
		server.Listen("127.0.0.1:0"),
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
	defer func() { _ = srv.Shutdown(ctx) }()

	// One byte of flags, four of length, and a message whose field 1 is "Ann".
	body := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x00\x05\x0a\x03Ann"))
	url := "http://" + srv.Addr().String() + method.Path
	resp, err := http.Post(url, "application/grpc-web-text", strings.NewReader(body)) //nolint:noctx,gosec // an example
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	frames, err := base64.StdEncoding.DecodeString(string(text))
	fmt.Printf("%q %v\n", frames, err)
	http.DefaultClient.CloseIdleConnections()
	// Output: "\x00\x00\x00\x00\v\n\thello Ann\x80\x00\x00\x00\x10grpc-status: 0\r\n" <nil>
}
