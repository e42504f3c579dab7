package grpcgo_test

import (
	"context"
	"io"
	"testing"

	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// service is a grpc-go service whose handlers a test sets.
type service struct {
	testpb.UnimplementedTestServiceServer

	unary  func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error)
	output func(*testpb.StreamingOutputCallRequest,
		grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error
	input func(grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error
	bidi  func(grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error
}

func (s *service) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if s.unary == nil {
		return &testpb.SimpleResponse{Payload: in.GetPayload()}, nil
	}
	return s.unary(ctx, in)
}

func (s *service) StreamingOutputCall(
	in *testpb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse],
) error {
	if s.output != nil {
		return s.output(in, out)
	}
	for range in.GetResponseParameters() {
		if err := out.Send(&testpb.StreamingOutputCallResponse{Payload: in.GetPayload()}); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) StreamingInputCall(
	in grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse],
) error {
	if s.input != nil {
		return s.input(in)
	}
	var sum int
	for {
		m, err := in.Recv()
		if err == io.EOF {
			return in.SendAndClose(&testpb.StreamingInputCallResponse{AggregatedPayloadSize: int32(sum)})
		}
		if err != nil {
			return err
		}
		sum += len(m.GetPayload().GetBody())
	}
}

func (s *service) FullDuplexCall(
	b grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse],
) error {
	if s.bidi != nil {
		return s.bidi(b)
	}
	for {
		m, err := b.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.Send(&testpb.StreamingOutputCallResponse{Payload: m.GetPayload()}); err != nil {
			return err
		}
	}
}

// dial serves s on a loop and returns the generated client over it.
func dial(t *testing.T, s *service, opts ...grpcgo.ConnOption) (testpb.TestServiceClient, *loop) {
	t.Helper()
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, s)
	l := newLoop(t, reg)
	return testpb.NewTestServiceClient(grpcgo.NewConn(l, opts...)), l
}

func payload(text string) *testpb.Payload { return &testpb.Payload{Body: []byte(text)} }
