package buffer

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// The ledger is for tests: it slows the pool down and is off otherwise, for which the pool pays one load of counting.
var (
	counting atomic.Bool //nolint:gochecknoglobals // the pool is the process's, so is the count
	ledger   book        //nolint:gochecknoglobals // likewise
)

// originDepth is the number of stack frames that are kept of a Get.
const originDepth = 16

// origin is where a buffer was got.
type origin [originDepth]uintptr

// book knows the buffers that were got and not put back.
type book struct {
	mu  sync.Mutex
	out map[*Buf]origin
}

// Count has the pool count, from now on, the buffers that are got and not put back, or with false stops it. It is for
// tests that look for leaks: Out and Leaks have the result. While it counts, a buffer that is put back is overwritten,
// so that whoever still reads it notices, and putting one back twice panics. Buffers got before Count do not count. The
// count is the process's: tests that use it do not run in parallel with others.
func Count(on bool) {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	ledger.out = nil
	if on {
		ledger.out = make(map[*Buf]origin)
	}
	counting.Store(on)
}

// Out returns the number of buffers got and not put back since Count.
func Out() int64 {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	return int64(len(ledger.out))
}

// Leaks says for each buffer that Out counts which calls led to its Get. It returns "" when there is none.
func Leaks() string {
	ledger.mu.Lock()
	times := make(map[origin]int)
	for _, o := range ledger.out {
		times[o]++
	}
	ledger.mu.Unlock()

	texts := make([]string, 0, len(times))
	for o, n := range times {
		texts = append(texts, fmt.Sprintf("%d got at\n%s", n, o))
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

func (k *book) got(b *Buf) {
	var o origin
	runtime.Callers(3, o[:]) // past Callers, got and Get
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.out != nil {
		k.out[b] = o
	}
}

// check is what Put does for tests.
func check(b *Buf) {
	if b.free {
		panic("buffer: put back twice")
	}
	if counting.Load() {
		poison(b.B)
		ledger.drop(b)
	}
}

func (k *book) drop(b *Buf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.out, b)
}

// String returns the frames in the manner of a stack trace.
func (o origin) String() string {
	var text strings.Builder
	n := slices.Index(o[:], 0)
	if n < 0 {
		n = len(o)
	}
	frames := runtime.CallersFrames(o[:n])
	for {
		f, more := frames.Next()
		fmt.Fprintf(&text, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return text.String()
		}
	}
}
