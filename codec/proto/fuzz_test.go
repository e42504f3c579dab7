package proto

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// FuzzCheck walks arbitrary bytes: what it takes for plain must be valid.
func FuzzCheck(f *testing.F) {
	s, err := structpb.NewStruct(map[string]any{"a": 1, "b": []any{"c", true, nil}})
	if err != nil {
		f.Fatal(err)
	}
	comment := "a"
	info := &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
		{Path: []int32{1, -1, 300}, LeadingComments: &comment},
	}}
	for _, m := range []proto.Message{s, info} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\x0a\x04\x0a\x01\xff\x12"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []proto.Message{new(structpb.Struct), new(descriptorpb.SourceCodeInfo)} {
			table := newTable(m.ProtoReflect().Descriptor())
			table.invalidText(b)
			v, field := table.check(b, maxDepth)
			err := proto.Unmarshal(b, m)
			switch {
			case v == plain && err != nil:
				t.Errorf("%T: %x is taken for plain: %v", m, b, err)
			case v == badText && err == nil:
				t.Errorf("%T: %x: %s is taken for invalid UTF-8", m, b, field.name)
			}
		}
	})
}
