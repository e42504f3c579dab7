// Orders is the service that customers call; it calls the inventory.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/examples/store"
	"github.com/fairlead-go/fairlead/examples/store/mtls"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen at")
	inventory := flag.String("inventory", "127.0.0.1:8081", "`target` of the inventory")
	certs := flag.String("certs", "certs", "`folder` with the certificates")
	flag.Parse()
	if err := run(context.Background(), *addr, *inventory, *certs); err != nil {
		log.Fatal(err)
	}
}

// run serves until the process is asked to stop, and then lets calls under way finish.
func run(ctx context.Context, addr, inventory, certs string) error {
	identity, err := mtls.Config(certs, "orders")
	if err != nil {
		return err
	}
	// The authority is the name that the inventory's certificate must have, wherever the inventory is. Calls wait for an
	// inventory that is just starting; their deadlines, which the contract gives them, end that.
	conn, err := preset.NewClient(inventory,
		client.TLS(identity), client.Authority("inventory"), client.WaitForReady(true))
	if err != nil {
		return err
	}
	health := admin.NewHealth()
	srv, err := preset.NewServer(addr,
		server.TLS(identity),
		server.Service(store.Orders(&orders{store.NewInventoryClient(conn)})),
		admin.Standard(health))
	if err != nil {
		return err
	}
	// They start in this order and stop in the reverse one: whoever is served can have the inventory called.
	a, err := app.New("orders", health, conn, srv)
	if err != nil {
		return err
	}
	return a.Run(ctx, app.AfterStart(func(context.Context) error {
		fmt.Println("orders listens at", srv.Addr())
		return nil
	}))
}
