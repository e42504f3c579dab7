package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// TestMain lets the test run itself as the plugin.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_PLUGIN") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

func plugin(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	stdout, _ := pluginErr(t, stdin, args...)
	return stdout
}

// pluginErr is plugin with the standard error.
func pluginErr(t *testing.T, stdin []byte, args ...string) (stdout, stderr []byte) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), "BE_THE_PLUGIN=1")
	cmd.Stdin = bytes.NewReader(stdin)
	var written bytes.Buffer
	cmd.Stderr = &written
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out, written.Bytes()
}

// TestPlugin speaks with the plugin as protoc does, and compares with the golden files of fairlead gen.
func TestPlugin(t *testing.T) {
	t.Parallel()
	const golden = "../internal/gen/testdata"
	const stubs = ".fl.go"
	tests := []struct{ file, suffix, parameter string }{
		{"shapes/shapes", stubs, "paths=source_relative,json=false"},
		{"opaque/opaque", stubs, "paths=source_relative,json=false"},
		{"grpc/grpc", stubs, "paths=source_relative,json=false,beside_grpc=true"},
		{"json/two/two", "_json.fl.go", "paths=source_relative"}, // it has no service
		{"json/ed/opaque", "_json.fl.go", "paths=source_relative"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			src := idl.Source{Roots: []string{golden}, Files: []string{tt.file + ".proto"}}
			contract, err := idl.Compile(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
				FileToGenerate: contract.Names,
				Parameter:      &tt.parameter,
				ProtoFile:      contract.Files,
			})
			if err != nil {
				t.Fatal(err)
			}
			var response pluginpb.CodeGeneratorResponse
			if err := proto.Unmarshal(plugin(t, request), &response); err != nil {
				t.Fatal(err)
			}
			if response.Error != nil || len(response.File) != 1 {
				t.Fatalf("%d files, error %s", len(response.File), response.GetError())
			}
			want, err := os.ReadFile(filepath.Join(golden, tt.file+tt.suffix))
			if err != nil {
				t.Fatal(err)
			}
			if got := response.File[0]; got.GetName() != tt.file+tt.suffix || got.GetContent() != string(want) {
				t.Errorf("%s differs from the golden file", got.GetName())
			}
			if got, want := response.GetSupportedFeatures(), uint64(3); got != want {
				t.Errorf("supported features are %d, want %d: optional fields and editions", got, want)
			}
		})
	}
}

// TestPluginWarnings has a rule that cannot be served.
func TestPluginWarnings(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	text := `syntax = "proto3"; package p; option go_package = "example.com/wire"; import "google/api/annotations.proto";
message M { repeated string a = 1; }
service S { rpc Do(M) returns (M) { option (google.api.http).get = "/{a}"; } }
`
	if err := os.WriteFile(filepath.Join(root, "a.proto"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	contract, err := idl.Compile(t.Context(), idl.Source{Roots: []string{root}, Files: []string{"a.proto"}})
	if err != nil {
		t.Fatal(err)
	}
	const warning = `a.proto:3:37: (google.api.http) of p.S.Do: path "/{a}": variable a: p.M.a is repeated; ` +
		"the route is left out"
	run := func(parameter string) (response *pluginpb.CodeGeneratorResponse, stderr string) {
		request, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
			FileToGenerate: contract.Names, Parameter: &parameter, ProtoFile: contract.Files,
		})
		if err != nil {
			t.Fatal(err)
		}
		out, written := pluginErr(t, request)
		response = new(pluginpb.CodeGeneratorResponse)
		if err := proto.Unmarshal(out, response); err != nil {
			t.Fatal(err)
		}
		return response, string(written)
	}
	response, stderr := run("json=false")
	if len(response.File) != 1 || response.File[0].GetName() != "example.com/wire/a.fl.go" ||
		stderr != warning+" (warning)\n" {
		t.Errorf("%d files, error %s, and said %q, want %q", len(response.File), response.GetError(), stderr, warning)
	}
	if strict, _ := run("strict=true"); strict.GetError() != warning {
		t.Errorf("error with strict is %q, want %q", strict.GetError(), warning)
	}
}

func TestPluginVersion(t *testing.T) {
	t.Parallel()
	want := "protoc-gen-fairlead " + fairlead.Version
	if got := strings.TrimSpace(string(plugin(t, nil, "--version"))); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	var options flag.FlagSet
	on := options.Bool("strict", false, "")
	tests := []struct{ name, value, wantErr string }{
		{"strict", "", "the option strict has no value; write strict=true or strict=false"},
		{"strict", "maybe", `the option strict cannot be "maybe"; write strict=true or strict=false`},
		{"stritc", "true", `there is no option "stritc"; there are M, module, paths, strict`},
		{"strict", "true", ""},
	}
	for _, tt := range tests {
		got := ""
		if err := set(&options, tt.name, tt.value); err != nil {
			got = err.Error()
		}
		if got != tt.wantErr {
			t.Errorf("set(%s, %q) is the error %q, want %q", tt.name, tt.value, got, tt.wantErr)
		}
	}
	if !*on {
		t.Error("strict is not set")
	}
}
