// Fairlead is the command line of the framework. "fairlead help" lists what it does.
//
// It exits with 0 when all went well, 1 when something failed, 2 when it was called wrongly, and 3 when a check found
// something, such as code that is not up to date.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/bench"
	"github.com/fairlead-go/fairlead/cmd/internal/call"
	"github.com/fairlead-go/fairlead/cmd/internal/check"
	"github.com/fairlead-go/fairlead/cmd/internal/check/code"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/doctor"
	"github.com/fairlead-go/fairlead/cmd/internal/generate"
	"github.com/fairlead-go/fairlead/cmd/internal/scaffold"
)

func main() {
	if code.CalledByVet(os.Args[1:]) {
		code.Vet()
	}
	os.Exit(cli.Run(context.Background(), newRoot(), os.Args[1:]))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "fairlead",
		Short: "One contract, one handler, every protocol",
		Long: `Fairlead is the command line of the framework of that name. It writes services,
makes code of contracts and checks them, and calls, measures and examines any gRPC
server. Nothing else needs to be installed.

It exits with 0 when all went well, 1 when something failed, 2 when it was called
wrongly, and 3 when a check found something. Colours are used on terminals only,
and not with NO_COLOR or TERM=dumb in the environment.`,
		Version: version(),
		Example: `  fairlead new shop                        # a service that builds and runs
  fairlead gen                             # code for the contracts below here
  fairlead check breaking --against main   # what breaks clients?
  fairlead list 127.0.0.1:8080             # what is there to call?`,
	}
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Services:", []*cobra.Command{scaffold.New(), doctor.New()}},
		{"Contracts:", []*cobra.Command{generate.New(), check.New()}},
		{"Calls:", []*cobra.Command{call.New(), call.NewList(), call.NewDescribe(), bench.New()}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(newMan(), newVersion())
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.Flags().Bool("version", false, "print the version") // without the -v that cobra would give it
	root.Flags().BoolP("help", "h", false, "help for fairlead")
	root.SetHelpCommand(newHelp())
	addCompletion(root)
	keepOrder(root)
	return root
}

// keepOrder makes help list flags in the order in which they were added: a command's own, the format, then those for
// reaching a server.
func keepOrder(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	for _, below := range cmd.Commands() {
		keepOrder(below)
	}
}
