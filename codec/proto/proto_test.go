package proto_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/codectest"
	pc "github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// vtString is a StringValue with methods like vtprotobuf's, which count their calls.
type vtString struct {
	wrapperspb.StringValue

	sized, marshalled, unmarshalled int
	sizeOff                         int // added to the size
	fail                            error
}

func (m *vtString) SizeVT() int {
	m.sized++
	return proto.Size(&m.StringValue) + m.sizeOff
}

func (m *vtString) MarshalToSizedBufferVT(b []byte) (int, error) {
	m.marshalled++
	if m.fail != nil {
		return 0, m.fail
	}
	e := []byte(nil)
	if m.GetValue() != "" {
		e = protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), m.GetValue())
	}
	return copy(b[len(b)-len(e):], e), nil
}

func (m *vtString) UnmarshalVT(src []byte) error {
	m.unmarshalled++
	if m.fail != nil {
		return m.fail
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(src, &m.StringValue)
}

func newVTString(s string) *vtString {
	m := new(vtString)
	m.Value = s
	return m
}

// bare is a message written by hand: the number of its bytes, and these. It has no descriptor.
type bare struct{ data []byte }

func (m *bare) Reset()      { m.data = nil }
func (m *bare) SizeVT() int { return protowire.SizeBytes(len(m.data)) }

func (m *bare) MarshalToSizedBufferVT(b []byte) (int, error) {
	e := protowire.AppendBytes(nil, m.data)
	return copy(b[len(b)-len(e):], e), nil
}

func (m *bare) UnmarshalVT(src []byte) error {
	data, n := protowire.ConsumeBytes(src)
	if n < 0 {
		return protowire.ParseError(n)
	}
	m.data = append(m.data, data...)
	return nil
}

// old is a message of the old API, with struct tags for a description.
type old struct {
	Text string `protobuf:"bytes,1,opt,name=text,proto3"`
}

func (m *old) Reset()         { *m = old{} }
func (m *old) String() string { return m.Text }
func (*old) ProtoMessage()    {}

// noReset lacks Reset, so that it would merge.
type noReset struct{}

func (*noReset) SizeVT() int                                { return 0 }
func (*noReset) MarshalToSizedBufferVT([]byte) (int, error) { return 0, nil }
func (*noReset) UnmarshalVT([]byte) error                   { return nil }

var _ protoadapt.MessageV1 = (*old)(nil)

func equalProto(a, b any) bool {
	x, _ := a.(proto.Message)
	y, _ := b.(proto.Message)
	return proto.Equal(x, y)
}

func TestSuite(t *testing.T) {
	t.Parallel()
	st, err := structpb.NewStruct(map[string]any{"a": 1, "b": []any{"c", true, nil}, "d": map[string]any{"e": "f"}})
	if err != nil {
		t.Fatal(err)
	}
	file := "a"
	dynamic := dynamicpb.NewMessage(st.ProtoReflect().Descriptor())
	proto.Merge(dynamic, st)
	for _, s := range []codectest.Subject{
		{
			Name:     "text",
			New:      func() any { return new(wrapperspb.StringValue) },
			Equal:    equalProto,
			Messages: []any{wrapperspb.String("a"), wrapperspb.String(strings.Repeat("ü", 1000))},
		},
		{
			Name:     "nested",
			New:      func() any { return new(structpb.Struct) },
			Equal:    equalProto,
			Messages: []any{st},
		},
		{
			Name:     "extendable",
			New:      func() any { return new(descriptorpb.FileDescriptorProto) },
			Equal:    equalProto,
			Messages: []any{&descriptorpb.FileDescriptorProto{Name: &file, Options: &descriptorpb.FileOptions{}}},
		},
		{
			Name:     "dynamic",
			New:      func() any { return dynamicpb.NewMessage(st.ProtoReflect().Descriptor()) },
			Equal:    equalProto,
			Messages: []any{dynamic},
		},
		{
			Name:     "vt",
			New:      func() any { return new(vtStringOnly) },
			Equal:    equalProto,
			Messages: []any{newVTStringOnly("a"), newVTStringOnly("bc")},
		},
		{
			Name:     "bare",
			New:      func() any { return new(bare) },
			Equal:    func(a, b any) bool { return bytes.Equal(a.(*bare).data, b.(*bare).data) },
			Messages: []any{&bare{data: []byte("a")}, &bare{data: make([]byte, 300)}},
		},
		{
			Name:     "old",
			New:      func() any { return new(old) },
			Equal:    func(a, b any) bool { return a.(*old).Text == b.(*old).Text },
			Messages: []any{&old{"a"}, &old{"bcd"}},
		},
		{
			Name:     "raw",
			New:      func() any { return new(fairlead.Raw) },
			Equal:    func(a, b any) bool { return bytes.Equal(a.(*fairlead.Raw).Data, b.(*fairlead.Raw).Data) },
			Messages: []any{&fairlead.Raw{Data: []byte("abc")}, &fairlead.Raw{Data: []byte("d"), Codec: "proto"}},
		},
	} {
		s.Codec = pc.Codec{}
		codectest.Run(t, s)
	}
}

// vtStringOnly has the vt methods without counting, since the suite calls them at once from several goroutines.
type vtStringOnly struct{ wrapperspb.StringValue }

func newVTStringOnly(s string) *vtStringOnly {
	m := new(vtStringOnly)
	m.Value = s
	return m
}

func (m *vtStringOnly) SizeVT() int { return proto.Size(&m.StringValue) }

func (m *vtStringOnly) MarshalToSizedBufferVT(b []byte) (int, error) {
	e, err := proto.Marshal(&m.StringValue)
	return copy(b[len(b)-len(e):], e), err
}

func (m *vtStringOnly) UnmarshalVT(src []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(src, &m.StringValue)
}

func bind(t *testing.T, sample any) codec.Codec {
	t.Helper()
	c, err := pc.Codec{}.ForType(sample)
	if err != nil {
		t.Fatalf("ForType(%T): %v", sample, err)
	}
	return c
}

func TestBind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sample any
		sizer  bool
	}{
		{new(wrapperspb.StringValue), true},
		{new(structpb.Struct), true},
		{new(vtString), true},
		{new(bare), true},
		{new(fairlead.Raw), true},
		{new(old), false},
		{new(descriptorpb.FieldOptions), false},
		{new(descriptorpb.FileDescriptorProto), false},
		{dynamicpb.NewMessage(new(timestamppb.Timestamp).ProtoReflect().Descriptor()), false},
	} {
		t.Run(fmt.Sprintf("%T", tt.sample), func(t *testing.T) {
			t.Parallel()
			if _, ok := bind(t, tt.sample).(codec.Sizer); ok != tt.sizer {
				t.Errorf("is a codec.Sizer: got %t, want %t", ok, tt.sizer)
			}
		})
	}
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	for _, sample := range []any{nil, 1, "a", struct{}{}, new(noReset)} {
		_, err := pc.Codec{}.ForType(sample)
		if !errors.Is(err, codec.ErrType) {
			t.Errorf("ForType(%T): got error %v, want codec.ErrType", sample, err)
			continue
		}
		if want := fmt.Sprintf("%T", sample); !strings.Contains(err.Error(), want) {
			t.Errorf("ForType(%T): error %q does not name the type", sample, err)
		}
	}
}

