package vttest

import (
	"testing"

	"google.golang.org/protobuf/proto"
)

// FuzzDifferential decodes arbitrary bytes as each of the types and encodes what came out.
func FuzzDifferential(f *testing.F) {
	for i, m := range samples() {
		r := newRandom(uint64(i)) //nolint:gosec // small
		for range 8 {
			x := fresh(m)
			r.fill(x.ProtoReflect(), 3)
			b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(x)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), b) //nolint:gosec // small
		}
	}
	for _, tt := range inputs() {
		for i, m := range samples() {
			if proto.MessageName(m) == proto.MessageName(tt.sample) {
				f.Add(uint8(i), tt.src) //nolint:gosec // small
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, src []byte) {
		all := samples()
		sample := all[int(which)%len(all)]
		c := bind(t, sample)
		m, err := compareUnmarshal(c, sample, src)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return
		}
		forgive(m.ProtoReflect())
		if err := compareMarshal(c, m); err != nil {
			t.Fatal(err)
		}
	})
}
