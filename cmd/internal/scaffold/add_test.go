package scaffold

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

// formatted fails the test when gofmt would change a file of the project.
func formatted(t *testing.T, dir string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput() //nolint:gosec // of the test
	if err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v, %s", err, out)
	}
}

// TestSecondService: a module gets more services, and of those that it has nothing is replaced.
func TestSecondService(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a project")
	}
	dir := newProject(t, "shop")
	before := make(map[string]string)
	for _, name := range listing(t, dir) {
		if strings.Contains(name, ".") {
			before[name] = contentOf(t, dir, name)
		}
	}
	add := func(name string, args ...string) clitest.Result {
		t.Helper()
		got := clitest.Run(t, New(), nil, append([]string{name, "--dir", dir, "--no-git", "--force"}, args...)...)
		if got.Code != cli.ExitOK {
			t.Fatalf("exit code %d: %s", got.Code, got.Err)
		}
		return got
	}
	out := add("order-history").Out
	two := tree(t, map[string]string{"two.proto": twoProto, "common.proto": commonProto})
	add("twins", "--contract", two)

	for name, text := range before {
		if got := contentOf(t, dir, name); got != text && name != "fairlead.yaml" && name != "go.mod" && name != "go.sum" {
			t.Errorf("%s was changed to %s", name, got)
		}
	}
	all := listing(t, dir)
	if i := slices.IndexFunc(all, func(name string) bool { return strings.HasSuffix(name, keptSuffix) }); i >= 0 {
		t.Errorf("there is a %s: something was replaced", all[i])
	}
	for _, name := range []string{
		"cmd/order-history/main.go", "internal/orderhistory/service/service.go", "config-order-history.yaml",
		"Dockerfile.order-history", "deploy/kubernetes/order-history/service.yaml", "cmd/twins/main.go",
		"internal/twins/service/second.go", "gen/twov1/two.fl.go",
	} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if !strings.Contains(out, "keep      "+filepath.Join(dir, "Makefile")) || !strings.Contains(out, "127.0.0.1:8082") {
		t.Errorf("said %s", out)
	}
	text := contentOf(t, dir, "fairlead.yaml")
	for _, want := range []string{
		"- dir: internal/service\n", "- dir: internal/orderhistory/service\n", "- dir: internal/twins/service\n",
		"two.proto: example.com/shop/gen/twov1;twov1", "# What the command fairlead is to do here.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	goRun(t, dir, "vet", "./...")
	goRun(t, dir, "test", "./...")
	formatted(t, dir)

	// Once more, it is written where it is.
	main := filepath.Join(dir, "cmd", "order-history", "main.go")
	if err := cli.WriteFile(main, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	add("order-history")
	if contentOf(t, main+keptSuffix) == "" || contentOf(t, main) == "" || contentOf(t, dir, "cmd", "shop", "main.go") !=
		before["cmd/shop/main.go"] {
		t.Error("the service was not written again, or another one was")
	}
}

// TestModuleOfTheUser: a module that fairlead new has not written keeps what it has.
func TestModuleOfTheUser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a project")
	}
	const mod = "module git.example.com/mine\n\ngo 1.24\n\n// Kept.\nrequire golang.org/x/net v0.50.0\n"
	dir := tree(t, map[string]string{
		"go.mod": mod, "main.go": "package main\n\nfunc main() {}\n", "Makefile": "all:\n", "README.md": "Mine.\n",
	})
	got := clitest.Run(t, New(), nil, "shop", "--dir", dir, "--no-git", "--force")
	if got.Code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", got.Code, got.Err)
	}
	text := contentOf(t, dir, "go.mod")
	for _, want := range []string{
		"module git.example.com/mine\n", "// Kept.", "golang.org/x/net v0.62.0", "go 1.26.0",
		"replace github.com/fairlead-go",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	if contentOf(t, dir, "Makefile") != "all:\n" || contentOf(t, dir, "README.md") != "Mine.\n" {
		t.Error("a file of the user was replaced")
	}
	goRun(t, dir, "test", "./...")
	got = clitest.Run(t, New(), nil, "other", "--dir", dir, "--force", "--module", "example.com/other")
	if got.Code != cli.ExitUsage || !strings.Contains(got.Err, "is the module git.example.com/mine already") {
		t.Errorf("another module: exit code %d, %s", got.Code, got.Err)
	}
}

// TestAddClash: a contract whose files the module has already, and others, is refused; nothing is written.
func TestAddClash(t *testing.T) {
	t.Parallel()
	dir := newProject(t, "shop")
	before := listing(t, dir)
	clash := tree(t, map[string]string{"shop/v1/shop.proto": "syntax = \"proto3\";\npackage other;\nmessage M {}\n" +
		"service S {\n  rpc Get(M) returns (M);\n}\n"})
	got := clitest.Run(t, New(), nil, "other", "--dir", dir, "--force", "--contract", clash)
	if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "shop.proto: is there already and differs from") {
		t.Errorf("exit code %d, %s", got.Code, got.Err)
	}
	if after := listing(t, dir); !slices.Equal(after, before) {
		t.Errorf("got %q, had %q", after, before)
	}
}
