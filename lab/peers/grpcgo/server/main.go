// Program server serves the echo contract with grpc-go, with its defaults and with interceptors for what Fairlead's
// preset has on by default: recovery from panics, and a log line per call at debug level.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/fairlead-go/fairlead/lab/echo"
	"github.com/fairlead-go/fairlead/lab/echo/echogrpc"
	"github.com/fairlead-go/fairlead/lab/peer"
)

func main() { os.Exit(peer.ServerMain(start)) }

// running is a server that runs.
type running struct {
	srv  *grpc.Server
	addr string
	done chan error
}

func start(ctx context.Context, cfg peer.ServerConfig) (peer.Server, error) {
	var lc net.ListenConfig
	lis, err := lc.Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	opts := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(recoverUnary, logUnary),
		grpc.ChainStreamInterceptor(recoverStream, logStream),
	}
	if cfg.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(withALPN(cfg.TLS))))
	}
	s := &running{srv: grpc.NewServer(opts...), addr: lis.Addr().String(), done: make(chan error, 1)}
	echogrpc.RegisterEchoServer(s.srv, service{})
	go func() { s.done <- s.srv.Serve(lis) }()
	return s, nil
}

func withALPN(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"h2"}
	return cfg
}

// Addr implements peer.Server.
func (s *running) Addr() string { return s.addr }

// Stop implements peer.Server.
func (s *running) Stop(context.Context) error {
	s.srv.Stop()
	return <-s.done
}

// service implements the contract.
type service struct {
	echogrpc.UnimplementedEchoServer
}

// Unary implements echogrpc.EchoServer.
func (service) Unary(ctx context.Context, req *echo.Msg) (*echo.Msg, error) {
	if err := peer.Act(ctx, req.Action); err != nil {
		return nil, err
	}
	return &echo.Msg{Msg: req.Msg}, nil
}

// ServerStream implements echogrpc.EchoServer.
func (service) ServerStream(req *echo.Msg, s grpc.ServerStreamingServer[echo.Msg]) error {
	n, err := peer.Count(req.Action)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	m := &echo.Msg{Msg: req.Msg}
	for range n {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// ClientStream implements echogrpc.EchoServer.
func (service) ClientStream(s grpc.ClientStreamingServer[echo.Msg, echo.Msg]) error {
	last, n := new(echo.Msg), 0
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return s.SendAndClose(&echo.Msg{Action: strconv.Itoa(n), Msg: last.Msg})
		}
		if err != nil {
			return err
		}
		last = m
		n++
	}
}

// BidiStream implements echogrpc.EchoServer.
func (service) BidiStream(s grpc.BidiStreamingServer[echo.Msg, echo.Msg]) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(&echo.Msg{Msg: m.Msg}); err != nil {
			return err
		}
	}
}

func recoverUnary(
	ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler,
) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(ctx, p)
		}
	}()
	return next(ctx, req)
}

func recoverStream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(s.Context(), p)
		}
	}()
	return next(srv, s)
}

func panicked(ctx context.Context, p any) error {
	slog.ErrorContext(ctx, "a handler panicked", "panic", p, "stack", string(debug.Stack()))
	return status.Error(codes.Internal, "the handler panicked")
}

func logUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	start := time.Now()
	resp, err := next(ctx, req)
	logCall(ctx, info.FullMethod, start, err)
	return resp, err
}

func logStream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	start := time.Now()
	err := next(srv, s)
	logCall(s.Context(), info.FullMethod, start, err)
	return err
}

func logCall(ctx context.Context, method string, start time.Time, err error) {
	logger := slog.Default()
	if !logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	logger.LogAttrs(ctx, slog.LevelDebug, "call",
		slog.String("method", method),
		slog.String("code", status.Code(err).String()),
		slog.Duration("took", time.Since(start)))
}
