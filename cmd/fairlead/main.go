// Fairlead is the command line of the framework. "fairlead help" lists what it does.
//
// It exits with 0 when all went well, 1 when something failed, 2 when it was called wrongly, and 3 when a check found
// something, such as code that is not up to date.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/generate"
)

func main() {
	os.Exit(cli.Run(context.Background(), newRoot(), os.Args[1:]))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "fairlead",
		Short: "One contract, one handler, every protocol",
	}
	root.AddCommand(
		generate.New(),
		newVersion(),
	)
	return root
}
