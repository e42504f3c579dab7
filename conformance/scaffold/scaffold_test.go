package scaffold

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkout is the root of the repository.
const checkout = "../.."

// project is where TestMain has had a project made. So is linked, which takes the framework from link, where the
// checkout can be taken away.
var project, linked, link string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fairlead-scaffold-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := makeProject(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func makeProject(dir string) error {
	root, err := filepath.Abs(checkout)
	if err != nil {
		return err
	}
	project, linked, link = filepath.Join(dir, "project"), filepath.Join(dir, "linked"), filepath.Join(dir, "fairlead")
	if err := os.Symlink(root, link); err != nil {
		return err
	}
	program := filepath.Join(dir, "fairlead-command")
	for _, cmd := range []*exec.Cmd{
		exec.Command("go", "build", "-C", filepath.Join(root, "cmd"), "-o", program, "./fairlead"),
		exec.Command(program, "new", "order-history", "--dir", project, "--no-git"),
		exec.Command(program, "new", "order-history", "--dir", linked, "--fairlead", link, "--no-git"),
	} {
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
	}
	return nil
}

// runIn runs a program in dir and returns what it printed.
func runIn(t *testing.T, dir string, env []string, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOWORK=off", "GOPROXY=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{project}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMake runs the targets that need no other tools.
func TestMake(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	help := runIn(t, project, nil, "make")
	for _, target := range []string{"gen", "check", "lint", "test", "build", "run", "image", "clean"} {
		if !strings.Contains(help, "  "+target+" ") {
			t.Errorf("make lists no target %s:\n%s", target, help)
		}
	}
	runIn(t, project, nil, "make", "check", "build")
	if _, err := os.Stat(filepath.Join(project, "bin", "order-history")); err != nil {
		t.Error(err)
	}
	if got := runIn(t, project, nil, "make", "-n", "image", "VERSION=1.2.3"); !strings.Contains(got,
		"docker build --build-arg VERSION=1.2.3 --tag order-history:1.2.3 .") {
		t.Errorf("make image would do\n%s", got)
	}
}

// TestLint: golangci-lint finds nothing, by the project's own configuration.
func TestLint(t *testing.T) {
	linter, err := filepath.Abs(filepath.Join(checkout, ".tools", "golangci-lint"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(linter); err != nil {
		t.Skip("golangci-lint is not built: make tools")
	}
	runIn(t, project, nil, linter, "run", "--allow-parallel-runners", "./...")
}
