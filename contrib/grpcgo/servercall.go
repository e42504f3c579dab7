package grpcgo

import (
	"context"
	"errors"
	"sync"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// serverCall is a call on a server in the three shapes that grpc-go's handlers know: callContext, transportStream and
// serverStream are the same object, so that a call costs one allocation here.
type serverCall struct {
	ctx  context.Context //nolint:containedctx // serverCall is a context, and this its parent
	call *fairlead.Call
	keys *contextKeys

	received bool // the one request of a server-streaming call was delivered; its receiver's

	mu       sync.Mutex
	sent     bool // the header has left, or is about to
	ended    bool
	incoming metadata.MD
	peer     *peer.Peer
}

var errHeaderSent = errors.New("transport: SendHeader called multiple times") // grpc-go's text

// decode decodes the request of a unary or server-streaming call.
func (s *serverCall) decode(into any) error {
	raw, ok := s.call.Request().(*fairlead.Raw)
	if !ok || raw.Decode == nil {
		return status.Errorf(codes.Internal, "grpcgo: %s: the request is %T and not the encoded message",
			s.call.Method().Path, s.call.Request())
	}
	if err := raw.Decode(raw.Data, into); err != nil {
		return status.Errorf(codes.Internal, "grpc: error unmarshalling request: %v", err)
	}
	return nil
}

// setHeader adds to the header, and with send has it leave no later than when setHeader returns.
func (s *serverCall) setHeader(md metadata.MD, send bool) error {
	if err := validate(md); err != nil {
		return err
	}
	s.mu.Lock()
	if s.sent || s.ended {
		s.mu.Unlock()
		return errHeaderSent
	}
	addMD(s.call.ResponseHeader(), md)
	s.sent = send
	s.mu.Unlock()
	if !send {
		return nil
	}
	return fromFairlead(s.call.SendHeader())
}

// setTrailer adds to the trailer.
func (s *serverCall) setTrailer(md metadata.MD) error {
	if err := validate(md); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		addMD(s.call.ResponseTrailer(), md)
	}
	return nil
}

// closeHeader marks the header as sent: a message follows.
func (s *serverCall) closeHeader() {
	s.mu.Lock()
	s.sent = true
	s.mu.Unlock()
}

// end is called when the handler has returned: from now on the call's metadata is the protocol's.
func (s *serverCall) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
}

// transportStream is what grpc.SetHeader, SendHeader, SetTrailer and Method look for in a handler's context.
type transportStream serverCall

var _ grpc.ServerTransportStream = (*transportStream)(nil)

// Method implements grpc.ServerTransportStream.
func (t *transportStream) Method() string { return t.call.Method().Path }

// SetHeader implements grpc.ServerTransportStream.
func (t *transportStream) SetHeader(md metadata.MD) error {
	return (*serverCall)(t).setHeader(md, false)
}

// SendHeader implements grpc.ServerTransportStream.
func (t *transportStream) SendHeader(md metadata.MD) error {
	return (*serverCall)(t).setHeader(md, true)
}

// SetTrailer implements grpc.ServerTransportStream.
func (t *transportStream) SetTrailer(md metadata.MD) error { return (*serverCall)(t).setTrailer(md) }
