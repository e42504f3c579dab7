package preset_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/preset"
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

// TestClientProtocol has clients call one server in each protocol.
func TestClientProtocol(t *testing.T) {
	t.Parallel()
	impl, m := protocolOf()
	s := start(t, "127.0.0.1:0", server.Service(impl))
	for _, p := range preset.Protocols() {
		c := connect(t, s.Addr().String(), preset.ClientProtocol(p))
		call := fairlead.NewCall(m, new(wrapperspb.StringValue))
		got, err := fairlead.Result[wrapperspb.StringValue](call, c.Bind(m)(t.Context(), call))
		if err != nil || got.GetValue() != string(p) || call.Protocol() != string(p) {
			t.Errorf("%s: got %v, %v, the client says %q", p, got, err, call.Protocol())
		}
	}
	_, err := preset.NewClient("127.0.0.1:1", preset.ClientProtocol("thrift"))
	if err == nil || !strings.Contains(err.Error(), `ClientProtocol: "thrift" is not one of ["grpc" "grpc-web" "connect"`) {
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
