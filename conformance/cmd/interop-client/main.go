// Command interop-client runs a test case of gRPC's interoperability suite with Fairlead against a server of others.
// Its flags are those of grpc-go's program.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/conformance/internal/interop"
	"github.com/fairlead-go/fairlead/preset"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "interop-client:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		host     = flag.String("server_host", "localhost", "the server's `host`")
		port     = flag.Int("server_port", 10000, "the server's port")
		name     = flag.String("test_case", "large_unary", "the test `case`: "+strings.Join(interop.Cases(), ", "))
		useTLS   = flag.Bool("use_tls", false, "use TLS instead of plain TCP")
		testCA   = flag.Bool("use_test_ca", false, "trust the authority of -ca_file instead of the system's")
		caFile   = flag.String("ca_file", "", "the `file` with the authority's certificate, PEM")
		override = flag.String("server_host_override", "", "the `host` that the server's certificate is to be for")

		iterations = flag.Int("soak_iterations", 10, "calls of a soak test")
		failures   = flag.Int("soak_max_failures", 0, "calls of a soak test that may fail")
		perCall    = flag.Int("soak_per_iteration_max_acceptable_latency_ms", 1000, "what a call may take, in ms")
		overall    = flag.Int("soak_overall_timeout_seconds", 10, "what all calls may take, in seconds")
		between    = flag.Int("soak_min_time_ms_between_rpcs", 0, "least time between calls, in ms")
		request    = flag.Int("soak_request_size", 271828, "bytes of a request")
		response   = flag.Int("soak_response_size", 314159, "bytes of a response")
		workers    = flag.Int("soak_num_threads", 1, "concurrent callers")
	)
	flag.Parse()
	// The preset logs calls to the default; here only what is wrong is of interest.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	var opts []client.Option
	if *useTLS {
		cfg, err := tlsConfig(*testCA, *caFile, *override)
		if err != nil {
			return err
		}
		opts = append(opts, client.TLS(cfg))
	}
	target := "dns:///" + net.JoinHostPort(*host, strconv.Itoa(*port))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := preset.NewClient(target, opts...)
	if err != nil {
		return err
	}
	c := &interop.Client{
		Binder: conn,
		Dial: func() (fairlead.Binder, func() error, error) {
			another, err := preset.NewClient(target, opts...)
			if err != nil {
				return nil, nil, err
			}
			return another, another.Close, nil
		},
		Soak: interop.Soak{
			Iterations:  *iterations,
			MaxFailures: *failures,
			PerCall:     time.Duration(*perCall) * time.Millisecond,
			Overall:     time.Duration(*overall) * time.Second,
			Pause:       time.Duration(*between) * time.Millisecond,
			Request:     *request,
			Response:    int32(*response),
			Workers:     *workers,
		},
	}
	return errors.Join(c.Run(ctx, *name), conn.Close())
}

func tlsConfig(testCA bool, caFile, override string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: override, MinVersion: tls.VersionTLS12}
	if !testCA {
		return cfg, nil
	}
	if caFile == "" {
		return nil, errors.New("-use_test_ca needs -ca_file")
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("there is no certificate in %s", caFile)
	}
	return cfg, nil
}
