package breaking

import (
	"slices"
	"testing"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		have []span
		want span
		lack []span
	}{
		{"none", nil, span{2, 4}, []span{{2, 4}}},
		{"the same", []span{{2, 4}}, span{2, 4}, nil},
		{"around it", []span{{1, 9}}, span{2, 4}, nil},
		{"before it and behind it", []span{{1, 1}, {5, 6}}, span{2, 4}, []span{{2, 4}}},
		{"its ends", []span{{1, 2}, {4, 6}}, span{2, 4}, []span{{3, 3}}},
		{"its middle", []span{{3, 3}}, span{2, 4}, []span{{2, 2}, {4, 4}}},
		{"in pieces, in no order", []span{{4, 4}, {2, 2}, {3, 3}}, span{2, 4}, nil},
		{"overlapping", []span{{1, 8}, {2, 3}, {7, 9}}, span{2, 10}, []span{{10, 10}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			have := newSpans(slices.Clone(tt.have))
			if got := have.lack(tt.want); !slices.Equal(got, tt.lack) {
				t.Errorf("%v lacks %v of %v, want %v", tt.have, got, tt.want, tt.lack)
			}
			for n := tt.want.first; n <= tt.want.last; n++ {
				lacks := slices.ContainsFunc(tt.lack, func(s span) bool { return s.first <= n && n <= s.last })
				if have.has(n) == lacks {
					t.Errorf("%v has %d: %v", tt.have, n, have.has(n))
				}
			}
		})
	}
}
