package peer

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	dialers   = 32 // connections made at the same time
	settlings = 5  // looks at the server's memory, of which the lowest counts
	settling  = 300 * time.Millisecond
)

// idle measures what connections cost that have made one call and then nothing more.
func (l *load) idle(ctx context.Context) (*Result, error) {
	// The first connection pays for what is made once.
	if err := l.connect(ctx, 1); err != nil {
		return nil, err
	}
	if err := l.channels[0].Caller("").Unary(ctx); err != nil {
		return nil, err
	}
	before, err := l.settled(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := l.connect(ctx, l.conns); err != nil {
		return nil, err
	}
	opened := l.channels[1:]
	if err := callAll(ctx, opened); err != nil {
		return nil, err
	}
	took := time.Since(start)
	after, err := l.settled(ctx)
	if err != nil {
		return nil, err
	}
	// They must still be there.
	if err := callAll(ctx, opened); err != nil {
		return nil, fmt.Errorf("peer: after having been idle: %w", err)
	}
	n := float64(len(opened))
	result := l.result()
	result.Calls = int64(len(opened))
	result.Seconds = took.Seconds()
	result.CallsPerSecond = n / took.Seconds()
	result.KiBPerConn = float64(after.RSS-before.RSS) / 1024 / n
	result.GoroutinesPerConn = float64(after.Goroutines-before.Goroutines) / n
	return result, nil
}

// settled returns the server's figures at the lowest resident memory of several looks, garbage collected each time.
func (l *load) settled(ctx context.Context) (*Stats, error) {
	var lowest *Stats
	for range settlings {
		if err := wait(ctx, settling); err != nil {
			return nil, err
		}
		s, err := fetchStats(ctx, l.admin, true)
		if err != nil {
			return nil, err
		}
		if lowest == nil || s.RSS < lowest.RSS {
			lowest = s
		}
	}
	return lowest, nil
}

// callAll makes one call on each connection, several at a time.
func callAll(ctx context.Context, channels []Channel) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan Channel)
	var wg sync.WaitGroup
	for range dialers {
		wg.Go(func() {
			for c := range next {
				if err := c.Caller("").Unary(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, c := range channels {
		next <- c
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
