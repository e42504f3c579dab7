package vttest

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/codectest"
	pc "github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/codec/proto/vttest/otherpb"
	"github.com/fairlead-go/fairlead/codec/proto/vttest/testpb"
)

func TestMarshalNils(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		m    proto.Message
	}{
		{"nil message", (*testpb.Echo)(nil)},
		{"nil in a list", &testpb.Lists{FEcho: []*testpb.Echo{{Msg: "a"}, nil, {Msg: "b"}}}},
		{"nil in a list of another package", &testpb.Everything{Plains: []*otherpb.Plain{nil, {Text: "a"}}}},
		{"nil in a map", &testpb.Maps{StringEcho: map[string]*testpb.Echo{"a": nil}}},
		{"nil in a map of another package", &testpb.Maps{StringPlain: map[string]*otherpb.Plain{"a": nil}}},
		{"nil bytes in a list", &testpb.Lists{FBytes: [][]byte{nil, {}}}},
		{"nil bytes in a oneof", &testpb.Oneofs{Choice: &testpb.Oneofs_Raw{}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := bind(t, tt.m)
			want, wantErr := proto.Marshal(tt.m)
			got, err := c.AppendMarshal(nil, tt.m)
			if (err == nil) != (wantErr == nil) || string(got) != string(want) {
				t.Errorf("AppendMarshal: got %x and %v, want %x and %v", got, err, want, wantErr)
			}
		})
	}
}

// TestKnownLosses pins what the package's comment says of vtprotobuf's marshalling, so that a version without these
// faults does not go unnoticed.
func TestKnownLosses(t *testing.T) {
	t.Parallel()
	known := &timestamppb.Timestamp{Seconds: 1}
	known.ProtoReflect().SetUnknown(protoreflect.RawFields(wire{}.varint(9, 1)))
	for name, m := range map[string]proto.Message{
		"negative zero":                      &testpb.Scalars{FDouble: math.Copysign(0, -1)},
		"nil message in a oneof":             &testpb.Oneofs{Choice: &testpb.Oneofs_Echo{}},
		"unknown field in a well-known type": &testpb.WellKnown{At: known},
	} {
		b, err := bind(t, m).AppendMarshal(nil, m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		back := fresh(m)
		if err := proto.Unmarshal(b, back); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if proto.Equal(back, m) {
			t.Errorf("%s: is not lost any more; mend the comment", name)
		}
	}
}

func TestInvalidTextNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field string
		m     proto.Message
	}{
		{"fairlead.vttest.Echo.msg", &testpb.Echo{Action: "a", Msg: "\xff"}},
		{"fairlead.vttest.Everything.far", &testpb.Everything{Far: "\xff"}},
		{"fairlead.vttest.Lists.f_string", &testpb.Lists{FString: []string{"a", "\xff"}}},
		{"fairlead.vttest.Maps.StringStringEntry.key", &testpb.Maps{StringString: map[string]string{"\xff": "a"}}},
		{"fairlead.vttest.Tree.label", &testpb.Tree{More: []*testpb.Tree{{Left: &testpb.Tree{Label: "\xff"}}}}},
	} {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			c := bind(t, tt.m)
			dst := []byte("before")
			out, err := c.AppendMarshal(dst, tt.m)
			want := "proto: field " + tt.field + ": string field contains invalid UTF-8"
			if err == nil || err.Error() != want {
				t.Errorf("AppendMarshal: got error %v, want %s", err, want)
			}
			if !errors.Is(err, proto.Error) {
				t.Errorf("AppendMarshal: %v is no proto.Error", err)
			}
			if string(out) != "before" {
				t.Errorf("AppendMarshal: got %q, want what was there before", out)
			}
			// The bytes that UnmarshalVT would take.
			vt, _ := tt.m.(interface{ MarshalVT() ([]byte, error) })
			src, err := vt.MarshalVT()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Unmarshal(src, fresh(tt.m)); err == nil || err.Error() != want {
				t.Errorf("Unmarshal: got error %v, want %s", err, want)
			}
		})
	}
}

