// Package interop has gRPC's interoperability service and its test cases, written with Fairlead's own generated code.
// The cases are those of https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md.
package interop

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/fairlead-go/fairlead"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
)

// The metadata that the service echoes: the first in the header, the second in the trailer.
const (
	echoInitial  = "x-grpc-test-echo-initial"
	echoTrailing = "x-grpc-test-echo-trailing-bin"
)

// Service implements the interoperability service.
type Service struct{}

var _ pb.TestServiceServer = Service{}

// EmptyCall implements pb.TestServiceServer.
func (Service) EmptyCall(context.Context, *pb.Empty) (*pb.Empty, error) { return new(pb.Empty), nil }

// UnaryCall implements pb.TestServiceServer.
func (Service) UnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	c := fairlead.CallFrom(ctx)
	echo(c)
	if err := expected(c, in.GetExpectCompressed()); err != nil {
		return nil, err
	}
	if err := wanted(in.GetResponseStatus()); err != nil {
		return nil, err
	}
	if want := in.GetResponseCompressed(); want != nil {
		if err := c.SetSendCompressor(compressor); err != nil {
			return nil, err
		}
		c.SetCompress(want.GetValue())
	}
	p, err := newPayload(in.GetResponseType(), in.GetResponseSize())
	if err != nil {
		return nil, err
	}
	return &pb.SimpleResponse{Payload: p}, nil
}

// CacheableUnaryCall implements pb.TestServiceServer.
func (s Service) CacheableUnaryCall(ctx context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return s.UnaryCall(ctx, in)
}

// StreamingOutputCall implements pb.TestServiceServer.
func (Service) StreamingOutputCall(
	ctx context.Context, in *pb.StreamingOutputCallRequest, out *fairlead.Outbound[pb.StreamingOutputCallResponse],
) error {
	for _, p := range in.GetResponseParameters() {
		if p.GetCompressed() == nil {
			continue
		}
		if err := out.Call().SetSendCompressor(compressor); err != nil {
			return err
		}
		break
	}
	return answer(ctx, in, out.Call(), out.Send)
}

// StreamingInputCall implements pb.TestServiceServer.
func (Service) StreamingInputCall(
	_ context.Context, in *fairlead.Inbound[pb.StreamingInputCallRequest],
) (*pb.StreamingInputCallResponse, error) {
	var sum int32
	for m, err := range in.All() {
		if err == nil {
			err = expected(in.Call(), m.GetExpectCompressed())
		}
		if err != nil {
			return nil, err
		}
		sum += int32(len(m.GetPayload().GetBody()))
	}
	return &pb.StreamingInputCallResponse{AggregatedPayloadSize: sum}, nil
}

// FullDuplexCall implements pb.TestServiceServer.
func (Service) FullDuplexCall(
	ctx context.Context, s *fairlead.Bidi[pb.StreamingOutputCallResponse, pb.StreamingOutputCallRequest],
) error {
	if echo(s.Call()) {
		if err := s.Call().SendHeader(); err != nil {
			return err
		}
	}
	for m, err := range s.All() {
		if err == nil {
			err = wanted(m.GetResponseStatus())
		}
		if err == nil {
			err = answer(ctx, m, s.Call(), s.Send)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// HalfDuplexCall implements pb.TestServiceServer.
func (Service) HalfDuplexCall(
	ctx context.Context, s *fairlead.Bidi[pb.StreamingOutputCallResponse, pb.StreamingOutputCallRequest],
) error {
	var all []*pb.StreamingOutputCallRequest
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, m := range all {
		if err := answer(ctx, m, s.Call(), s.Send); err != nil {
			return err
		}
	}
	return nil
}

// compressor is what messages are compressed with for which a request asks that.
const compressor = "gzip"

// expected checks that the message received last was compressed, or not, as it says itself; want may be nil.
func expected(c *fairlead.Call, want *pb.BoolValue) error {
	if got := c.ReceivedCompressed(); want != nil && got != want.GetValue() {
		return fairlead.Errorf(fairlead.InvalidArgument, "the message was compressed: %v, and is to be: %v",
			got, want.GetValue())
	}
	return nil
}

// answer sends a payload for each of the sizes in m, with the pauses that it asks for, compressed or not as it asks.
func answer(
	ctx context.Context, m *pb.StreamingOutputCallRequest, c *fairlead.Call,
	send func(*pb.StreamingOutputCallResponse) error,
) error {
	for _, p := range m.GetResponseParameters() {
		if us := p.GetIntervalUs(); us > 0 {
			if err := pause(ctx, time.Duration(us)*time.Microsecond); err != nil {
				return err
			}
		}
		if want := p.GetCompressed(); want != nil {
			c.SetCompress(want.GetValue())
		}
		body, err := newPayload(m.GetResponseType(), p.GetSize())
		if err != nil {
			return err
		}
		if err := send(&pb.StreamingOutputCallResponse{Payload: body}); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// echo sends back the metadata that the client asks to have echoed; false: it asks for none in the header.
func echo(c *fairlead.Call) (header bool) {
	if h := c.RequestHeader(); h.Has(echoInitial) {
		c.ResponseHeader().Set(echoInitial, h.Get(echoInitial))
		header = true
	}
	if h := c.RequestHeader(); h.Has(echoTrailing) {
		c.ResponseTrailer().Set(echoTrailing, h.Get(echoTrailing))
	}
	return header
}

// wanted is the error that a request wants.
func wanted(s *pb.EchoStatus) error {
	if s.GetCode() == 0 {
		return nil
	}
	return fairlead.Errorf(fairlead.Code(s.GetCode()), "%s", s.GetMessage())
}

// newPayload makes a payload of size bytes.
func newPayload(kind pb.PayloadType, size int32) (*pb.Payload, error) {
	if kind != pb.PayloadType_COMPRESSABLE {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "payloads of type %v are not supported", kind)
	}
	if size < 0 {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "a payload of %d bytes cannot be", size)
	}
	return &pb.Payload{Body: make([]byte, size)}, nil
}
