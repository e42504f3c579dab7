package lint

import (
	"slices"
	"strings"
	"testing"
)

func TestSelection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		use, except []string
		has, lacks  []string
	}{
		{"default", nil, nil, []string{"FLOAT_MONEY", "IGNORE_UNUSED"}, []string{"COMMENT_RPC", "SERVICE_SUFFIX"}},
		{
			"one rule", []string{"SERVICE_SUFFIX"}, nil,
			[]string{"SERVICE_SUFFIX", "IGNORE_UNUSED"}, []string{"FLOAT_MONEY"},
		},
		{"category", []string{"types"}, nil, []string{"FLOAT_MONEY"}, []string{"PACKAGE_DEFINED"}},
		{"category that is off", []string{"default", "comments"}, nil, []string{"FLOAT_MONEY", "COMMENT_RPC"}, nil},
		{"all", []string{"all"}, nil, []string{"COMMENT_RPC", "SERVICE_SUFFIX", "FLOAT_MONEY"}, nil},
		{
			"except", nil, []string{"types", "IGNORE_UNUSED"},
			[]string{"PACKAGE_DEFINED"}, []string{"FLOAT_MONEY", "IGNORE_UNUSED"},
		},
		{"nothing", nil, []string{"all"}, nil, []string{"FLOAT_MONEY", "IGNORE_UNUSED"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			linter, err := New(Config{Selection: Selection{Use: tt.use, Except: tt.except}})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, r := range linter.Rules() {
				ids = append(ids, r.ID)
			}
			for _, id := range tt.has {
				if !slices.Contains(ids, id) {
					t.Errorf("%s is not among the rules", id)
				}
			}
			for _, id := range tt.lacks {
				if slices.Contains(ids, id) {
					t.Errorf("%s is among the rules", id)
				}
			}
		})
	}
}

func TestSelectionErrors(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Selection: Selection{Use: []string{"FLOAT_MONY", "default"}, Except: []string{"name", "zzzzzz"}}})
	if err == nil {
		t.Fatal("no error")
	}
	want := `no rule or category is called "FLOAT_MONY"; did you mean "FLOAT_MONEY"?
no rule or category is called "name"; did you mean "names"?
no rule or category is called "zzzzzz"`
	if got := err.Error(); got != want {
		t.Errorf("error is\n%s\nwant\n%s", got, want)
	}
}

// TestForeignRules sees that comments may name the rules of other checks.
func TestForeignRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a.proto", `syntax = "proto3";

package a.v1;

message M {
  // fairlead:ignore FIELD_NO_DELETE Nobody reads it.
  // fairlead:ignore FIELD_NO_DELETED Nobody reads it.
  string a = 1;
}
`)
	linter, err := New(Config{Foreign: []string{"FIELD_NO_DELETE"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range linter.Check(compile(t, dir)) {
		if f.Category == Ignores {
			got = append(got, f.Rule+": "+f.Message)
		}
	}
	want := `IGNORE_UNKNOWN_RULE: no rule is called "FIELD_NO_DELETED"; did you mean "FIELD_NO_DELETE"?`
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("findings are %s, want %s", got, want)
	}
}

// TestSilenced sees which lines a comment silences.
func TestSilenced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir+"/a.proto", `syntax = "proto3";

package a.v1;

// fairlead:ignore-file FLOAT_MONEY Amounts are estimates here.

service S {
  // Get gets it.
  // fairlead:ignore RPC_REQUEST_STANDARD_NAME, RPC_RESPONSE_STANDARD_NAME Shared with the old service.
  rpc Get(A)
      returns (B);
  rpc Put( // fairlead:ignore RPC_REQUEST_STANDARD_NAME The name is on another line.
      A) returns (B);
  // fairlead:ignore FIELD_LOWER_SNAKE_CASE Not about the field below.
  rpc List(A) returns (B);
}

message A {
  double price = 1;
  string userName = 2;
}

message B {
  double price = 1;
}
`)
	linter, err := New(Config{Selection: Selection{Use: []string{Names, "FLOAT_MONEY"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range linter.Check(compile(t, dir)) {
		got = append(got, strings.TrimPrefix(f.Place.String(), dir+"/")+" "+f.Rule)
	}
	want := []string{
		"a.proto:7:9 SERVICE_SUFFIX",
		"a.proto:13:19 RPC_RESPONSE_STANDARD_NAME",
		"a.proto:14:3 IGNORE_UNUSED",
		"a.proto:15:12 RPC_REQUEST_STANDARD_NAME",
		"a.proto:15:24 RPC_RESPONSE_STANDARD_NAME",
		"a.proto:20:10 FIELD_LOWER_SNAKE_CASE",
	}
	if !slices.Equal(got, want) {
		t.Errorf("findings are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
