package connectsuite

import (
	"fmt"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec/json"
	pb "github.com/fairlead-go/fairlead/conformance/internal/connectsuite/connectpb"
	"github.com/fairlead-go/fairlead/contrib/brotli"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/connect"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// maxQuery is the length in bytes of the longest query of a call by GET.
const maxQuery = 4 << 10

// carrier returns the options of a client that choose the protocol, the version of HTTP, the codec and the compressor.
func carrier(req *pb.ClientCompatRequest) ([]client.Option, error) {
	var p protocol.HTTPClient
	switch req.GetProtocol() {
	case pb.Protocol_PROTOCOL_GRPC:
		p = grpc.NewClient()
	case pb.Protocol_PROTOCOL_GRPC_WEB:
		p = grpcweb.NewClient()
	case pb.Protocol_PROTOCOL_CONNECT:
		var opts []connect.Option
		if req.GetUseGetHttpMethod() {
			opts = append(opts, connect.Get(maxQuery))
		}
		p = connect.NewClient(opts...)
	default:
		return nil, fmt.Errorf("no protocol for %v", req.GetProtocol())
	}
	var version []web.ClientOption
	switch req.GetHttpVersion() {
	case pb.HTTPVersion_HTTP_VERSION_1:
		version = append(version, web.UseHTTP1())
	case pb.HTTPVersion_HTTP_VERSION_2:
	default:
		return nil, fmt.Errorf("no HTTP for %v", req.GetHttpVersion())
	}
	opts := []client.Option{client.Protocol(web.NewClient(p, version...))}
	switch req.GetCodec() {
	case pb.Codec_CODEC_PROTO:
	case pb.Codec_CODEC_JSON:
		opts = append(opts, client.Codec(json.Codec{}))
	default:
		return nil, fmt.Errorf("no codec for %v", req.GetCodec())
	}
	br, err := brotli.New()
	if err != nil {
		return nil, err
	}
	opts = append(opts, client.Compressor(br), client.CompressMin(0))
	switch req.GetCompression() {
	case pb.Compression_COMPRESSION_UNSPECIFIED, pb.Compression_COMPRESSION_IDENTITY:
	case pb.Compression_COMPRESSION_GZIP:
		opts = append(opts, client.Compress("gzip"))
	case pb.Compression_COMPRESSION_ZSTD:
		opts = append(opts, client.Compress("zstd"))
	case pb.Compression_COMPRESSION_BR:
		opts = append(opts, client.Compress(br.Name()))
	default:
		return nil, fmt.Errorf("no compressor for %v", req.GetCompression())
	}
	return opts, nil
}

// Serve returns the options of a server of the suite's service, besides preset's.
func Serve() ([]server.Option, error) {
	br, err := brotli.New()
	if err != nil {
		return nil, err
	}
	return []server.Option{
		server.Service(pb.ConformanceService(Service{})), server.Compressor(br), server.CompressMin(0),
		server.Without("logging"), // of calls; their errors are what the suite asks for
	}, nil
}
