// Command http2-client runs a test case of gRPC's interoperability suite with Fairlead against a server that breaks
// off, goes away or sends odd frames. Its flags are those of grpc-go's program interop/http2.
package main

import (
	"context"
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

	"github.com/fairlead-go/fairlead/conformance/internal/interop"
	"github.com/fairlead-go/fairlead/preset"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "http2-client:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		host = flag.String("server_host", "localhost", "the server's `host`")
		port = flag.Int("server_port", 8080, "the server's port")
		name = flag.String("test_case", "goaway", "the test `case`: "+strings.Join(interop.HTTP2Cases(), ", "))
	)
	flag.Parse()
	// The preset logs calls to the default; here only what is wrong is of interest.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	conn, err := preset.NewClient("dns:///" + net.JoinHostPort(*host, strconv.Itoa(*port)))
	if err != nil {
		return err
	}
	c := &interop.Client{Binder: conn}
	return errors.Join(c.RunHTTP2(ctx, *name), conn.Close())
}