func TestErrorsAreGooglesOtherwise(t *testing.T) {
	t.Parallel()
	c := bind(t, new(testpb.Required))
	_, want := proto.Marshal(new(testpb.Required))
	if _, err := c.AppendMarshal(nil, new(testpb.Required)); err == nil || err.Error() != want.Error() {
		t.Errorf("AppendMarshal: got error %v, want %v", err, want)
	}
	for _, src := range []string{"", "\x0a\x05a", "\xff"} {
		want := proto.Unmarshal([]byte(src), new(testpb.Required))
		if err := c.Unmarshal([]byte(src), new(testpb.Required)); err == nil || err.Error() != want.Error() {
			t.Errorf("Unmarshal(%x): got error %v, want %v", src, err, want)
		}
	}
}

// TestChosen checks by the number of allocations which code runs, and whether the codec gives sizes.
func TestChosen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		m     proto.Message
		sizer bool
	}{
		{"vtprotobuf", new(testpb.Echo), true},
		{"protoc-gen-go", new(otherpb.Plain), true},
		{"opaque", new(testpb.Opaque), true},
		{"lazy", new(testpb.Lazy), false},
		{"extensions", new(testpb.Extended), false},
		{"extensions within", new(testpb.HoldsExtended), false},
		{"groups", new(testpb.WithGroup), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, ok := bind(t, tt.m).(codec.Sizer); ok != tt.sizer {
				t.Errorf("is a codec.Sizer: got %t, want %t", ok, tt.sizer)
			}
		})
	}
}

func TestMessageMarshalledByManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, m := range samples() {
		c := bind(t, m)
		x := fresh(m)
		newRandom(7).fill(x.ProtoReflect(), 3)
		want, err := c.AppendMarshal(nil, x)
		if err != nil {
			continue
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20 {
					var got []byte
					var err error
					if s, ok := c.(codec.Sizer); ok {
						got, err = s.AppendSized(nil, x, s.Size(x))
					} else {
						got, err = c.AppendMarshal(nil, x)
					}
					if err != nil || len(got) != len(want) {
						t.Errorf("%T: got %d bytes and error %v, want %d", x, len(got), err, len(want))
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	r := newRandom(3)
	for _, m := range samples() {
		if proto.CheckInitialized(m) != nil {
			continue // the suite marshals empty messages
		}
		s := codectest.Subject{
			Name:  string(proto.MessageName(m)),
			Codec: pc.Codec{},
			New:   func() any { return fresh(m) },
			Equal: func(a, b any) bool {
				x, _ := a.(proto.Message)
				y, _ := b.(proto.Message)
				return proto.Equal(x, y)
			},
		}
		for range 5 {
			x := fresh(m)
			r.fill(x.ProtoReflect(), 3)
			if proto.CheckInitialized(x) == nil {
				s.Messages = append(s.Messages, x)
			}
		}
		codectest.Run(t, s)
	}
}

func TestNoAllocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m := &testpb.Echo{Action: "echo", Msg: strings.Repeat("x", 1024)}
	c, ok := bind(t, m).(codec.Sizer)
	if !ok {
		t.Fatal("no codec.Sizer")
	}
	dst := make([]byte, 0, 4096)
	if got := testing.AllocsPerRun(100, func() { _, _ = c.AppendSized(dst, m, c.Size(m)) }); got != 0 {
		t.Errorf("Size and AppendSized allocate %v times, want 0", got)
	}
	src, _ := proto.Marshal(m)
	into := new(testpb.Echo)
	// The two strings.
	if got := testing.AllocsPerRun(100, func() { _ = c.Unmarshal(src, into) }); got > 2 {
		t.Errorf("Unmarshal allocates %v times, want 2", got)
	}
}
