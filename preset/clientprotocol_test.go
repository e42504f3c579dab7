package preset_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// protocolOf is a service that answers with the name of the protocol in which it was called.
func protocolOf() (*fairlead.Implementation, *fairlead.Method) {
	type text = wrapperspb.StringValue
	m := fairlead.NewMethod[text, text](fairlead.Unary, "test.Protocol", "Name")
	return fairlead.Implement(fairlead.NewService("test.Protocol", "proto", nil, m),
		fairlead.UnaryHandler(func(ctx context.Context, _ *text) (*text, error) {
			return wrapperspb.String(fairlead.CallFrom(ctx).Protocol()), nil
		})), m
}

// TestClientProtocol has clients call one server in each protocol, and those that can over HTTP/1.1 as well.
func TestClientProtocol(t *testing.T) {
	t.Parallel()
	impl, m := protocolOf()
	s := start(t, "127.0.0.1:0", server.Service(impl))
	seen := make(map[preset.Protocol]bool)
	for _, p := range append(preset.Protocols(), preset.GRPCWeb, preset.Connect) {
		var wire []web.ClientOption
		if seen[p] {
			wire = append(wire, web.UseHTTP1())
		}
		seen[p] = true
		c := connect(t, s.Addr().String(), preset.ClientProtocol(p, wire...))
		call := fairlead.NewCall(m, new(wrapperspb.StringValue))
		got, err := fairlead.Result[wrapperspb.StringValue](call, c.Bind(m)(t.Context(), call))
		if err != nil || got.GetValue() != string(p) || call.Protocol() != string(p) {
			t.Errorf("%s: got %v, %v, the client says %q", p, got, err, call.Protocol())
		}
	}
	_, err := preset.NewClient("127.0.0.1:1", preset.ClientProtocol("thrift"))
	const want = `ClientProtocol: "thrift" is not one of ["grpc" "grpc-web" "connect"`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// A client calls in Connect. Its server is the same as for gRPC.
func ExampleClientProtocol() {
	conn, err := preset.NewClient("dns:///stock:8080", preset.ClientProtocol(preset.Connect))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	fmt.Println(conn)
	// Output: the client of dns:///stock:8080
}
