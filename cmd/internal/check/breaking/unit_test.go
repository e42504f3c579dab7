package breaking

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

func TestCommonPrefix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		names, others []string
		want          string
	}{
		{"below a directory", []string{"api/a/b.proto"}, []string{"x.proto", "a/b.proto"}, "api"},
		{"below several", []string{"x/api/a/b.proto"}, []string{"a/b.proto"}, "x/api"},
		{"not the first", []string{"new.proto", "api/a.proto"}, []string{"a.proto"}, "api"},
		{"the same", []string{"a/b.proto"}, []string{"a/b.proto"}, ""},
		{"the end of a word", []string{"xa/b.proto"}, []string{"a/b.proto"}, ""},
		{"none", []string{"a.proto"}, nil, ""},
	}
	for _, tt := range tests {
		if got := commonPrefix(tt.names, tt.others); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestShareArgs sees which arguments a unit gets, and which files of an old version these cover.
func TestShareArgs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	old := []string{"a.proto", "v1/a.proto", "v1/b.proto", "v10/a.proto"}
	tests := []struct {
		name      string
		args      []string
		want, old []string
	}{
		{"the directory", []string{at("api")}, []string{at("api")}, old},
		{"one around it", []string{dir, at("other")}, []string{at("api")}, old},
		{"one in it", []string{at("api/v1")}, []string{at("api/v1")}, []string{"v1/a.proto", "v1/b.proto"}},
		{"a file", []string{at("api/v1/b.proto")}, []string{at("api/v1/b.proto")}, []string{"v1/b.proto"}},
		{"another", []string{at("other")}, nil, nil},
		{"one that begins alike", []string{at("ap"), at("api2")}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := &unit{source: idl.Source{Dir: at("api")}, names: old}
			if err := shareArgs([]*unit{u}, tt.args); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(u.args, tt.want) {
				t.Errorf("got the arguments %q, want %q", u.args, tt.want)
			}
			if got := u.limit(old); !slices.Equal(got, tt.old) {
				t.Errorf("they cover %q, want %q", got, tt.old)
			}
		})
	}
}
