package generate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

const hello = `syntax = "proto3";
package hello.v1;
option go_package = "example.com/m/hello";
message Hello { string name = 1; }
service Greeter { rpc Say(Hello) returns (Hello); }
`

// tree writes files below a new directory that holds the module example.com/m, whose path it returns.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, "go.mod", "module example.com/m\n")
	for name, text := range files {
		put(t, root, name, text)
	}
	return root
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command runs fairlead gen. In args and in what it returns root stands as $.
func command(t *testing.T, root string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$", root)
	}
	got := clitest.Run(t, New(), nil, args...)
	return got.Code, strings.ReplaceAll(got.Out, root, "$"), strings.ReplaceAll(got.Err, root, "$")
}

func expect(t *testing.T, root string, args string, wantCode int, wantOut, wantErr string) {
	t.Helper()
	fields := strings.Fields(args)
	if !strings.Contains(args, "--json") && !strings.Contains(args, "--save") {
		fields = append(fields, "--json=false") // most tests are about other files
	}
	code, stdout, stderr := command(t, root, fields...)
	if code != wantCode {
		t.Errorf("%s: exit code %d, want %d; %s", args, code, wantCode, stderr)
	}
	if stdout != wantOut {
		t.Errorf("%s: printed\n%s\nwant\n%s", args, stdout, wantOut)
	}
	if wantErr == "" && stderr != "" || !strings.Contains(stderr, wantErr) {
		t.Errorf("%s: error output is\n%s\nwant\n%s", args, stderr, wantErr)
	}
}

// TestGenJSON sees that the JSON form of messages is generated unless it is turned off.
func TestGenJSON(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"hello/hello.proto": hello})
	const all = "$/hello/hello.fl.go\n$/hello/hello.pb.go\n$/hello/hello_json.fl.go\n"
	_, stdout, _ := command(t, root, "$")
	if stdout != all {
		t.Errorf("got %s, want %s", stdout, all)
	}
	expect(t, root, "--json --check $", cli.ExitOK, "", "nothing to do: 3 files are up to date\n")
	expect(t, root, "--json=false $", cli.ExitOK, "", "nothing to do: 2 files are up to date\n")
	put(t, root, "fairlead.yaml", "version: 1\ngen:\n  json: false\n")
	_, _, stderr := command(t, root, "--project", "$/fairlead.yaml", "--check", "$")
	if want := "nothing to do: 2 files are up to date\n"; stderr != want {
		t.Errorf("with json: false in the project's file got %s, want %s", stderr, want)
	}
}

// TestGenOpenAPI sees that there is a document for each package with HTTP rules when it is asked for, and that one is
// removed when they are gone.
func TestGenOpenAPI(t *testing.T) {
	t.Parallel()
	const rule = "rpc Say(Hello) returns (Hello) { option (google.api.http).get = \"/v1/{name}\"; }"
	served := strings.Replace(strings.Replace(hello, "rpc Say(Hello) returns (Hello);", rule, 1), "message Hello",
		"import \"google/api/annotations.proto\";\nmessage Hello", 1)
	root := tree(t, map[string]string{
		"hello/hello.proto": served,
		"plain/plain.proto": "syntax = \"proto3\";\npackage plain;\noption go_package = \"example.com/m/plain\";\n",
	})
	const only = "--openapi --go=false --stubs=false --validate=false --json=false "
	expect(t, root, only+"$", cli.ExitOK, "$/hello/hello.v1.openapi.json\n", "")
	expect(t, root, only+"--check $", cli.ExitOK, "", "nothing to do: 1 file is up to date\n")
	put(t, root, "hello/hello.proto", hello)
	put(t, root, "plain/plain.openapi.json", "{\"openapi\": \"3.1.0\"}\n") // somebody wrote it
	expect(t, root, only+"$", cli.ExitOK, "$/hello/hello.v1.openapi.json: removed\n", "")
	put(t, root, "fairlead.yaml", "version: 1\ngen:\n  openapi: true\n")
	put(t, root, "hello/hello.proto", served)
	expect(t, root, "--project $/fairlead.yaml --go=false --stubs=false --validate=false --json=false $", cli.ExitOK,
		"$/hello/hello.v1.openapi.json\n", "")
}

