package preset

import (
	"errors"
	"fmt"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/connect"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/web"
)

// Protocol is a protocol in which clients call, by its name. Servers of NewServer answer in all of them.
type Protocol string

// The protocols.
const (
	GRPC    Protocol = "grpc"     // https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
	GRPCWeb Protocol = "grpc-web" // https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
	Connect Protocol = "connect"  // https://connectrpc.com/docs/protocol
)

// Protocols returns the protocols that ClientProtocol takes. The first is that of NewClient.
func Protocols() []Protocol { return []Protocol{GRPC, GRPCWeb, Connect} }

// ClientProtocol chooses the protocol of a client's calls, and options of its wire. It replaces the wire of NewClient.
// A name that is none of Protocols is an error of NewClient. Default: GRPC.
//
//	preset.NewClient("dns:///greeter:8080", preset.ClientProtocol(preset.Connect))
//
// The version of HTTP is 2, or 1.1 with the option web.UseHTTP1, which gRPC cannot have.
//
// Options of a protocol itself, such as connect.Get, are set with client.Protocol and web.NewClient.
func ClientProtocol(p Protocol, opts ...web.ClientOption) client.Option {
	app := httpClient(p)
	if app == nil {
		return client.Invalid(fmt.Errorf("preset: ClientProtocol: %q is not one of %q", p, Protocols()))
	}
	wire := web.NewClient(app, opts...)
	if p == GRPC && wire.Serial() {
		return client.Invalid(errors.New("preset: ClientProtocol: gRPC needs HTTP/2, and web.UseHTTP1 was given"))
	}
	return client.Protocol(wire)
}

// httpClient returns the client side of a protocol, nil for a name that is none.
func httpClient(p Protocol) protocol.HTTPClient {
	switch p {
	case GRPC:
		return grpc.NewClient()
	case GRPCWeb:
		return grpcweb.NewClient()
	case Connect:
		return connect.NewClient()
	}
	return nil
}
