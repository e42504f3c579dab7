package main

import (
	"errors"
	"testing"

	"github.com/fairlead-go/fairlead/examples/store"
	"github.com/fairlead-go/fairlead/fairleadtest"
)

// TestTake calls the service as it is served, without a process and without a port.
func TestTake(t *testing.T) {
	t.Parallel()
	stock := newStock(map[string]int32{"lamp": 2, "chair": 1})
	inventory := store.NewInventoryClient(fairleadtest.Serve(t, store.Inventory(stock)))
	take := func(lines ...*store.Line) error {
		_, err := inventory.Take(t.Context(), &store.TakeRequest{Lines: lines})
		return err
	}
	lamp, chair := &store.Line{Item: "lamp", Quantity: 1}, &store.Line{Item: "chair", Quantity: 1}
	if err := take(lamp, chair); err != nil {
		t.Error(err)
	}
	out, ok := errors.AsType[store.OutOfStock](take(lamp, chair))
	if !ok || out.Metadata["item"] != "chair" || out.Metadata["left"] != "0" {
		t.Errorf("got %v with %v, want no chair to be left", out, out.Metadata)
	}
	if err := take(lamp); err != nil {
		t.Errorf("got %v, want the lamp of the order that failed to be there still", err)
	}
}
