package http2

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTable opens streams in sequence and ends them in any order, some late, and looks all of them up.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, many := range []int{1, 3, 4, 5, 100, 3 * maxRing} {
		var tab table
		open := make(map[uint32]*stream)
		if tab.get(1) != nil {
			t.Fatal("an empty table has a stream")
		}
		tab.remove(&stream{id: 1})
		for i := range uint32(4 * many) {
			s := &stream{id: 2*i + 1}
			tab.put(s)
			open[s.id] = s
			for id, o := range open {
				if len(open) <= many && (id%7 == 1 || rand.IntN(4) > 0) {
					break
				}
				tab.remove(o)
				delete(open, id)
				if tab.get(id) != nil {
					t.Fatalf("stream %d is found after its end", id)
				}
				tab.remove(o) // once more
				break
			}
		}
		if tab.n != len(open) {
			t.Errorf("%d at once: %d streams count, want %d", many, tab.n, len(open))
		}
		for id, s := range open {
			if tab.get(id) != s || tab.get(id+1) != nil {
				t.Fatalf("%d at once: stream %d is not found, or %d is", many, id, id+1)
			}
		}
		all := tab.all()
		slices.SortFunc(all, func(a, b *stream) int { return int(a.id) - int(b.id) })
		want := slices.Sorted(maps.Keys(open))
		if !slices.EqualFunc(all, want, func(s *stream, id uint32) bool { return s.id == id }) {
			t.Errorf("%d at once: got %d streams in all, want %d", many, len(all), len(want))
		}
		for range tab.each {
			break // an iterator can be left
		}
		if len(tab.ring) > maxRing || len(tab.ring) < minRing {
			t.Errorf("%d at once: the ring has %d places", many, len(tab.ring))
		}
	}
}