func TestGen(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"hello/hello.proto": hello})

	expect(t, root, "--check $", cli.ExitFound,
		"$/hello/hello.fl.go: missing\n$/hello/hello.pb.go: missing\n", "not up to date; run fairlead gen")
	expect(t, root, "$", cli.ExitOK, "$/hello/hello.fl.go\n$/hello/hello.pb.go\n", "")
	expect(t, root, "--check $", cli.ExitOK, "", "nothing to do: 2 files are up to date\n")

	// What is current is left alone, to the time of its last change.
	path := filepath.Join(root, "hello", "hello.pb.go")
	before := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
	put(t, root, "hello/hello.fl.go", "package hello\n")
	expect(t, root, "--check $", cli.ExitFound, "$/hello/hello.fl.go: out of date\n", "not up to date")
	expect(t, root, "$", cli.ExitOK, "$/hello/hello.fl.go\n", "")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(before) {
		t.Errorf("%s was written again", path)
	}

	expect(t, root, "--vt -q $/hello/hello.proto", cli.ExitOK, "", "")
	expect(t, root, "--vt --check $", cli.ExitOK, "", "nothing to do: 3 files are up to date\n")

	// Nothing but what was meant to be is there.
	entries, err := os.ReadDir(filepath.Join(root, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(entries))
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := "hello.fl.go hello.pb.go hello.proto hello_vtproto.pb.go"; strings.Join(got, " ") != want {
		t.Errorf("files are %v, want %s", got, want)
	}
}

// TestGenRemovesStubs sees that the stubs of a service that is gone go too, and nothing else.
func TestGenRemovesStubs(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"hello/hello.proto": hello})
	expect(t, root, "$", cli.ExitOK, "$/hello/hello.fl.go\n$/hello/hello.pb.go\n", "")
	put(t, root, "hello/hello.proto", strings.Split(hello, "service")[0])
	put(t, root, "hello/other.proto", strings.Replace(strings.Split(hello, "service")[0], "Hello", "Other", 1))
	put(t, root, "hello/other.fl.go", "package hello // by hand\n")
	expect(t, root, "--check --go=false $", cli.ExitFound, "$/hello/hello.fl.go: to be removed\n", "not up to date")
	expect(t, root, "--go=false $", cli.ExitOK, "$/hello/hello.fl.go: removed\n", "")
	if _, err := os.Stat(filepath.Join(root, "hello", "other.fl.go")); err != nil {
		t.Errorf("a file that no generator wrote was removed: %v", err)
	}
}

func TestGenPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, args, want string }{
		{"out", "-o $/out $", "$/out/api/hello.fl.go\n$/out/api/hello.pb.go\n"},
		{"root", "-I $/api -o $/out $", "$/out/hello.fl.go\n$/out/hello.pb.go\n"},
		{
			"import paths", "--paths import -o $/out $",
			"$/out/example.com/m/hello/hello.fl.go\n$/out/example.com/m/hello/hello.pb.go\n",
		},
		{
			"module", "--paths import --module example.com/m -o $/out $",
			"$/out/hello/hello.fl.go\n$/out/hello/hello.pb.go\n",
		},
		{"stubs alone", "--go=false $", "$/api/hello.fl.go\n"},
		{"messages alone", "--stubs=false $", "$/api/hello.pb.go\n"},
		{"rules alone", "--go=false --stubs=false $", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{"api/hello.proto": hello})
			expect(t, root, tt.args, cli.ExitOK, tt.want, "and the code lands in $/")
		})
	}
}

// TestGenImports has roots that import from one another.
func TestGenImports(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"api/hello.proto":        strings.Replace(hello, "option", "import \"shared/s.proto\";\noption", 1),
		"third/shared/s.proto":   "syntax = \"proto3\";\npackage shared;\nmessage S {}\n",
		"third/shared/bad.proto": "not a contract\n",
	})
	expect(t, root, "$/api", cli.ExitFailed, "", `hello.proto:3:8: "shared/s.proto" was not found`)
	expect(t, root, "-I $/api -I $/third $/api", cli.ExitFailed, "",
		"$/third/shared/s.proto: no Go package is named; add the line\n"+
			"\toption go_package = \"example.com/m/third/shared\";\n"+
			"or call fairlead gen with -M shared/s.proto=example.com/m/third/shared")
	expect(t, root, "-I $/api -I $/third -M shared/s.proto=example.com/s $/api", cli.ExitOK,
		"$/api/hello.fl.go\n$/api/hello.pb.go\n",
		"$/api/hello.proto:3:1: import \"shared/s.proto\" is not used (warning)")
}

