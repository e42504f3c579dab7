package fairleadtest

import (
	"io"
	"log/slog"
	"strings"
	"testing"
)

// written is a test whose log the test reads.
type written struct {
	testing.TB
	strings.Builder
}

func (w *written) Helper()           {}
func (w *written) Output() io.Writer { return &w.Builder }

// After the end of a test nothing is logged to it, which would panic.
func TestLog(t *testing.T) {
	t.Parallel()
	w := &written{TB: t}
	h := newLog(w)
	log := slog.New(h)
	log.Debug("detail")
	log.Info("during")
	h.stop()
	log.With("a", 1).WithGroup("g").Error("after")
	if got := w.String(); !strings.Contains(got, "msg=during") || strings.Contains(got, "detail") ||
		strings.Contains(got, "after") {
		t.Errorf("got %q, want what was logged during the test, from INFO on", got)
	}
}
