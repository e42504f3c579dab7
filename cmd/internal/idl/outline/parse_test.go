package outline

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	compiler "github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
)

// valid has what a contract may have, down to the rare.
const valid = `// First a comment.
edition = "2023";
package a.b;
import public "x.proto"; import weak 'y.proto';
option go_package = "a" "b";
option (x.y).z = { a: 1, b: [1, 2] c { d: "}" } };
option optimize_for = SPEED;;
message M {
  option deprecated = true;
  optional .a.b.M optional = 1 [deprecated = true, (x.y) = -1.5e+3, (z).w = inf];
  repeated string repeated = 2;
  map<string, a.b.M> map = 0x3;
  string message = 4; string enum = 5; string option = 6; string oneof = 7; string reserved = 8;
  string extend = 9; string rpc = 10; string stream = 11; string group = 12; string to = 13;
  M
    spread
    = 14
    ;
  oneof kind {
    option (q) = 1;
    string oneof_string = 15; M m = 16 [json_name = "x\"y"];
  }
  enum E { option allow_alias = true; A = 0; B = -1 [(o) = 'x']; reserved -5 to -3, 7 to max;
    reserved C, D; message = 2; }
  message N { message O {} ; }
  extensions 100 to 199, 1000 to max [verification = DECLARATION];
  reserved 20, 22 to 30;
  reserved "p", 'q' ;
  extend M { string e = 100; }
}
extend google.protobuf.FieldOptions { repeated string f = 50000; optional group G = 50001 { string h = 1; } }
service S {
  option deprecated = true;
  rpc A(M) returns (stream .a.b.M);
  rpc stream(stream M) returns (stream stream.M) { option idempotency_level = NO_SIDE_EFFECTS;
    option (h) = { get: "/v1/{x=**}" }; };
}
`

func TestParse(t *testing.T) {
	t.Parallel()
	silent := reporter.NewReporter(nil, nil)
	if _, err := compiler.Parse("", strings.NewReader(valid), reporter.NewHandler(silent)); err != nil {
		t.Errorf("it is not valid: %v", err)
	}
	f := Parse(valid)
	for _, p := range f.Problems {
		t.Error(describe(valid, p))
	}
	if f.Syntax != "2023" || f.Package != "a.b" || len(f.Imports) != 2 || f.Imports[1].Path != "y.proto" {
		t.Errorf("head is %q, %q, %v", f.Syntax, f.Package, f.Imports)
	}
	m := f.Find("a.b.M")
	if m == nil || f.Find("a.b.M.N.O") == nil || f.Find("a.b.f") == nil || f.Find("a.b.S") == nil {
		t.Fatal("declarations are missing")
	}
	if got := m.NextNumber(); got != 17 {
		t.Errorf("the next number of M is %d, want 17", got)
	}
	if got := f.Find("a.b.M.E").NextNumber(); got != 3 {
		t.Errorf("the next number of E is %d, want 3", got)
	}
	if len(f.Options) != 3 || f.Options[0].Name != "go_package" {
		t.Errorf("options are %v", f.Options)
	}
}

func TestNextNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		decl Decl
		want int
	}{
		{"empty message", Decl{Kind: Message}, 1},
		{"empty enum", Decl{Kind: Enum}, 0},
		{"gap stays", Decl{Kind: Message, Members: []Member{{Number: 1}, {Number: 7}}}, 8},
		{"reserved", Decl{Kind: Message, Members: []Member{{Number: 1}}, Reserved: []Range{{First: 4, Last: 9}, {First: 2,
			Last: 3}}}, 10},
		{"protobuf's own", Decl{Kind: Message, Members: []Member{{Number: 18999}}}, 20000},
		{"to max", Decl{Kind: Message, Members: []Member{{Number: 1}}, Reserved: []Range{{First: 100, Last: MaxNumber}}}, 2},
	}
	for _, tt := range tests {
		if got := tt.decl.NextNumber(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestAgree has this package find nothing wrong with the syntax of files that the compiler accepts, over all files of
// this repository.
func TestAgree(t *testing.T) {
	t.Parallel()
	silent := reporter.NewReporter(func(reporter.ErrorWithPos) error { return nil }, nil)
	count := 0
	err := filepath.WalkDir("../../../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".proto" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		count++
		_, err = compiler.Parse(path, strings.NewReader(string(text)), reporter.NewHandler(silent))
		if problems := Parse(string(text)).Problems; err == nil && len(problems) > 0 {
			t.Errorf("%s: %s, and the compiler takes it", path, describe(string(text), problems[0]))
		}
		return nil
	})
	if err != nil || count == 0 {
		t.Errorf("%d files, error %v", count, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(valid)
	f.Add("message M { string a = ")
	f.Add("option (a.")
	f.Add("enum { [ < \" '")
	f.Add("message A { message B { oneof c { map<")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range Parse(text).Problems {
			if p.At.Start < 0 || p.At.Start > len(text) || p.At.End < p.At.Start {
				t.Errorf("place of %q is %v in %d bytes", p.Text, p.At, len(text))
			}
		}
	})
}