// TestGenWritesNothingOnError has one good contract and one bad one.
func TestGenWritesNothingOnError(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"hello/h.proto":   hello,
		"sub/go.mod":      "module example.com/sub\n",
		"sub/bad.proto":   "syntax = \"proto3\";\nmessage M { Gone g = 1; Lost l = 2; }\n",
		"sub/empty/x.txt": "",
	})
	expect(t, root, "$ $/sub", cli.ExitFailed, "",
		"$/sub/bad.proto:2:13: field M.g: unknown type Gone\n    2 | message M { Gone g = 1; Lost l = 2; }\n"+
			"      |             ^~~~\n$/sub/bad.proto:2:25: field M.l: unknown type Lost\n")
	if _, err := os.Stat(filepath.Join(root, "hello", "h.pb.go")); err == nil {
		t.Error("h.pb.go was written")
	}
	expect(t, root, "$/sub/empty", cli.ExitFailed, "", "no .proto files in $/sub/empty")
	expect(t, root, "$/absent", cli.ExitFailed, "", "$/absent: there is no such file or directory in /")

	// Other modules are not searched unless they are named.
	expect(t, root, "$", cli.ExitOK, "$/hello/h.fl.go\n$/hello/h.pb.go\n", "")
}

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, args, want string }{
		{"unknown flag", "--nonsense", "unknown flag: --nonsense"},
		{"paths", "--paths elsewhere", "--paths elsewhere: must be source_relative or import"},
		{"module", "--module m", "--module needs --paths import"},
		{"nothing", "--go=false --stubs=false --validate=false", "nothing to generate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expect(t, t.TempDir(), tt.args, cli.ExitUsage, "", tt.want)
		})
	}
}

// TestGenNames: code that Go would not compile everywhere is warned of.
func TestGenNames(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"hello/queue_js.proto": hello})
	expect(t, root, "$/hello", cli.ExitOK, "$/hello/queue_js.fl.go\n$/hello/queue_js.pb.go\n",
		"$/hello/queue_js.proto: Go compiles queue_js.pb.go for one platform alone, because of its name (warning)")
}

// TestGenManyWarnings: the first are printed, and the others are counted, unless all are asked for. JSON has all.
func TestGenManyWarnings(t *testing.T) {
	t.Parallel()
	const many = maxSaid + 3
	files := make(map[string]string)
	var imports strings.Builder
	for i := range many {
		name := fmt.Sprintf("hello/d/d%02d.proto", i)
		files[name] = "syntax = \"proto3\";\npackage d;\noption go_package = \"example.com/m/hello/d\";\n"
		fmt.Fprintf(&imports, "import %q;\n", name)
	}
	files["hello/hello.proto"] = strings.Replace(hello, "package", imports.String()+"package", 1)
	root := tree(t, files)
	const counted = "warnings beyond the first 20: 3; --all-warnings prints all\n"
	tests := []struct {
		name, flags string
		inText      int
		inJSON      int
		counts      bool
	}{
		{"the first", "--check -q", maxSaid, 0, true},
		{"all", "--check -q --all-warnings", many, 0, false},
		{"JSON", "--check --format json", 0, many, false},
		{"strict", "--strict", maxSaid, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, stdout, stderr := command(t, root, append(strings.Fields(tt.flags), "$")...)
			if got := strings.Count(stderr, "is not used (warning)"); got != tt.inText {
				t.Errorf("%d warnings were printed, want %d:\n%s", got, tt.inText, stderr)
			}
			if got := strings.Count(stdout, "is not used\""); got != tt.inJSON {
				t.Errorf("JSON has %d warnings, want %d:\n%s", got, tt.inJSON, stdout)
			}
			if got := strings.Contains(stderr, counted); got != tt.counts {
				t.Errorf("whether it counts the others: %t, want %t:\n%s", got, tt.counts, stderr)
			}
		})
	}
}

// TestPending: what one contract has no use for is not removed when another one writes it, in whichever order.
func TestPending(t *testing.T) {
	t.Parallel()
	stale := []byte("// Code generated by protoc-gen-fairlead. DO NOT EDIT.\n")
	path := filepath.Join(t.TempDir(), "a.fl.go")
	if err := os.WriteFile(path, stale, 0o600); err != nil {
		t.Fatal(err)
	}
	gone, same := change{path: path}, change{path: path, code: newCode(stale)}
	other := change{path: path, code: newCode([]byte("new"))}
	tests := []struct {
		name    string
		changes []change
		want    int
	}{
		{"gone", []change{gone}, 1},
		{"gone twice", []change{gone, gone}, 1},
		{"gone and there", []change{gone, same}, 0},
		{"there and gone", []change{same, gone}, 0},
		{"gone and new", []change{gone, other}, 1},
	}
	for _, tt := range tests {
		if got, err := pending(tt.changes); err != nil || len(got) != tt.want {
			t.Errorf("%s: got %d changes, %v, want %d", tt.name, len(got), err, tt.want)
		}
	}
}

