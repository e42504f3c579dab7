package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// The factor and jitter of gRPC's connection back-off protocol
// (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md).
const (
	backoffFactor = 1.6
	backoffJitter = 0.2
)

// backoff returns the time from one attempt to the next after the given number of failures in a row, at least 1.
func (c *config) backoff(failures int) time.Duration {
	d, limit := float64(c.backoffBase), float64(c.backoffMax)
	for ; failures > 1 && d < limit; failures-- {
		d *= backoffFactor
	}
	d = min(d, limit)
	jitter := backoffJitter * (2*rand.Float64() - 1) //nolint:gosec // it need not be a secret
	return time.Duration(d * (1 + jitter))
}

// sleep waits for d, or less if nudge delivers a value. It returns false when ctx ended.
func sleep(ctx context.Context, d time.Duration, nudge <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-nudge:
	case <-ctx.Done():
		return false
	}
	return true
}
