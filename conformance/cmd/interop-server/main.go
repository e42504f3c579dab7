// Command interop-server serves gRPC's interoperability service with Fairlead, for the clients of others. Its flags are
// those of grpc-go's program.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/conformance/internal/interop"
	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "interop-server:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		host   = flag.String("host", "", "the `address` to listen at; all, if empty")
		port   = flag.Int("port", 10000, "the port to listen at; 0: any free one")
		useTLS = flag.Bool("use_tls", false, "serve TLS instead of plain TCP")
		cert   = flag.String("tls_cert_file", "", "the `file` with the certificate, PEM")
		key    = flag.String("tls_key_file", "", "the `file` with the certificate's key, PEM")
	)
	flag.Parse()
	// The preset logs calls to the default; here only what is wrong is of interest.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	opts := []server.Option{server.Service(pb.TestService(interop.Service{})), admin.Standard(admin.NewHealth())}
	if *useTLS {
		if *cert == "" || *key == "" {
			return errors.New("-use_tls needs -tls_cert_file and -tls_key_file")
		}
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		opts = append(opts, server.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	}
	srv, err := preset.NewServer(net.JoinHostPort(*host, strconv.Itoa(*port)), opts...)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := srv.Start(ctx); err != nil {
		return err
	}
	fmt.Println("interop-server: listening at", srv.Addr())
	select {
	case <-ctx.Done():
	case err := <-srv.Failed():
		return err
	}
	drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return srv.Shutdown(drain)
}
