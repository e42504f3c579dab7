package interop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
)

// soak makes call after call, each with what stub returns, and counts those that fail or take too long.
func (c *Client) soak(ctx context.Context, stub func() (*pb.TestServiceClient, func() error, error)) error {
	ctx, cancel := context.WithTimeout(ctx, c.Soak.Overall)
	defer cancel()
	workers := max(c.Soak.Workers, 1)
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		done     int
		failures []error
	)
	for range workers {
		wg.Go(func() {
			for range c.Soak.Iterations / workers {
				if ctx.Err() != nil {
					return
				}
				began := time.Now()
				err := c.soakOnce(ctx, stub)
				mu.Lock()
				done++
				if err != nil {
					failures = append(failures, err)
				}
				mu.Unlock()
				if pause(ctx, c.Soak.Pause-time.Since(began)) != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if want := c.Soak.Iterations / workers * workers; done < want {
		return fmt.Errorf("%d of %d calls were done within %v", done, want, c.Soak.Overall)
	}
	if len(failures) > c.Soak.MaxFailures {
		return fmt.Errorf("%d of %d calls failed: %w", len(failures), done, errors.Join(failures...))
	}
	return nil
}

func (c *Client) soakOnce(ctx context.Context, stub func() (*pb.TestServiceClient, func() error, error)) error {
	began := time.Now()
	s, closeIt, err := stub()
	if err != nil {
		return err
	}
	err = unary(ctx, s, c.Soak.Request, c.Soak.Response)
	if took := time.Since(began); err == nil && took > c.Soak.PerCall {
		err = fmt.Errorf("a call took %v, more than %v", took, c.Soak.PerCall)
	}
	return errors.Join(err, closeIt())
}
