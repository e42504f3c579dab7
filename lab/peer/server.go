package peer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ServerConfig is what a server program serves with.
type ServerConfig struct {
	Addr string      // where to listen, "127.0.0.1:0" for any port
	TLS  *tls.Config // nil: plaintext; NextProtos are the server's business
}

// Server is a server that runs.
type Server interface {
	// Addr is where it listens.
	Addr() string
	// Stop ends it, with what is under way when ctx ends.
	Stop(ctx context.Context) error
}

// Ready is what a server program prints, as one line of JSON, once it listens.
type Ready struct {
	Addr  string `json:"addr"`
	Admin string `json:"admin"`
}

// ServerMain is the main function of a server program: it reads the flags, starts the server and its admin address,
// announces them, and waits for a signal or for the end of standard input. It returns the process's exit code.
func ServerMain(start func(ctx context.Context, cfg ServerConfig) (Server, error)) int {
	if err := serve(start, os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serve(
	start func(context.Context, ServerConfig) (Server, error), args []string, stdin io.Reader, stdout io.Writer,
) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:0", "address to serve at")
	admin := flags.String("admin", "127.0.0.1:0", "address for /stats, /cert and /debug/pprof/")
	secure := flags.Bool("tls", false, "serve TLS, with a certificate made at start")
	if err := flags.Parse(args); err != nil {
		return err
	}
	raiseFileLimit()
	ctx, stop := untilEnd(stdin)
	defer stop()

	cfg := ServerConfig{Addr: *addr}
	var cert []byte
	if *secure {
		var err error
		if cfg.TLS, cert, err = selfSigned(); err != nil {
			return err
		}
	}
	srv, err := start(ctx, cfg)
	if err != nil {
		return err
	}
	at, stopAdmin, err := startAdmin(ctx, *admin, cert)
	if err == nil {
		defer stopAdmin()
		err = json.NewEncoder(stdout).Encode(Ready{Addr: srv.Addr(), Admin: at})
	}
	if err == nil {
		<-ctx.Done()
	}
	grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return errors.Join(err, srv.Stop(grace))
}

// untilEnd returns a context that ends with a signal, or with stdin: whoever started the process holds its other end.
func untilEnd(stdin io.Reader) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // lives as long as the process
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()
	return ctx, cancel
}
