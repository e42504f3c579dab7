package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

const clean = `syntax = "proto3";

package shop.v1;

option go_package = "example.com/m/shop/v1";

message Cart {
  string id = 1;
}
`

// tree writes files into a new directory and makes it the working directory.
func tree(t *testing.T, files map[string]string) {
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
	t.Chdir(dir)
}

func TestCheck(t *testing.T) {
	warning := strings.Replace(clean, "string id = 1", "double price = 1", 1)
	wrong := strings.Replace(clean, "string id = 1", "string cartID = 1", 1)
	tests := []struct {
		name  string
		files map[string]string
		args  string
		code  int
		out   string // the whole
		err   string // a part
	}{
		{
			name:  "nothing found",
			files: map[string]string{"shop/v1/a.proto": clean}, err: "1 file: nothing found\n",
		},
		{
			name: "error", files: map[string]string{"shop/v1/a.proto": wrong}, code: cli.ExitFound,
			out: `shop/v1/a.proto:8:10: FIELD_LOWER_SNAKE_CASE: field "cartID" should be called "cart_id"; ` +
				"generators and JSON make their own names from the words between underscores\n",
			err: "1 file: 1 error\n",
		},
		{
			name: "warning", files: map[string]string{"shop/v1/a.proto": warning},
			out: `shop/v1/a.proto:8:3: FLOAT_MONEY: field "price" holds money, and is of the type double; ` +
				"binary fractions cannot hold most amounts, and sums of them drift by a cent (warning)\n",
			err: "1 file: 1 warning\n",
		},
		{
			name: "warnings as errors", files: map[string]string{"shop/v1/a.proto": warning},
			args: "--warnings-as-errors", code: cli.ExitFound,
			out: `shop/v1/a.proto:8:3: FLOAT_MONEY: field "price" holds money, and is of the type double; ` +
				"binary fractions cannot hold most amounts, and sums of them drift by a cent\n",
			err: "1 file: 1 error\n",
		},
		{
			name: "except", files: map[string]string{"shop/v1/a.proto": wrong}, args: "--except names",
			err: "1 file: nothing found\n",
		},
		{
			name: "one rule", files: map[string]string{"shop/v1/a.proto": wrong}, args: "--rule FLOAT_MONEY",
			err: "1 file: nothing found\n",
		},
		{
			name: "import root", files: map[string]string{"api/shop/v1/a.proto": clean}, args: "-I api api/shop",
			err: "1 file: nothing found\n",
		},
		{
			name: "wrong import root", files: map[string]string{"api/shop/v1/a.proto": clean}, args: "-I . api",
			code: cli.ExitFound,
			out: `api/shop/v1/a.proto:3:1: PACKAGE_DIRECTORY_MATCH: the files of package "shop.v1" should lie in the ` +
				`directory "shop/v1", not in "api/shop/v1"; ` +
				"a reader who knows a package's name should know where its files are, and so should tools\n",
			err: "1 file: 1 error\n",
		},
		{
			name: "two modules",
			files: map[string]string{
				"a/go.mod": "module a\n", "a/shop/v1/a.proto": clean,
				"b/go.mod": "module b\n", "b/shop/v1/a.proto": clean,
			},
			args: "a b", err: "2 files: nothing found\n",
		},
		{
			name: "does not compile",
			files: map[string]string{
				"a/go.mod": "module a\n", "a/x.proto": "syntax = \"proto3\";\nmessage A { B b = 1; }\n",
				"b/go.mod": "module b\n", "b/y.proto": "syntax = \"proto3\";\nmessage A { C c = 1; }\n",
			},
			args: "a b", code: cli.ExitFailed, err: "b/y.proto:2:13: ",
		},
		{
			name:  "does not compile, for GitHub",
			files: map[string]string{"x.proto": "syntax = \"proto3\";\nmessage A { B b = 1; }\n"},
			args:  "--format github", code: cli.ExitFailed,
			out: "::error file=x.proto,line=2,endLine=2,col=13,endColumn=13,title=COMPILE::" +
				"field A.b: unknown type B\n",
			err: "x.proto:2:13: ",
		},
		{
			name: "no files", files: map[string]string{"x.txt": ""}, code: cli.ExitFailed,
			err: "no .proto files in .",
		},
		{
			name: "no such file", files: map[string]string{"x.txt": ""}, args: "braeking", code: cli.ExitFailed,
			err: "braeking: there is no such file or directory",
		},
		{
			name: "unknown rule", files: map[string]string{"x.txt": ""}, args: "--rule FLOAT_MONY", code: cli.ExitUsage,
			err: `no rule or category is called "FLOAT_MONY"; did you mean "FLOAT_MONEY"?`,
		},
		{
			name: "unknown format", files: map[string]string{"x.txt": ""}, args: "--format xml", code: cli.ExitUsage,
			err: "must be one of text, json, github, sarif",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GITHUB_WORKSPACE", "")
			tree(t, tt.files)
			got := clitest.Run(t, New(), nil, strings.Fields(tt.args)...)
			if got.Code != tt.code || got.Out != tt.out || !strings.Contains(got.Err, tt.err) {
				t.Errorf("exit code %d, want %d\noutput\n%s\nwant\n%s\nerrors\n%s\nwant a part\n%s",
					got.Code, tt.code, got.Out, tt.out, got.Err, tt.err)
			}
		})
	}
}

