package generate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

func read(t *testing.T, root, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestProject remembers flags and arguments, and runs without them.
func TestProject(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"api/hello/hello.proto": strings.Replace(hello, "m/hello", "m/gen/hello", 1),
		"other/bad.proto":       "not a contract\n",
	})
	const project = "--project $/fairlead.yaml "
	expect(t, root, project, cli.ExitFailed, "", "$/fairlead.yaml: no such file or directory")
	plugin := listPlugin(t)
	expect(t, root, "--save --project $/fairlead.yaml -I $/api -o $/gen --vt --plugin "+
		""+plugin+" --plugin-out list=$/lists $/api",
		cli.ExitOK, "$/gen/hello/hello.fl.go\n$/gen/hello/hello.pb.go\n$/gen/hello/hello_json.fl.go\n"+
			"$/gen/hello/hello_vtproto.pb.go\n$/lists/list.txt\n",
		"saved to $/fairlead.yaml\n")
	want := `version: 1
gen:
  inputs:
    - api
  roots:
    - api
  out: gen
  vt: true
  plugins:
    - name: list
      path: ` + plugin + `
      out: lists
`
	if got := read(t, root, "fairlead.yaml"); got != want {
		t.Errorf("fairlead.yaml is\n%s\nwant\n%s", got, want)
	}
	if got := read(t, root, "lists/list.txt"); got != "hello/hello.proto\n" {
		t.Errorf("the plugin wrote %q", got)
	}
	expect(t, root, project+"--check", cli.ExitOK, "", "nothing to do: 4 files are up to date\n")
	put(t, root, "lists/list.txt", "other\n")
	expect(t, root, project+"--check", cli.ExitFound, "$/lists/list.txt: out of date\n", "not up to date")

	// Flags come before the file, and what they say is saved, with the comments that were there.
	put(t, root, "fairlead.yaml", strings.Replace(want, "  vt: true\n", "  # Fast.\n  vt: true # for now\n", 1))
	expect(t, root, project+"--vt=false --plugin-opt list=name=files.txt --save", cli.ExitOK, "$/lists/files.txt\n",
		"saved to")
	got := read(t, root, "fairlead.yaml")
	if !strings.Contains(got, "  # Fast.\n  vt: false # for now\n") || !strings.Contains(got,
		"      opts:\n        - name=files.txt\n") {
		t.Errorf("fairlead.yaml is\n%s", got)
	}
	expect(t, root, project+"--save --check", cli.ExitUsage, "", "--save and --check exclude each other")
	expect(t, root, "--project none --save $/api", cli.ExitUsage, "", "--save and --project none exclude each other")
	expect(t, root, project+"$/other", cli.ExitFailed, "", "$/other/bad.proto: lies in none of the import roots ($/api)")
}

func TestProjectErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, yaml, args, want string
		code                   int
	}{
		{
			"unknown keys", "version: 1\ngen:\n  root: [a]\n  vt: 5\n", "",
			"$/fairlead.yaml:3:3: gen: unknown key \"root\"; did you mean \"roots\"?\n" +
				"$/fairlead.yaml:4:7: gen.vt: it must be true or false, not 5\n",
			cli.ExitFailed,
		},
		{"no such root", "version: 1\ngen:\n  roots: [api, apii]\n", "", "$/fairlead.yaml:3:16: " +
			"the root $/apii: there is no such directory", cli.ExitFailed},
		{"module", "version: 1\ngen:\n  module: m\n", "", "$/fairlead.yaml:3:11: module needs --paths import", cli.ExitUsage},
		{"plugin twice", "version: 1\ngen:\n  plugins: [{name: a}, {name: a}]\n", "",
			"$/fairlead.yaml:3:24: plugin: the name a is there twice", cli.ExitUsage},
		{"plugin without a name", "version: 1\ngen:\n  plugins: [{out: a}]\n", "",
			"$/fairlead.yaml:3:13: plugin: it has neither a name nor a path", cli.ExitUsage},
		{"no input", "version: 1\ngen:\n  inputs: [gone]\n", "", "$/gone: there is no such file or directory",
			cli.ExitFailed},
		{"no such flag root", "version: 1\n", "-I $/gone", "--proto-path $/gone: there is no such directory", cli.ExitFailed},
		{"option of no plugin", "version: 1\n", "--plugin-opt x=y", "--plugin-opt " +
			"x=y: there is no plugin x; name it with --plugin", cli.ExitUsage},
		{"option without a name", "version: 1\n", "--plugin-opt x", "--plugin-opt x: write NAME=OPT", cli.ExitUsage},
		{"no plugin", "version: 1\n", "--plugin =x", "--plugin =x: write NAME, PATH or NAME=PATH", cli.ExitUsage},
		{"implement without stubs", "version: 1\n", "--implement $/svc --stubs=false",
			"--implement needs the stubs, and --stubs is off", cli.ExitUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{"fairlead.yaml": tt.yaml, "api/hello.proto": hello})
			expect(t, root, "--project $/fairlead.yaml "+tt.args, tt.code, "", tt.want)
		})
	}
}

