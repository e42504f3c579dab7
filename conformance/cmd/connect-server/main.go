// Command connect-server serves the service of Connect's conformance suite with Fairlead, as its runner asks for on
// standard input (https://github.com/connectrpc/conformance/blob/main/docs/testing_servers.md).
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/conformance/internal/connectsuite"
	pb "github.com/fairlead-go/fairlead/conformance/internal/connectsuite/connectpb"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "connect-server:", err)
		os.Exit(1)
	}
}

func run() error {
	// The preset logs calls to the default; here only what is wrong is of interest.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	req, resp := new(pb.ServerCompatRequest), new(pb.ServerCompatResponse)
	if err := connectsuite.Read(os.Stdin, req); err != nil {
		return err
	}
	opts, err := connectsuite.Serve()
	if err != nil {
		return err
	}
	if n := req.GetMessageReceiveLimit(); n > 0 {
		opts = append(opts, server.MaxRecvMessage(int(n)))
	}
	if req.GetUseTls() {
		cfg, err := tlsConfig(req)
		if err != nil {
			return err
		}
		opts = append(opts, server.TLS(cfg))
		resp.PemCert = req.GetServerCreds().GetCert()
	}
	srv, err := preset.NewServer("127.0.0.1:0", opts...)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := srv.Start(ctx); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(srv.Addr().String())
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	resp.Host, resp.Port = host, uint32(n)
	if err := connectsuite.Write(os.Stdout, resp); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err := <-srv.Failed():
		return err
	}
	drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return srv.Shutdown(drain)
}

// tlsConfig returns the configuration for the certificates of a request.
func tlsConfig(req *pb.ServerCompatRequest) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(req.GetServerCreds().GetCert(), req.GetServerCreds().GetKey())
	if err != nil {
		return nil, fmt.Errorf("the server's certificate: %w", err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if ca := req.GetClientTlsCert(); len(ca) > 0 {
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !cfg.ClientCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("there is no certificate of clients")
		}
	}
	return cfg, nil
}
