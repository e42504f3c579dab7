package vttest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/codec"
	pc "github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/codec/proto/vttest/testpb"
)

// samples are the types that are compared; those at the end do not use vtprotobuf's methods though they have them.
func samples() []proto.Message {
	return []proto.Message{
		new(testpb.Echo), new(testpb.Numbers), new(testpb.Scalars), new(testpb.Optionals), new(testpb.Lists),
		new(testpb.Maps), new(testpb.Oneofs), new(testpb.Tree), new(testpb.WellKnown), new(testpb.Everything),
		new(testpb.Required), new(testpb.Loose),
		new(testpb.WithGroup), new(testpb.Extended), new(testpb.HoldsExtended), new(testpb.Opaque), new(testpb.Lazy),
	}
}

func bind(t testing.TB, sample any) codec.Codec {
	t.Helper()
	c, err := codec.For(pc.Codec{}, sample)
	if err != nil {
		t.Fatalf("ForType(%T): %v", sample, err)
	}
	return c
}

func fresh(m proto.Message) proto.Message { return m.ProtoReflect().New().Interface() }

// compareUnmarshal decodes src with both and reports differences. Where both succeed it returns the message.
func compareUnmarshal(c codec.Codec, sample proto.Message, src []byte) (proto.Message, error) {
	want, got := fresh(sample), fresh(sample)
	wantErr := proto.Unmarshal(src, want)
	// What a message held must not show.
	_ = proto.Unmarshal(src, got)
	kept := bytes.Clone(src)
	gotErr := c.Unmarshal(src, got)
	if !bytes.Equal(src, kept) {
		return nil, fmt.Errorf("Unmarshal(%T) changed its input", sample)
	}
	if (gotErr == nil) != (wantErr == nil) {
		return nil, fmt.Errorf("Unmarshal(%T, %x): got error %v, want %v", sample, kept, gotErr, wantErr)
	}
	if wantErr != nil {
		return nil, nil //nolint:nilnil,nilerr // both refuse it: nothing to report, and no message
	}
	for i := range src {
		src[i] ^= 0xff
	}
	equal := proto.Equal(got, want)
	copy(src, kept)
	if !equal {
		return nil, fmt.Errorf("Unmarshal(%T, %x):\n got %v\nwant %v", sample, kept, got, want)
	}
	return want, nil
}

// compareMarshal encodes m and reports if google.golang.org/protobuf reads something else than m from it, or would have
// refused m.
func compareMarshal(c codec.Codec, m proto.Message) error {
	_, wantErr := proto.Marshal(m)
	prefix := []byte("prefix")
	out, gotErr := c.AppendMarshal(slices.Clip(prefix), m)
	if (gotErr == nil) != (wantErr == nil) {
		return fmt.Errorf("AppendMarshal(%T %v): got error %v, want %v", m, m, gotErr, wantErr)
	}
	if wantErr != nil {
		return nil //nolint:nilerr // both refuse it
	}
	if !bytes.HasPrefix(out, prefix) {
		return fmt.Errorf("AppendMarshal(%T) changed what was there: %q", m, out[:min(len(out), len(prefix))])
	}
	out = out[len(prefix):]
	back := fresh(m)
	if err := proto.Unmarshal(out, back); err != nil {
		return fmt.Errorf("AppendMarshal(%T %v): %x cannot be read: %w", m, m, out, err)
	}
	if !proto.Equal(back, m) {
		return fmt.Errorf("AppendMarshal(%T):\n got %v\nwant %v", m, back, m)
	}
	s, ok := c.(codec.Sizer)
	if !ok {
		return nil
	}
	size := s.Size(m)
	if size != len(out) {
		return fmt.Errorf("Size(%T %v): got %d, want %d", m, m, size, len(out))
	}
	sized, err := s.AppendSized(nil, m, size)
	if err != nil || len(sized) != size {
		return fmt.Errorf("AppendSized(%T %v): got %d bytes and error %w, want %d", m, m, len(sized), err, size)
	}
	return nil
}

// forgive removes from m what vtprotobuf is known to lose when it marshals.
func forgive(m protoreflect.Message) {
	wellKnown := m.Descriptor().ParentFile().Package() == "google.protobuf"
	if wellKnown {
		m.SetUnknown(nil)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				forgive(v.Message())
				return true
			})
		case f.IsMap():
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				forgive(v.List().Get(i).Message())
			}
		case f.IsList():
		case f.Message() != nil:
			forgive(v.Message())
		case f.Kind() == protoreflect.DoubleKind || f.Kind() == protoreflect.FloatKind:
			if v.Float() == 0 && math.Signbit(v.Float()) && !f.HasPresence() {
				m.Clear(f)
			}
		}
		return true
	})
}
