package peer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Act does what a unary request's action asks for before it is answered: nothing for "", "sleep20ms" sleeps so long,
// "spin100us" computes so long.
func Act(ctx context.Context, action string) error {
	switch {
	case action == "":
		return nil
	case strings.HasPrefix(action, "sleep"):
		d, err := time.ParseDuration(action[len("sleep"):])
		if err != nil {
			return fmt.Errorf("peer: action %q: %w", action, err)
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case strings.HasPrefix(action, "spin"):
		d, err := time.ParseDuration(action[len("spin"):])
		if err != nil {
			return fmt.Errorf("peer: action %q: %w", action, err)
		}
		for start := time.Now(); time.Since(start) < d; { //nolint:revive // the point is to compute
		}
		return nil
	default:
		return fmt.Errorf("peer: there is no action %q", action)
	}
}

// Times is the action that asks a server stream for n messages.
func Times(n int) string { return strconv.Itoa(n) }

// Count reads what Times has written.
func Count(action string) (int, error) {
	n, err := strconv.Atoi(action)
	if err != nil {
		return 0, fmt.Errorf("peer: a server stream's action is the number of messages: %w", err)
	}
	return n, nil
}
