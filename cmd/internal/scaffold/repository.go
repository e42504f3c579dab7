package scaffold

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// initRepository makes dir a Git repository, unless it lies in one or there is no git. It returns what there is to say
// about it.
func initRepository(ctx context.Context, dir string) (note string) {
	git, err := exec.LookPath("git")
	if err != nil || above(dir, ".git") != "" {
		return ""
	}
	cmd := exec.CommandContext(ctx, git, "init", "--quiet") //nolint:gosec // git, as the user's PATH has it
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("git init: %v\n%s", err, strings.TrimSpace(string(out)))
	}
	return ""
}

// outsideWorkspace says that a go.work file governs dir. As long as it does not name it, Go refuses to build there.
func outsideWorkspace(dir string) (note string) {
	switch at := os.Getenv("GOWORK"); at {
	case "off":
		return ""
	case "":
		if at = above(dir, "go.work"); at != "" {
			return fmt.Sprintf("%s governs the directory: go work use %s adds the new module to it", at, dir)
		}
		return ""
	default:
		return fmt.Sprintf("GOWORK=%s governs the directory: go work use %s adds the new module to it", at, dir)
	}
}

// above returns the path of what is called name in dir or the nearest directory above, "" if there is none.
func above(dir, name string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for at := abs; ; at = filepath.Dir(at) {
		path := filepath.Join(at, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}
