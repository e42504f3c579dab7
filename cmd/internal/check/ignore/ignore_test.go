package ignore

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       string // of each directive: its place, rules, the line that it is about, and the reason
	}{
		{"line before", "// fairlead:ignore A_B Why not.\nint32 x = 1;", "1:1 A_B 2 Why not."},
		{"indented", "m {\n\t// fairlead:ignore A_B x\n\tint32 x = 1;", "2:2 A_B 3 x"},
		{"end of line", "int32 ä = 1; // fairlead:ignore A_B x", "1:14 A_B 1 x"},
		{"several rules", "// fairlead:ignore A_B, C_D,E_F x y\n;", "1:1 A_B+C_D+E_F 2 x y"},
		{"colon", "// fairlead:ignore A_B: x\n;", "1:1 A_B 2 x"},
		{"no reason", "// fairlead:ignore A_B\n;", "1:1 A_B 2 "},
		{"no reason, comma", "// fairlead:ignore A_B,\n;", "1:1 A_B 2 "},
		{"no rule", "// fairlead:ignore\n;", "1:1  2 "},
		{"other comments between", "// fairlead:ignore A_B x\n// more\n\n/* and\nmore */\n;", "1:1 A_B 6 x"},
		{"other comments before", "// about it\n// fairlead:ignore A_B x\n;", "2:1 A_B 3 x"},
		{"several", "// fairlead:ignore A x\n// fairlead:ignore B y\n;", "1:1 A 3 x\n2:1 B 3 y"},
		{"at the end of the file", ";\n// fairlead:ignore A x", "2:1 A 2 x"},
		{"whole file", "// fairlead:ignore-file A x\n;", "1:1 A 0 x"},
		{"windows", "// fairlead:ignore A x\r\n;\r\n", "1:1 A 2 x"},
		{"something like it", "// fairlead:ignored A x\n// see fairlead:ignore A x\n;", ""},
		{"in a string", "option a = \"// fairlead:ignore A x\";\noption b = '\\'// fairlead:ignore A x';", ""},
		{"in a comment over lines", "/* // fairlead:ignore A x\n// fairlead:ignore A x */", ""},
		{"after a comment over lines", "/* a\n*/ int32 x = 1; // fairlead:ignore A x", "2:17 A 2 x"},
		{"string without end", "a = \"x\n// fairlead:ignore A x\n;", "2:1 A 3 x"},
		{"comment without end", "/* fairlead:ignore A x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range Parse("a.proto", tt.text) {
				place := strconv.Itoa(d.Place.Line) + ":" + strconv.Itoa(d.Place.Column)
				got = append(got, strings.Join([]string{place, strings.Join(d.Rules, "+"), strconv.Itoa(d.Line), d.Reason}, " "))
			}
			if got := strings.Join(got, "\n"); got != tt.want {
				t.Errorf("directives are\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	directives := Parse("a.proto", "x; // fairlead:ignore A ä \n")
	want := finding.Place{File: "a.proto", Line: 1, Column: 4, EndLine: 1, EndColumn: 26}
	if len(directives) != 1 || directives[0].Place != want {
		t.Errorf("directives are %+v, want one at %+v", directives, want)
	}
}

func TestSilences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, rule string
		lines            []int
		want             bool
	}{
		{"its line", "// fairlead:ignore A,B x\n;", "B", []int{2}, true},
		{"where the declaration begins", "// fairlead:ignore A x\n;", "A", []int{3, 2}, true},
		{"another line", "// fairlead:ignore A x\n;", "A", []int{3}, false},
		{"another rule", "// fairlead:ignore A x\n;", "B", []int{2}, false},
		{"no reason", "// fairlead:ignore A\n;", "A", []int{2}, false},
		{"whole file", "// fairlead:ignore-file A x\n;", "A", []int{7}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := NewList("a.proto", tt.text)
			for range 2 {
				if got := l.Silences(tt.rule, tt.lines...); got != tt.want || l.All[0].Used(tt.rule) != tt.want {
					t.Errorf("silences: %v, used: %v, want %v", got, l.All[0].Used(tt.rule), tt.want)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("// fairlead:ignore A x\n;")
	f.Add("\"\\\n/*/ //")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for _, d := range Parse("a.proto", text) {
			if d.Place.Line < 1 || d.Place.Line > lines || d.Line > lines || slices.Contains(d.Rules, "") {
				t.Errorf("directive is %+v", d)
			}
		}
	})
}
