package parallel

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 100} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			t.Parallel()
			const n = 1000
			calls := make([]int, n)
			var running, most atomic.Int64
			err := Each(n, limit, func(i int) error {
				if now := running.Add(1); now > most.Load() {
					most.Store(now)
				}
				defer running.Add(-1)
				calls[i]++
				if i%400 == 1 {
					return fmt.Errorf("error %d", i)
				}
				return nil
			})
			if want := "error 1\nerror 401\nerror 801"; err == nil || err.Error() != want {
				t.Errorf("error is %v, want %s", err, want)
			}
			for i, got := range calls {
				if got != 1 {
					t.Errorf("f was called %d times with %d, want once", got, i)
				}
			}
			if most.Load() > int64(limit) {
				t.Errorf("%d calls ran at once, want at most %d", most.Load(), limit)
			}
		})
	}
	if err := Each(0, 1, func(int) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
}
