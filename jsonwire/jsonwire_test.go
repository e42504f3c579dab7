package jsonwire_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// foreign encodes and decodes Foreign: its text is JSON.
type foreign struct{}

func (foreign) AppendMessage(dst []byte, e *jsonwire.Encoder, msg any) []byte {
	m, ok := msg.(*Foreign)
	if !ok || m.Raw == "" {
		return e.Fail(dst, errors.New("is no foreign message"))
	}
	return append(dst, m.Raw...)
}

func (foreign) ParseMessage(d *jsonwire.Decoder, msg any) {
	m, ok := msg.(*Foreign)
	if !ok {
		d.Fail(errors.New("is no foreign message"))
		return
	}
	m.Raw = string(d.Raw())
}

func (foreign) AppendExtensions(dst []byte, _ *jsonwire.Encoder, _ any) []byte { return dst }

func (foreign) ParseExtension(d *jsonwire.Decoder, _ string, _ any) { d.Unknown() }

func encode(m *Model, o jsonwire.Options) (string, error) {
	o.Messages = foreign{}
	var e jsonwire.Encoder
	dst := []byte("before")
	e.Reset(len(dst), &o)
	dst = m.AppendProtoJSON(dst, &e)
	return strings.TrimPrefix(string(dst), "before"), e.Err(dst)
}

func decode(text string, o jsonwire.Options) (*Model, error) {
	o.Messages = foreign{}
	var d jsonwire.Decoder
	d.Reset([]byte(text), &o)
	m := new(Model)
	m.ParseProtoJSON(&d)
	return m, d.End()
}

// full has all fields but those of the other members of the oneof.
func full() *Model {
	return &Model{
		Name: "a\"b\\c\n\u0001\u2028<é", Small: -7, BigNumber: math.MaxUint64, Ratio: 1.5e300, Share: 0.1, On: true,
		Data: []byte{0xff, 0xfe, 0}, Color: 1, Note: new(""), Count: new(int64(math.MinInt64)),
		Choice: &Inner{&Model{Name: "x"}}, Tags: []string{"", "t"}, Children: []*Model{{}, {On: true}},
		Colors: []Color{0, 1, 9}, Labels: map[string]string{"b": "2", "a": "1", "": "0"},
		ByID: map[int64]*Model{10: {}, -2: {Small: 1}, 9: {}}, Flags: map[bool]Color{true: 1, false: 0},
		Time: &Stamp{Seconds: 951782400, Nanos: 120000000}, Wait: &Stamp{Nanos: -1500}, Wrapped: &StringValue{"w"},
		Mask: &FieldMask{Paths: []string{"a_b.c", "d"}}, Any: &Foreign{`{"x":[1]}`}, Value: &Foreign{"null"},
		Empty: &Empty{},
	}
}

const fullJSON = `{"name":"a\"b\\c\n\u0001` + "\u2028" + `<é","small":-7,"bigNumber":"18446744073709551615",` +
	`"ratio":1.5e+300,"share":0.1,"on":true,"data":"//4A","color":"RED","note":"","count":"-9223372036854775808",` +
	`"inner":{"name":"x"},"tags":["","t"],"children":[{},{"on":true}],"colors":["COLOR_UNSPECIFIED","RED",9],` +
	`"labels":{"":"0","a":"1","b":"2"},"byId":{"-2":{"small":1},"9":{},"10":{}},` +
	`"flags":{"false":"COLOR_UNSPECIFIED","true":"RED"},"time":"2000-02-29T00:00:00.120Z","wait":"-0.000001500s",` +
	`"wrapped":"w","mask":"aB.c,d","any":{"x":[1]},"value":null,"empty":{}}`

