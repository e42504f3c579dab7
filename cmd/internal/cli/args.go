package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Args returns a check for arguments that have these names, of which the first so many are required. When the last name
// ends in "..." any number may follow.
func Args(required int, names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < required:
			return fmt.Errorf("%s is missing", strings.TrimSuffix(names[len(args)], "..."))
		case len(args) > len(names) && !strings.HasSuffix(names[len(names)-1], "..."):
			return fmt.Errorf("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}
