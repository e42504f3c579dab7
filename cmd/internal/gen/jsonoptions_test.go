package gen

import (
	"strings"
	"testing"
)

// TestJSONOptionsWithoutEffect has choices of fields that mean nothing.
func TestJSONOptionsWithoutEffect(t *testing.T) {
	t.Parallel()
	_, err := runOn(t, map[string]string{"a.proto": `syntax = "proto3"; package p; option go_package = "example.com/x";
import "fairlead/options.proto"; import "google/protobuf/wrappers.proto";
message A {
  string a = 1 [(fairlead.field).json.enum_numbers = true];
  optional string b = 2 [(fairlead.field).json.zero_values = true];
  int32 c = 3 [(fairlead.field).json.int64_numbers = true];
  map<string, int64> d = 4 [(fairlead.field).json.int64_numbers = true];
  google.protobuf.UInt64Value e = 5 [(fairlead.field).json.int64_numbers = true];
  repeated string f = 6 [(fairlead.field).json.zero_values = true];
}`}, Config{JSON: true})
	want := strings.Join([]string{
		"a.proto:4:17: (fairlead.field).json.enum_numbers of p.A.a: the field is no enum",
		"a.proto:5:26: (fairlead.field).json.zero_values of p.A.b: the field has presence, so it is written when it is set",
		"a.proto:6:16: (fairlead.field).json.int64_numbers of p.A.c: the field is no integer of 64 bits",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestWithoutJSON has messages that are left to reflection.
func TestWithoutJSON(t *testing.T) {
	t.Parallel()
	out, err := runOn(t, map[string]string{"a.proto": `syntax = "proto3"; package p; option go_package = "example.com/x";
message A { string AppendProtoJSON = 1; }
message B { oneof ParseProtoJSON { string a = 1; } }
message C { string a = 1 [json_name = "@type"]; }
message D { A a = 1; }`}, Config{JSON: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a.proto:2:1: without generated JSON: p.A.AppendProtoJSON has the name of its method AppendProtoJSON",
		"a.proto:3:1: without generated JSON: p.B.ParseProtoJSON has the name of its method ParseProtoJSON",
		"a.proto:4:1: without generated JSON: p.C.a has the name @type in JSON, which may be a type's or an extension's",
	}
	if got := strings.Join(out.Notes, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("notes are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	code := string(out.Files[0].Content)
	if strings.Count(code, "\nfunc ") != 2 || !strings.Contains(code, "dst = append(e.AppendMessage(dst, m.A), ',')") {
		t.Errorf("the code is\n%s", code)
	}
}
