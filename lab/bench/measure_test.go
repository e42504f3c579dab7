package bench

import (
	"bytes"
	"regexp"
	"testing"
	"time"
)

// TestMeasure builds all programs and measures, briefly, each client with each server.
func TestMeasure(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
	var log bytes.Buffer
	rep, err := Measure(t.Context(), &Options{
		Lab:      "..",
		Rows:     regexp.MustCompile(`^(unary-1|their-client|our-client|server-stream-10|client-stream-10|bidi-100)$`),
		Rounds:   1,
		Duration: 200 * time.Millisecond,
		Warmup:   50 * time.Millisecond,
		Log:      &log,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	if rep.Machine.GRPCGo == "" {
		t.Error("the version of grpc-go is not known")
	}
	if len(rep.Runs) < 4+2+2+2 {
		t.Errorf("%d runs", len(rep.Runs))
	}
	for _, row := range rep.Goals {
		if row.Failed || row.Median <= 0 {
			t.Errorf("%s was not measured", row.Name)
		}
	}
	if t.Failed() {
		t.Log(log.String())
	}
}
