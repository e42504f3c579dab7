package interop

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairlead-go/fairlead"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
)

// The test cases of compression. Those for what a client compresses begin with a probe, a message that says that it is
// compressed and is not: a server that takes it cannot see the difference, and has not passed.

func (c *Client) clientCompressedUnary(ctx context.Context) error {
	call := func(compressed, says bool) error {
		name := "identity"
		if compressed {
			name = compressor
		}
		r, err := c.stub().UnaryCall(ctx, &pb.SimpleRequest{
			ExpectCompressed: &pb.BoolValue{Value: says},
			ResponseSize:     largeResponse,
			Payload:          &pb.Payload{Body: make([]byte, largeRequest)},
		}, fairlead.WithCompressor(name))
		if err != nil {
			return err
		}
		return sized(r.GetPayload(), largeResponse)
	}
	if err := coded(call(false, true), fairlead.InvalidArgument); err != nil {
		return fmt.Errorf("the probe: %w", err)
	}
	if err := call(true, true); err != nil {
		return fmt.Errorf("compressed: %w", err)
	}
	if err := call(false, false); err != nil {
		return fmt.Errorf("not compressed: %w", err)
	}
	return nil
}

func (c *Client) serverCompressedUnary(ctx context.Context) error {
	m := pb.TestServiceUnaryCallMethod
	for _, compressed := range []bool{true, false} {
		// The call itself says how its response came.
		k := fairlead.NewCall(m, &pb.SimpleRequest{
			ResponseCompressed: &pb.BoolValue{Value: compressed},
			ResponseSize:       largeResponse,
			Payload:            &pb.Payload{Body: make([]byte, largeRequest)},
		})
		r, err := fairlead.Result[pb.SimpleResponse](k, c.Binder.Bind(m)(ctx, k))
		if err != nil {
			return err
		}
		if err := errors.Join(flagged(k, compressed), sized(r.GetPayload(), largeResponse)); err != nil {
			return err
		}
	}
	return nil
}

// flagged checks whether the message received last was compressed.
func flagged(c *fairlead.Call, want bool) error {
	if got := c.ReceivedCompressed(); got != want {
		return fmt.Errorf("the response was compressed: %v, want %v", got, want)
	}
	return nil
}

func (c *Client) clientCompressedStreaming(ctx context.Context) error {
	first, second := requestSizes()[0], requestSizes()[3]
	send := func(s *fairlead.ClientStream[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse],
		size int, compressed, says bool,
	) error {
		s.Call().SetCompress(compressed)
		return s.Send(&pb.StreamingInputCallRequest{
			ExpectCompressed: &pb.BoolValue{Value: says}, Payload: &pb.Payload{Body: make([]byte, size)},
		})
	}
	probe, err := c.stub().StreamingInputCall(ctx, fairlead.WithCompressor(compressor))
	if err != nil {
		return err
	}
	defer probe.Close()
	if err := send(probe, first, false, true); err != nil {
		return err
	}
	_, err = probe.CloseAndRecv()
	if err := coded(err, fairlead.InvalidArgument); err != nil {
		return fmt.Errorf("the probe: %w", err)
	}
	s, err := c.stub().StreamingInputCall(ctx, fairlead.WithCompressor(compressor))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := send(s, first, true, true); err != nil {
		return err
	}
	// The server may have refused the first: the response says so.
	if err := send(s, second, false, false); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	r, err := s.CloseAndRecv()
	if err != nil {
		return err
	}
	if got, want := int(r.GetAggregatedPayloadSize()), first+second; got != want {
		return fmt.Errorf("got a sum of %d, want %d", got, want)
	}
	return nil
}

func (c *Client) serverCompressedStreaming(ctx context.Context) error {
	want := []*pb.ResponseParameters{
		{Size: 31415, Compressed: &pb.BoolValue{Value: true}},
		{Size: 92653, Compressed: &pb.BoolValue{Value: false}},
	}
	s, err := c.stub().StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{ResponseParameters: want})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, p := range want {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		if err := errors.Join(
			flagged(s.Call(), p.GetCompressed().GetValue()), sized(m.GetPayload(), p.GetSize()),
		); err != nil {
			return err
		}
	}
	switch _, err := s.Recv(); {
	case err == nil:
		return errors.New("got a third response")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
