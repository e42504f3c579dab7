package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Format is the value of a flag --format: one of a few names.
type Format struct {
	value   string
	allowed []string
}

// FormatFlag adds the flag --format to cmd. The first of the names is the default.
func FormatFlag(cmd *cobra.Command, names ...string) *Format {
	f := &Format{value: names[0], allowed: names}
	cmd.Flags().Var(f, "format", "how to print the result: "+strings.Join(names, ", "))
	complete := cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("format", complete); err != nil {
		panic(err) // the flag was added a line ago
	}
	return f
}

// String returns the format that was chosen.
func (f *Format) String() string { return f.value }

// Set implements pflag.Value.
func (f *Format) Set(value string) error {
	if !slices.Contains(f.allowed, value) {
		return fmt.Errorf("must be one of %s", strings.Join(f.allowed, ", "))
	}
	f.value = value
	return nil
}

// Type implements pflag.Value.
func (*Format) Type() string { return "format" }

// PrintJSON writes v, indented, with a line break at the end.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
