package gen_test

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/shapes"
)

// TestClientAllocs pins what a stub allocates: the call. Its options stay on the stack, except through an interface.
//
//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestClientAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	resp := new(shapes.Item)
	client := shapes.NewShapesClient(binder(func(_ context.Context, c *fairlead.Call) error {
		c.SetResponse(resp)
		return nil
	}))
	caller := hide(client)
	ctx, req := t.Context(), new(shapes.Item_Query)
	deadline := fairlead.WithTimeout(time.Second)
	tests := []struct {
		name string
		want float64
		call func() (*shapes.Item, error)
	}{
		{"no options", 1, func() (*shapes.Item, error) { return client.Get(ctx, req) }},
		{"two options", 1, func() (*shapes.Item, error) {
			return client.Get(ctx, req, deadline, fairlead.WithIdempotency(fairlead.Idempotent))
		}},
		{"interface, no options", 1, func() (*shapes.Item, error) { return caller.Get(ctx, req) }},
		{"interface, two options", 2, func() (*shapes.Item, error) {
			return caller.Get(ctx, req, deadline, fairlead.WithIdempotency(fairlead.Idempotent))
		}},
	}
	for _, tt := range tests {
		got := testing.AllocsPerRun(100, func() {
			if _, err := tt.call(); err != nil {
				t.Error(err)
			}
		})
		if got != tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.want)
		}
	}
}

// hide returns c as an interface whose type the compiler does not know.
//
//go:noinline
func hide(c *shapes.ShapesClient) shapes.ShapesCaller { return c }
