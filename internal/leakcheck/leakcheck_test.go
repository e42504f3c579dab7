package leakcheck

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder is a testing.TB that keeps what Check does to it.
type recorder struct {
	testing.TB

	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	for _, a := range args {
		if s, ok := a.(string); ok {
			format += s
		}
	}
	r.failures = append(r.failures, format)
}

func (r *recorder) end() {
	for _, f := range r.cleanups {
		f()
	}
}

func waitForever(stop <-chan struct{}) { <-stop }

func TestCheckFindsLeaks(t *testing.T) { //nolint:paralleltest // goroutines of other tests would count
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() { waitForever(stop) }) // runs before Check: not its concern

	r := &recorder{TB: t}
	check(r, 50*time.Millisecond)
	started := make(chan struct{})
	wg.Go(func() {
		close(started)
		waitForever(stop)
	})
	<-started
	r.end()
	if len(r.failures) != 1 {
		t.Fatalf("got %d failures, want 1: %v", len(r.failures), r.failures)
	}
	if !strings.Contains(r.failures[0], "leakcheck.waitForever") {
		t.Errorf("got %q, want the stack of waitForever in it", r.failures[0])
	}
	if n := strings.Count(r.failures[0], "leakcheck.waitForever("); n != 1 {
		t.Errorf("got %d stacks, want 1: the goroutine that ran before does not count", n)
	}
}

func TestCheckWaitsForTheEnd(t *testing.T) { //nolint:paralleltest // goroutines of other tests would count
	r := &recorder{TB: t}
	Check(r)
	stop := make(chan struct{})
	go waitForever(stop)
	// Registered later, hence run earlier, the way a test's own cleanups are.
	go func() { close(stop) }()
	r.end()
	if len(r.failures) != 0 {
		t.Errorf("got %v, want no failure", r.failures)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const dump = `goroutine 7 [running]:
leakcheck.goroutines()
	/src/leakcheck.go:90 +0x1d

goroutine 1 [chan receive, 2 minutes]:
testing.(*T).Run(0xc0001)
	/go/testing.go:1859 +0x431
main.main()
	_testmain.go:45 +0x9b

goroutine 9 [select]:
server.(*Server).serve(0xc0002)
	/src/server.go:12 +0x11
created by server.New in goroutine 7
	/src/server.go:8 +0x22

goroutine 11 [syscall]:
os/signal.signal_recv()
	/go/sigqueue.go:152 +0x29
created by os/signal.Notify.func1.1 in goroutine 7
	/go/signal.go:151 +0x1f
`
	list := parse(dump)
	want := []struct {
		id      string
		foreign bool
	}{{"1", true}, {"9", false}, {"11", true}}
	if len(list) != len(want) {
		t.Fatalf("got %d goroutines, want %d", len(list), len(want))
	}
	for i, w := range want {
		if list[i].id != w.id || list[i].foreign() != w.foreign {
			t.Errorf("got goroutine %s, foreign %v, want %s, %v", list[i].id, list[i].foreign(), w.id, w.foreign)
		}
	}
}
