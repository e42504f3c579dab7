package breaking

import (
	"strings"
	"testing"
)

// At the default level a change that is also misread on the wire, or in JSON, is said to be; others are not.
func TestWorse(t *testing.T) {
	t.Parallel()
	const (
		file = "a.proto"
		head = "syntax = \"proto3\";\npackage a.v1;\n"
	)
	message := func(fields string) string { return head + "message M {\n" + fields + "\n}\n" }
	enum := func(values string) string { return head + "enum E {\n E_NONE = 0;\n" + values + "\n}\n" }
	const (
		compiles = "code that uses the generated field no longer compiles"
		gone     = "code that reads or sets it no longer compiles"
		constant = "code that names the generated constant no longer compiles"
		list     = "one side sends a list where the other expects a single value, or requires what the other leaves out"
	)
	tests := []struct {
		name, old, now, rule, want string
	}{
		{"another type", message("string x = 1;"), message("int32 x = 1;"), "FIELD_SAME_TYPE",
			"one side misreads or drops what the other sends, and " + compiles},
		{"a type of the same bytes, another JSON", message("int32 x = 1;"), message("int64 x = 1;"), "FIELD_SAME_TYPE",
			"one side misreads, refuses or drops what the other sends in JSON, and " + compiles},
		{"a type that is read alike", message("int32 x = 1;"), message("uint32 x = 1;"), "FIELD_SAME_TYPE", compiles},
		{"the value of a map", message("map<string, string> x = 1;"), message("map<string, bool> x = 1;"),
			"FIELD_SAME_TYPE", "one side misreads or drops what the other sends, and " + compiles},
		{"a list", message("string x = 1;"), message("repeated string x = 1;"), "FIELD_SAME_CARDINALITY",
			list + ", and the generated field has another type"},
		{"presence", message("string x = 1;"), message("optional string x = 1;"), "FIELD_SAME_CARDINALITY",
			"the generated field has another type"},
		{"a field", message("string x = 1;"), message(""), "FIELD_NO_DELETE",
			"what is stored or sent under the number is misread when the number is used again, and " + gone},
		{"a field whose number is reserved", message("string x = 1;"), message("reserved 1;"), "FIELD_NO_DELETE",
			"JSON that holds the name is misread when the name is used again, and " + gone},
		{"a field that is reserved", message("string x = 1;"), message("reserved 1; reserved \"x\";"), "FIELD_NO_DELETE",
			gone},
		{"a value", enum("E_ONE = 1;"), enum(""), "ENUM_VALUE_NO_DELETE",
			"the old value may be stored or sent by clients, and means something else if the number is used again, and " +
				constant},
		{"a value that is reserved", enum("E_ONE = 1;"), enum("reserved 1; reserved \"E_ONE\";"), "ENUM_VALUE_NO_DELETE",
			constant},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old := newTestContract(t, compileFiles(t, map[string]string{file: tt.old}))
			now := newTestContract(t, compileFiles(t, map[string]string{file: tt.now}))
			var got []string
			for _, f := range Compare(old, now, Config{Level: Package}) {
				if f.Rule == tt.rule {
					got = append(got, f.Why)
				}
			}
			if len(got) != 1 || got[0] != tt.want {
				t.Errorf("got %q, want %q", strings.Join(got, "\n"), tt.want)
			}
		})
	}
}

// One field of several is worse: the others' findings do not say so.
func TestWorseOfOne(t *testing.T) {
	t.Parallel()
	contract := func(types ...string) *Contract {
		text := "syntax = \"proto3\";\npackage a.v1;\nmessage M {\n" + types[0] + " x = 1;\n" + types[1] + " y = 2;\n}\n"
		return newTestContract(t, compileFiles(t, map[string]string{"a.proto": text}))
	}
	found := Compare(contract("int32", "int32"), contract("uint32", "string"), Config{Level: File})
	if len(found) != 2 || strings.Contains(found[0].Why, "misreads") || !strings.Contains(found[1].Why, "misreads") {
		t.Errorf("got %+v, want that only y is misread", found)
	}
}
