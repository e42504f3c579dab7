package gen_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	jsonpb "github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/json"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/json/ed"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/json/two"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/jsonwire"
)

// jsonSamples are the messages whose code is compared with protojson.
func jsonSamples() []proto.Message {
	return []proto.Message{
		new(jsonpb.Scalars), new(jsonpb.Optionals), new(jsonpb.Lists), new(jsonpb.Maps), new(jsonpb.Oneofs),
		new(jsonpb.WellKnown), new(jsonpb.Tree), new(jsonpb.Nothing), new(jsonpb.Everything), new(jsonpb.Names),
		new(jsonpb.Wide), new(two.Two), new(two.Required), new(two.Extended), new(ed.Opaque), new(ed.Hybrid),
	}
}

// TestJSONIsGenerated sees that all messages that are compared have code.
func TestJSONIsGenerated(t *testing.T) {
	t.Parallel()
	for _, m := range append(jsonSamples(), new(jsonpb.Chosen)) {
		_, appends := m.(jsonwire.Appender)
		_, parses := m.(jsonwire.Parser)
		if !appends || !parses {
			t.Errorf("%s has no code for JSON", m.ProtoReflect().Descriptor().FullName())
		}
	}
}

// TestJSONEncode sees that generated code writes what protojson does, byte for byte but for white space.
func TestJSONEncode(t *testing.T) {
	t.Parallel()
	for i, sample := range jsonSamples() {
		for _, o := range []jsonwire.Options{
			{}, {EnumNumbers: true}, {ZeroValues: true}, {ProtoNames: true}, {ZeroValues: true, ProtoNames: true},
		} {
			t.Run(fmt.Sprintf("%s/%+v", proto.MessageName(sample), o), func(t *testing.T) {
				t.Parallel()
				r := newFiller(uint64(i))
				want := protojson.MarshalOptions{
					UseEnumNumbers: o.EnumNumbers, EmitDefaultValues: o.ZeroValues, UseProtoNames: o.ProtoNames,
				}
				for n := range 200 {
					r.badText = n%4 == 0
					m := r.message(sample)
					compareEncoding(t, m, &o, want)
				}
			})
		}
	}
}

func compareEncoding(t *testing.T, m proto.Message, o *jsonwire.Options, options protojson.MarshalOptions) {
	t.Helper()
	text, wantErr := options.Marshal(m)
	got, err := codecWith(o, m).AppendMarshal(nil, m)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("got error %v, protojson's is %v, of %v", err, wantErr, m)
	}
	if err != nil {
		return
	}
	var want bytes.Buffer
	if err := stdjson.Compact(&want, text); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("got  %s\nwant %s", got, want.Bytes())
	}
}

// TestJSONDecode sees that generated code reads what protojson does, also of texts that were damaged, and refuses what
// protojson refuses.
func TestJSONDecode(t *testing.T) {
	t.Parallel()
	for i, sample := range jsonSamples() {
		for _, refuse := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", proto.MessageName(sample), refuse), func(t *testing.T) {
				t.Parallel()
				r := newFiller(uint64(i))
				for n := range 200 {
					m := r.message(sample)
					text, err := protojson.MarshalOptions{UseProtoNames: n%2 == 0, UseEnumNumbers: n%3 == 0}.Marshal(m)
					if err != nil {
						continue
					}
					compareDecoding(t, sample, text, refuse)
					for range 20 {
						compareDecoding(t, sample, r.damage(text), refuse)
					}
				}
			})
		}
	}
}

func compareDecoding(t *testing.T, sample proto.Message, text []byte, refuse bool) {
	t.Helper()
	if !stdjson.Valid(text) {
		return // protojson takes some of it
	}
	want, got := fresh(sample), fresh(sample)
	wantErr := protojson.UnmarshalOptions{DiscardUnknown: !refuse}.Unmarshal(text, want)
	err := codecWith(&jsonwire.Options{RefuseUnknown: refuse}, got).Unmarshal(text, got)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("got error %v, protojson's is %v, of %s", err, wantErr, text)
	}
	if err == nil && !proto.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v\nof %s", got, want, text)
	}
}

func fresh(m proto.Message) proto.Message { return m.ProtoReflect().New().Interface() }