func TestPlugins(t *testing.T) {
	t.Parallel()
	plugin := listPlugin(t)
	root := tree(t, map[string]string{"hello/hello.proto": hello})
	base := "--plugin " + plugin + " "
	expect(t, root, base+"--plugin-opt list=fail $", cli.ExitFailed, "", "protoc-gen-list: it does not work\n"+
		"plugin list: "+plugin+" ended with exit status 4")
	expect(t, root, base+"--plugin-opt list=name=../x.txt $", cli.ExitFailed, "", `it wanted to write to "../x.txt"`)
	expect(t, root, base+"--plugin-opt list=name=hello/hello.pb.go $", cli.ExitFailed, "",
		"plugin list: it writes the file hello/hello.pb.go, which another generator writes too")
	expect(t, root, "--plugin gone $", cli.ExitFailed, "", "plugin gone: there is no program protoc-gen-gone in PATH")
	if _, err := os.Stat(filepath.Join(root, "hello", "hello.pb.go")); err == nil {
		t.Error("something was written although a plugin failed")
	}
	expect(t, root, "--go=false --stubs=false "+base+"--plugin-opt list=name=hello/hello.pb.go $", cli.ExitOK,
		"$/hello/hello.pb.go\n", "")
	if err := os.Symlink(t.TempDir(), filepath.Join(root, "away")); err != nil {
		t.Fatal(err)
	}
	expect(t, root, base+"--plugin-opt list=name=away/x.txt $", cli.ExitFailed, "",
		"away/x.txt would be written outside of $, through the link away")
}

// TestInsertions has plugins insert code into files that the built-in generators made, at marks that are in comments of
// the contract.
func TestInsertions(t *testing.T) {
	t.Parallel()
	plugin := listPlugin(t)
	const mark = "// @@protoc_insertion_point(here)\n"
	marked := strings.NewReplacer("m/hello", "m/a", "message", mark+"message", "service", mark+"service").Replace(hello)
	root := tree(t, map[string]string{"a/a.proto": marked})
	base := "--plugin " + plugin + " --plugin-opt list=insert="
	expect(t, root, base+"b/b.pb.go $", cli.ExitFailed, "",
		"plugin list: it inserts code into the file b/b.pb.go, which no plugin before it has written")
	expect(t, root, base+"a/a.pb.go $", cli.ExitOK, "$/a/a.fl.go\n$/a/a.pb.go\n", "")
	expect(t, root, base+"a/a.pb.go $", cli.ExitOK, "", "nothing to do: 2 files are up to date")
	want := "// a/a.proto\n" + mark + "type Hello struct {\n"
	if got := read(t, root, "a/a.pb.go"); !strings.Contains(got, want) {
		t.Errorf("the messages are\n%s\nwant them to have\n%s", got, want)
	}
	expect(t, root, base+"a/a.fl.go --implement $/svc $", cli.ExitOK, "$/a/a.fl.go\n$/a/a.pb.go\n$/svc/greeter.go\n",
		"Greeter is new")
	if got := read(t, root, "a/a.fl.go"); !strings.Contains(got, "// a/a.proto\n"+mark) {
		t.Errorf("the stubs are\n%s\nwant them to have what was inserted", got)
	}
}

