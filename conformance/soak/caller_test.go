package soak_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

// caller is a client, whoever's it is.
type caller interface {
	unary(ctx context.Context, r *rand.Rand, in *message) (*message, error)
	// open opens a stream; in is the request if the method has only one, and nil otherwise.
	open(ctx context.Context, r *rand.Rand, m *fairlead.Method, in *message) (stream, error)
	code(err error) fairlead.Code
}

// stream is a streaming call.
type stream interface {
	Send(m any) error
	Recv(m any) error
	CloseSend() error
	// Close gives the call up.
	Close() error
}

// fairleadCaller is a client of Fairlead.
type fairleadCaller struct{ client *client.Client }

func (fairleadCaller) options(r *rand.Rand) []fairlead.CallOption {
	opts := []fairlead.CallOption{fairlead.WithHeader("x-soak", "a value")}
	switch r.IntN(4) {
	case 0:
		opts = append(opts, fairlead.WithCompressor("gzip"))
	case 1:
		opts = append(opts, fairlead.WithCompressor("zstd"))
	}
	return opts
}

func (c fairleadCaller) unary(ctx context.Context, r *rand.Rand, in *message) (*message, error) {
	k := fairlead.NewCall(methodUnary, in, c.options(r)...)
	return fairlead.Result[message](k, c.client.Bind(methodUnary)(ctx, k))
}

func (c fairleadCaller) open(ctx context.Context, r *rand.Rand, m *fairlead.Method, in *message) (stream, error) {
	var req any
	if in != nil {
		req = in
	}
	k := fairlead.NewCall(m, req, c.options(r)...)
	if err := c.client.Bind(m)(ctx, k); err != nil {
		return nil, err
	}
	return k.Stream(), nil
}

func (fairleadCaller) code(err error) fairlead.Code { return fairlead.CodeOf(err) }

// grpcCaller is a client of grpc-go.
type grpcCaller struct{ conn *grpc.ClientConn }

func (grpcCaller) options(r *rand.Rand) []grpc.CallOption {
	opts := []grpc.CallOption{grpc.MaxCallRecvMsgSize(2 * maxSize), grpc.MaxCallSendMsgSize(2 * maxSize)}
	if r.IntN(3) == 0 {
		opts = append(opts, grpc.UseCompressor(gzip.Name))
	}
	return opts
}

func (c grpcCaller) unary(ctx context.Context, r *rand.Rand, in *message) (*message, error) {
	out := new(message)
	if err := c.conn.Invoke(ctx, methodUnary.Path, in, out, c.options(r)...); err != nil {
		return nil, err
	}
	return out, nil
}

func (c grpcCaller) open(ctx context.Context, r *rand.Rand, m *fairlead.Method, in *message) (stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	s, err := c.conn.NewStream(ctx, &grpc.StreamDesc{
		ServerStreams: m.Kind.ServerStreams(), ClientStreams: m.Kind.ClientStreams(),
	}, m.Path, c.options(r)...)
	if err != nil {
		cancel()
		return nil, err
	}
	g := &grpcStream{ClientStream: s, cancel: cancel, single: !m.Kind.ServerStreams()}
	if in != nil {
		err = s.SendMsg(in)
		if err == nil {
			err = s.CloseSend()
		}
		if err != nil && err != io.EOF {
			cancel()
			return nil, err
		}
	}
	return g, nil
}

func (grpcCaller) code(err error) fairlead.Code { return fairlead.Code(status.Code(err)) }

// grpcStream is a stream of grpc-go.
type grpcStream struct {
	grpc.ClientStream

	cancel context.CancelFunc
	single bool // there is one response
	had    bool
	ended  atomic.Bool // Send has said so
}

// Send returns io.EOF when the stream is over, and makes that true: when its connection ends before a stream's head is
// written, grpc-go 1.85.0 says io.EOF, and yet begins the stream anew when a response is awaited (the stream that was
// given up has no status, which counts as OK). Who sends no more because of the io.EOF would then wait for ever, or
// have an answer to the part that was sent.
func (s *grpcStream) Send(m any) error {
	err := s.SendMsg(m)
	if errors.Is(err, io.EOF) && s.ended.CompareAndSwap(false, true) {
		time.AfterFunc(time.Second, s.cancel) // for Recv to learn how it ended, if it has
	}
	return err
}

// Recv ends a call with one response as Fairlead's does: by io.EOF behind it. grpc-go has seen to it that there are no
// more when it returns the response.
func (s *grpcStream) Recv(m any) error {
	if s.single && s.had {
		return io.EOF
	}
	s.had = true
	err := s.RecvMsg(m)
	if s.ended.Load() && (err == nil || errors.Is(err, io.EOF) || status.Code(err) == codes.Canceled) {
		return status.Error(codes.Unavailable, "grpc-go went on with a stream that it had called over")
	}
	return err
}

func (s *grpcStream) Close() error {
	s.cancel()
	for s.RecvMsg(new(message)) == nil {
		continue // until grpc-go has noticed
	}
	return nil
}
