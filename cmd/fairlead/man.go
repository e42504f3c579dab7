package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

func newMan() *cobra.Command {
	dir := "."
	cmd := &cobra.Command{
		Use:   "man [flags]",
		Short: "Write the manual pages",
		Long: `Man writes a manual page, in section 1, for each command. The date in them is that
of the environment variable SOURCE_DATE_EPOCH, if that is set, so that builds can
be repeated.`,
		Example: `  fairlead man --dir /usr/local/share/man/man1`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // manuals are for all to read
				return cli.Failed(err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			return cli.Failed(doc.GenManTree(root, &doc.GenManHeader{
				Title: "FAIRLEAD", Section: "1", Source: "Fairlead " + fairlead.Version, Manual: "Fairlead",
			}, dir))
		},
	}
	cmd.Flags().StringVar(&dir, "dir", dir, "`directory` to write to")
	return cmd
}