// TestHybridNoMore removes the second file of a contract that leaves the hybrid API, and nothing that no generator
// wrote.
func TestHybridNoMore(t *testing.T) {
	t.Parallel()
	contract := func(level string) string {
		return "// It has a licence.\n\nedition = \"2023\";\npackage a;\nimport \"google/protobuf/go_features.proto\";\n" +
			"option go_package = \"example.com/m/a\";\noption features.(pb.go).api_level = " + level + ";\n" +
			"message A { int32 a = 1; }\n"
	}
	root := tree(t, map[string]string{
		"a/a.proto": contract("API_HYBRID"), "a/b_protoopaque.pb.go": "package a\n",
		"a/b.proto": strings.Replace(contract("API_OPEN"), "message A", "message B", 1),
	})
	expect(t, root, "$", cli.ExitOK, "$/a/a.pb.go\n$/a/a_protoopaque.pb.go\n$/a/b.pb.go\n", "")
	put(t, root, "a/a.proto", contract("API_OPAQUE"))
	expect(t, root, "--check $", cli.ExitFound, "$/a/a.pb.go: out of date\n$/a/a_protoopaque.pb.go: to be removed\n",
		"not up to date")
	expect(t, root, "$", cli.ExitOK, "$/a/a.pb.go\n$/a/a_protoopaque.pb.go: removed\n", "")
	expect(t, root, "$", cli.ExitOK, "", "nothing to do: 2 files are up to date")
}

func TestImplement(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"hello/hello.proto": hello})
	expect(t, root, "--check --implement $/svc $", cli.ExitFound,
		"$/hello/hello.fl.go: missing\n$/hello/hello.pb.go: missing\n$/svc/greeter.go: missing\n",
		"Greeter is new; hand it to the server")
	expect(t, root, "-q --implement $/svc $", cli.ExitOK, "", "$/svc/greeter.go: Greeter is new")
	expect(t, root, "--implement $/svc $", cli.ExitOK, "", "nothing to do: 2 files are up to date")
	put(t, root, "hello/hello.proto", strings.Replace(hello, "{ rpc", "{ rpc Wave(stream Hello) returns (Hello); rpc", 1))
	old := read(t, root, "svc/greeter.go")
	expect(t, root, "--check --implement $/svc=Greeter $", cli.ExitFound,
		"$/hello/hello.fl.go: out of date\n$/hello/hello.pb.go: out of date\n$/svc/greeter.go: methods missing: Wave\n",
		"not up to date")
	expect(t, root, "--implement $/svc $", cli.ExitOK,
		"$/hello/hello.fl.go\n$/hello/hello.pb.go\n$/svc/greeter.go: added Wave\n",
		"$/svc/greeter.go:11:6: Greeter implements hello.v1.Greeter (var _ hello.GreeterServer "+
			"= (*Greeter)(nil) at $/svc/greeter.go:13) (note)")
	now := read(t, root, "svc/greeter.go")
	if !strings.HasPrefix(now, old) {
		t.Errorf("what was there has changed:\n%s", now)
	}
	// What fairlead.yaml says about implementations is about its inputs, not about others.
	put(t, root, "other/other.proto", strings.NewReplacer("hello", "other", "Greeter", "Other").Replace(hello))
	put(t, root, "fairlead.yaml", "version: 1\ngen: {inputs: [hello], implement: [{dir: svc, "+
		"service: hello.v1.Greeter}, {dir: svc}]}\n")
	expect(t, root, "--project $/fairlead.yaml $/other", cli.ExitOK, "$/other/other.fl.go\n$/other/other.pb.go\n", "")
	expect(t, root, "--project $/fairlead.yaml", cli.ExitOK, "", "nothing to do: 2 files are up to date")
	put(t, root, "svc/greeter.go", "package svc\n\nfunc {\n")
	expect(t, root, "--implement $/svc $", cli.ExitFailed, "", "$/svc/greeter.go:3:6: expected 'IDENT', found '{'")
	put(t, root, "hello/hello.proto", strings.Split(hello, "service")[0])
	expect(t, root, "--implement $/svc $/hello", cli.ExitFailed, "",
		"there is nothing "+
			"to implement: no service is in the contracts")
}