func TestVTMethodsAreUsed(t *testing.T) {
	t.Parallel()
	m := newVTString("abc")
	c, ok := bind(t, m).(codec.Sizer)
	if !ok {
		t.Fatal("no codec.Sizer")
	}
	b, err := c.AppendSized(nil, m, c.Size(m))
	if err != nil {
		t.Fatal(err)
	}
	if m.sized != 1 || m.marshalled != 1 {
		t.Errorf("SizeVT was called %d times and MarshalToSizedBufferVT %d times, want 1 and 1", m.sized, m.marshalled)
	}
	if err := c.Unmarshal(b, m); err != nil || m.GetValue() != "abc" || m.unmarshalled != 1 {
		t.Errorf("Unmarshal: got %q and error %v after %d calls of UnmarshalVT", m.GetValue(), err, m.unmarshalled)
	}
	// What UnmarshalVT does not do right is not left to it.
	unusual := append(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1), b...)
	if err := c.Unmarshal(unusual, m); err != nil || m.GetValue() != "abc" || m.unmarshalled != 1 {
		t.Errorf("Unmarshal of a wrong wire type: got %q and error %v after %d calls of UnmarshalVT", m.GetValue(), err,
			m.unmarshalled)
	}
}

func TestVTFailures(t *testing.T) {
	t.Parallel()
	dst := []byte("before")
	t.Run("size", func(t *testing.T) {
		t.Parallel()
		m := newVTString("abc")
		m.sizeOff = 1
		out, err := bind(t, m).AppendMarshal(dst, m)
		if err == nil || !strings.Contains(err.Error(), "changed meanwhile") || string(out) != "before" {
			t.Errorf("AppendMarshal: got %q and error %v, want one about the size", out, err)
		}
	})
	t.Run("marshal", func(t *testing.T) {
		t.Parallel()
		m := newVTString("abc")
		m.fail = errors.New("fails")
		// google.golang.org/protobuf has the last word.
		out, err := bind(t, m).AppendMarshal(dst, m)
		if err != nil || string(out) != "before\x0a\x03abc" {
			t.Errorf("AppendMarshal: got %q and error %v", out, err)
		}
		if err := bind(t, m).Unmarshal([]byte("\x0a\x01z"), m); err != nil || m.GetValue() != "z" {
			t.Errorf("Unmarshal: got %q and error %v", m.GetValue(), err)
		}
	})
	t.Run("UTF-8", func(t *testing.T) {
		t.Parallel()
		m := newVTString("a\xff")
		out, err := bind(t, m).AppendMarshal(dst, m)
		const want = "proto: field google.protobuf.StringValue.value: string field contains invalid UTF-8"
		if err == nil || err.Error() != want || string(out) != "before" {
			t.Errorf("AppendMarshal: got %q and error %v, want %s", out, err, want)
		}
		if err := bind(t, m).Unmarshal([]byte("\x0a\x01\xff"), m); err == nil || err.Error() != want {
			t.Errorf("Unmarshal: got error %v, want %s", err, want)
		}
		if m.unmarshalled != 0 {
			t.Error("UnmarshalVT was called")
		}
	})
}

