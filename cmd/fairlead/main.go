// Fairlead is the command line of the framework. "fairlead help" lists what it does.
//
// It exits with 0 when all went well, 1 when something failed, 2 when it was called wrongly, and 3 when a check (a flag
// --check) found something that is not up to date.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitOutdated = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the command with args and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)

	var failure *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &failure):
		if failure.err != nil {
			fmt.Fprintln(stderr, failure.err)
		}
		return failure.code
	default:
		// What cobra itself returns is about flags and arguments.
		fmt.Fprintf(stderr, "fairlead: %v\n", err)
		return exitUsage
	}
}

// exitError is an error of a subcommand, with the code to exit with. A nil err means that all was said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitFailed, err: err}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "fairlead",
		Short:         "One contract, one handler, every protocol",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newGen(), newVersion())
	return root
}
