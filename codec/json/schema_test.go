package json_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	// The files that the schema imports.
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

// kinds are the scalar types of fields, by their name in a descriptor.
var kinds = []string{
	"DOUBLE", "FLOAT", "INT64", "UINT64", "INT32", "FIXED64", "FIXED32", "BOOL", "STRING", "BYTES", "UINT32", "SFIXED32",
	"SFIXED64", "SINT32", "SINT64",
}

// wellKnown are the messages of google.protobuf with a form of their own in JSON, and the enum.
var wellKnown = []string{
	"Any", "Duration", "Empty", "FieldMask", "Struct", "Value", "ListValue", "Timestamp", "BoolValue", "BytesValue",
	"DoubleValue", "FloatValue", "Int32Value", "Int64Value", "StringValue", "UInt32Value", "UInt64Value",
}

const imports = `
dependency: "google/protobuf/any.proto"
dependency: "google/protobuf/duration.proto"
dependency: "google/protobuf/empty.proto"
dependency: "google/protobuf/field_mask.proto"
dependency: "google/protobuf/struct.proto"
dependency: "google/protobuf/timestamp.proto"
dependency: "google/protobuf/wrappers.proto"
`

// schema returns a file with messages that have fields of all kinds: All in the syntax of proto3, and Old, with groups,
// extensions and required fields, in that of proto2.
func schema(t testing.TB) (all, old protoreflect.MessageType, types resolver) {
	t.Helper()
	files := new(protoregistry.Files)
	for _, text := range []string{proto3Schema(), proto2Schema()} {
		var file descriptorpb.FileDescriptorProto
		if err := prototext.Unmarshal([]byte(text), &file); err != nil {
			t.Fatal(err)
		}
		desc, err := protodesc.FileOptions{}.New(&file, resolvers{files})
		if err != nil {
			t.Fatal(err)
		}
		if err := files.RegisterFile(desc); err != nil {
			t.Fatal(err)
		}
	}
	types = resolver{dynamicpb.NewTypes(files)}
	find := func(name protoreflect.FullName) protoreflect.MessageType {
		typ, err := types.FindMessageByName(name)
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	return find("test.All"), find("test.Old"), types
}

// resolver finds types of the schema and of the program.
type resolver struct{ *dynamicpb.Types }

func (r resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if m, err := r.Types.FindMessageByURL(url); err == nil {
		return m, nil
	}
	return protoregistry.GlobalTypes.FindMessageByURL(url)
}

func (r resolver) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if m, err := r.Types.FindMessageByName(name); err == nil {
		return m, nil
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

// resolvers finds files of the schema and of the program.
type resolvers struct{ own *protoregistry.Files }

func (r resolvers) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if f, err := r.own.FindFileByPath(path); err == nil {
		return f, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

func (r resolvers) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if d, err := r.own.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// writer writes the fields of a message as a descriptor in text.
type writer struct {
	strings.Builder

	number int
}

func (w *writer) field(name, label, typ, rest string) {
	w.number++
	fmt.Fprintf(w, "field { name: %q number: %d label: LABEL_%s %s %s }\n", name, w.number, label, typ, rest)
}

func ofType(name string) string { return fmt.Sprintf("type: TYPE_MESSAGE type_name: %q", name) }

const (
	colors = `enum_type { name: "Color" value { name: "COLOR_UNSPECIFIED" number: 0 } value { name: "RED" number: 1 }
		value { name: "MINUS" number: -1 } }`
	ofColor = `type: TYPE_ENUM type_name: ".test.Color"`
	ofNull  = `type: TYPE_ENUM type_name: ".google.protobuf.NullValue"`
)

func proto3Schema() string {
	var w writer
	nested, oneofs := "", `oneof_decl { name: "choice" }`
	entry := func(name, key, value string) {
		nested += fmt.Sprintf(`nested_type { name: "%sEntry" options { map_entry: true }
			field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_%s }
			field { name: "value" number: 2 label: LABEL_OPTIONAL %s } }`+"\n", name, key, value)
		field := strings.ToLower(name)
		w.field(field, "REPEATED", ofType(".test.All."+name+"Entry"), "")
	}
	for i, k := range kinds {
		typ := "type: TYPE_" + k
		name := strings.ToLower(k)
		w.field("one_"+name, "OPTIONAL", typ, "")
		w.field("many_"+name, "REPEATED", typ, "")
		w.field("maybe_"+name, "OPTIONAL", typ, fmt.Sprintf("proto3_optional: true oneof_index: %d", i+1))
		oneofs += fmt.Sprintf(`oneof_decl { name: "_maybe_%s" }`, name)
		if k != "DOUBLE" && k != "FLOAT" && k != "BYTES" {
			entry("By"+name, k, typ)
		}
	}
	for _, k := range wellKnown {
		typ := ofType(".google.protobuf." + k)
		name := strings.ToLower(k)
		w.field("the_"+name, "OPTIONAL", typ, "")
		w.field("list_"+name, "REPEATED", typ, "")
		entry("To"+name, "STRING", typ)
	}
	w.field("color", "OPTIONAL", ofColor, "")
	w.field("color_list", "REPEATED", ofColor, "")
	w.field("nothings", "REPEATED", ofNull, "")
	w.field("self", "OPTIONAL", ofType(".test.All"), "")
	w.field("selves", "REPEATED", ofType(".test.All"), "")
	w.field("own_name", "OPTIONAL", "type: TYPE_STRING", `json_name: "Übername \"x\""`)
	w.field("raw", "OPTIONAL", "type: TYPE_STRING", `json_name: "not_camel"`)
	entry("Colored", "BOOL", ofColor)
	entry("Nested", "INT32", ofType(".test.All"))
	for _, k := range kinds { // the fields of a oneof stand together
		w.field("choice_"+strings.ToLower(k), "OPTIONAL", "type: TYPE_"+k, "oneof_index: 0")
	}
	for _, k := range wellKnown {
		w.field("either_"+strings.ToLower(k), "OPTIONAL", ofType(".google.protobuf."+k), "oneof_index: 0")
	}
	w.field("nothing", "OPTIONAL", ofNull, "oneof_index: 0")
	return fmt.Sprintf("name: %q package: \"test\" syntax: \"proto3\" %s %s message_type { name: \"All\" %s %s %s }",
		"all.proto", imports, colors, w.String(), nested, oneofs)
}

func proto2Schema() string {
	return `name: "old.proto" package: "test" syntax: "proto2" dependency: "all.proto"
	message_type { name: "Old"
		field { name: "must" number: 1 label: LABEL_REQUIRED type: TYPE_STRING }
		field { name: "may" number: 2 label: LABEL_OPTIONAL type: TYPE_INT32 default_value: "7" }
		field { name: "many" number: 3 label: LABEL_REPEATED type: TYPE_UINT64 }
		field { name: "mygroup" number: 4 label: LABEL_OPTIONAL type: TYPE_GROUP type_name: ".test.Old.MyGroup" }
		field { name: "shade" number: 5 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".test.Shade" }
		field { name: "all" number: 6 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".test.All" }
		field { name: "more" number: 7 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".test.Old" }
		nested_type { name: "MyGroup" field { name: "in_it" number: 1 label: LABEL_OPTIONAL type: TYPE_BYTES } }
		extension_range { start: 100 end: 200 }
	}
	enum_type { name: "Shade" value { name: "LIGHT" number: 3 } value { name: "DARK" number: 4 } }
	extension { name: "extra" number: 100 label: LABEL_OPTIONAL type: TYPE_STRING extendee: ".test.Old" }
	extension { name: "extras" number: 101 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".test.Old"
		extendee: ".test.Old" }
	`
}

func newMessage(t testing.TB, typ protoreflect.MessageType, text string, types resolver) proto.Message {
	t.Helper()
	m := typ.New().Interface()
	if err := (prototext.UnmarshalOptions{Resolver: types, AllowPartial: true}).Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}
