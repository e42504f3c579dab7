package buffer

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// The ledger is for tests, since it slows the pool down. While it is off, the pool only loads counting.
var (
	counting atomic.Bool //nolint:gochecknoglobals // the pool is the process's, so is the count
	ledger   book        //nolint:gochecknoglobals // likewise
)

// originDepth is the number of stack frames stored for a Get.
const originDepth = 16

// origin is the stack of the Get that returned a buffer.
type origin [originDepth]uintptr

// book has the buffers that Get has returned and that were not put back.
type book struct {
	mu  sync.Mutex
	out map[*Buf]origin
}

// Count makes the pool count, from now on, the buffers that are got and not put back; with false it stops counting. It
// is for tests that look for leaks: Out and Leaks return the result. While the pool counts, a buffer that is put back
// is overwritten, so that late readers notice, and putting one back twice panics. Buffers got before Count are not
// counted. The count is for the whole process, so tests that use it must not run in parallel with others.
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

// Leaks returns, for each buffer that Out counts, the stack of its Get; "" if there is none.
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

// check is the part of Put for tests.
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
