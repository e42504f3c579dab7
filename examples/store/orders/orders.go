package main

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/examples/store"
)

// orders implements store.OrdersServer.
type orders struct{ inventory *store.InventoryClient }

// Place makes a unary call with its own context: the caller's deadline, less a share for the answer, and its
// cancellation go on to the inventory.
func (o *orders) Place(ctx context.Context, req *store.PlaceRequest) (*store.PlaceResponse, error) {
	_, err := o.inventory.Take(ctx, &store.TakeRequest{Lines: req.Lines})
	if out, ok := errors.AsType[store.OutOfStock](err); ok {
		// Of another service's error code and message go on by themselves. What the contract promises is made anew.
		return nil, store.NewOutOfStock("%s", out.Err.Message).
			With("item", out.Metadata["item"]).With("left", out.Metadata["left"])
	}
	if err != nil {
		return nil, err
	}
	return &store.PlaceResponse{Order: rand.Text()}, nil
}

// Catalogue reads one stream and writes another.
func (o *orders) Catalogue(
	ctx context.Context, _ *store.CatalogueRequest, out *fairlead.Outbound[store.CatalogueResponse],
) error {
	items, err := o.inventory.List(ctx, &store.ListRequest{})
	if err != nil {
		return err
	}
	for item, err := range items.All() {
		if err != nil {
			return err
		}
		if item.Left == 0 {
			continue
		}
		if err := out.Send(&store.CatalogueResponse{Item: item.Item}); err != nil {
			return err
		}
	}
	return nil
}
