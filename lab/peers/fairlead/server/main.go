// Program server serves the echo contract with Fairlead's preset, which has recovery from panics and a log line per
// call at debug level on.
package main

import (
	"context"
	"os"
	"strconv"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/lab/echo"
	"github.com/fairlead-go/fairlead/lab/peer"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func main() { os.Exit(peer.ServerMain(start)) }

// running is a server that runs.
type running struct{ srv *server.Server }

func start(ctx context.Context, cfg peer.ServerConfig) (peer.Server, error) {
	opts := []server.Option{server.Service(echo.Echo(service{}))}
	if cfg.TLS != nil {
		opts = append(opts, server.TLS(cfg.TLS))
	}
	srv, err := preset.NewServer(cfg.Addr, opts...)
	if err != nil {
		return nil, err
	}
	if err := srv.Start(ctx); err != nil {
		return nil, err
	}
	return running{srv}, nil
}

// Addr implements peer.Server.
func (s running) Addr() string { return s.srv.Addr().String() }

// Stop implements peer.Server.
func (s running) Stop(ctx context.Context) error { return s.srv.Shutdown(ctx) }

// service implements the contract.
type service struct{}

// Unary implements echo.EchoServer.
func (service) Unary(ctx context.Context, req *echo.Msg) (*echo.Msg, error) {
	if err := peer.Act(ctx, req.Action); err != nil {
		return nil, err
	}
	return &echo.Msg{Msg: req.Msg}, nil
}

// ServerStream implements echo.EchoServer.
func (service) ServerStream(_ context.Context, req *echo.Msg, s *fairlead.Outbound[echo.Msg]) error {
	n, err := peer.Count(req.Action)
	if err != nil {
		return fairlead.Errorf(fairlead.InvalidArgument, "%v", err)
	}
	m := &echo.Msg{Msg: req.Msg}
	for range n {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// ClientStream implements echo.EchoServer.
func (service) ClientStream(_ context.Context, s *fairlead.Inbound[echo.Msg]) (*echo.Msg, error) {
	last, n := new(echo.Msg), 0
	for m, err := range s.All() {
		if err != nil {
			return nil, err
		}
		last = m
		n++
	}
	return &echo.Msg{Action: strconv.Itoa(n), Msg: last.Msg}, nil
}

// BidiStream implements echo.EchoServer.
func (service) BidiStream(_ context.Context, s *fairlead.Bidi[echo.Msg, echo.Msg]) error {
	for m, err := range s.All() {
		if err != nil {
			return err
		}
		if err := s.Send(&echo.Msg{Msg: m.Msg}); err != nil {
			return err
		}
	}
	return nil
}
