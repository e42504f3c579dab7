package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/internal/near"
)

// newHelp returns the command "help". Unlike cobra's own it fails for commands that do not exist.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Explain a command",
		Long:    `Help explains a command, as COMMAND --help does.`,
		Example: `  fairlead help bench compare`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			at, _, err := cmd.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return names(at), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at := cmd.Root()
			for _, name := range args {
				below := child(at, name)
				if below == nil {
					return unknown(at, name)
				}
				at = below
			}
			at.InitDefaultHelpFlag()
			return cli.Failed(at.Help())
		},
	}
}

// addCompletion adds the command "completion", which fails for shells that it does not know, and when the script cannot
// be written.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion := child(root, "completion")
	completion.Args, completion.Example = nil, "  source <(fairlead completion bash)"
	scripts := map[string]func(w io.Writer, descriptions bool) error{
		"bash": root.GenBashCompletionV2,
		"fish": root.GenFishCompletion,
		"powershell": func(w io.Writer, descriptions bool) error {
			if descriptions {
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return root.GenPowerShellCompletion(w)
		},
		"zsh": func(w io.Writer, descriptions bool) error {
			if descriptions {
				return root.GenZshCompletion(w)
			}
			return root.GenZshCompletionNoDesc(w)
		},
	}
	for _, shell := range completion.Commands() {
		write := scripts[shell.Name()]
		shell.Example = "  fairlead completion " + shell.Name()
		shell.RunE = func(cmd *cobra.Command, _ []string) error {
			plain, err := cmd.Flags().GetBool("no-descriptions")
			if err != nil {
				return err
			}
			return cli.Failed(write(cmd.OutOrStdout(), !plain)) // not to what was the output when the command was made
		}
	}
	completion.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown(cmd, args[0])
		}
		return cli.Failed(cmd.Help())
	}
}

func child(of *cobra.Command, name string) *cobra.Command {
	for _, c := range of.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// names returns the commands below one.
func names(of *cobra.Command) []string {
	var list []string
	for _, c := range of.Commands() {
		if c.IsAvailableCommand() {
			list = append(list, c.Name())
		}
	}
	slices.Sort(list)
	return list
}

// unknown is the error for a command that does not exist below another.
func unknown(of *cobra.Command, name string) error {
	text := fmt.Sprintf("there is no %q below %s", name, of.CommandPath())
	if question := near.Question(name, names(of)); question != "" {
		return fmt.Errorf("%s; %s", text, question)
	}
	if list := names(of); len(list) > 0 {
		text += "; there are " + strings.Join(list, ", ")
	}
	return fmt.Errorf("%s", text)
}
