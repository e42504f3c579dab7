package bench

import (
	"context"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// answering is a client that answers at once.
type answering struct{ reply *received }

func (a answering) Bind(*fairlead.Method) fairlead.Handler {
	return func(_ context.Context, c *fairlead.Call) error {
		c.SetResponse(a.reply)
		return nil
	}
}

// A call costs the generator one allocation, the Call itself, whether its request is constant or a template.
func TestCallerAllocations(t *testing.T) { //nolint:paralleltest // it counts allocations
	if assert.Race {
		t.Skip("the race detector allocates")
	}
	for name, data := range map[string]string{
		"constant": `{"text": "hello", "number": 5}`,
		"template": `{"text": "user-{{randString 8}}-{{uuid}}", "number": {{randInt 1 1000}}}`,
	} {
		target := targetOf(t, data, answering{&received{bytes: 10}})
		plan := &load.Plan{Stages: []load.Stage{{From: 1, To: 1}}, Count: 1, Interval: 1e9}
		caller := target.caller(0)
		var got float64
		_, err := load.Run(t.Context(), plan, func(int) load.Caller {
			return callerFunc(func(ctx context.Context, turn *load.Turn) error {
				got = testing.AllocsPerRun(1000, func() {
					if err := caller.Call(ctx, turn); err != nil {
						t.Error(err)
					}
				})
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if got > 1 {
			t.Errorf("%s: got %v allocations a call, want 1", name, got)
		}
	}
}

type callerFunc func(ctx context.Context, t *load.Turn) error

func (f callerFunc) Call(ctx context.Context, t *load.Turn) error { return f(ctx, t) }
