package fairleadtest

import (
	"io"
	"log/slog"
	"sync"
	"testing"
)

// testLog is a slog.Handler that writes to the log of a test until it is stopped: a test that has ended panics when
// something is logged to it.
type testLog struct {
	slog.Handler

	w *testWriter
}

func newLog(t testing.TB) testLog {
	t.Helper()
	w := &testWriter{out: t.Output()}
	return testLog{slog.NewTextHandler(w, nil), w}
}

func (l testLog) stop() { l.w.stop() }

// testWriter drops what is written after stop.
type testWriter struct {
	mu  sync.Mutex
	out io.Writer // nil after stop
}

func (w *testWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out == nil {
		return len(p), nil
	}
	return w.out.Write(p)
}

func (w *testWriter) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = nil
}
