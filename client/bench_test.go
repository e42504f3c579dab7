package client

import (
	"testing"

	"github.com/fairlead-go/fairlead"
)

// BenchmarkUnary is what the client adds to a call, over a connection that does nothing but count.
func BenchmarkUnary(b *testing.B) {
	for _, tt := range []struct {
		name  string
		addrs []string
	}{
		{"one node", []string{"a:1"}},
		{"three nodes", []string{"a:1", "b:1", "c:1"}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			w := newWorld()
			for _, a := range tt.addrs {
				w.serve(a).limit = 1 << 20
			}
			r := &fakeResolver{first: instances(tt.addrs...)}
			c, err := New("test:///service", w.options(r)...)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			h := c.Bind(echo)
			text := "x"
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				call := fairlead.NewCall(echo, &text)
				if err := h(ctx, call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
