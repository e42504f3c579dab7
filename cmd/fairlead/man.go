package main

import (
	"bytes"
	"path/filepath"
	"strings"

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
			return cli.Failed(writeMan(cmd.Root(), dir))
		},
	}
	cmd.Flags().StringVar(&dir, "dir", dir, "`directory` to write to")
	return cmd
}

// writeMan writes the page of cmd and those of all below it.
func writeMan(cmd *cobra.Command, dir string) error {
	page := *cmd
	page.Long = verbatim(cmd.Long)
	page.DisableAutoGenTag = true
	var b bytes.Buffer
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	err := doc.GenMan(&page, &doc.GenManHeader{
		Title: strings.ToUpper(name), Section: "1", Source: "Fairlead " + fairlead.Version, Manual: "Fairlead",
	}, &b)
	if err == nil {
		err = cli.WriteFile(filepath.Join(dir, name+".1"), b.Bytes(), 0o644)
	}
	if err != nil {
		return err
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			if err := writeMan(c, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// verbatim marks the indented lines of a help text, which would be filled otherwise: pages are made of Markdown.
func verbatim(text string) string {
	var b strings.Builder
	inside := false
	fence := func() {
		b.WriteString("\n```\n")
		inside = !inside
	}
	for line := range strings.Lines(text) {
		if indented := strings.HasPrefix(line, "  "); indented != inside && strings.TrimSpace(line) != "" {
			fence()
		}
		b.WriteString(line)
	}
	if inside {
		fence()
	}
	return b.String()
}
