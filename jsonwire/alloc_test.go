//go:build !race

package jsonwire_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// TestAllocations: encoding allocates nothing, also for small maps; decoding allocates what it keeps.
func TestAllocations(t *testing.T) { //nolint:paralleltest // it counts allocations
	m := full()
	o := jsonwire.Options{Messages: foreign{}}
	var e jsonwire.Encoder
	dst := make([]byte, 0, 4096)
	if got := testing.AllocsPerRun(100, func() {
		e.Reset(0, &o)
		dst = m.AppendProtoJSON(dst[:0], &e)
	}); got != 0 {
		t.Errorf("encode: got %v allocations, want 0", got)
	}
	big := &Model{Labels: map[string]string{}}
	for i := range 100 {
		big.Labels[string(rune('a'+i))] = "x"
	}
	if got := testing.AllocsPerRun(100, func() {
		e.Reset(0, &o)
		dst = big.AppendProtoJSON(dst[:0], &e)
	}); got != 1 {
		t.Errorf("encode a large map: got %v allocations, want 1", got)
	}
	// A message, a string, an integer, and none for names, numbers and enums.
	src := []byte(`{"name":"a name","small":"12","bigNumber":"5","ratio":1.25,"color":"RED",` +
		`"count":"7","time":"2020-01-01T00:00:00Z"}`)
	var d jsonwire.Decoder
	if got := testing.AllocsPerRun(100, func() {
		d.Reset(src, &o)
		new(Model).ParseProtoJSON(&d)
		if d.End() != nil {
			t.Error(d.End())
		}
	}); got > 4 {
		t.Errorf("decode: got %v allocations, want at most 4: the message, a string, an int64, a timestamp", got)
	}
}
