package http2

import (
	"testing"
)

// FuzzServer gives arbitrary bytes to a server's connection, in one piece or in several.
func FuzzServer(f *testing.F) {
	for _, s := range serverScripts(f) {
		f.Add([]byte(nil), s)
		f.Add([]byte{9, 4, 40, 1}, s)
		f.Add([]byte{60, 9, rigTimed | 16 | 3}, s)
	}
	for _, tt := range endless {
		sc := speak()
		tt.send(sc)
		f.Add([]byte{60, 9, rigTimed | 16 | 3}, sc.out)
	}
	f.Fuzz(func(t *testing.T, cuts, b []byte) {
		inBubble(t, func(t *testing.T) {
			how := 0
			if n := len(cuts); n > 0 {
				how = int(cuts[n-1])
			}
			r := newServerRig(t, how)
			feed(r, cuts, b)
		})
	})
}

// FuzzClient gives arbitrary bytes to a client's connection that has calls of all kinds under way.
func FuzzClient(f *testing.F) {
	for _, s := range clientScripts(f) {
		f.Add([]byte(nil), s)
		f.Add([]byte{9, 4, 40, 2}, s)
	}
	f.Fuzz(func(t *testing.T, cuts, b []byte) {
		inBubble(t, func(t *testing.T) {
			r := newClientRig(t)
			for kind := range 4 {
				r.call(kind)
			}
			r.call(4) // a long one
			r.call(8) // with a deadline
			feed(r, cuts, b)
		})
	})
}

// feed sends b, cut where cuts say, of which the last says how the connection ends.
func feed(r *rig, cuts, b []byte) {
	if len(b) > 128<<10 {
		b = b[:128<<10]
	}
	how := 0
	if n := len(cuts); n > 0 {
		how, cuts = int(cuts[n-1]), cuts[:n-1]
	}
	cuts = cuts[:min(len(cuts), 16)]
	for _, n := range cuts {
		n := min(int(n), len(b))
		r.send(b[:n])
		b = b[n:]
		if how&16 != 0 {
			r.rest()
		}
	}
	r.send(b)
	r.rest()
	r.end(how)
}
