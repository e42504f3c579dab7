package load

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// Counting a call allocates nothing, once the ranges of its latency have been seen.
func TestAccountAllocations(t *testing.T) { //nolint:paralleltest // it counts allocations
	if assert.Race {
		t.Skip("the race detector allocates")
	}
	r := newRun(plan(false, Stage{1, 1, time.Second}), shared(func(context.Context, *Turn) error { return nil }))
	turn := r.turn(0)
	if got := testing.AllocsPerRun(1000, func() {
		turn.start = r.now()
		turn.Exchanged(1, 2)
		r.account(turn, turn.start+100*time.Microsecond, nil)
	}); got > 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}
