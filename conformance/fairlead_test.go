package conformance_test

import (
	"context"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/server"
	"google.golang.org/grpc"
)

// serveFairlead serves with Fairlead, by way of a grpcgo.Registrar.
func serveFairlead(t *testing.T, cfg *serverConfig) running {
	t.Helper()
	return startFairlead(t, cfg, registered(t, cfg.register))
}

// registered returns what register registers.
func registered(t *testing.T, register func(grpc.ServiceRegistrar)) []*fairlead.Implementation {
	t.Helper()
	reg := grpcgo.NewRegistrar()
	register(reg)
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	return impls
}

// startFairlead serves with Fairlead; cfg.register is not looked at.
func startFairlead(t *testing.T, cfg *serverConfig, impls []*fairlead.Implementation) running {
	t.Helper()
	opts := []server.Option{server.Service(impls...)}
	if cfg.tls != nil {
		opts = append(opts, server.TLS(cfg.tls.Server()))
	}
	if cfg.maxRecv > 0 {
		opts = append(opts, server.MaxRecvMessage(cfg.maxRecv))
	}
	if cfg.maxSend > 0 {
		opts = append(opts, server.MaxSendMessage(cfg.maxSend))
	}
	if cfg.maxStreams > 0 {
		opts = append(opts, server.MaxStreams(cfg.maxStreams))
	}
	if cfg.maxHeaders > 0 {
		opts = append(opts, server.MaxHeaderList(cfg.maxHeaders))
	}
	s := local.Serve(t, opts...)
	return running{s.Addr().String(), func(ctx context.Context) {
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Fairlead's server, draining: %v", err)
		}
	}}
}

// dialFairlead makes a client of Fairlead behind a grpcgo.Conn.
func dialFairlead(t *testing.T, addr string, cfg *clientConfig) grpc.ClientConnInterface {
	t.Helper()
	var opts []client.Option
	if cfg.tls != nil {
		opts = append(opts, client.TLS(cfg.tls.Client()))
	}
	if cfg.maxHeaders > 0 {
		opts = append(opts, client.MaxHeaderList(cfg.maxHeaders))
	}
	return grpcgo.NewConn(local.Dial(t, addr, opts...))
}
