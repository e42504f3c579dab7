package json_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/codectest"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/jsonwire"
	"github.com/fairlead-go/fairlead/middleware/validate"
)

// hand is a message with code for JSON that is not of protobuf.
type hand struct{ Text string }

func (m *hand) Reset() { *m = hand{} }

func (m *hand) AppendProtoJSON(dst []byte, e *jsonwire.Encoder) []byte {
	dst = append(dst, '{')
	if m.Text != "" {
		dst = append(e.AppendString(append(dst, `"text":`...), m.Text), ',')
	}
	return jsonwire.CloseObject(dst)
}

func (m *hand) ParseProtoJSON(d *jsonwire.Decoder) {
	var seen uint64
	for more := d.OpenObject(); more; more = d.NextMember() {
		switch string(d.Name()) {
		case "text":
			if seen = d.Once(seen, 1<<0); !d.Null() {
				m.Text = d.String()
			}
		default:
			d.Unknown()
		}
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	all, _, types := schema(t)
	equal := func(a, b any) bool { return proto.Equal(a.(proto.Message), b.(proto.Message)) }
	codectest.Run(t, codectest.Subject{
		Name: "Dynamic", Codec: json.Codec{Resolver: types}, New: func() any { return all.New().Interface() }, Equal: equal,
		Messages: []any{
			newMessage(t, all, `one_string: "a" many_int64: [1, -2] color: RED self { one_bool: true }`, types),
			newMessage(t, all,
				`the_any { [type.googleapis.com/test.All] { one_string: "x" } } the_timestamp { seconds: 9 }`, types),
		},
	})
	codectest.Run(t, codectest.Subject{
		Name: "Struct", Codec: json.Codec{}, New: func() any { return new(structpb.Struct) }, Equal: equal,
		Messages: []any{&structpb.Struct{Fields: map[string]*structpb.Value{
			"a": structpb.NewNumberValue(1.5), "b": structpb.NewListValue(&structpb.ListValue{
				Values: []*structpb.Value{structpb.NewNullValue(), structpb.NewStringValue("x")},
			}),
		}}},
	})
	codectest.Run(t, codectest.Subject{
		Name: "ByHand", Codec: json.Codec{}, New: func() any { return new(hand) },
		Equal:    func(a, b any) bool { return *a.(*hand) == *b.(*hand) },
		Messages: []any{&hand{"text"}},
	})
}

func TestRaw(t *testing.T) {
	t.Parallel()
	c, err := codec.For(json.Codec{}, new(fairlead.Raw))
	if err != nil {
		t.Fatal(err)
	}
	src := []byte(`{"a":1}`)
	var raw fairlead.Raw
	if err := c.Unmarshal(src, &raw); err != nil || raw.Codec != "json" {
		t.Errorf("Unmarshal: got codec %q, %v", raw.Codec, err)
	}
	src[0] = 'x'
	got, err := c.AppendMarshal([]byte("before "), &raw)
	if err != nil || string(got) != `before {"a":1}` {
		t.Errorf("AppendMarshal: got %q, %v", got, err)
	}
	raw.Codec = "proto"
	if _, err := c.AppendMarshal(nil, &raw); err == nil {
		t.Error("AppendMarshal of a message encoded with another codec: got no error")
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, 1, "text", struct{}{}, &struct{}{}, map[string]string{}, []byte("{}")} {
		if _, err := (json.Codec{}).ForType(v); !errors.Is(err, codec.ErrType) {
			t.Errorf("ForType(%T): got %v, want codec.ErrType", v, err)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	all, old, types := schema(t)
	deep := strings.Repeat(`{"self":`, 2000)
	nested := func(n int) string {
		const url = `"@type":"type.googleapis.com/google.protobuf.Any"`
		return `{"theAny":` + strings.Repeat(`{`+url+`,"value":`, n) + `{}` + strings.Repeat(`}`, n) + `}`
	}
	tests := []struct {
		name, text, path, want string
		codec                  json.Codec
		msg                    proto.Message
	}{
		{"value", `{"selves":[{},{"oneInt32":"x"}]}`, "selves[1].oneInt32", "want a whole number", json.Codec{}, nil},
		{"map", `{"nested":{"1":{"color":true}}}`, `nested["1"].color`, "want the name", json.Codec{}, nil},
		{"not JSON", `{"oneInt32":1,`, "oneInt32", "unexpected", json.Codec{}, nil},
		{"unknown", `{"self":{"a":1}}`, "self.a", "no such field", json.Codec{RefuseUnknown: true}, nil},
		{"unknown enum", `{"colorList":["RED","X"]}`, "colorList[1]", `"X"`, json.Codec{RefuseUnknown: true}, nil},
		{"twice", `{"one_int32":1,"oneInt32":1}`, "oneInt32", "twice", json.Codec{}, nil},
		{"depth", deep, "self.self.", "too deeply", json.Codec{}, nil},
		{"own depth", `{"self":{"self":{"self":{}}}}`, "self.self.self", "too deeply", json.Codec{MaxDepth: 3}, nil},
		{"no type", `{"theAny":{"a":1}}`, "theAny", "@type", json.Codec{RefuseUnknown: true}, nil},
		{"unknown type", `{"theAny":{"@type":"x/a.B"}}`, "theAny", "a.B", json.Codec{}, nil},
		{
			"in an Any", `{"theAny":{"@type":"x/test.All","self":{"oneBool":1}}}`, "theAny.self.oneBool", "true",
			json.Codec{}, nil,
		},
		{
			"two types", `{"theAny":{"@type":"x/test.All","@type":"x/test.All"}}`, `theAny["@type"]`, "twice", json.Codec{}, nil,
		},
		{"nested Any", nested(17), `theAny.value.value`, "nested deeper", json.Codec{}, nil},
		{"required", `{}`, "", "must", json.Codec{}, old.New().Interface()},
		{
			"extension", `{"[test.extras]":[{"must":1}]}`, `["[test.extras]"][0].must`, "want a string",
			json.Codec{}, old.New().Interface(),
		},
		{
			"extension of another", `{"self":{"[test.extra]":1}}`, `self["[test.extra]"]`, "no such field",
			json.Codec{RefuseUnknown: true}, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.codec.Resolver = types
			if tt.msg == nil {
				tt.msg = all.New().Interface()
			}
			c, err := codec.For(tt.codec, tt.msg)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Unmarshal([]byte(tt.text), tt.msg)
			if fairlead.CodeOf(err) != fairlead.InvalidArgument {
				t.Fatalf("got %v, want INVALID_ARGUMENT", err)
			}
			if text := err.Error(); !strings.Contains(text, tt.path) || !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q and %q", text, tt.path, tt.want)
			}
			fields := validate.Fields(err)
			if (len(fields) == 1) != (tt.path != "") || tt.path != "" && !strings.HasPrefix(fields[0].Field, tt.path) {
				t.Errorf("violations: got %+v, want %q", fields, tt.path)
			}
		})
	}
	t.Run("nested Any within the limit", func(t *testing.T) {
		t.Parallel()
		m := all.New().Interface()
		if err := (json.Codec{Resolver: types}).Unmarshal([]byte(nested(16)), m); err != nil {
			t.Error(err)
		}
	})
}

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	bomb := new(anypb.Any)
	for range 40 {
		next, err := anypb.New(bomb)
		if err != nil {
			t.Fatal(err)
		}
		bomb = next
	}
	tests := []struct {
		name string
		msg  proto.Message
		want string
	}{
		{"no kind", &structpb.ListValue{Values: []*structpb.Value{{}}}, "[0]: the google.protobuf.Value has no kind"},
		{
			"NaN", &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(math.NaN())}},
			"a: the google.protobuf.Value is NaN",
		},
		{"Any without type", &anypb.Any{Value: []byte{1}}, "no type_url"},
		{"Any of an unknown type", &anypb.Any{TypeUrl: "x/y.Z"}, `"x/y.Z"`},
		{"malformed Any", &anypb.Any{TypeUrl: "x/google.protobuf.Timestamp", Value: []byte{1}}, "malformed"},
		{"nested Any", bomb, "nested deeper than 16 times"},
		{"text", wrapperspb.String("\xff"), "not valid UTF-8"},
		{"timestamp", &timestamppb.Timestamp{Seconds: math.MaxInt64}, "range"},
		{"duration", &durationpb.Duration{Nanos: math.MinInt32}, "range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := (json.Codec{}).AppendMarshal([]byte("before"), tt.msg)
			if err == nil || !strings.Contains(err.Error(), tt.want) || string(got) != "before" {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestInt64Numbers(t *testing.T) {
	t.Parallel()
	all, _, types := schema(t)
	m := newMessage(t, all,
		`one_int64: -5 many_uint64: [1] byint64 { key: 2 value: 3 } the_int64value { value: 4 }`, types)
	c := json.Codec{Int64Numbers: true, Resolver: types}
	got, err := c.AppendMarshal(nil, m)
	want := `{"oneInt64":-5,"byint64":{"2":3},"manyUint64":[1],"theInt64value":4}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	back := all.New().Interface()
	if err := c.Unmarshal(got, back); err != nil || !proto.Equal(back, m) {
		t.Errorf("decoded: got %v, %v, want %v", back, err, m)
	}
}

func TestField(t *testing.T) {
	t.Parallel()
	all, _, types := schema(t)
	tests := []struct {
		field, text string
		want        string // "": the same text
	}{
		{"oneString", `"a"`, ""},
		{"one_string", `"a"`, ""},
		{"manyInt32", `[1,2]`, ""},
		{"self", `{"oneBool":true}`, ""},
		{"selves", `[{"oneBool":true},{}]`, ""},
		{"byint32", `{"1":2}`, ""},
		{"theTimestamp", `"1970-01-01T00:00:09Z"`, ""},
		{"theStruct", `{"a":[1]}`, ""},
		{"color", `"RED"`, ""},
		{"oneInt32", `null`, "0"},
		{"self", `null`, ""},
		{"Übername \"x\"", `"b"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			m := newMessage(t, all,
				`one_string: "old" many_int32: [9] self { one_int32: 9 } color: MINUS maybe_bool: true`, types)
			c, err := (json.Codec{Resolver: types}).Field(m, tt.field)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Unmarshal([]byte(tt.text), m); err != nil {
				t.Fatal(err)
			}
			got, err := c.AppendMarshal([]byte(" "), m)
			want := " " + tt.text
			if tt.want != "" {
				want = " " + tt.want
			}
			if err != nil || string(got) != want {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
			maybe := m.ProtoReflect().Descriptor().Fields().ByName("maybe_bool")
			if !m.ProtoReflect().Get(maybe).Bool() {
				t.Error("another field was changed")
			}
		})
	}
}

