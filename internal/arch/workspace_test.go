package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWorkspace: reading documentation in a fresh clone changes no file of it. The go command adds to go.work.sum what
// it lacks as soon as it loads all modules of the workspace, which go doc does.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this is no clone")
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run := func(dir, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run(root, "git", "clone", "--quiet", "--shared", root, clone)
	for _, args := range []string{
		". Call", "./server", "github.com/fairlead-go/fairlead/client New", "./cmd/internal/cli",
	} {
		run(clone, "go", append([]string{"doc"}, strings.Fields(args)...)...)
	}
	run(filepath.Join(clone, "contrib", "grpcgo"), "go", "doc", ".")
	if changed := run(clone, "git", "status", "--porcelain"); changed != "" {
		t.Errorf("go doc changes files; commit them:\n%s%s", changed, run(clone, "git", "diff", "--stat"))
	}
}
