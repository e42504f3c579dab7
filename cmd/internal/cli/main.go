package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Run executes root with args and returns the exit code; what went wrong is written to root's error output. An
// interrupt or SIGTERM ends the command's context; a second one ends the process.
func Run(ctx context.Context, root *cobra.Command, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // what does not end by its context can be interrupted all the same

	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var ended *Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &ended):
		if ended.Err != nil {
			fmt.Fprintln(root.ErrOrStderr(), textOf(ended.Err, PainterFor(root.ErrOrStderr())))
		}
		return ended.Code
	default:
		fmt.Fprintf(root.ErrOrStderr(), "%s: %v\nSee %s --help.\n", cmd.CommandPath(), err, cmd.CommandPath())
		return ExitUsage
	}
}

// textOf returns an error's text, set off where the error knows how to: errors with places in files do.
func textOf(err error, paint Painter) string {
	var painted interface{ Paint(paint Painter) string }
	if errors.As(err, &painted) && fmt.Sprint(painted) == err.Error() { // nothing is wrapped around it
		return painted.Paint(paint)
	}
	return err.Error()
}
