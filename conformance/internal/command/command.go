// Package command builds the command fairlead for tests, and runs it.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// Command is the command, which is built when it is first wanted.
type Command struct {
	build func() (string, error)
	tmp   string
}

// New returns the command of the module in dir, as seen from the directory of the test. Make one for a test binary.
func New(dir string) *Command {
	c := new(Command)
	c.build = sync.OnceValues(func() (string, error) {
		tmp, err := os.MkdirTemp("", "fairlead-command-")
		if err != nil {
			return "", err
		}
		c.tmp = tmp
		path := filepath.Join(tmp, "fairlead")
		cmd := exec.CommandContext(context.Background(), "go", "build", "-o", path, "./fairlead")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building fairlead: %w\n%s", err, out)
		}
		return path, nil
	})
	return c
}

// Path returns the path of the built command.
func (c *Command) Path(t *testing.T) string {
	t.Helper()
	path, err := c.build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Remove removes what was built; call it when all tests are over.
func (c *Command) Remove() {
	if c.tmp != "" {
		_ = os.RemoveAll(c.tmp)
	}
}

// Result is how a run ended.
type Result struct {
	Code     int
	Out, Err string
}

// Run runs the command to its end.
func (c *Command) Run(t *testing.T, stdin io.Reader, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Path(t), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return Result{Code: cmd.ProcessState.ExitCode(), Out: out.String(), Err: errs.String()}
}
