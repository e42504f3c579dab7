package grpcgo_test

import (
	"context"
	"fmt"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ships implements a service that protoc-gen-go-grpc generated.
type ships struct {
	testpb.UnimplementedTestServiceServer
}

func (ships) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if in.GetPayload() == nil {
		return nil, status.Errorf(codes.NotFound, "no ship for %s", md["captain"][0])
	}
	return &testpb.SimpleResponse{Payload: in.GetPayload()}, nil
}

func Example() {
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, ships{})
	impls, err := reg.Implementations()
	if err != nil {
		fmt.Println(err)
		return
	}
	network := inproc.New() // in place of the usual one, so that the example needs no port
	srv, err := preset.NewServer("127.0.0.1:80", server.Transport(network), server.Service(impls...))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := srv.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(ctx)

	conn, err := preset.NewClient("static:///127.0.0.1:80", client.Dialer(network))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	stub := testpb.NewTestServiceClient(grpcgo.NewConn(conn))
	ctx = metadata.AppendToOutgoingContext(ctx, "captain", "Ann")
	r, err := stub.UnaryCall(ctx, &testpb.SimpleRequest{Payload: &testpb.Payload{Body: []byte("schooner")}})
	fmt.Println(string(r.GetPayload().GetBody()), err)
	_, err = stub.UnaryCall(ctx, new(testpb.SimpleRequest))
	fmt.Println(status.Code(err), status.Convert(err).Message())
	// Output:
	// schooner <nil>
	// NotFound no ship for Ann
}
