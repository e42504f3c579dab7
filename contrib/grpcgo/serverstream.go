package grpcgo

import (
	"context"
	"errors"
	"io"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// serverStream is the stream of a grpc-go handler. The handlers of all shapes receive and send; where Fairlead has the
// one request or the one response in the call, they are taken from there and put there.
type serverStream serverCall

var _ grpc.ServerStream = (*serverStream)(nil)

// SetHeader implements grpc.ServerStream.
func (s *serverStream) SetHeader(md metadata.MD) error { return (*serverCall)(s).setHeader(md, false) }

// SendHeader implements grpc.ServerStream.
func (s *serverStream) SendHeader(md metadata.MD) error { return (*serverCall)(s).setHeader(md, true) }

// SetTrailer implements grpc.ServerStream. Metadata that cannot be sent is dropped, since there is nobody to tell.
func (s *serverStream) SetTrailer(md metadata.MD) { _ = (*serverCall)(s).setTrailer(md) }

// Context implements grpc.ServerStream.
func (s *serverStream) Context() context.Context { return (*callContext)(s) }

// SendMsg implements grpc.ServerStream.
func (s *serverStream) SendMsg(m any) error {
	if s.call.Method().Kind == fairlead.ClientStreaming {
		if s.call.Response() != nil {
			return status.Error(codes.Internal, "cardinality violation: a client-streaming method sends one response")
		}
		s.call.SetResponse(m)
		return nil
	}
	(*serverCall)(s).closeHeader()
	return s.failure(s.call.Stream().Send(m))
}

// RecvMsg implements grpc.ServerStream.
func (s *serverStream) RecvMsg(m any) error {
	if s.call.Method().Kind == fairlead.ServerStreaming {
		if s.received {
			return io.EOF
		}
		s.received = true
		return (*serverCall)(s).decode(m)
	}
	err := s.call.Stream().Recv(m)
	if err == io.EOF { //nolint:errorlint // streams return it bare
		return err
	}
	return s.failure(err)
}

// failure converts an error of the stream. A caller that has gone is reported as grpc-go does: by the context's error.
func (s *serverStream) failure(err error) error {
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil:
		return fromFairlead(s.ctx.Err())
	case errors.Is(err, io.EOF):
		return status.Error(codes.Unavailable, "transport is closing")
	default:
		return fromFairlead(err)
	}
}
