package main

import (
	stdjson "encoding/json"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/jsonwire"
)

// report is what a testee has done.
type report struct {
	// JSON is the number of messages that were to be decoded from JSON or encoded as JSON.
	JSON int `json:"json"`
	// FellBack is the number of those that were not done by generated code alone.
	FellBack int `json:"fell_back"`
	// Why has the numbers of these by the message without code, or the extension.
	Why map[string]int `json:"why"`
}

type testee struct {
	codecs map[codecKey]codec.Codec
	report report
}

type codecKey struct {
	message       protoreflect.FullName
	ignoreUnknown bool
}

func newTestee() *testee {
	return &testee{codecs: make(map[codecKey]codec.Codec), report: report{Why: make(map[string]int)}}
}

// write writes the report, if it is asked for.
func (t *testee) write(path string) error {
	if path == "" {
		return nil
	}
	text, err := stdjson.Marshal(t.report)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600) //nolint:gosec // who starts the program names the file
}

// codec returns the codec for messages of m's type.
func (t *testee) codec(m proto.Message, ignoreUnknown bool) codec.Codec {
	key := codecKey{proto.MessageName(m), ignoreUnknown}
	if t.codecs[key] == nil {
		c, err := codec.For(json.Codec{RefuseUnknown: !ignoreUnknown}, m)
		if err != nil {
			panic(err) // it is a proto.Message
		}
		t.codecs[key] = c
	}
	return t.codecs[key]
}

// count counts m if something in it is not done by generated code: a message that has none, or an extension.
func (t *testee) count(m proto.Message) {
	if why := reflected(m.ProtoReflect()); why != "" {
		t.report.FellBack++
		t.report.Why[why]++
	}
}

// reflected returns the name of a message in m that has no generated code, or of an extension, "" for none.
func reflected(m protoreflect.Message) string {
	name := m.Descriptor().FullName()
	if name.Parent() == "google.protobuf" {
		if a, ok := m.Interface().(*anypb.Any); ok && a.GetTypeUrl() != "" {
			if inner, err := a.UnmarshalNew(); err == nil {
				return reflected(inner.ProtoReflect())
			}
		}
		return "" // the codec knows them
	}
	_, appends := m.Interface().(jsonwire.Appender)
	_, parses := m.Interface().(jsonwire.Parser)
	if !appends || !parses {
		return string(name)
	}
	why := ""
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsExtension():
			why = string(f.FullName())
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					why = reflected(v.Message())
					return why == ""
				})
			}
		case f.Message() == nil:
		case f.IsList():
			for i := 0; i < v.List().Len() && why == ""; i++ {
				why = reflected(v.List().Get(i).Message())
			}
		default:
			why = reflected(v.Message())
		}
		return why == ""
	})
	return why
}