func TestTwoContractsForOneFile(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"a/hello.proto": hello, "b/hello.proto": hello})
	expect(t, root, "-I $/a -I $/b -o $/out $/a $/b", cli.ExitFailed, "", "hidden by")
	put(t, root, "b/go.mod", "module example.com/b\n")
	put(t, root, "a/go.mod", "module example.com/a\n")
	expect(t, root, "-o $/out $/a $/b", cli.ExitFailed, "", "$/out/hello.fl.go: two contracts would be written to it")
}

// TestMapDirectories maps directories to Go packages.
func TestMapDirectories(t *testing.T) {
	t.Parallel()
	const plain = "syntax = \"proto3\";\n"
	root := tree(t, map[string]string{
		"api/a.proto":      plain + "package a;\nmessage A {}\n",
		"api/deep/b.proto": plain + "package b;\nimport \"api/a.proto\";\nmessage B { a.A a = 1; }\n",
		"api/own/c.proto":  plain + "package c;\nmessage C {}\n",
		"api/own/d.proto":  plain + "package c;\nmessage D {}\n",
	})
	expect(t, root, "-M api=example.com/m/api;apipb -M api/own/=example.com/m/api/own -M "+
		"api/own/d.proto=example.com/m/api/own $", cli.ExitOK,
		"$/api/a.pb.go\n$/api/deep/b.pb.go\n$/api/own/c.pb.go\n$/api/own/d.pb.go\n", "")
	for name, want := range map[string]string{
		"api/a.pb.go": "package apipb\n", "api/deep/b.pb.go": "\tapi \"example.com/m/api\"\n",
		"api/own/c.pb.go": "package own\n",
	} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s (%v) has no %q:\n%s", name, err, want, content)
		}
	}
}

// TestMissingPackage takes the Go package that is proposed: it must be the one that works.
func TestMissingPackage(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, args, want string }{
		{"beside the contract", "$", "example.com/m/api/a"},
		{"elsewhere", "--out $/gen $", "example.com/m/gen/api/a"},
		{"by import paths", "--paths import --module example.com/m --out $ $", "example.com/m/api/a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{"api/a/a.proto": "syntax = \"proto3\";\npackage a;\nmessage A {}\n"})
			expect(t, root, "--check "+tt.args, cli.ExitFailed, "", "-M api/a/a.proto="+tt.want+
				", or for all files below api/a with -M api/a="+tt.want+"\n")
			for _, key := range []string{"api/a/a.proto", "api/a"} {
				code, _, stderr := command(t, root, strings.Fields("--check -M "+key+"="+tt.want+" "+tt.args)...)
				if code != cli.ExitFound || strings.Contains(stderr, "warning") {
					t.Errorf("with -M %s=%s: exit code %d: %s", key, tt.want, code, stderr)
				}
			}
		})
	}
}

// TestVendoredContracts has the layout with which Kratos begins.
func TestVendoredContracts(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"api/a/a.proto": contract("a", "example.com/m/api/a", "import \"google/api/annotations.proto\";\n"+
			"import \"errors/errors.proto\";\nmessage A { errors.E e = 1; }\n"),
		"third_party/errors/errors.proto": contract("errors", "example.com/errors", "message E {}\n"),
		"third_party/google/api/annotations.proto": "syntax = \"proto3\";\npackage google.api;\n" +
			"option go_package = \"google.golang.org/genproto/googleapis/api/annotations;annotations\";\n",
	})
	code, _, stderr := command(t, root, "--check", "$")
	hint := "it is in $/third_party/errors/errors.proto; it is found with: --proto-path $/api --proto-path $/third_party"
	if code != cli.ExitFailed || !strings.Contains(stderr, hint) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	expect(t, root, "-q -I $ -I $/third_party $", cli.ExitOK, "", "annotations.proto\" is not used")
	if _, err := os.Stat(filepath.Join(root, "third_party", "errors", "errors.pb.go")); err == nil {
		t.Error("code was generated for what contracts import")
	}
}