// TestJSONText has texts that are hard on decoders, each read as protojson reads it.
func TestJSONText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sample proto.Message
		text   string
	}{
		{new(jsonpb.Scalars), `{"fInt32":1,"f_int32":2}`},
		{new(jsonpb.Scalars), `{"fInt32":null,"f_int32":2}`},
		{new(jsonpb.Scalars), `{"fEnum":"ROUGE"}`},
		{new(jsonpb.Scalars), `{"fEnum":"PINK"}`},
		{new(jsonpb.Scalars), `{"fNull":null}`},
		{new(jsonpb.Scalars), `{"fNull":"NULL_VALUE"}`},
		{new(jsonpb.Scalars), `{"other":{"a":[1,{"b":null}]}}`},
		{new(jsonpb.Scalars), `{"@type":"a"}`},
		{new(jsonpb.Scalars), `{"fString":"\u0000\ud83d\ude00"}`},
		{new(jsonpb.Scalars), `{"fString":"\ud83d"}`},
		{new(jsonpb.Scalars), `{"f\u0053tring":"a"}`},
		{new(jsonpb.Scalars), `null`},
		{new(jsonpb.Scalars), `[]`},
		{new(jsonpb.Optionals), `{"fNull":null,"fMessage":null,"fBytes":""}`},
		{new(jsonpb.Lists), `{"fInt32":null,"fNull":[null,0],"fValue":[null,{"a":[1]}]}`},
		{new(jsonpb.Lists), `{"fNull":null}`},
		{new(jsonpb.Lists), `{"fValue":null}`},
		{new(jsonpb.Lists), `{"fInt32":[null]}`},
		{new(jsonpb.Lists), `{"fMessage":[null]}`},
		{new(jsonpb.Lists), `{"fTimestamp":[null]}`},
		{new(jsonpb.Lists), `{"fWrapper":[null]}`},
		{new(jsonpb.Lists), `{"fEnum":["RED","PINK",1]}`},
		{new(jsonpb.Lists), `{"fInt32":1}`},
		{new(jsonpb.Maps), `{"stringString":{"a":"b","a":"c"}}`},
		{new(jsonpb.Maps), `{"boolBool":{"true":false,"false":true}}`},
		{new(jsonpb.Maps), `{"boolBool":{"yes":false}}`},
		{new(jsonpb.Maps), `{"int32Int64":{"1":"2"," 1":"3"}}`},
		{new(jsonpb.Maps), `{"stringNull":{"a":null},"stringValue":{"b":null}}`},
		{new(jsonpb.Maps), `{"stringMessage":{"a":null}}`},
		{new(jsonpb.Maps), `{"stringEnum":{"a":"PINK","b":"RED"}}`},
		{new(jsonpb.Maps), `{"stringString":null}`},
		{new(jsonpb.Oneofs), `{"number":1,"text":"a"}`},
		{new(jsonpb.Oneofs), `{"number":null,"text":"a"}`},
		{new(jsonpb.Oneofs), `{"number":1,"text":null}`},
		{new(jsonpb.Oneofs), `{"nothing":null}`},
		{new(jsonpb.Oneofs), `{"nothing":null,"number":1}`},
		{new(jsonpb.Oneofs), `{"value":null}`},
		{new(jsonpb.Oneofs), `{"color":"PINK","number":1}`},
		{new(jsonpb.Oneofs), `{"yes":false,"real":0}`},
		{new(jsonpb.WellKnown), `{"any":{}}`},
		{new(jsonpb.WellKnown), `{"any":{"@type":"a/test.json.Tree","label":"x"}}`},
		{new(jsonpb.WellKnown), `{"any":{"label":"x","@type":"a/test.json.Tree"}}`},
		{new(jsonpb.WellKnown), `{"any":{"@type":"a/google.protobuf.Duration","value":"1.5s"}}`},
		{new(jsonpb.WellKnown), `{"any":{"@type":"a/google.protobuf.Empty"}}`},
		{new(jsonpb.WellKnown), `{"any":{"@type":"a/test.json.two.Extended","[test.json.two.ext_text]":"x"}}`},
		{new(jsonpb.WellKnown), `{"value":null}`},
		{new(jsonpb.WellKnown), `{"wInt32":null,"wString":null}`},
		{new(jsonpb.Names), `{"swap_a":"a","swap_b":"b","a\"b\\c` + "`" + `d\tü":"c"," ":"d"}`},
		{new(jsonpb.Wide), `{"inner":{"f01":1,"f65":65,"f66":66}}`},
		{new(jsonpb.Wide), `{"inner":{"f65":65,"f65":66}}`},
		{new(jsonpb.Wide), `{"inner":{"f66":66,"f67":"a"}}`},
		{new(two.Two), `{"onegroup":{"textInGroup":"a"},"ManyGroups":[{"number":1},{}],"grouped":{}}`},
		{new(two.Two), `{"OneGroup":{"text_in_group":"a"}}`},
		{new(two.Two), `{"closed":7,"list":["FIRST",9]}`},
		{new(two.Required), `{"name":"a"}`},
		{new(two.Required), `{"name":"a","number":1,"children":[{"name":"b"}]}`},
		{new(two.Required), `{"name":"a","number":1,"children":[{"name":"b","number":2}]}`},
		{new(two.Extended), `{"text":"a","[test.json.two.ext_text]":"b","[test.json.two.ext_numbers]":["1",2]}`},
		{new(two.Extended), `{"child":{"[test.json.two.ext_two]":{"text":"b"}}}`},
		{new(two.Extended), `{"[test.json.two.ext_text]":"b","[test.json.two.ext_text]":"c"}`},
		{new(two.Extended), `{"[test.json.two.ext_none]":"b"}`},
		{new(ed.Opaque), `{"without":"a","children":{"true":{"raw":""}},"one":"ONE"}`},
		{new(ed.Opaque), `{"one":"ONE","bits":"QQ"}`},
		{new(ed.Opaque), `{"delimited":{"child":{}},"number":"5"}`},
		{new(ed.Hybrid), `{"left":"a","children":[{"right":{}}]}`},
	}
	for _, tt := range tests {
		for _, refuse := range []bool{true, false} {
			compareDecoding(t, tt.sample, []byte(tt.text), refuse)
		}
	}
}

