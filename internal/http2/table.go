package http2

import "slices"

// table finds streams by id. Ids are handed out in sequence, so a ring indexed by the low bits of the id nearly
// always has a place; what collides with a long-lived stream goes to the map. It starts without memory and grows with
// the number of streams. The stream lock guards it.
type table struct {
	ring []*stream
	over map[uint32]*stream
	n    int
}

// The places of the ring, which has four times as many each time it grows.
const (
	minRing = 8
	maxRing = minRing << 10
)

func (t *table) get(id uint32) *stream {
	if len(t.ring) > 0 {
		if s := t.ring[t.slot(id)]; s != nil && s.id == id {
			return s
		}
	}
	return t.over[id]
}

func (t *table) put(s *stream) {
	if t.n >= len(t.ring)/2 && len(t.ring) < maxRing {
		t.grow()
	}
	t.n++
	if p := &t.ring[t.slot(s.id)]; *p == nil {
		*p = s
		return
	}
	if t.over == nil {
		t.over = make(map[uint32]*stream)
	}
	t.over[s.id] = s
}

func (t *table) remove(s *stream) {
	if len(t.ring) > 0 {
		if p := &t.ring[t.slot(s.id)]; *p == s {
			*p = nil
			t.n--
			return
		}
	}
	if t.over[s.id] == s {
		delete(t.over, s.id)
		t.n--
	}
}

func (t *table) all() []*stream { return slices.AppendSeq(make([]*stream, 0, t.n), t.each) }

// each is an iter.Seq of the streams, which must not change meanwhile.
func (t *table) each(yield func(*stream) bool) {
	for _, s := range t.ring {
		if s != nil && !yield(s) {
			return
		}
	}
	for _, s := range t.over {
		if !yield(s) {
			return
		}
	}
}

func (t *table) grow() {
	all := t.all()
	t.ring = make([]*stream, max(minRing, 4*len(t.ring)))
	t.over = nil
	for _, s := range all {
		if p := &t.ring[t.slot(s.id)]; *p == nil {
			*p = s
			continue
		}
		if t.over == nil {
			t.over = make(map[uint32]*stream)
		}
		t.over[s.id] = s
	}
}

func (t *table) slot(id uint32) uint32 { return (id >> 1) & uint32(len(t.ring)-1) }
