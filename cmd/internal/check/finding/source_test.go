package finding

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	var sources Sources
	sources.Add("a.proto", "first\n\tx\ty;\nä ö;\n")
	tests := []struct {
		name string
		span []int32
		want Place
	}{
		{"no span", nil, Place{File: "a.proto"}},
		{"one line", []int32{0, 1, 3}, Place{"a.proto", 1, 2, 1, 4}},
		{"two lines", []int32{0, 1, 2, 1}, Place{"a.proto", 1, 2, 3, 2}},
		{"after a tab", []int32{1, 8, 9}, Place{"a.proto", 2, 2, 2, 3}},
		{"after two tabs", []int32{1, 16, 17}, Place{"a.proto", 2, 4, 2, 5}},
		{"no such line", []int32{9, 1, 2}, Place{"a.proto", 10, 2, 10, 3}},
	}
	for _, tt := range tests {
		if got := sources.Place("a.proto", tt.span); got != tt.want {
			t.Errorf("%s: place is %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.proto")
	if err := os.WriteFile(path, []byte("one\r\ntwo"), 0o600); err != nil {
		t.Fatal(err)
	}
	var sources Sources
	for line, want := range map[int]string{-1: "", 0: "", 1: "one", 2: "two", 3: ""} {
		if got := sources.Line(path, line); got != want {
			t.Errorf("line %d is %q, want %q", line, got, want)
		}
	}
	if got := sources.Line(path+".gone", 1); got != "" {
		t.Errorf("line of a file that is not there is %q", got)
	}
}
