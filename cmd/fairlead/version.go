package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "fairlead "+version())
			return cli.Failed(err)
		},
	}
}

// version returns the text that "fairlead version" and "fairlead --version" print behind the name.
func version() string {
	return fmt.Sprintf("%s (%s %s/%s)", fairlead.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
