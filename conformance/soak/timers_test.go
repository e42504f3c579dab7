package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/preset"
)

// TestTimers makes calls of all kinds with a deadline that is an hour away, some of which are given up. When client and
// server have ended, no timer may be left: one that nobody stopped would be kept by the runtime for that hour.
func TestTimers(t *testing.T) { //nolint:paralleltest // it looks at all memory
	rate := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	t.Cleanup(func() { runtime.MemProfileRate = rate })

	func() { // what it has on its stack is gone when it returns
		r := &run{t: t, outcomes: make(map[outcome]int)}
		s := &site{addr: local.Own()}
		r.start(s)
		c, err := preset.NewClient(s.now.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		w := &worker{run: r, name: "fairlead", caller: fairleadCaller{c}, rand: rand.New(rand.NewPCG(1, 2))}
		for i := range 400 {
			f := &fate{abandon: i%4 == 0}
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			_, err := w.call(ctx, f)
			cancel()
			if err != nil && !f.abandon {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		if _, err := w.caller.open(ctx, w.rand, methodBoth, nil); err != nil {
			t.Error(err)
		}
		runtime.GC()
		runtime.GC() // a profile is that of the last but one
		if timers() == "" {
			t.Error("the timer of a call under way is not found, so nothing would be")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		r.shutdown(s.now, 10*time.Second, true)
		for _, f := range r.faults {
			t.Error(f)
		}
	}()
	for n := 0; ; n++ {
		runtime.GC() // twice, at least, for the pools
		text := timers()
		if text == "" && n > 1 {
			return
		}
		if n == 10 {
			t.Errorf("timers are left, made at\n%s", text)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// timers says where the timers that are in use were made, of those that Fairlead's code made.
func timers() string {
	records := make([]runtime.MemProfileRecord, 10_000)
	n, ok := runtime.MemProfile(records, false)
	for !ok {
		records = make([]runtime.MemProfileRecord, 2*n)
		n, ok = runtime.MemProfile(records, false)
	}
	var text strings.Builder
	for i := range records[:n] {
		var stack strings.Builder
		timer, ours := false, false
		frames := runtime.CallersFrames(records[i].Stack())
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			timer = timer || f.Function == "time.newTimer"
			if strings.HasPrefix(f.Function, "runtime.(*timers)") {
				break // the runtime's own list of timers has grown
			}
			ours = ours || strings.Contains(f.Function, "github.com/fairlead-go/fairlead/") &&
				!strings.HasPrefix(f.Function, "github.com/fairlead-go/fairlead/conformance")
			fmt.Fprintf(&stack, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if timer && ours {
			fmt.Fprintf(&text, "%d of\n%s", records[i].InUseObjects(), stack.String())
		}
	}
	return text.String()
}
