package dial

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/dynamic"
)

// completionTime is how long somebody who pressed the tab key waits for a server.
const completionTime = time.Second

// Completer returns what the second argument may be, each with a tab and a description behind it.
type Completer func(ctx context.Context, contract *dynamic.Source) []string

// Complete makes what completes the arguments of a command: nothing for an address, and what the server at the address
// has for the one behind it. Errors are nobody's business here.
func (f *Flags) Complete(list Completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		if len(args) != 1 {
			return nil, none
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		srv, err := f.Open(ctx, args[0], Options{})
		if err != nil {
			return nil, none
		}
		defer srv.Close()
		contract, err := srv.Contract(ctx)
		if err != nil {
			return nil, none
		}
		var fit []string
		for _, s := range list(ctx, contract) {
			if strings.HasPrefix(s, toComplete) {
				fit = append(fit, s)
			}
		}
		return fit, none
	}
}

// CompleteMethods completes the arguments ADDRESS METHOD.
func (f *Flags) CompleteMethods() cobra.CompletionFunc {
	return f.Complete(func(ctx context.Context, contract *dynamic.Source) (list []string) {
		services, err := contract.Services(ctx)
		if err != nil {
			return nil
		}
		for _, service := range services {
			methods, err := contract.Methods(ctx, service)
			if err != nil {
				continue
			}
			for _, m := range methods {
				list = append(list, m.Service+"/"+m.Name+"\t"+Signature(m))
			}
		}
		return list
	})
}

// Signature returns a method's messages as a .proto file has them.
func Signature(m *fairlead.Method) string {
	d := dynamic.DescriptorOf(m)
	in, out := string(d.Input().FullName()), string(d.Output().FullName())
	if m.Kind.ClientStreams() {
		in = "stream " + in
	}
	if m.Kind.ServerStreams() {
		out = "stream " + out
	}
	return "(" + in + ") returns (" + out + ")"
}
