// Inventory is the service that knows how many there are of each item.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/examples/store"
	"github.com/fairlead-go/fairlead/examples/store/mtls"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "`address` to listen at")
	certs := flag.String("certs", "certs", "`folder` with the certificates")
	flag.Parse()
	if err := run(context.Background(), *addr, *certs); err != nil {
		log.Fatal(err)
	}
}

// run serves until the process is asked to stop, and then lets calls under way finish.
func run(ctx context.Context, addr, certs string) error {
	identity, err := mtls.Config(certs, "inventory")
	if err != nil {
		return err
	}
	stock := newStock(map[string]int32{"lamp": 3, "chair": 12, "table": 0})
	health := admin.NewHealth()
	srv, err := preset.NewServer(addr,
		server.TLS(identity),
		server.Service(fairlead.Wrap(store.Inventory(stock), only("orders"))),
		admin.Standard(health)) // health and reflection, for everybody with a certificate
	if err != nil {
		return err
	}
	a, err := app.New("inventory", health, srv)
	if err != nil {
		return err
	}
	return a.Run(ctx, app.AfterStart(func(context.Context) error {
		fmt.Println("inventory listens at", srv.Addr())
		return nil
	}))
}

// only lets those calls through whose caller's certificate has the name. A middleware like this one serves unary calls
// and streams, on servers and clients.
func only(name string) fairlead.Middleware {
	return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler { // once for each method
		return func(ctx context.Context, c *fairlead.Call) error { // for each call
			if caller := mtls.Name(c.Peer()); caller != name {
				return fairlead.Errorf(fairlead.PermissionDenied, "%s may not call %s", caller, at.Method.Path)
			}
			return next(ctx, c)
		}
	}
}