func TestModel(t *testing.T) {
	t.Parallel()
	got, err := encode(full(), jsonwire.Options{})
	if err != nil || got != fullJSON {
		t.Errorf("encode:\n got %s\nwant %s\nerror %v", got, fullJSON, err)
	}
	m, err := decode(fullJSON, jsonwire.Options{RefuseUnknown: true})
	if err != nil || !reflect.DeepEqual(m, full()) {
		t.Errorf("decode:\n got %+v\nwant %+v\nerror %v", m, full(), err)
	}
	spacer := strings.NewReplacer(`,"`, " ,\r\n\"", `":`, "\" :\t", "{", "{ ", "}", " }", "[", "[ ", "]", " ]")
	spaced := spacer.Replace(fullJSON)
	m, err = decode("\n"+spaced+" ", jsonwire.Options{RefuseUnknown: true})
	want := full()
	want.Any.Raw = `{ "x" :	[ 1 ] }`
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("decode with white space:\n got %+v\nwant %+v\nerror %v", m, want, err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	m := &Model{BigNumber: 5, Color: 1, Count: new(int64(-6)), ByID: map[int64]*Model{1: nil}}
	tests := []struct {
		name string
		opts jsonwire.Options
		m    *Model
		want string
	}{
		{"default", jsonwire.Options{}, m, `{"bigNumber":"5","color":"RED","count":"-6","byId":{"1":{}}}`},
		{
			"all but zero values", jsonwire.Options{EnumNumbers: true, ProtoNames: true, Int64Numbers: true}, m,
			`{"big_number":5,"color":1,"count":-6,"by_id":{"1":{}}}`,
		},
		{
			"zero values", jsonwire.Options{ZeroValues: true}, nil,
			`{"name":"","small":0,"bigNumber":"0","ratio":0,"share":0,"on":false,"data":"","color":"COLOR_UNSPECIFIED",` +
				`"tags":[],"children":[],"colors":[],"labels":{},"byId":{},"flags":{}}`,
		},
		{"nil", jsonwire.Options{}, nil, `{}`},
		{
			"negative zeros", jsonwire.Options{}, &Model{Ratio: math.Copysign(0, -1), Share: float32(math.Copysign(0, -1))},
			`{"ratio":-0,"share":-0}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := encode(tt.m, tt.opts)
			if err != nil || got != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    *Model
		want string
	}{
		{"text", &Model{Children: []*Model{{}, {Name: "\xff"}}}, "children[1].name: is not valid UTF-8"},
		{"text with escapes", &Model{Tags: []string{"a", "\n\xff"}}, "tags[1]: is not valid UTF-8"},
		{"key", &Model{Labels: map[string]string{"\xff": ""}}, "labels: is not valid UTF-8"},
		{
			"value of a key", &Model{Labels: map[string]string{"a b": "\xff", "z": "\xff"}}, `labels["a b"]: is not valid UTF-8`,
		},
		{
			"timestamp", &Model{Time: &Stamp{Seconds: 1 << 40}},
			"time: seconds 1099511627776 are out of the range of a timestamp",
		},
		{"nanos", &Model{Time: &Stamp{Nanos: -1}}, "time: nanos -1 are out of the range of a timestamp"},
		{
			"duration", &Model{Wait: &Stamp{Seconds: -1, Nanos: 1}}, "wait: the signs of seconds and nanos of a duration differ",
		},
		{
			"mask", &Model{Mask: &FieldMask{[]string{"a", "b_C"}}},
			`mask: the path "b_C" of a field mask cannot be written in JSON`,
		},
		{"foreign", &Model{Any: &Foreign{}}, "any: is no foreign message"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := encode(tt.m, jsonwire.Options{})
			var e *jsonwire.Error
			if !errors.As(err, &e) || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
	}{
		{"empty", "", "want an object, got the end of the text (at offset 0)"},
		{"no object", " 17", `want an object, got "17" (at offset 1)`},
		{"null", "null", `want an object, got "null" (at offset 0)`},
		{"unfinished", `{"name":"a"`, "name: unexpected the end of the text in an object (at offset 11)"},
		{"more", `{} {}`, "unexpected an object after the value (at offset 3)"},
		{"comma", `{"on":true,}`, `on: unexpected "}" in an object (at offset 11)`},
		{"colon", `{"on" true}`, `on: unexpected "true" in place of a colon (at offset 6)`},
		{"string", `{"name":1}`, `name: want a string, got "1" (at offset 8)`},
		{"unfinished string", `{"name":"a`, `name: the string does not end (at offset 8)`},
		{"control character", "{\"name\":\"a\nb\"}", `name: the string has the control character U+000A (at offset 8)`},
		{"surrogate", `{"name":"\ud800"}`, `name: the string has the invalid escape "\\ud800" (at offset 8)`},
		{"UTF-8", "{\"name\":\"\xff\"}", `name: the string is not valid UTF-8 (at offset 8)`},
		{
			"number", `{"children":[{},{"small":1.5}]}`,
			`children[1].small: "1.5" is not a whole number in the range of int32 (at offset 25)`,
		},
		{"range", `{"small":2147483648}`, `small: the number is out of the range of int32 (at offset 9)`},
		{"no number", `{"ratio":abc}`, `ratio: want a number, got "abc" (at offset 9)`},
		{"base64", `{"data":"*"}`, `data: is not base64 (at offset 8)`},
		{"enum", `{"color":true}`, `color: want the name or the number of an enum's value, got "true" (at offset 9)`},
		{"unknown enum", `{"colors":["RED","BLUE"]}`, `colors[1]: there is no value "BLUE" of the enum (at offset 17)`},
		{"unknown", `{"inner":{"x y":1}}`, `inner["x y"]: the message has no such field (at offset 16)`},
		{"twice", `{"big_number":1,"bigNumber":1}`, `bigNumber: is there twice, or under two names (at offset 28)`},
		{"oneof", `{"text":"","inner":{}}`, `inner: is a second member of oneof choice (at offset 19)`},
		{"key", `{"byId":{"x":{}}}`, `byId.x: the key of the map is not int64 (at offset 13)`},
		{"key twice", `{"labels":{"a":"","\u0061":""}}`, `labels["\u0061"]: the map has this key twice (at offset 27)`},
		{"null in a list", `{"tags":[null]}`, `tags[0]: want a string, got "null" (at offset 9)`},
		{"null in a list of messages", `{"children":[null]}`, `children[0]: want an object, got "null" (at offset 13)`},
		{
			"timestamp", `{"time":"2021-02-29T00:00:00Z"}`,
			`time: "2021-02-29T00:00:00Z" is not a timestamp as in RFC 3339 (at offset 8)`,
		},
		{"duration", `{"wait":"1m"}`, `wait: "1m" is not a duration in seconds (at offset 8)`},
		{"mask", `{"mask":"a_b"}`, `mask: the field mask has the invalid path "a_b" (at offset 8)`},
		{"empty message", `{"empty":{"a":1}}`, `empty.a: the message has no such field (at offset 14)`},
		{
			"depth", strings.Repeat(`{"inner":`, 1001),
			strings.Repeat("inner.", 42) + "inne…: objects and arrays are nested too deeply (at offset 9000)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := decode(tt.text, jsonwire.Options{RefuseUnknown: true})
			var e *jsonwire.Error
			if !errors.As(err, &e) || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDropped(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text string }{
		{"scalars", `{"a":1,"b":-1.5e+3,"c":"x","d":true,"e":false,"f":null,"on":true}`},
		{"nested", `{"a":{"b":[{},[],"\u00e9",{"on":[]}]},"on":true}`},
		{"null", `{"name":null,"small":null,"ratio":null,"tags":null,"labels":null,"inner":null,"any":null,"on":true}`},
		{"null of another member", `{"text":null,"on":true}`},
		{"enum", `{"color":"BLUE","on":true}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := decode(tt.text, jsonwire.Options{})
			if want := (&Model{On: true}); err != nil || !reflect.DeepEqual(m, want) {
				t.Errorf("got %+v, %v, want %+v", m, err, want)
			}
		})
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, member, text string
		want               *Model
		err                string
	}{
		{"number", "small", " 7 ", &Model{Small: 7}, ""},
		{"message", "inner", `{"name":"x","tags":["y"]}`, &Model{Choice: &Inner{&Model{Name: "x", Tags: []string{"y"}}}}, ""},
		{"list", "children", `[{"on":true},{}]`, &Model{Children: []*Model{{On: true}, {}}}, ""},
		{"map", "labels", `{"a":"b"}`, &Model{Labels: map[string]string{"a": "b"}}, ""},
		{"null", "name", `null`, &Model{}, ""},
		{"nothing", "name", ``, nil, "name: want a string, got the end of the text (at offset 0)"},
		{"another member", "small", `7,"name":"x"`, nil, `small: unexpected "," in an object (at offset 1)`},
		{"end of the object", "small", `7}`, nil, `small: unexpected "}" in an object (at offset 1)`},
		{"more", "inner", `{}{}`, nil, `inner: unexpected an object in an object (at offset 2)`},
		{"inside", "children", `[{"on":1}]`, nil, `children[0].on: want true or false, got "1" (at offset 7)`},
		{"depth", "inner", strings.Repeat(`{"inner":`, 1001), nil, "too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d jsonwire.Decoder
			d.ResetPart([]byte(tt.text), tt.member, &jsonwire.Options{})
			m := new(Model)
			m.ParseProtoJSON(&d)
			err := d.End()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(m, tt.want) {
				t.Errorf("got %+v, %v, want %+v", m, err, tt.want)
			}
		})
	}
}
