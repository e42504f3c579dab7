package gen

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
)

const ruleHead = `syntax = "proto3";
package test;
option go_package = "example.com/test/pkg";
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
`

// TestRuleProblems has rules that cannot be meant.
func TestRuleProblems(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, message, want string }{
		{
			"another type", `string s = 1 [(buf.validate.field).int32.gt = 1];`,
			"a.proto:8:1: field s has rules for int32, but it is of type string",
		},
		{
			"of a list", `repeated string s = 1 [(buf.validate.field).string.min_len = 1];`,
			"a.proto:8:1: field s has rules for string, but it is of type repeated string",
		},
		{
			"of items", `repeated M s = 1 [(buf.validate.field).repeated.items.string.min_len = 1];`,
			"a.proto:8:1: field s has rules for string, but it is of type test.M",
		},
		{
			"of keys", `map<string, string> s = 1 [(buf.validate.field).map.keys.int32.gt = 1];`,
			"a.proto:8:1: field s has rules for int32, but it is of type string",
		},
		{
			"of a wrapper", `google.protobuf.StringValue s = 1 [(buf.validate.field).int32.gt = 1];`,
			"a.proto:8:1: field s has rules for int32, but it is of type google.protobuf.StringValue",
		},
		{
			"of a message", `google.protobuf.Timestamp s = 1 [(buf.validate.field).duration.gt = {}];`,
			"a.proto:8:1: field s has rules for duration, but it is of type google.protobuf.Timestamp",
		},
		{
			"a pattern", `string s = 1 [(buf.validate.field).string.pattern = "("];`,
			"a.proto:8:1: field s: error parsing regexp: missing closing ): `(`",
		},
		{
			"unique messages", `repeated M s = 1 [(buf.validate.field).repeated.unique = true];`,
			"a.proto:8:1: field s: messages cannot be told to be unique",
		},
		{
			"oneof without fields", `option (buf.validate.message).oneof = {}; string s = 1;`,
			"a.proto:7:1: a oneof rule of message M names no fields",
		},
		{
			"oneof of others", `option (buf.validate.message).oneof = {fields: ["s", "t", "s"]}; string s = 1;`,
			"a.proto:7:1: a oneof rule of message M names s twice\n" +
				"a.proto:7:1: a oneof rule of message M names t, which is no field of it",
		},
		{
			"the method's name", `string validate_fields = 1 [(buf.validate.field).string.min_len = 1];`,
			"a.proto:8:1: field validate_fields is ValidateFields in Go, which is a method of messages with rules; rename it",
		},
		{
			"several", "string s = 1 [(buf.validate.field).bool.const = true];\n" +
				"string t = 2 [(buf.validate.field).string.pattern = '['];",
			"a.proto:8:1: field s has rules for bool, but it is of type string\n" +
				"a.proto:9:1: field t: error parsing regexp: missing closing ]: `[`",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := ruleHead + "message M {\n" + tt.message + "\n}\nmessage N { google.protobuf.Timestamp t = 1; " +
				"google.protobuf.BoolValue b = 2; }\n"
			_, err := runOn(t, map[string]string{"a.proto": text}, Config{Validate: true})
			if err == nil || err.Error() != tt.want {
				t.Errorf("error is\n%v\nwant\n%s", err, tt.want)
			}
		})
	}
}

// TestRulesOfOthers sees that problems of imported files are theirs, and that messages without rules of their own get a
// method when they hold some with rules.
func TestRulesOfOthers(t *testing.T) {
	t.Parallel()
	out, err := runOn(t, map[string]string{
		"a.proto": ruleHead + `import "b.proto";
message Holder { Held held = 1; google.protobuf.Timestamp t = 2; google.protobuf.BoolValue b = 3; }
message Far { repeated Holder holders = 1; }
message Passing { Held held = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }
message Nothing { Nothing nothing = 1; }
`,
		"b.proto": strings.NewReplacer(`import "google/protobuf/timestamp.proto";`, "",
			`import "google/protobuf/wrappers.proto";`, "").Replace(ruleHead) +
			`message Held { string s = 1 [(buf.validate.field).string.min_len = 1]; }`,
		"c.proto": `syntax = "proto3"; package c; option go_package = "example.com/test/c"; message C { string s = 1; }`,
	}, Config{Validate: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.Files {
		text := string(f.Content)
		switch f.Name {
		case "a_validate.fl.go":
			for name, want := range map[string]bool{"Holder": true, "Far": true, "Passing": false, "Nothing": false} {
				if got := strings.Contains(text, "func (m *"+name+") ValidateFields("); got != want {
					t.Errorf("%s has the method: %v, want %v", name, got, want)
				}
			}
			if strings.Contains(text, "SurveyRules") {
				t.Error("there is nothing to survey within a package without expressions")
			}
		case "c_validate.fl.go":
			if f.Content != nil {
				t.Errorf("%s was generated without a rule", f.Name)
			}
		}
	}
	if len(out.Files) != 3 {
		t.Errorf("%d files, want 3, one of them stale", len(out.Files))
	}
}

// TestLeftToEvaluator has rules for which there is no code.
func TestLeftToEvaluator(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, rules, want string }{
		{"cel", `optional double d = 1 [(buf.validate.field).cel_expression = "this > 1"];`, `Fields:  []string{"d"}`},
		{"NaN", `optional double d = 1 [(buf.validate.field).double.gt = nan];`, `Fields:  []string{"d"}`},
		{"NaN in a list", `optional double d = 1 [(buf.validate.field).double = {in: [1, nan]}];`, `Fields:  []string{"d"}`},
		{"predefined", `optional string d = 1 [(buf.validate.field).string.(test.loud) = true];`, `Fields:  []string{"d"}`},
		{
			"items", `repeated string d = 1 [(buf.validate.field).repeated.items.string.(test.loud) = true];`,
			`Fields:  []string{"d"}`,
		},
		{"message", `option (buf.validate.message).cel_expression = "true"; optional string d = 1;`, "Self:    true,\n}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := runOn(t, map[string]string{
				"a.proto": `syntax = "proto2"; package test; option go_package = "example.com/test/pkg";
import "buf/validate/validate.proto";
extend buf.validate.StringRules { optional bool loud = 1181 [(buf.validate.predefined).cel = {
  id: "loud" expression: "this == this.upperAscii()"
}]; }
message M { ` + tt.rules + ` }`,
			}, Config{Validate: true})
			if err != nil {
				t.Fatal(err)
			}
			if text := string(out.Files[0].Content); !strings.Contains(text, tt.want) {
				t.Errorf("%q is not in\n%s", tt.want, text)
			}
		})
	}
}

