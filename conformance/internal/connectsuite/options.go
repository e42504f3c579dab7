package connectsuite

import (
	"fmt"

	"github.com/fairlead-go/fairlead/client"
	pb "github.com/fairlead-go/fairlead/conformance/internal/connectsuite/connectpb"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// carrier returns the options of a client that choose the protocol, the version of HTTP and the codec.
func carrier(req *pb.ClientCompatRequest) ([]client.Option, error) {
	var p protocol.HTTPClient
	switch req.GetProtocol() {
	case pb.Protocol_PROTOCOL_GRPC:
		p = grpc.NewClient()
	case pb.Protocol_PROTOCOL_GRPC_WEB:
		p = grpcweb.NewClient()
	default:
		return nil, fmt.Errorf("no protocol for %v", req.GetProtocol())
	}
	if req.GetHttpVersion() != pb.HTTPVersion_HTTP_VERSION_2 {
		return nil, fmt.Errorf("no HTTP for %v", req.GetHttpVersion())
	}
	if req.GetCodec() != pb.Codec_CODEC_PROTO {
		return nil, fmt.Errorf("no codec for %v", req.GetCodec())
	}
	return []client.Option{client.Protocol(web.NewClient(p))}, nil
}

// Serve returns the options of a server with all protocols.
func Serve() []server.Option {
	return []server.Option{
		preset.ServerHTTP2(), server.Service(pb.ConformanceService(Service{})), server.CompressMin(0),
	}
}
