package http2

import "testing"

// TestResetRing: the streams that were reset last are known, and no others.
func TestResetRing(t *testing.T) {
	t.Parallel()
	var r resetRing
	for n := range uint32(5 * resetRingSize / 2) {
		r.add(n)
		for id := range n + 1 {
			if got, want := r.has(id), n-id < resetRingSize; got != want {
				t.Fatalf("after %d: %d is known: %v, want %v", n, id, got, want)
			}
		}
	}
}
