package buffer

import (
	"fmt"
	"testing"
)

func BenchmarkGetPut(b *testing.B) {
	for _, n := range []int{512, 32 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					Put(Get(n))
				}
			})
		})
	}
}

func BenchmarkGrow(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			buf := Get(512)
			for len(buf.B) < 64<<10 {
				buf.Grow(1000)
				buf.B = buf.B[:len(buf.B)+1000]
			}
			Put(buf)
		}
	})
}
