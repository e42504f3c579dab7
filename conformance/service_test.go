package conformance_test

import (
	"context"
	"io"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

type (
	outputServer = grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]
	inputServer  = grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]
	duplexServer = grpc.BidiStreamingServer[
		testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]
)

// service has a handler of each kind. What a test does not set echoes; the sum of the sizes answers a client's stream,
// and as many copies as response parameters a server's.
type service struct {
	testpb.UnimplementedTestServiceServer
	unary  func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error)
	output func(*testpb.StreamingOutputCallRequest, outputServer) error
	input  func(inputServer) error
	duplex func(duplexServer) error
}

func (s *service) UnaryCall(ctx context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if s.unary != nil {
		return s.unary(ctx, in)
	}
	return &testpb.SimpleResponse{Payload: in.GetPayload()}, nil
}

func (s *service) StreamingOutputCall(in *testpb.StreamingOutputCallRequest, out outputServer) error {
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

func (s *service) StreamingInputCall(in inputServer) error {
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

func (s *service) FullDuplexCall(b duplexServer) error {
	if s.duplex != nil {
		return s.duplex(b)
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

// bytesOf returns n bytes that do not compress to nothing and differ from place to place.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func payload(n int) *testpb.Payload { return &testpb.Payload{Body: bytesOf(n)} }

func outputs(n int) []*testpb.ResponseParameters {
	ps := make([]*testpb.ResponseParameters, n)
	for i := range ps {
		ps[i] = new(testpb.ResponseParameters)
	}
	return ps
}
