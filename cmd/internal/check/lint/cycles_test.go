package lint

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFindCycles(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, arrows, want string }{ // groups, each with its members in order
		{"none", "", ""},
		{"a chain", "ab bc", "a b c"},
		{"a ring", "ab bc ca", "abc"},
		{"itself", "aa", "a"},
		{"two rings with a way from one to the other", "ab ba bc cd dc", "ab cd"},
		{"a ring through the middle of another", "ab bc cd da ce eb", "abcde"},
		{"a ring with what leads into it and out of it", "xa ab ba by", "ab x y"},
		{"a way back that is no ring", "ab ac cb", "a b c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			next := make(map[string][]string)
			for arrow := range strings.FieldsSeq(tt.arrows) {
				next[arrow[:1]] = append(next[arrow[:1]], arrow[1:])
			}
			c := findCycles(slices.Sorted(maps.Keys(next)), func(n string) []string { return next[n] })
			groups := make(map[int]string)
			for _, n := range slices.Sorted(maps.Keys(c.of)) {
				groups[c.of[n]] += n
			}
			got := strings.Join(slices.Sorted(maps.Values(groups)), " ")
			if got != tt.want {
				t.Errorf("got the groups %s, want %s", got, tt.want)
			}
			for i, group := range groups {
				if c.size[i] != len(group) || c.together(group[:1], group[len(group)-1:]) != len(group) {
					t.Errorf("the group %s has the size %d", group, c.size[i])
				}
			}
		})
	}
}

// TestLongLists: what is large is told by its size.
func TestLongLists(t *testing.T) {
	t.Parallel()
	const n = 60
	files := make(map[string]string)
	var ring strings.Builder
	for i := range n {
		next := (i + 1) % n
		fmt.Fprintf(&ring, "message Ring%d { Ring%d next = 1; }\n", i, next)
		files[fmt.Sprintf("p/types%d.proto", i)] = fmt.Sprintf("syntax = \"proto3\";\npackage p%d.v1;\nmessage T {}\n", i)
		files[fmt.Sprintf("p/use%d.proto", i)] = fmt.Sprintf(
			"syntax = \"proto3\";\npackage p%d.v1;\nimport \"p/types%d.proto\";\nmessage U { p%d.v1.T t = 1; }\n", i, next, next)
	}
	files["a/v1/a.proto"] = "syntax = \"proto3\";\npackage a.v1;\nmessage R {}\n" + ring.String() +
		"service S { rpc Do(Ring0) returns (R); }\n"
	for rule, want := range map[string]string{
		"REQUEST_NO_RECURSION": `field "next", which comes with requests of Do, can hold another Ring7: ` +
			`it is one of 60 messages that hold each other`,
		"PACKAGE_NO_IMPORT_CYCLE": "packages import each other: p7.v1 and p8.v1 are two of 60",
		"DIRECTORY_SAME_PACKAGE": `the files in the directory "p" are of several packages: "p0.v1", "p1.v1", "p10.v1", ` +
			`"p11.v1", "p12.v1", "p13.v1", "p14.v1", "p15.v1", "p16.v1", "p17.v1" and 50 more`,
	} {
		got := said(t, rule, files)
		if !slices.Contains(got, want) {
			t.Errorf("%s: got %d findings, such as %q, want %q", rule, len(got), got[:min(1, len(got))], want)
		}
	}
}

// said returns the messages of a rule's findings in files.
func said(t *testing.T, rule string, files map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var messages []string
	for _, f := range check(t, dir) {
		if f.Rule == rule {
			messages = append(messages, f.Message)
		}
	}
	return messages
}
