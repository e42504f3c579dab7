// Package clitest runs commands within tests.
package clitest

import (
	"bytes"
	"io"
	"testing"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// Result is the output of a command, and its exit code.
type Result struct {
	Code     int
	Out, Err string
}

// Run executes a command as the subcommand of fairlead that it is. In may be nil.
func Run(t *testing.T, cmd *cobra.Command, in io.Reader, args ...string) Result {
	t.Helper()
	root := &cobra.Command{Use: "fairlead"}
	root.AddCommand(cmd)
	return RunRoot(t, root, in, append([]string{cmd.Name()}, args...)...)
}

// RunRoot is Run for a command that stands at the top.
func RunRoot(t *testing.T, root *cobra.Command, in io.Reader, args ...string) Result {
	t.Helper()
	var out, errs bytes.Buffer
	if in == nil {
		in = new(bytes.Buffer)
	}
	root.SetIn(in)
	root.SetOut(&out)
	root.SetErr(&errs)
	code := cli.Run(t.Context(), root, args)
	return Result{Code: code, Out: out.String(), Err: errs.String()}
}