func TestChangedBetweenSizeAndMarshal(t *testing.T) {
	t.Parallel()
	for _, m := range []any{wrapperspb.String("abc"), newVTStringOnly("abc"), &bare{data: []byte("abc")}} {
		c, ok := bind(t, m).(codec.Sizer)
		if !ok {
			t.Fatalf("%T: no codec.Sizer", m)
		}
		if out, err := c.AppendSized([]byte("x"), m, c.Size(m)+1); err == nil || string(out) != "x" {
			t.Errorf("AppendSized(%T) with a wrong size: got %q and error %v", m, out, err)
		}
	}
}

// TestOtherTypes passes messages of types other than the bound one.
func TestOtherTypes(t *testing.T) {
	t.Parallel()
	for _, sample := range []any{new(wrapperspb.StringValue), new(vtString), new(bare), new(fairlead.Raw), new(old)} {
		c := bind(t, sample)
		for _, m := range []any{wrapperspb.String("abc"), &fairlead.Raw{Data: []byte("\x0a\x03abc")}, &old{"abc"}} {
			b, err := c.AppendMarshal(nil, m)
			if err != nil || string(b) != "\x0a\x03abc" {
				t.Errorf("bound to %T: AppendMarshal(%T): got %q and error %v", sample, m, b, err)
			}
			if s, ok := c.(codec.Sizer); ok {
				if _, ok := m.(*old); ok {
					continue // nothing says that Size and AppendSized take adapted messages
				}
				b, err := s.AppendSized(nil, m, s.Size(m))
				if err != nil || string(b) != "\x0a\x03abc" {
					t.Errorf("bound to %T: AppendSized(%T): got %q and error %v", sample, m, b, err)
				}
			}
			if err := c.Unmarshal(b, m); err != nil {
				t.Errorf("bound to %T: Unmarshal into %T: %v", sample, m, err)
			}
		}
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	c := bind(t, new(fairlead.Raw))
	if _, err := c.AppendMarshal(nil, &fairlead.Raw{Data: []byte("{}"), Codec: "json"}); err == nil {
		t.Error("AppendMarshal of another codec's raw message: got no error")
	}
	src := []byte("abc")
	kept := fairlead.Raw{Data: []byte("old")}
	raw := kept
	if err := c.Unmarshal(src, &raw); err != nil {
		t.Fatal(err)
	}
	src[0] = 'x'
	if string(raw.Data) != "abc" || raw.Codec != "proto" {
		t.Errorf("Unmarshal: got %q of codec %q, want abc of proto", raw.Data, raw.Codec)
	}
	if string(kept.Data) != "old" {
		t.Errorf("Unmarshal wrote into the bytes that the message held: %q", kept.Data)
	}
}

func TestNoAllocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	m := wrapperspb.String(strings.Repeat("a", 100))
	c, ok := bind(t, m).(codec.Sizer)
	if !ok {
		t.Fatal("no codec.Sizer")
	}
	dst := make([]byte, 0, 256)
	assert.Allocs(t, 0, func() { _, _ = c.AppendSized(dst, m, c.Size(m)) })
}
