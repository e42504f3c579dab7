package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/examples/store"
)

// stock implements store.InventoryServer. It is safe for concurrent use.
type stock struct {
	mu   sync.Mutex
	left map[string]int32
}

func newStock(left map[string]int32) *stock { return &stock{left: left} }

// Take takes all lines out, or none. That the lines are as the contract wants them was seen to before.
func (s *stock) Take(_ context.Context, req *store.TakeRequest) (*store.TakeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	after := maps.Clone(s.left)
	for _, line := range req.Lines {
		if after[line.Item] < line.Quantity {
			left := strconv.Itoa(int(s.left[line.Item]))
			return nil, store.NewOutOfStock("there are not %d of %s", line.Quantity, line.Item).
				With("item", line.Item).With("left", left)
		}
		after[line.Item] -= line.Quantity
	}
	s.left = after
	return &store.TakeResponse{}, nil
}

// List sends all items, in the order of their names.
func (s *stock) List(
	_ context.Context, _ *store.ListRequest, out *fairlead.Outbound[store.ListResponse],
) error {
	s.mu.Lock()
	left := maps.Clone(s.left)
	s.mu.Unlock()
	for _, item := range slices.Sorted(maps.Keys(left)) {
		if err := out.Send(&store.ListResponse{Item: item, Left: left[item]}); err != nil {
			return err
		}
	}
	return nil
}
