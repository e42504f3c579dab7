package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
)

const listLong = `List prints the services of a gRPC server, or the methods of one service, a line
each. What it prints of methods is what fairlead call takes.

Without --proto and --descriptor-set the server's reflection is asked. With one of
these the address may be left out.

ADDRESS and the other flags are those of fairlead call. Exit codes: 0 done, 1 the
server or the contract could not be had, or has no such service; 2 wrong usage.`

const listExample = `  fairlead list localhost:8080
  fairlead list localhost:8080 greeter.v1.Greeter --long
  fairlead list localhost:8080 --format json
  fairlead list --proto greeter.proto`

// contractFlags are the flags that list and describe have in common.
type contractFlags struct {
	dial   *dial.Flags
	format *cli.Format
}

// NewList returns the command "fairlead list".
func NewList() *cobra.Command {
	f := new(contractFlags)
	var long bool
	cmd := &cobra.Command{
		Use:     "list [flags] [ADDRESS] [SERVICE]",
		Short:   "List the services and methods of a gRPC server",
		Long:    listLong,
		Example: listExample,
		Args:    cli.Args(0, "ADDRESS", "SERVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, args, func(ctx context.Context, contract *dynamic.Source, service string) error {
				l := lister{cmd: cmd, contract: contract, long: long, json: f.format.String() == "json"}
				if service == "" {
					return l.services(ctx)
				}
				return l.methods(ctx, service)
			})
		},
	}
	cmd.Flags().BoolVarP(&long, "long", "l", false, "with the kinds of methods and their messages")
	f.format = cli.FormatFlag(cmd, "text", "json")
	f.dial = dial.AddFlags(cmd, dial.Connection, dial.Calls, dial.Headers, dial.Limits, dial.Contract)
	cmd.ValidArgsFunction = f.dial.Complete(completeServices)
	return cmd
}

// with calls do with the contract that flags and arguments name, and with the last argument, "" when there is none.
func (f *contractFlags) with(
	cmd *cobra.Command, args []string, do func(ctx context.Context, contract *dynamic.Source, name string) error,
) error {
	ctx, cancel := f.dial.WithTimeout(cmd.Context())
	defer cancel()
	address, name := "", ""
	switch {
	case len(args) == 2:
		address, name = args[0], args[1]
	case len(args) == 1 && f.dial.HasFiles() && !f.dial.Reflect && !strings.Contains(args[0], ":"):
		name = args[0]
	case len(args) == 1:
		address = args[0]
	case !f.dial.HasFiles():
		return errors.New("ADDRESS is missing; without one, name the contract with --proto or --descriptor-set")
	}
	if f.dial.HasFiles() && !f.dial.Reflect {
		contract, err := f.dial.FileContract(ctx)
		if err != nil {
			return err
		}
		return dial.ContractError(ctx, contract, do(ctx, contract, name))
	}
	if address == "" {
		return errors.New("ADDRESS is missing, which --reflect needs")
	}
	srv, err := f.dial.Open(ctx, address, dial.Options{})
	if err != nil {
		return err
	}
	defer srv.Close()
	if err := srv.Connect(ctx); err != nil {
		return err
	}
	asking, stop := srv.Asking(ctx)
	defer stop()
	contract, err := srv.Contract(asking)
	if err != nil {
		return err
	}
	return dial.ContractError(asking, contract, do(asking, contract, name))
}

// lister prints services and methods.
type lister struct {
	cmd      *cobra.Command
	contract *dynamic.Source
	long     bool
	json     bool
}

// serviceEntry and methodEntry are the form of the output in JSON.
type serviceEntry struct {
	Service string        `json:"service"`
	Methods []methodEntry `json:"methods,omitempty"`
}

type methodEntry struct {
	Method   string `json:"method"`
	Kind     string `json:"kind"`
	Request  string `json:"request"`
	Response string `json:"response"`
}

func (l *lister) services(ctx context.Context) error {
	names, err := l.contract.Services(ctx)
	if err != nil {
		return err
	}
	list := make([]serviceEntry, len(names))
	var text strings.Builder
	for i, name := range names {
		list[i].Service = name
		methods := l.methodsIfLong(ctx, name)
		if l.json {
			list[i].Methods = entries(methods)
			continue
		}
		fmt.Fprintln(&text, name)
		for _, m := range methods {
			fmt.Fprintf(&text, "  %s %s\n", m.Name, dial.Signature(m))
		}
	}
	if l.json {
		return cli.PrintJSON(l.cmd.OutOrStdout(), list)
	}
	return l.print(text.String())
}

// print writes the result; what cannot be written is an error, as in a full disk.
func (l *lister) print(text string) error {
	_, err := io.WriteString(l.cmd.OutOrStdout(), text)
	return cli.Failed(err)
}

// methodsIfLong returns the methods of a service if they are wanted. That one service has no contract does not keep the
// others from being listed.
func (l *lister) methodsIfLong(ctx context.Context, service string) []*fairlead.Method {
	if !l.long {
		return nil
	}
	methods, err := l.contract.Methods(ctx, service)
	if err != nil {
		fmt.Fprintln(l.cmd.ErrOrStderr(), err)
	}
	return methods
}

func (l *lister) methods(ctx context.Context, service string) error {
	methods, err := l.contract.Methods(ctx, service)
	if err != nil {
		return err
	}
	if l.json {
		list := entries(methods)
		if list == nil {
			list = []methodEntry{} // a service without methods
		}
		return cli.PrintJSON(l.cmd.OutOrStdout(), list)
	}
	var text strings.Builder
	for _, m := range methods {
		line := m.Service + "/" + m.Name
		if l.long {
			line += " " + dial.Signature(m)
		}
		fmt.Fprintln(&text, line)
	}
	return l.print(text.String())
}

func entries(methods []*fairlead.Method) (list []methodEntry) {
	for _, m := range methods {
		d := dynamic.DescriptorOf(m)
		list = append(list, methodEntry{
			Method: m.Service + "/" + m.Name, Kind: strings.ReplaceAll(m.Kind.String(), " ", "_"),
			Request: string(d.Input().FullName()), Response: string(d.Output().FullName()),
		})
	}
	return list
}
