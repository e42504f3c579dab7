package breaking

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestCompiled sees that what compiles is compared, whatever protobuf's own linker thinks of it, and that members of
// large declarations find each other.
func TestCompiled(t *testing.T) {
	t.Parallel()
	const set = "syntax = \"proto2\";\npackage a.v1;\n" +
		"message Set { option message_set_wire_format = true; extensions 4 to max; }\n" +
		"message Part { extend Set { optional Part part = 1000; } optional string name = 1; optional string more = 2; }\n"
	many := func(without int) string {
		var b strings.Builder
		b.WriteString("syntax = \"proto3\";\npackage a.v1;\nmessage M {\n")
		for n := range 3 * manyMembers {
			if n != without {
				fmt.Fprintf(&b, "  optional int32 f%d = %d;\n", n, n+1)
			}
		}
		return b.String() + "}\n"
	}
	tests := []struct {
		name, old, now string
		want           []string
	}{
		{"a message set", set, strings.Replace(set, " optional string more = 2;", "", 1),
			[]string{"4: FIELD_NO_DELETE"}},
		{"a message with many fields", many(-1), many(50), []string{"3: FIELD_NO_DELETE"}},
		{"the same with many fields", many(-1), many(-1), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old := newTestContract(t, compileFiles(t, map[string]string{"a.proto": tt.old}))
			now := newTestContract(t, compileFiles(t, map[string]string{"a.proto": tt.now}))
			var got []string
			for _, f := range Compare(old, now, Config{Level: Package}) {
				got = append(got, fmt.Sprintf("%d: %s", f.At.Line, f.Rule))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
