package arch

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range load(t) {
		if f.module == root && around(f.pkg) {
			t.Errorf("%s/%s: %s needs a go.mod, or the core would have it", f.pkg, f.name, f.pkg)
			continue
		}
		if f.module == root && !seen[f.pkg] {
			seen[f.pkg] = true
			if layerOf(f.pkg) < 0 {
				t.Errorf("%s has no layer", f.pkg)
			}
		}
		rules := aroundRules
		if f.module == root {
			rules = coreRules
		}
		for _, imported := range f.imports {
			for _, fault := range rules(f, imported) {
				t.Errorf("%s/%s imports %s: %s", f.pkg, f.name, imported, fault)
			}
		}
	}
}

// TestRules makes sure that the rules bite.
func TestRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		pkg      string
		file     string
		imported string
		bad      bool
	}{
		{"down", "server", "a.go", core + "/protocol", false},
		{"to the root", "codec/proto", "a.go", core, false},
		{"own parent", "balance/p2c", "a.go", core + "/balance", false},
		{"up", "protocol", "a.go", core + "/server", true},
		{"across", "client", "a.go", core + "/server", true},
		{"siblings", "protocol/grpc", "a.go", core + "/protocol/connect", true},
		{"siblings in a test", "protocol/grpc", "a_test.go", core + "/protocol/connect", false},
		{"down, but sealed", "server", "a.go", core + "/protocol/grpc", true},
		{"client may balance", "client", "a.go", core + "/balance", false},
		{"server may not", "server", "a.go", core + "/balance", true},
		{"root and a third party", root, "a.go", "golang.org/x/net/http2/hpack", true},
		{"root and the standard library", root, "a.go", "context", false},
		{"an algorithm and its parent", "resilience/retry", "policy.go", core + "/resilience", false},
		{"an algorithm and the framework", "resilience/retry", "policy.go", core, true},
		{"an algorithm and a third party", "resilience/retry", "policy.go", "golang.org/x/time/rate", true},
		{"its adapter", "resilience/retry", "middleware.go", core, false},
		{"net/http in the core", "protocol/web", "a.go", "net/http", true},
		{"net/http in its bridge", "protocol/nethttp", "a.go", "net/http", false},
		{"cgo", "transport/std", "a.go", "C", true},
		{"core to contrib", "preset", "a.go", core + "/contrib/otel", true},
		{"core to contrib in a test", "preset", "a_test.go", core + "/contrib/otel", true},
		{"a suite outside tests", "transport/std", "a.go", core + "/transport/transporttest", true},
		{"a suite in a test", "transport/std", "a_test.go", core + "/transport/transporttest", false},
		{"a suite's own imports", "protocol/protocoltest", "a.go", core + "/transport/inproc", false},
		{"contrib to internal", "contrib/otel", "a.go", core + "/internal/http2", true},
		{"contrib to the core", "contrib/otel", "a.go", core + "/client", false},
		{"examples to internal", "examples/greeter", "a.go", core + "/internal/assert", true},
		{"a stub and the root", "examples/greeter", "greeter.fl.go", core, false},
		{"a stub and its setters", "examples/greeter", "greeter.fl.go", core + "/httprule", false},
		{"a stub and its JSON", "examples/greeter", "greeter_json.fl.go", core + "/jsonwire", false},
		{"compiled rules", "examples/greeter", "greeter_validate.fl.go", core + "/middleware/validate/rules", false},
		{"compiled rules and the middleware", "examples/greeter", "a_validate.fl.go", core + "/middleware/validate", true},
		{"compiled rules and more", "examples/greeter", "greeter_validate.fl.go", core + "/middleware/logging", true},
		{"a stub and more", "examples/greeter", "greeter.fl.go", core + "/client", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rules := coreRules
			if around(tt.pkg) {
				rules = aroundRules
			}
			f := file{pkg: tt.pkg, name: tt.file, test: strings.HasSuffix(tt.file, "_test.go")}
			if got := rules(f, tt.imported); (len(got) > 0) != tt.bad {
				t.Errorf("%s/%s importing %s: faults %q, want any: %v", tt.pkg, tt.file, tt.imported, got, tt.bad)
			}
		})
	}
}

func TestLayerOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg  string
		want int
	}{
		{root, 0},
		{"buffer", 0},
		{"codec", 1},
		{"config/file", 1},
		{"protocol", 2},
		{"internal/http2", 3},
		{"internal/rpcwire/grpcwire", 3},
		{"protocol/grpc", 4},
		{"server", 5},
		{"preset", 7},
		{"fairleadtest", 8},
		{"protocol/grpc/inner", -1},
		{"util", -1},
	}
	for _, tt := range tests {
		if got := layerOf(tt.pkg); got != tt.want {
			t.Errorf("layerOf(%q) = %d, want %d", tt.pkg, got, tt.want)
		}
	}
}

// TestRequirements pins what the core requires: one more needs a reason in docs/decisions.
func TestRequirements(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"github.com/klauspost/compress", // zstd, and faster gzip and snappy
		"golang.org/x/net",              // http2/hpack
		"golang.org/x/sys",              // socket options, epoll
		"google.golang.org/protobuf",    // messages
	}
	for _, module := range requirements(t, filepath.Join(repository(t), "go.mod")) {
		if !slices.Contains(allowed, module) {
			t.Errorf("the core's go.mod requires %s, which is not among %q", module, allowed)
		}
	}
}

// TestFigures: the README says how many modules the core requires, and how many of its packages stubs import.
func TestFigures(t *testing.T) {
	t.Parallel()
	words := []string{"no", "one", "two", "three", "four", "five"}
	chinese := []string{"零", "一", "两", "三", "四", "五"} //nolint:gosmopolitan // the README is in Chinese
	required := len(requirements(t, filepath.Join(repository(t), "go.mod")))
	for name, want := range map[string][]string{
		"README.md": {
			"The core requires " + words[required] + " modules.",
			"or " + words[len(stubImports)] + " if the\n  contract has HTTP rules and rules for fields",
		},
		"README.zh-CN.md": {
			"核心只依赖" + chinese[required] + "个模块",                     //nolint:gosmopolitan // as above
			"契约里有 HTTP 规则和字段规则时是" + chinese[len(stubImports)] + "个", //nolint:gosmopolitan // as above
		},
	} {
		text, err := os.ReadFile(filepath.Join(repository(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s does not say %q", name, w)
			}
		}
	}
}

// requirements returns the modules that a go.mod file requires, in either form of the directive.
func requirements(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var modules []string
	block := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "//")
		words := strings.Fields(text)
		switch {
		case len(words) == 0:
		case block && words[0] == ")":
			block = false
		case block:
			modules = append(modules, words[0])
		case words[0] == "require" && len(words) > 1 && words[1] == "(":
			block = true
		case words[0] == "require" && len(words) > 1:
			modules = append(modules, words[1])
		case words[0] == "replace":
			t.Errorf("%s: the core has no replace directives", name)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return modules
}