// TestBesideGRPC has stubs of grpc-go where ours go.
func TestBesideGRPC(t *testing.T) {
	t.Parallel()
	const stubs = "// Copyright\n\n// Code generated by protoc-gen-go-grpc. DO NOT EDIT.\n\npackage hello\n\n" +
		"type GreeterClient interface{}\n\n" +
		"var Greeter_ServiceDesc = grpc.ServiceDesc{\n\tServiceName: \"hello.v1.Greeter\",\n}\n"
	const note = "the stubs of hello.v1.Greeter are named such that those of grpc-go can be in the same Go package, " +
		"as with --beside-grpc (note)\n"
	tests := []struct {
		name, args string
		files      map[string]string
		want       string // declared by the stubs
		note       bool
	}{
		{"beside the contract", "$", map[string]string{"hello/hello_grpc.pb.go": stubs}, "type GreeterRPCClient ", true},
		{
			"by import path", "--paths import --module example.com/m -o $/gen $",
			map[string]string{"gen/hello/x_grpc.pb.go": stubs}, "type GreeterRPCClient ", true,
		},
		{
			"elsewhere", "-o $/gen $", map[string]string{"hello/hello_grpc.pb.go": stubs}, "type GreeterClient ", false,
		},
		{
			"other services", "$",
			map[string]string{"hello/x_grpc.pb.go": strings.ReplaceAll(stubs, "Greeter", "Other")}, "type GreeterClient ", false,
		},
		{
			"by hand", "$", map[string]string{"hello/x_grpc.pb.go": strings.ReplaceAll(stubs, "generated", "written")},
			"type GreeterClient ", false,
		},
		{"as asked", "--beside-grpc $", map[string]string{"hello/x_grpc.pb.go": stubs}, "type GreeterRPCClient ", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{"hello/hello.proto": hello})
			for name, text := range tt.files {
				put(t, root, name, text)
			}
			code, stdout, stderr := command(t, root, strings.Fields(tt.args)...)
			if code != cli.ExitOK || strings.Contains(stderr, note) != tt.note {
				t.Errorf("exit code %d, printed %s and\n%s", code, stdout, stderr)
			}
			path, _, _ := strings.Cut(strings.TrimPrefix(stdout, "$/"), "\n")
			if got := read(t, root, path); !strings.Contains(got, tt.want) {
				t.Errorf("%s has no %s", path, tt.want)
			}
		})
	}
}

// TestImplementServices names the service behind the directory.
func TestImplementServices(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"hello/hello.proto": hello + "service Waver { rpc Wave(Hello) returns (Hello); }\n",
	})
	expect(t, root, "--implement $/a --implement $/b $", cli.ExitFailed, "",
		"which of the services belongs to which directory?")
	expect(t, root, "--implement $/a: $", cli.ExitUsage, "", "write DIR, DIR=TYPE, DIR:SERVICE or DIR=TYPE:SERVICE")
	expect(t, root, "--implement $/a=:Waver $", cli.ExitUsage, "", "write DIR, DIR=TYPE, DIR:SERVICE or DIR=TYPE:SERVICE")
	code, stdout, stderr := command(t, root, "--implement", "$/a=Friend:hello.v1.Greeter", "--implement", "$/b:Waver",
		"--save", "--project", "$/fairlead.yaml", "$")
	if code != cli.ExitOK || !strings.Contains(stdout, "$/a/greeter.go\n$/b/waver.go\n") {
		t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
	}
	for _, want := range []string{
		"- dir: a\n", "type: Friend\n", "service: hello.v1.Greeter\n", "- dir: b\n", "service: Waver\n",
	} {
		if saved := read(t, root, "fairlead.yaml"); !strings.Contains(saved, want) {
			t.Errorf("%s was saved, want %q in it", saved, want)
		}
	}
	expect(t, root, "--check --project $/fairlead.yaml", cli.ExitOK, "", "nothing to do")
}