func TestProject(t *testing.T) {
	wrong := strings.Replace(clean, "string id = 1", "double Price = 1", 1)
	files := func(config string) map[string]string {
		return map[string]string{
			"fairlead.yaml":         "version: 1\n" + config,
			"go.mod":                "module example.com/m\n",
			"api/shop/v1/a.proto":   wrong,
			"other/v1/broken.proto": "nonsense",
			"sub/x.txt":             "",
		}
	}
	const gen = "gen:\n  inputs: [api]\n  roots: [api]\n"
	tests := []struct {
		name, config, dir, args string
		code                    int
		want                    string // the rules that were found, or a part of the error
	}{
		{name: "inputs and roots", config: gen, code: cli.ExitFound, want: "FIELD_LOWER_SNAKE_CASE FLOAT_MONEY"},
		{name: "from below", config: gen, dir: "sub", code: cli.ExitFound, want: "FIELD_LOWER_SNAKE_CASE FLOAT_MONEY"},
		{name: "rules", config: gen + "check:\n  rules: [FLOAT_MONEY]\n", want: "FLOAT_MONEY"},
		{
			name: "flag before rules", config: gen + "check:\n  rules: [FLOAT_MONEY]\n", args: "--rule names",
			code: cli.ExitFound, want: "FIELD_LOWER_SNAKE_CASE",
		},
		{name: "except", config: gen + "check:\n  except: [names]\n", want: "FLOAT_MONEY"},
		{name: "except twice", config: gen + "check:\n  except: [names]\n", args: "--except types"},
		{
			name: "strict", config: gen + "check:\n  except: [names]\n  warnings_as_errors: true\n",
			code: cli.ExitFound, want: "FLOAT_MONEY",
		},
		{
			name:   "not strict after all",
			config: gen + "check:\n  except: [names]\n  warnings_as_errors: true\n",
			args:   "--warnings-as-errors=false", want: "FLOAT_MONEY",
		},
		{
			name:   "ignored directory",
			config: gen + "check:\n  ignore:\n    - path: api/shop\n      rules: [names, FLOAT_MONEY]\n",
		},
		{
			name: "ignored file", config: gen + "check:\n  ignore:\n    - path: api/shop/v1/a.proto\n",
			dir: "sub",
		},
		{
			name: "another one ignored", config: gen + "check:\n  ignore:\n    - path: api/shop/v\n",
			code: cli.ExitFound, want: "FIELD_LOWER_SNAKE_CASE FLOAT_MONEY",
		},
		{
			name: "unknown rule", config: gen + "check:\n  except: [FLOAT_MONEY, nmes]\n", code: cli.ExitFailed,
			want: `fairlead.yaml:6:25: no rule or category is called "nmes"; did you mean "names"?`,
		},
		{
			name: "no path", config: gen + "check:\n  ignore:\n    - rules: [names]\n", code: cli.ExitFailed,
			want: `fairlead.yaml:7:7: check.ignore[0]: the path is missing`,
		},
		{
			name: "unknown key", config: "chek: {}\n", code: cli.ExitFailed,
			want: `fairlead.yaml:2:1: unknown key "chek"; did you mean "check"?`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree(t, files(tt.config))
			if tt.dir != "" {
				t.Chdir(tt.dir)
			}
			got := clitest.Run(t, New(), nil, append([]string{"--format", "json"}, strings.Fields(tt.args)...)...)
			if got.Code != tt.code {
				t.Errorf("exit code %d, want %d; errors: %s", got.Code, tt.code, got.Err)
			}
			if tt.code == cli.ExitFailed {
				if !strings.Contains(got.Err, tt.want) {
					t.Errorf("errors are %s, want %s", got.Err, tt.want)
				}
				return
			}
			var report struct {
				Findings []struct {
					Rule string `json:"rule"`
				} `json:"findings"`
			}
			if err := json.Unmarshal([]byte(got.Out), &report); err != nil {
				t.Fatal(err)
			}
			var rules []string
			for _, f := range report.Findings {
				rules = append(rules, f.Rule)
			}
			if rules := strings.Join(rules, " "); !sameWords(rules, tt.want) {
				t.Errorf("found %s, want %s", rules, tt.want)
			}
		})
	}
}

// sameWords compares without regard to order.
func sameWords(a, b string) bool {
	count := make(map[string]int)
	for word := range strings.FieldsSeq(a) {
		count[word]++
	}
	for word := range strings.FieldsSeq(b) {
		count[word]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestListRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args string
		code       int
		want       string // a part of the output, or of the errors
	}{
		{"all", "rules", 0, "FLOAT_MONEY"},
		{"one", "rules FLOAT_MONEY", 0, "FLOAT_MONEY (types, warning)\n  Why:   binary fractions"},
		{"small letters", "rules float_money", 0, "FLOAT_MONEY (types, warning)\n"},
		{"category", "rules limits", 0, "\nSTREAM_DEADLINE (limits, warning)\n"},
		{"buf's", "rules SERVICE_SUFFIX", 0, "SERVICE_SUFFIX (names, off)"},
		{"json", "rules FLOAT_MONEY --format json", 0, `"severity": "warning"`},
		{"unknown", "rules FLOAT_MONY", cli.ExitUsage, `did you mean "FLOAT_MONEY"?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, New(), nil, strings.Fields(tt.args)...)
			if got.Code != tt.code || !strings.Contains(got.Out+got.Err, tt.want) {
				t.Errorf("exit code %d, output %s, errors %s, want %s", got.Code, got.Out, got.Err, tt.want)
			}
		})
	}
}

// TestCommands sees that the checks are where the documentation says.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"breaking", "consumers", "rules"} {
		if cmd, _, err := New().Find([]string{name}); err != nil || cmd.Name() != name || cmd.Example == "" {
			t.Errorf("fairlead check %s: %v, %v", name, cmd.Name(), err)
		}
	}
}
