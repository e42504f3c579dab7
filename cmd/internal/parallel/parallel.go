// Package parallel does independent work on several processors.
package parallel

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls f with 0 to n-1 from at most limit goroutines, no more than there are processors, and waits for them. They
// begin with the lowest numbers. It returns what errors.Join makes of the errors, in the order of the numbers.
func Each(n, limit int, f func(i int) error) error {
	errs := make([]error, n)
	workers := min(n, limit, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			errs[i] = f(i)
		}
		return errors.Join(errs...)
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[i] = f(i)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
