package call

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

var update = flag.Bool("update", false, "write the golden files")

// What could not be written is an error: a script must not take a full disk for a server without services.
func TestListUnwritten(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	for _, args := range [][]string{{"list", sh.addr}, {"list", sh.addr, "Shop"}, {"list", sh.addr, "--format", "json"}} {
		var errs bytes.Buffer
		root := &cobra.Command{Use: "fairlead"}
		root.AddCommand(NewList())
		root.SetOut(fullDisk{})
		root.SetErr(&errs)
		if code := cli.Run(t.Context(), root, args); code != cli.ExitFailed || !strings.Contains(errs.String(), "disk full") {
			t.Errorf("%v: exit code %d, errors %q", args, code, errs.String())
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestList(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	plain := serve(t, served{})
	const methods = "shop.v1.Shop/Get\nshop.v1.Shop/List\nshop.v1.Shop/Collect\nshop.v1.Shop/Chat\n"
	tests := []struct {
		name string
		args []string
		code int
		out  string
		err  string
	}{
		{"services", []string{sh.addr}, 0, lines("grpc.reflection.v1.ServerReflection",
			"grpc.reflection.v1alpha.ServerReflection", "shop.v1.Shop"), ""},
		{"methods", []string{sh.addr, "shop.v1.Shop"}, 0, methods, ""},
		{"short name", []string{sh.addr, "Shop"}, 0, methods, ""},
		{"long", []string{sh.addr, "Shop", "-l"}, 0, lines("shop.v1.Shop/Get (shop.v1.GetRequest) returns (shop.v1.Item)",
			"shop.v1.Shop/List (shop.v1.GetRequest) returns (stream shop.v1.Item)",
			"shop.v1.Shop/Collect (stream shop.v1.Item) returns (shop.v1.Summary)",
			"shop.v1.Shop/Chat (stream shop.v1.Item) returns (stream shop.v1.Item)"), ""},
		{"files", []string{"--proto", "testdata"}, 0, "shop.v1.Shop\n", ""},
		{"files and service", []string{"--proto", "testdata", "Shop"}, 0, methods, ""},
		{"files and address", []string{"--proto", "testdata", plain.addr, "Shop"}, 0, methods, ""},
		{"JSON", []string{"--proto", "testdata", "--format", "json"}, 0,
			lines("[", "  {", `    "service": "shop.v1.Shop"`, "  }", "]"), ""},
		{"unknown", []string{sh.addr, "shop.v1.Shp"}, 1, "", "did you mean shop.v1.Shop?"},
		{"no reflection", []string{plain.addr}, 1, "", "--proto FILE"},
		{"nothing", nil, 2, "", "ADDRESS is missing"},
		{"nothing to ask", []string{"--proto", "testdata", "--reflect"}, 2, "", "--reflect needs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, NewList(), nil, tt.args...)
			if got.Code != tt.code || got.Out != tt.out || !strings.Contains(got.Err, tt.err) {
				t.Errorf("got code %d, want %d, output\n%s\nwant\n%s\nand error output\n%s\nwant in it\n%s",
					got.Code, tt.code, got.Out, tt.out, got.Err, tt.err)
			}
		})
	}
	got := clitest.Run(t, NewList(), nil, sh.addr, "Shop", "--format", "json")
	var entries []methodEntry
	if err := json.Unmarshal([]byte(got.Out), &entries); err != nil || len(entries) != 4 ||
		entries[1] != (methodEntry{"shop.v1.Shop/List", "server_streaming", "shop.v1.GetRequest", "shop.v1.Item"}) {
		t.Errorf("got %s, %v", got.Out, err)
	}
}

// TestDescribe: what is described from a file is the file's own text, but for its layout, which testdata/described.txt
// has.
func TestDescribe(t *testing.T) {
	t.Parallel()
	got := clitest.Run(t, NewDescribe(), nil, "--proto", "testdata", "-I", "testdata", "shop/v1/shop.proto")
	golden := filepath.Join("testdata", "described.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.Out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.Code != 0 || got.Out != string(want) {
		t.Errorf("got code %d and\n%s\nwant\n%s\n%s", got.Code, got.Out, want, got.Err)
	}
	// It compiles, and describes itself in the same way.
	dir := t.TempDir()
	path := filepath.Join(dir, "shop", "v1", "shop.proto")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(got.Out), 0o600); err != nil {
		t.Fatal(err)
	}
	again := clitest.Run(t, NewDescribe(), nil, "--proto", dir, "-I", dir, "shop/v1/shop.proto")
	if again.Code != 0 || again.Out != got.Out {
		t.Errorf("described again, it is\n%s%s", again.Out, again.Err)
	}
}

func TestDescribeSymbols(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	tests := []struct {
		symbol string
		want   []string // parts
	}{
		{"shop.v1.Shop", []string{
			"// shop.v1.Shop, a service in shop/v1/shop.proto\n\nservice Shop {\n",
			"option idempotency_level = NO_SIDE_EFFECTS;",
			"    option (shop.v1.owner) = {\n      team: \"sales\"\n      mail: \"a@example.com\"\n",
			"  rpc Chat(stream shop.v1.Item) returns (stream shop.v1.Item) {\n    option deprecated = true;\n  }\n}\n",
		}},
		{"Shop", []string{"service Shop {"}},
		{"Shop/Get", []string{"rpc Get(", "\n// shop.v1.GetRequest, a message in", "\n// shop.v1.Item, a message in"}},
		{"shop.v1.Shop.Get", []string{"rpc Get("}},
		{"Collect", []string{"rpc Collect("}},
		{".shop.v1.GetRequest", []string{"message GetRequest {\n  string name = 1;\n  shop.v1.Filter filter = 2;\n"}},
		{"shop.v1.Item.name", []string{"a field in", "string name = 1;"}},
		{"shop.v1.Item.origin", []string{"oneof origin {\n  string country = 9;"}},
		{"shop.v1.Color", []string{"enum Color {\n  option allow_alias = true;\n  reserved 7 to 9;"}},
		{"shop.v1.COLOR_CRIMSON", []string{"COLOR_CRIMSON = 1 [deprecated = true];"}},
		{"shop.v1.unit", []string{"extend google.protobuf.FieldOptions {\n  string unit = 50002;\n}"}},
		{"google.protobuf.Timestamp", []string{"message Timestamp {"}},
		{"", []string{"service Shop {"}},
	}
	for _, tt := range tests {
		args := []string{sh.addr}
		if tt.symbol != "" {
			args = append(args, tt.symbol)
		}
		got := clitest.Run(t, NewDescribe(), nil, args...)
		for _, part := range tt.want {
			if got.Code != 0 || !strings.Contains(got.Out, part) {
				t.Errorf("%s: got code %d and\n%s%s\nwant in it\n%s", tt.symbol, got.Code, got.Out, got.Err, part)
			}
		}
		if strings.Contains(got.Out, "service ServerReflection") {
			t.Errorf("%s: got the reflection's own service", tt.symbol)
		}
	}
	for symbol, want := range map[string]string{
		"shop.v1.Itm":   "did you mean shop.v1.Item?",
		"Nothing":       "no symbol",
		"v1/shop.proto": "did you mean internal/call/testdata/shop/v1/shop.proto?",
		"Shop/Gte":      "did you mean shop.v1.Shop/Get?",
	} {
		got := clitest.Run(t, NewDescribe(), nil, "--proto", "testdata", symbol)
		if got.Code != 1 || !strings.Contains(got.Err, want) {
			t.Errorf("%s: got code %d, %s; want %s in it", symbol, got.Code, got.Err, want)
		}
	}
	got := clitest.Run(t, NewDescribe(), nil, sh.addr, "shop.v1.Shop.Get", "--format", "json")
	var entries []entry
	if err := json.Unmarshal([]byte(got.Out), &entries); err != nil || len(entries) != 1 || entries[0].Kind != "method" ||
		!strings.Contains(string(entries[0].Descriptor), `"[shop.v1.owner]"`) {
		t.Errorf("JSON: got %s, %v", got.Out, err)
	}
}

// TestTemplate: a template is a request.
func TestTemplate(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	got := clitest.Run(t, NewDescribe(), nil, sh.addr, "Chat", "--template")
	for _, part := range []string{
		`"price": "0"`, `"color": "COLOR_UNSPECIFIED"`, `"tags": [`, `"": 0`, `"country": ""`,
		`"madeAt": "1970-01-01T00:00:00Z"`, `"@type": "type.googleapis.com/google.protobuf.Empty"`, `"note": ""`,
	} {
		if got.Code != 0 || !strings.Contains(got.Out, part) {
			t.Errorf("got code %d and\n%s%s\nwant in it\n%s", got.Code, got.Out, got.Err, part)
		}
	}
	back := clitest.Run(t, New(), nil, sh.addr, "Chat", "-d", got.Out, "--emit-defaults")
	if back.Code != 0 || back.Out != got.Out {
		t.Errorf("sent to a server that sends it back: got code %d and\n%s%s", back.Code, back.Out, back.Err)
	}
	got = clitest.Run(t, NewDescribe(), nil, "--proto", "testdata", "GetRequest", "--template")
	want := lines("{", `  "name": "",`, `  "filter": {`, `    "conditions": [`, "      {", `        "field": "",`,
		`        "atLeast": 0`, "      }", "    ],", `    "byName": {`, `      "": {`, `        "field": "",`,
		`        "atLeast": 0`, "      }", "    }", "  },", `  "size": 0`, "}")
	if got.Code != 0 || got.Out != want {
		t.Errorf("got code %d and\n%s%s\nwant\n%s", got.Code, got.Out, got.Err, want)
	}
	got = clitest.Run(t, NewDescribe(), nil, "--proto", "testdata", "Shop", "--template")
	if got.Code != 1 || !strings.Contains(got.Err, "did you mean shop.v1.Shop/Get,") {
		t.Errorf("of a service: got code %d, %s", got.Code, got.Err)
	}
	if got = clitest.Run(t, NewDescribe(), nil, sh.addr, "--template"); got.Code != 2 {
		t.Errorf("of nothing: got code %d, %s", got.Code, got.Err)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	sh := serve(t, served{reflection: true})
	tests := []struct {
		args []string
		want []string // parts
		not  string
	}{
		{
			[]string{"call", sh.addr, "shop.v1.Shop/C"},
			[]string{"shop.v1.Shop/Collect\t(stream ", "shop.v1.Shop/Chat\t"}, "/Get",
		},
		{[]string{"call", "--plaintext", sh.addr, ""}, []string{"shop.v1.Shop/Get\t"}, "no such"},
		{[]string{"call", "--proto", "testdata", "nowhere:1", ""}, []string{"shop.v1.Shop/Get\t"}, "no such"},
		{[]string{"list", sh.addr, ""}, []string{"shop.v1.Shop\n"}, "/Get"},
		{[]string{"describe", sh.addr, "shop"}, []string{"shop.v1.Shop\t", "shop.v1.Item\tmessage"}, "grpc"},
		{[]string{"call", "127.0.0.1:1", ""}, []string{":4\n"}, "rror: "},
		{[]string{"call", "no address", ""}, []string{":4\n"}, "rror: "},
		{[]string{"call", ""}, []string{":4\n"}, "shop"},
		{[]string{"call", "--compress", ""}, []string{"gzip", "zstd"}, "shop"},
	}
	for _, tt := range tests {
		root := &cobra.Command{Use: "fairlead"}
		root.AddCommand(New(), NewList(), NewDescribe())
		got := clitest.RunRoot(t, root, nil, append([]string{cobra.ShellCompRequestCmd}, tt.args...)...)
		for _, part := range tt.want {
			if !strings.Contains(got.Out, part) || strings.Contains(got.Out, tt.not) {
				t.Errorf("%q: got\n%s\nwant %q in it, and not %q", tt.args, got.Out, part, tt.not)
			}
		}
	}
}
