package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Run executes root with args and returns the exit code; what went wrong is written to root's error output, with what
// may help. A command whose output could not be written has failed, whatever it returns: a disk may be full. An
// interrupt or SIGTERM ends the command's context; a second one ends the process.
func Run(ctx context.Context, root *cobra.Command, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // what does not end by its context can be interrupted all the same

	root.SilenceUsage, root.SilenceErrors, root.DisableSuggestions = true, true, true
	root.SetArgs(args)
	out := NewOutput(root.OutOrStdout())
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(ctx)
	errs := root.ErrOrStderr()
	if failed := out.Err(); failed != nil {
		fmt.Fprintf(errs, "cannot write the output: %v\n", failed)
		if err != nil && !errors.Is(err, failed) {
			fmt.Fprintln(errs, err)
		}
		return ExitFailed
	}
	var ended *Error
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &ended):
		if ended.Err != nil {
			fmt.Fprintln(errs, textOf(ended.Err, PainterFor(errs)))
		}
		return ended.Code
	}
	fmt.Fprintf(errs, "%s: %v\n", cmd.CommandPath(), err)
	for _, h := range hints(cmd, args, err) {
		fmt.Fprintf(errs, "hint: %s\n", h)
	}
	fmt.Fprintf(errs, "See %s --help.\n", cmd.CommandPath())
	return ExitUsage
}

// textOf returns an error's text, set off where the error knows how to: errors with places in files do.
func textOf(err error, paint Painter) string {
	var painted interface{ Paint(paint Painter) string }
	if errors.As(err, &painted) && fmt.Sprint(painted) == err.Error() { // nothing is wrapped around it
		return painted.Paint(paint)
	}
	return err.Error()
}