func TestFieldErrors(t *testing.T) {
	t.Parallel()
	all, _, types := schema(t)
	c := json.Codec{Resolver: types}
	m := all.New().Interface()
	for _, name := range []string{"none", ""} {
		if _, err := c.Field(m, name); err == nil || !strings.Contains(err.Error(), "test.All has no field") {
			t.Errorf("Field(%q): got %v", name, err)
		}
	}
	if _, err := c.Field(new(hand), "text"); !errors.Is(err, codec.ErrType) {
		t.Errorf("Field of a message without descriptor: got %v, want codec.ErrType", err)
	}
	f, err := c.Field(m, "oneInt32")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`1,"oneString":"x"`, `1}`, `1} {`, ``, `1 2`, `"x"`} {
		err := f.Unmarshal([]byte(text), m)
		if fairlead.CodeOf(err) != fairlead.InvalidArgument || !strings.Contains(err.Error(), "oneInt32") {
			t.Errorf("Unmarshal(%s): got %v, want INVALID_ARGUMENT with the field", text, err)
		}
	}
	if err := f.Unmarshal([]byte("1"), new(emptypb.Empty)); !errors.Is(err, codec.ErrType) {
		t.Errorf("Unmarshal into another type: got %v, want codec.ErrType", err)
	}
	if _, err := f.AppendMarshal(nil, new(emptypb.Empty)); !errors.Is(err, codec.ErrType) {
		t.Errorf("AppendMarshal of another type: got %v, want codec.ErrType", err)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	c, err := codec.For(json.Codec{}, new(wrapperspb.StringValue))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := c.(codec.Estimator)
	if !ok {
		t.Fatal("the codec is no codec.Estimator")
	}
	long, short := wrapperspb.String(strings.Repeat("x", 5000)), wrapperspb.String("x")
	if got := e.Estimate(long); got != 0 {
		t.Errorf("before the first message: got %d, want 0", got)
	}
	if _, err := e.AppendMarshal(nil, long); err != nil {
		t.Fatal(err)
	}
	if got := e.Estimate(short); got != 5002 {
		t.Errorf("after a long message: got %d, want 5002", got)
	}
	for range 200 {
		if _, err := e.AppendMarshal(nil, short); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.Estimate(short); got > 100 {
		t.Errorf("after short messages: got %d, want at most 100", got)
	}
}

func FuzzDecode(f *testing.F) {
	all, old, types := schema(f)
	for _, seed := range []string{
		`{}`, `{"oneInt32":"1e1","manyFloat":[1.5,"NaN",-0],"byString":{"a":"b"},"self":{"color":"RED"}}`,
		`{"theAny":{"@type":"x/google.protobuf.Duration","value":"1.5s"},"theStruct":{"a":[null,{}]}}`,
		`{"must":"\ud83d\ude00","[test.extra]":"x","MyGroup":{"inIt":"AA=="}}`,
		`{"theTimestamp":"2020-02-29T23:59:59.999999999+01:00","theFieldmask":"aB,c.d","theValue":null}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, src []byte, refuse bool) {
		c := json.Codec{Resolver: types, RefuseUnknown: refuse}
		compareDecode(t, c, all, src)
		compareDecode(t, c, old, src)
	})
}

var _ json.Resolver = (*dynamicpb.Types)(nil)
