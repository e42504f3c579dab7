// Client is a customer of the store: it orders, and does what it may not, and fails when an answer is not as it should
// be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/examples/store"
	"github.com/fairlead-go/fairlead/examples/store/mtls"
	"github.com/fairlead-go/fairlead/middleware/validate"
	"github.com/fairlead-go/fairlead/preset"
)

func main() {
	orders := flag.String("orders", "127.0.0.1:8080", "`target` of the service orders")
	inventory := flag.String("inventory", "127.0.0.1:8081", "`target` of the inventory")
	certs := flag.String("certs", "certs", "`folder` with the certificates")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout, *orders, *inventory, *certs); err != nil {
		log.Fatal(err) //nolint:gocritic // the process ends, and with it the timer
	}
}

func run(ctx context.Context, out io.Writer, ordersAt, inventoryAt, certs string) error {
	identity, err := mtls.Config(certs, "customer")
	if err != nil {
		return err
	}
	conn, err := preset.NewClient(ordersAt, client.TLS(identity), client.Authority("orders"), client.WaitForReady(true))
	if err != nil {
		return err
	}
	defer conn.Close()
	orders := store.NewOrdersClient(conn)

	items, err := orders.Catalogue(ctx, &store.CatalogueRequest{})
	if err != nil {
		return err
	}
	for item, err := range items.All() {
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "in the catalogue:", item.Item)
	}

	lamps := func(n int32) *store.PlaceRequest {
		return &store.PlaceRequest{Lines: []*store.Line{{Item: "lamp", Quantity: n}}}
	}
	if _, err := orders.Place(ctx, lamps(1)); err != nil {
		return err
	}
	fmt.Fprintln(out, "ordered: a lamp")

	_, err = orders.Place(ctx, lamps(100))
	short, ok := errors.AsType[store.OutOfStock](err) // declared in the contract
	if !ok {
		return unlike("a hundred lamps", err, "that they are out of stock")
	}
	fmt.Fprintf(out, "out of stock: %s, of which there are %s left\n", short.Metadata["item"], short.Metadata["left"])

	_, err = orders.Place(ctx, lamps(0))
	broken := validate.Fields(err) // rules in the contract
	if len(broken) != 1 {
		return unlike("no lamps", err, "one rule to be broken")
	}
	fmt.Fprintf(out, "refused: %s %s\n", broken[0].Field, broken[0].Message)

	other, err := preset.NewClient(inventoryAt, client.TLS(identity), client.Authority("inventory"))
	if err != nil {
		return err
	}
	defer other.Close()
	_, err = store.NewInventoryClient(other).Take(ctx, &store.TakeRequest{Lines: lamps(1).Lines})
	if fairlead.CodeOf(err) != fairlead.PermissionDenied {
		return unlike("past the orders", err, "that it is forbidden")
	}
	fmt.Fprintln(out, "forbidden:", err)

	stranger, err := preset.NewClient(ordersAt)
	if err != nil {
		return err
	}
	defer stranger.Close()
	_, err = store.NewOrdersClient(stranger).Place(ctx, lamps(1), fairlead.WithTimeout(10*time.Second))
	if err == nil {
		return errors.New("without a certificate: an order was taken")
	}
	fmt.Fprintln(out, "without a certificate:", fairlead.CodeOf(err))
	return healthy(ctx, out, conn)
}

// unlike returns the error for a call that ended with err, which may be nil, where another end is right.
func unlike(call string, err error, want string) error {
	if err == nil {
		return fmt.Errorf("%s: no error, want %s", call, want)
	}
	return fmt.Errorf("%s: %w, want %s", call, err, want)
}

// healthy asks for the health of orders as a probe does, by the contract that the server itself tells.
func healthy(ctx context.Context, out io.Writer, conn *client.Client) error {
	contract, err := dynamic.FromServer(conn)
	if err != nil {
		return err
	}
	check, err := contract.Method(ctx, "grpc.health.v1.Health/Check")
	if err != nil {
		return err
	}
	answer, err := dynamic.Unary(ctx, conn, check, dynamic.NewRequest(check))
	if err != nil {
		return err
	}
	status := answer.Descriptor().Fields().ByName("status")
	name := status.Enum().Values().ByNumber(answer.Get(status).Enum()).Name()
	if name != "SERVING" {
		return fmt.Errorf("orders is %s", name)
	}
	fmt.Fprintln(out, "health:", name)
	return nil
}
