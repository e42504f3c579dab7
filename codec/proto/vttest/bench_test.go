package vttest

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/proto/vttest/testpb"
)

func benchMessages() map[string]proto.Message {
	lists := &testpb.Everything{}
	newRandom(5).fill(lists.ProtoReflect(), 3)
	return map[string]proto.Message{
		"echo-32":    &testpb.Echo{Action: "echo", Msg: strings.Repeat("x", 32)},
		"echo-1KiB":  &testpb.Echo{Action: "echo", Msg: strings.Repeat("x", 1024)},
		"umlauts":    &testpb.Echo{Action: "echo", Msg: strings.Repeat("ü", 512)},
		"everything": lists,
	}
}

func BenchmarkMarshal(b *testing.B) {
	for name, m := range benchMessages() {
		vt, _ := m.(interface {
			SizeVT() int
			MarshalToSizedBufferVT(b []byte) (int, error)
		})
		c, _ := bind(b, m).(codec.Sizer)
		dst := make([]byte, 0, 1<<16)
		b.Run(name+"/google", func(b *testing.B) {
			for b.Loop() {
				_, _ = proto.MarshalOptions{}.MarshalAppend(dst, m)
			}
		})
		b.Run(name+"/vtprotobuf", func(b *testing.B) {
			for b.Loop() {
				_, _ = vt.MarshalToSizedBufferVT(dst[:vt.SizeVT()])
			}
		})
		b.Run(name+"/codec", func(b *testing.B) {
			for b.Loop() {
				_, _ = c.AppendSized(dst, m, c.Size(m))
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, m := range benchMessages() {
		src, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		c := bind(b, m)
		b.Run(name+"/google", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = proto.Unmarshal(src, fresh(m))
			}
		})
		b.Run(name+"/vtprotobuf", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				vt, _ := fresh(m).(interface{ UnmarshalVT(src []byte) error })
				_ = vt.UnmarshalVT(src)
			}
		})
		b.Run(name+"/codec", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = c.Unmarshal(src, fresh(m))
			}
		})
	}
}
