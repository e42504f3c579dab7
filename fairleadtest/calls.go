package fairleadtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
)

// calls has the calls that are not over. The zero value is ready for use.
type calls struct {
	mu      sync.Mutex
	running map[*fairlead.Call]struct{}
	none    chan struct{} // closed when the last call ends; nil: nothing waits for it
}

// track is a fairlead.Middleware for either side.
func (k *calls) track(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		k.begin(c)
		c.OnEnd(k.end)
		return next(ctx, c)
	}
}

func (k *calls) begin(c *fairlead.Call) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		k.running = make(map[*fairlead.Call]struct{})
	}
	k.running[c] = struct{}{}
}

func (k *calls) end(_ context.Context, c *fairlead.Call, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.running, c)
	if len(k.running) == 0 && k.none != nil {
		close(k.none)
		k.none = nil
	}
}

// open returns the paths of the methods of the calls that are not over, one for each call, sorted.
func (k *calls) open() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	paths := make([]string, 0, len(k.running))
	for c := range k.running {
		paths = append(paths, c.Method().Path)
	}
	slices.Sort(paths)
	return paths
}

// wait waits until no call is left, at most for limit, and returns open().
func (k *calls) wait(limit time.Duration) []string {
	k.mu.Lock()
	if len(k.running) == 0 {
		k.mu.Unlock()
		return nil
	}
	if k.none == nil {
		k.none = make(chan struct{})
	}
	none := k.none
	k.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-none:
	case <-timer.C:
	}
	return k.open()
}
