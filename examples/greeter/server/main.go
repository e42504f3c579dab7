// Server is the greeter's server.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"

	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/examples/greeter"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/nethttp"
	"github.com/fairlead-go/fairlead/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen at")
	flag.Parse()
	if err := run(context.Background(), *addr); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends or the process is asked to stop, and then lets calls under way finish.
func run(ctx context.Context, addr string) error {
	srv, err := preset.NewServer(addr,
		server.Service(greeter.Greeter(service{})),
		server.HTTP(nethttp.NewServer(nethttp.Mount("GET /{$}", http.HandlerFunc(page)))))
	if err != nil {
		return err
	}
	a, err := app.New("greeter", srv)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
