package grpcgo

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// clientStream is a stream as grpc-go's clients see it. One goroutine may send while another receives.
type clientStream struct {
	ctx     context.Context //nolint:containedctx // the stream's own, which ClientStream.Context returns
	call    *fairlead.Call
	handler fairlead.Handler
	desc    *grpc.StreamDesc
	opts    []grpc.CallOption

	sentLast bool  // the sender's
	over     error // the receiver's: what ended the stream, returned again by later calls

	// opened is closed when stream or openErr is set. A server-streaming call opens when its one request is sent.
	opened  chan struct{}
	stream  fairlead.Stream
	openErr error

	mu       sync.Mutex
	finished bool
	derived  context.Context //nolint:containedctx // made when somebody asks for it
	cancel   context.CancelFunc
}

var _ grpc.ClientStream = (*clientStream)(nil)

// open is NewStream behind the interceptors.
func (c *Conn) open(
	ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, path string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := c.newStream(ctx, desc, path, opts)
	if err != nil {
		report(nil, opts, err)
		return nil, err
	}
	if s.call.Method().Kind == fairlead.ServerStreaming {
		return s, nil
	}
	if err := s.begin(nil); err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Conn) newStream(
	ctx context.Context, desc *grpc.StreamDesc, path string, opts []grpc.CallOption,
) (*clientStream, error) {
	set, err := parseOptions(opts)
	if err != nil {
		return nil, err
	}
	b, err := c.methods.bind(c.binder, path, streamKind(desc))
	if err != nil {
		return nil, err
	}
	s := &clientStream{
		ctx:     ctx,
		call:    set.newCall(b.method, nil),
		handler: b.handler,
		desc:    desc,
		opts:    opts,
		opened:  make(chan struct{}),
	}
	if err := c.addHeader(ctx, s.call, set.creds); err != nil {
		return nil, err
	}
	// The client calls it at the stream's true end, which may come without anybody receiving: the context's.
	s.call.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) { s.finish(fromFairlead(err)) })
	return s, nil
}

// begin opens the stream, with its request if it has just one.
func (s *clientStream) begin(request any) error {
	if request != nil {
		s.call.SetRequest(request)
	}
	err := fromFairlead(s.handler(s.ctx, s.call))
	if err == nil {
		s.stream = s.call.Stream()
	}
	s.openErr = err
	close(s.opened)
	if err != nil {
		s.finish(err)
	}
	return err
}

// wait returns when the stream is open or will never be.
func (s *clientStream) wait() error {
	select {
	case <-s.opened:
		return s.openErr
	default:
	}
	select {
	case <-s.opened:
		return s.openErr
	case <-s.ctx.Done():
		return fromFairlead(s.ctx.Err())
	}
}

// finish reports the end of the stream, once.
func (s *clientStream) finish(err error) {
	s.mu.Lock()
	if s.finished {
		s.mu.Unlock()
		return
	}
	s.finished = true
	cancel := s.cancel
	s.mu.Unlock()
	report(s.call, s.opts, err)
	if cancel != nil {
		cancel()
	}
}

// Header implements grpc.ClientStream. It returns nil and no error when the stream ended without a header.
func (s *clientStream) Header() (metadata.MD, error) {
	err := s.wait()
	if err == nil {
		err = s.call.WaitHeader(s.ctx)
	}
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // as grpc.ClientStream wants it: RecvMsg has the reason
	}
	return headerMD(s.call), nil
}

// Trailer implements grpc.ClientStream.
func (s *clientStream) Trailer() metadata.MD {
	if s.wait() != nil {
		return nil
	}
	return toMD(s.call.ResponseTrailer(), 0)
}

// Context implements grpc.ClientStream. It ends with the stream and knows the peer, if the stream is open.
func (s *clientStream) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.derived != nil {
		return s.derived
	}
	ctx := s.ctx
	select {
	case <-s.opened:
		if p := s.call.Peer(); p != nil {
			ctx = peer.NewContext(ctx, toPeer(p))
		}
	default:
	}
	s.derived, s.cancel = context.WithCancel(ctx)
	if s.finished {
		s.cancel()
	}
	return s.derived
}

// CloseSend implements grpc.ClientStream; it always returns nil.
func (s *clientStream) CloseSend() error {
	if s.sentLast {
		return nil
	}
	s.sentLast = true
	if s.call.Method().Kind == fairlead.ServerStreaming {
		// There never was a request to open the stream with.
		s.openErr = status.Error(codes.Internal, "grpcgo: CloseSend before the request of a server-streaming call")
		close(s.opened)
		s.finish(s.openErr)
		return nil
	}
	_ = s.stream.CloseSend()
	return nil
}

// SendMsg implements grpc.ClientStream.
func (s *clientStream) SendMsg(m any) error {
	if s.sentLast {
		return status.Error(codes.Internal, "SendMsg called after CloseSend")
	}
	if s.call.Method().Kind == fairlead.ServerStreaming {
		s.sentLast = true
		return s.begin(m)
	}
	if err := s.stream.Send(m); err != nil {
		if err = fromFairlead(err); givenUp(err) {
			err = io.EOF // RecvMsg has the reason
		} else {
			s.finish(err)
			_ = s.stream.Close()
		}
		if errors.Is(err, io.EOF) && !s.desc.ClientStreams {
			return nil
		}
		return err
	}
	if !s.desc.ClientStreams {
		return s.CloseSend()
	}
	return nil
}

// RecvMsg implements grpc.ClientStream. Where one response is due it returns nil only when the call succeeded.
func (s *clientStream) RecvMsg(m any) error {
	if s.over != nil {
		return s.over
	}
	err := s.recv(m)
	if err == nil && !s.desc.ServerStreams {
		return s.recvEnd()
	}
	if err == io.EOF && !s.desc.ServerStreams { //nolint:errorlint // streams return it bare
		err = status.Error(codes.Internal,
			"cardinality violation: received no response message from non-server-streaming RPC")
	}
	s.end(err)
	return err
}

// recvEnd receives what follows the one response: the end of the call.
func (s *clientStream) recvEnd() error {
	switch err := s.recv(new(fairlead.Raw)); {
	case err == io.EOF: //nolint:errorlint // streams return it bare
		s.end(io.EOF)
		return nil
	case err != nil:
		s.end(err)
		return err
	}
	err := status.Error(codes.Internal,
		"cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message")
	s.end(err)
	_ = s.stream.Close()
	return err
}

func (s *clientStream) recv(m any) error {
	if err := s.wait(); err != nil {
		return err
	}
	return fromFairlead(s.stream.Recv(m))
}

// end keeps what ended the stream.
func (s *clientStream) end(err error) {
	if err != nil {
		s.over = err
		s.finish(err)
	}
}
