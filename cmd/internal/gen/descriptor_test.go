package gen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
)

// TestMessages compares the messages with what protoc-gen-go itself makes of contracts.
func TestMessages(t *testing.T) {
	t.Parallel()
	const proto3, option = "syntax = \"proto3\";\n", "option go_package = \"example.com/a\";\n"
	const edition = "edition = \"2023\";\nimport \"google/protobuf/go_features.proto\";\n" + option
	tests := []struct{ name, text, want string }{ // want are the files
		{"empty", proto3 + option, "a.pb.go"},
		{"deprecated", proto3 + option + "option deprecated = true;\nmessage A {}\n", "a.pb.go"},
		{"lines", proto3 + option + "import \"google/protobuf/descriptor.proto\";\n" +
			"extend google.protobuf.FileOptions {string x = 1001;}\noption (x) = \"\\n\\n_rawDesc = \\\"\\\"\\n\";\n",
			"a.pb.go"},
		{"options for the source alone", "syntax = \"proto2\";\n" + option +
			"import \"google/protobuf/descriptor.proto\";\n" +
			"message O {optional int32 a = 1 [retention = RETENTION_SOURCE]; optional int32 b = 2; map<string, O> c = 3;}\n" +
			"extend google.protobuf.MessageOptions {optional O o = 50001; optional int32 s = 50002 " +
			"[retention = RETENTION_SOURCE];}\n" +
			"message A {option (o) = {a: 1 b: 2 c: {key: \"x\" value: {a: 1 b: 2}}}; option (s) = 1;\n" +
			"extensions 10 to 20 [verification = UNVERIFIED];}\n", "a.pb.go"},
		{"opaque", edition + "option features.(pb.go).api_level = API_OPAQUE;\nmessage A {int32 a = 1;}\n", "a.pb.go"},
		{"hybrid", edition + "option features.(pb.go).api_level = API_HYBRID;\nmessage A {int32 a = 1;}\n",
			"a.pb.go a_protoopaque.pb.go"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.proto"), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			contract := compile(t, dir, "")
			cfg := Config{Messages: true}
			got, err := Run(contract.Files, contract.Names, cfg)
			if err != nil {
				t.Fatal(err)
			}
			request, err := cfg.request(contract.Files, contract.Names)
			if err != nil {
				t.Fatal(err)
			}
			plugin, err := Options().New(request)
			if err != nil {
				t.Fatal(err)
			}
			internal_gengo.GenerateFile(plugin, plugin.FilesByPath["a.proto"])
			want := make(map[string]string)
			for _, file := range plugin.Response().GetFile() {
				want[file.GetName()] = file.GetContent()
			}
			var names []string
			for _, file := range got.Files {
				if file.Content != nil {
					names = append(names, file.Name)
				}
				if string(file.Content) != want[file.Name] {
					t.Errorf("%s is\n%s\nwant\n%s", file.Name, file.Content, want[file.Name])
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("files %s, want %s", got, tt.want)
			}
		})
	}
}