// TestImplementPlaces has stubs in places that need not be those of their contracts.
func TestImplementPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, args string }{
		{"beside", "$"},
		{"import path", "--paths import -o $/gen $"},
		{"without the module", "--paths import --module example.com/m -o $ $"},
		{"without all of it", "--paths import --module example.com/m/hello -o $/hello $"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string]string{
				"hello/hello.proto":   hello,
				"hello/hello_b.proto": strings.ReplaceAll(strings.ReplaceAll(hello, "Hello", "Other"), "Greeter", "Second"),
			})
			code, _, stderr := command(t, root, strings.Fields("--implement $/svc "+tt.args)...)
			if code != cli.ExitOK {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			for _, name := range []string{"svc/greeter.go", "svc/second.go"} {
				if got := read(t, root, name); !strings.Contains(got, "\t\"example.com/m/hello\"\n") {
					t.Errorf("%s does not import the stubs:\n%s", name, got)
				}
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"hello/hello.proto": strings.Replace(hello, "m/hello", "m/other", 1)})
	expect(t, root, "--check --format json --stubs=false $", cli.ExitFound, `{
  "files": [
    {
      "path": "$/hello/hello.pb.go",
      "change": "missing"
    }
  ],
  "unchanged": 0,
  "problems": [
    {
      "file": "$/hello/hello.proto",
      "line": 3,
      "column": 1,
      "severity": "warning",
      "text": "its Go package is \"example.com/m/other\", and the code lands in $/hello, which is `+
		`\"example.com/m/hello\": imports of the former do not find it",
      "help": "write: option go_package = \"example.com/m/hello;other\";"
    }
  ]
}
`, "")
	put(t, root, "hello/hello.proto", hello)
	expect(t, root, "-q $", cli.ExitOK, "", "")
	expect(t, root, "--format json $", cli.ExitOK, "{\n  \"files\": [],\n  \"unchanged\": 2,\n  \"problems\": []\n}\n", "")
	put(t, root, "hello/hello.proto", "syntax = \"proto3\";\nmesage M {}\n")
	expect(t, root, "--format json $", cli.ExitFailed, `{
  "files": [],
  "unchanged": 0,
  "problems": [
    {
      "file": "$/hello/hello.proto",
      "line": 2,
      "column": 1,
      "severity": "error",
      "text": "\"mesage\" is not a keyword",
      "help": "did you mean \"message\"?"
    }
  ]
}
`, "")
}

// TestProjectFound has the working directory below that of fairlead.yaml.
func TestProjectFound(t *testing.T) { //nolint:paralleltest // it changes the working directory
	root := tree(t, map[string]string{
		"fairlead.yaml":         "version: 1\ngen:\n  inputs: [api]\n  stubs: false\n  implement: []\n",
		"api/hello/hello.proto": strings.Replace(hello, "m/hello", "m/api/hello", 1),
		"deep/below/x.txt":      "",
	})
	t.Chdir(filepath.Join(root, "deep", "below"))
	expect(t, root, "", cli.ExitOK, "../../api/hello/hello.pb.go\n", "")
	expect(t, root, "--check", cli.ExitOK, "", "nothing to do: 1 file is up to date\n")
	expect(t, root, "--project none", cli.ExitFailed, "", "no .proto files in .")
	expect(t, root, "--stubs --check ../../api", cli.ExitFound, "../../api/hello/hello.fl.go: missing\n", "not up to date")
	put(t, root, "fairlead.yaml", "version: 1\ngen:\n  vtt: true\n")
	expect(t, root, "", cli.ExitFailed, "", "../../fairlead.yaml:3:3: gen: unknown key \"vtt\"; did you mean \"vt\"?")
}
