package code

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

// TestMain has the test's program be the tool of go vet when that calls it.
func TestMain(m *testing.M) {
	if CalledByVet(os.Args[1:]) {
		Vet()
	}
	os.Exit(m.Run())
}

// newModule makes a module of the packages in testdata, which uses this checkout of the framework, and returns its
// directory.
func newModule(t *testing.T) string {
	t.Helper()
	repository, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/mod")); err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(repository, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"go.mod": "module example.com/mod\n\ngo 1.26.0\n\nrequire github.com/fairlead-go/fairlead v0.0.0\n\n" +
			"replace github.com/fairlead-go/fairlead => " + repository + "\n",
		"go.sum": string(sum),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOPROXY", "off")
	return dir
}

func TestStreamCancel(t *testing.T) { //nolint:paralleltest // it sets the environment
	analysistest.Run(t, newModule(t), StreamCancel(), "./...")
}

// The command reports what the analyzer finds, in the family's formats.
func TestCommand(t *testing.T) { //nolint:paralleltest // it changes the working directory
	t.Chdir(newModule(t))
	got := clitest.Run(t, New(), nil, "./stubs")
	const want = "stubs/stubs.go:25:2: STREAM_CANCEL: cancel ends the stream that is returned; call"
	if got.Code != cli.ExitFound || !strings.HasPrefix(got.Out, want) ||
		!strings.HasSuffix(got.Err, "1 package: 1 error\n") {
		t.Errorf("exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
	}
	got = clitest.Run(t, New(), nil, "./server")
	if got.Code != cli.ExitOK || got.Out != "" {
		t.Errorf("exit code %d, printed %q, errors %q, want nothing found", got.Code, got.Out, got.Err)
	}
	got = clitest.Run(t, New(), nil, "--format", "json")
	if got.Code != cli.ExitFound || !strings.Contains(got.Out, `"rule": "STREAM_CANCEL"`) ||
		!strings.Contains(got.Out, `"file": "either/either.go"`) {
		t.Errorf("exit code %d, printed %s, errors %q", got.Code, got.Out, got.Err)
	}
	if err := os.WriteFile("stubs/bad.go", []byte("package stubs\n\nvar _ = missing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"./stubs"}, {"./none"}} {
		got = clitest.Run(t, New(), nil, args...)
		if got.Code != cli.ExitFailed || got.Out != "" || got.Err == "" {
			t.Errorf("%q: exit code %d, printed %q, errors %q", args, got.Code, got.Out, got.Err)
		}
	}
	if !strings.Contains(clitest.Run(t, New(), nil, "./stubs").Err, "stubs/bad.go:3:9: undefined: missing") {
		t.Errorf("got %q", got.Err)
	}
}

// go vet runs the analyzer.
func TestVet(t *testing.T) { //nolint:paralleltest // it sets the environment
	dir := newModule(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for pkg, found := range map[string]bool{"./server": false, "./stubs": true} {
		cmd := exec.CommandContext(t.Context(), "go", "vet", "-vettool="+self, pkg) //nolint:gosec // ourselves
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err != nil) != found || strings.Contains(string(out), "stubs.go:25:2: cancel ends the stream") != found {
			t.Errorf("go vet %s: %v\n%s", pkg, err, out)
		}
	}
}

func TestCalledByVet(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]bool{
		"-V=full": true, "-flags": true, "/tmp/vet.cfg": true, "-json -c=0 /tmp/vet.cfg": true,
		"": false, "check code ./...": false, "gen --config x.cfg": false, "--version": false, "-h": false,
	} {
		if got := CalledByVet(strings.Fields(args)); got != want {
			t.Errorf("%q: got %v, want %v", args, got, want)
		}
	}
}
