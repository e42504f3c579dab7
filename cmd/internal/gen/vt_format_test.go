package gen

import (
	"go/format"
	"strings"
	"testing"
)

// TestFormatVT compares what is formatted in parts with what go/format makes of all at once.
func TestFormatVT(t *testing.T) {
	t.Parallel()
	const method = "func (m *M) MarshalVT() (dAtA []byte, err error) {\nif m == nil {\nreturn nil, nil\n}\n\n" +
		"size := m.SizeVT()\nfor i:=0;i<size;i++ {\n}\nreturn dAtA, nil\n}\n"
	const head = "// Code generated.\n\npackage p\n\nimport (\n\tio \"io\"\n)\n"
	tests := []struct{ name, code string }{
		{"one part", "const (\n_ = 1\n)\n\n" + method},
		{"parts", strings.Repeat(method+"\n", 2*vtPart/len(method)) + method},
		{"without empty lines", strings.Repeat(method, 2*vtPart/len(method))},
		{"several empty lines", strings.Repeat(method+"\n\n\n", 2*vtPart/len(method)) + method},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := formatVT([]byte(head + "\n" + beginComment + "\n" + tt.code + "\n" + endComment + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := format.Source([]byte(head + "\n" + tt.code))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%d bytes, want %d; they begin with\n%.800s\nwant\n%.800s", len(got), len(want), got, want)
			}
		})
	}
}

// TestFormatVTRefuses: what is not such a comment is left to protogen.
func TestFormatVTRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"package p\n", "package p\n\n/*\nfunc f() {}\n", "package p\n\n/*\nfunc f( {}\n\n*/\n"} {
		if got, err := formatVT([]byte(text)); err == nil {
			t.Errorf("of %q it makes %q", text, got)
		}
	}
}