// TestJSONOptions sees what the options of contracts do.
func TestJSONOptions(t *testing.T) {
	t.Parallel()
	full := &jsonpb.Chosen{
		AsText: 1, AsNumber: 2, AsNumbers: map[string]uint64{"a": 3}, NeverNumber: 4, ByNumber: jsonpb.Color_RED,
		ByName: []jsonpb.Color{jsonpb.Color_DEEP_BLUE, 7}, LeftOut: "x", CamelCase: "y",
	}
	tests := []struct {
		name string
		m    *jsonpb.Chosen
		o    jsonwire.Options
		want string
	}{
		{"empty", &jsonpb.Chosen{}, jsonwire.Options{}, `{"as_text":"0","as_number":0,"as_numbers":{},"never_number":"0",` +
			`"by_number":0,"by_name":[],"camelCase":"","plain_double":0}`},
		{"full", full, jsonwire.Options{}, `{"as_text":"1","as_number":2,"as_numbers":{"a":3},"never_number":"4",` +
			`"by_number":1,"by_name":["DEEP_BLUE",7],"left_out":"x","camelCase":"y","plain_double":0}`},
		{"the codec's too", full, jsonwire.Options{EnumNumbers: true, ProtoNames: true, Int64Numbers: true}, `{"as_text":1,` +
			`"as_number":2,"as_numbers":{"a":3},"never_number":"4","by_number":1,"by_name":["DEEP_BLUE",7],"left_out":"x",` +
			`"camelCase":"y","plain_double":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := codecWith(&tt.o, tt.m).AppendMarshal(nil, tt.m)
			if err != nil || string(got) != tt.want {
				t.Fatalf("got  %s (%v)\nwant %s", got, err, tt.want)
			}
			back := new(jsonpb.Chosen)
			if err := (json.Codec{}).Unmarshal(got, back); err != nil || !proto.Equal(back, tt.m) {
				t.Errorf("it is read as %v (%v)", back, err)
			}
		})
	}
}

// TestJSONOfMethod sees what the option of a method becomes.
func TestJSONOfMethod(t *testing.T) {
	t.Parallel()
	form := jsonpb.FormsGetMethod.JSON
	if form.EnumNumbers == nil || !*form.EnumNumbers || form.OriginalNames == nil || *form.OriginalNames ||
		form.ZeroValues != nil || form.Int64Numbers != nil {
		t.Errorf("got %+v, want numbers of enums and no original names", form)
	}
	m := &jsonpb.Lists{FEnum: []jsonpb.Color{jsonpb.Color_RED}}
	c := json.Codec{ProtoNames: true}.ForMethod(jsonpb.FormsGetMethod)
	if got, err := c.AppendMarshal(nil, m); err != nil || string(got) != `{"fEnum":[1]}` {
		t.Errorf("got %s (%v)", got, err)
	}
}

// TestJSONAllocs pins allocations: encoding has none, and decoding at most two more than from protobuf.
//
//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process
func TestJSONAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r := newFiller(1)
	few := make(map[string]string)
	many := make(map[string]string)
	for i := range 100 {
		many[strconv.Itoa(i)] = "x"
		if i < 8 {
			few[strconv.Itoa(i)] = "x"
		}
	}
	for _, tt := range []struct {
		m    proto.Message
		most float64
	}{
		{new(jsonpb.Scalars), 0}, {new(jsonpb.Optionals), 0}, {new(jsonpb.Lists), 0}, {new(jsonpb.Oneofs), 0},
		{new(jsonpb.Tree), 0}, {new(two.Two), 0}, {new(ed.Opaque), 0}, {new(ed.Hybrid), 0},
		{&jsonpb.Maps{StringString: few}, 0}, {&jsonpb.Maps{StringString: many}, 2},
	} {
		sample, most := tt.m, tt.most
		m := sample
		if proto.Size(m) == 0 {
			m = r.message(sample)
		}
		text, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		c := codecWith(new(jsonwire.Options), m)
		dst := make([]byte, 0, 4*len(text)+100)
		encode := testing.AllocsPerRun(100, func() {
			if _, err := c.AppendMarshal(dst, m); err != nil {
				t.Error(err)
			}
		})
		into := fresh(sample)
		decode := testing.AllocsPerRun(100, func() {
			if err := c.Unmarshal(text, into); err != nil {
				t.Error(err)
			}
		})
		want := testing.AllocsPerRun(100, func() {
			if err := proto.Unmarshal(wire, into); err != nil {
				t.Error(err)
			}
		})
		name := proto.MessageName(sample)
		if encode > most {
			t.Errorf("%s: encoding allocates %v times, want at most %v", name, encode, most)
		}
		if decode > want+2 {
			t.Errorf("%s: decoding allocates %v times, want at most the %v of protobuf and 2", name, decode, want)
		}
	}
}

// filler makes messages.
type filler struct {
	*rand.Rand

	badText bool // now and then a string is not UTF-8
}

//nolint:gosec // a test
func newFiller(seed uint64) *filler { return &filler{Rand: rand.New(rand.NewPCG(seed, 7))} }

// message returns a message like sample with random content.
func (r *filler) message(sample proto.Message) proto.Message {
	m := fresh(sample)
	r.fill(m.ProtoReflect(), 1+r.IntN(4))
	return m
}

func (r *filler) fill(m protoreflect.Message, depth int) {
	if r.special(m, depth) {
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Cardinality() != protoreflect.Required && r.IntN(2) == 0 || f.Message() != nil && depth == 0 {
			continue
		}
		switch {
		case f.IsMap():
			v := m.NewField(f)
			for range r.IntN(4) {
				v.Map().Set(r.scalar(f.MapKey()).MapKey(), r.value(f.MapValue(), v.Map().NewValue, depth))
			}
			m.Set(f, v)
		case f.IsList():
			v := m.NewField(f)
			for range r.IntN(4) {
				v.List().Append(r.value(f, v.List().NewElement, depth))
			}
			m.Set(f, v)
		default:
			m.Set(f, r.value(f, func() protoreflect.Value { return m.NewField(f) }, depth))
		}
	}
	if m.Descriptor().FullName() == "test.json.two.Extended" && r.IntN(2) == 0 {
		x := m.Interface()
		proto.SetExtension(x, two.E_ExtText, r.text())
		proto.SetExtension(x, two.E_ExtNumbers, []int64{1, -2})
		proto.SetExtension(x, two.E_ExtTwo, r.message(new(two.Two)))
	}
}

// special fills messages of google.protobuf with what is allowed in them, for the most part.
func (r *filler) special(m protoreflect.Message, depth int) bool {
	set := func(name string, v protoreflect.Value) {
		m.Set(m.Descriptor().Fields().ByName(protoreflect.Name(name)), v)
	}
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		limit := int64(9_000_000_000)
		set("seconds", protoreflect.ValueOfInt64(r.Int64N(limit)))
		set("nanos", protoreflect.ValueOfInt32(r.Int32N(1_000_000_000)/int32(math.Pow10(r.IntN(10)))))
	case "google.protobuf.FieldMask":
		paths := m.NewField(m.Descriptor().Fields().ByName("paths"))
		for range r.IntN(3) {
			paths.List().Append(protoreflect.ValueOfString("a_bc.d" + strings.Repeat("_e", r.IntN(3))))
		}
		set("paths", paths)
	case "google.protobuf.Any":
		of := []proto.Message{new(jsonpb.Scalars), new(two.Extended), new(jsonpb.WellKnown)}
		inner, err := anypb.New(r.message(of[r.IntN(len(of))]))
		if err == nil && depth > 0 {
			proto.Merge(m.Interface(), inner)
		}
	case "google.protobuf.Value":
		switch r.IntN(4) {
		case 0:
			set("null_value", protoreflect.ValueOfEnum(0))
		case 1:
			set("number_value", protoreflect.ValueOfFloat64(r.NormFloat64()))
		case 2:
			set("bool_value", protoreflect.ValueOfBool(true))
		default:
			set("string_value", protoreflect.ValueOfString(r.text()))
		}
	default:
		return false
	}
	return true
}

func (r *filler) value(f protoreflect.FieldDescriptor, empty func() protoreflect.Value, depth int) protoreflect.Value {
	if f.Message() == nil {
		return r.scalar(f)
	}
	v := empty()
	r.fill(v.Message(), depth-1)
	return v
}

func (r *filler) scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	n := r.Uint64() >> r.IntN(64) // numbers of all lengths, negative ones too
	if r.IntN(4) == 0 {
		n = -n
	}
	if r.IntN(8) == 0 {
		n = 0
	}
	float := r.NormFloat64() * math.Pow10(r.IntN(60)-30)
	switch r.IntN(8) {
	case 0:
		float = math.Copysign(0, -1)
	case 1:
		float = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32}[r.IntN(4)]
	case 2:
		float = float64(int32(n)) //nolint:gosec // any number will do
	}
	//nolint:gosec // any number will do
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n&1 == 1)
	case protoreflect.EnumKind:
		if r.IntN(2) == 0 {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
		}
		return protoreflect.ValueOfEnum(f.Enum().Values().Get(r.IntN(f.Enum().Values().Len())).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(n)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(float))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(r.text()))
	default:
		return protoreflect.ValueOfString(r.text())
	}
}

func (r *filler) text() string {
	s := make([]rune, r.IntN(20))
	for i := range s {
		s[i] = rune(r.IntN(math.MaxInt16 >> r.IntN(15))) //nolint:gosec // small
	}
	if r.badText && r.IntN(100) == 0 {
		return string(s) + "\xff"
	}
	return string(s)
}

// damage changes a text, most often so that it stays JSON.
func (r *filler) damage(text []byte) []byte {
	d := bytes.Clone(text)
	words := []string{"null", `""`, "0", "-1", "true", "[]", "{}", `"a"`, "1e2", `"NaN"`, "[null]", `{"a":null}`, `"RED"`}
	for range 1 + r.IntN(2) {
		switch at := r.IntN(len(d)); r.IntN(4) {
		case 0: // a value
			colon := bytes.IndexByte(d[at:], ':')
			if colon < 0 {
				continue
			}
			start := at + colon + 1
			end := start
			for end < len(d) && !strings.ContainsRune(`,}]`, rune(d[end])) {
				end++
			}
			d = append(append(bytes.Clone(d[:start]), words[r.IntN(len(words))]...), d[end:]...)
		case 1: // the first member once more
			if end := bytes.IndexByte(d, ','); end > 0 {
				d = append(append(bytes.Clone(d[:end+1]), d[1:end+1]...), d[end+1:]...)
			}
		default:
			d[at] = byte(' ' + r.IntN(95)) //nolint:gosec // a character
		}
	}
	return d
}

// codecWith returns the codec for messages like m.
func codecWith(o *jsonwire.Options, m proto.Message) codec.Codec {
	c, err := codec.For(json.Codec{
		EnumNumbers: o.EnumNumbers, ZeroValues: o.ZeroValues, ProtoNames: o.ProtoNames, Int64Numbers: o.Int64Numbers,
		RefuseUnknown: o.RefuseUnknown,
	}, m)
	if err != nil {
		panic(err)
	}
	return c
}