// TestNoRuleIsForgotten goes through the schema that is linked in: what it has and compiled does not list would be left
// to an evaluator, and should be looked at.
func TestNoRuleIsForgotten(t *testing.T) {
	t.Parallel()
	file := validate.File_buf_validate_validate_proto
	for i := range file.Messages().Len() {
		m := file.Messages().Get(i)
		if !strings.HasSuffix(string(m.Name()), "Rules") || m.Name() == "PredefinedRules" {
			continue
		}
		for j := range m.Fields().Len() {
			if f := m.Fields().Get(j); !compiled(f) {
				t.Errorf("%s is not compiled", f.FullName())
			}
		}
	}
}

// TestImports sees that code imports what it uses and nothing else, whichever rule a file has.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		`string s = 1 [(buf.validate.field).string.in = "a"];`,
		`string s = 1 [(buf.validate.field).string.min_len = 1];`,
		`string s = 1 [(buf.validate.field).string.max_bytes = 1];`,
		`string s = 1 [(buf.validate.field).string.prefix = "a"];`,
		`string s = 1 [(buf.validate.field).string.pattern = "a"];`,
		`bytes s = 1 [(buf.validate.field).bytes.prefix = "a"];`,
		`bytes s = 1 [(buf.validate.field).bytes.pattern = "a"];`,
		`double s = 1 [(buf.validate.field).double.lt = inf];`,
		`double s = 1 [(buf.validate.field).double.finite = true];`,
		`google.protobuf.Timestamp s = 1 [(buf.validate.field).timestamp.lt_now = true];`,
		`google.protobuf.Timestamp s = 1 [(buf.validate.field).timestamp.lt = {seconds: 1}];`,
		`google.protobuf.Duration s = 1 [(buf.validate.field).duration.lt = {seconds: 1}];`,
		`google.protobuf.FieldMask s = 1 [(buf.validate.field).field_mask.in = "a"];`,
		`google.protobuf.FieldMask s = 1 [(buf.validate.field).field_mask.const = {paths: "a"}];`,
		`repeated string s = 1 [(buf.validate.field).repeated.items = {ignore: IGNORE_IF_ZERO_VALUE, string: {len: 1}}];`,
		`repeated N s = 1 [(buf.validate.field).repeated.items.ignore = IGNORE_IF_ZERO_VALUE];`,
		`map<string, google.protobuf.Duration> s = 1
		  [(buf.validate.field).map.values = {ignore: IGNORE_IF_ZERO_VALUE, duration: {gt: {}}}];`,
		`google.protobuf.StringValue s = 1 [(buf.validate.field).string.contains = "a"];`,
	} {
		text := ruleHead + `import "google/protobuf/duration.proto"; import "google/protobuf/field_mask.proto";
message M { ` + field + ` }
message N { bool b = 1 [(buf.validate.field).bool.const = true]; }
message Used { google.protobuf.Timestamp t = 1; google.protobuf.BoolValue b = 2; google.protobuf.Duration d = 3;
  google.protobuf.FieldMask m = 4; }`
		out, err := runOn(t, map[string]string{"a.proto": text}, Config{Validate: true})
		if err != nil {
			t.Fatal(err)
		}
		code := string(out.Files[0].Content)
		file, err := parser.ParseFile(token.NewFileSet(), "a.go", code, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			if !strings.Contains(code, i.Name.Name+".") {
				t.Errorf("%s: %s is imported and not used", field, i.Path.Value)
			}
		}
	}
}

// TestNameThatIsTaken has a contract whose stubs would go where another's rules go.
func TestNameThatIsTaken(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a.proto": `syntax = "proto3"; package a; option go_package = "example.com/a"; import "buf/validate/validate.proto";
message A { string s = 1 [(buf.validate.field).string.min_len = 1]; }`,
		"a_validate.proto": `syntax = "proto3"; package a; option go_package = "example.com/a"; message B {}`,
	}
	out, err := runOn(t, files, Config{Validate: true, Stubs: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.Files {
		if (f.Name == "a_validate.fl.go") != (f.Content != nil) {
			t.Errorf("%s: %d bytes", f.Name, len(f.Content))
		}
	}
	files["a_json.proto"] = strings.ReplaceAll(files["a_validate.proto"], "B {}",
		"J {} service T { rpc Do(J) returns (J); }")
	const want = "a_json.fl.go: two generators would write it; rename a contract whose name ends in _json"
	if _, err = runOn(t, files, Config{JSON: true, Stubs: true}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	delete(files, "a_json.proto")
	files["a_validate.proto"] += "service S { rpc Do(B) returns (B); }"
	if _, err = runOn(t, files, Config{Validate: true, Stubs: true}); err == nil ||
		!strings.Contains(err.Error(), "a_validate.fl.go: two generators would write it") {
		t.Errorf("got %v", err)
	}
}
