package call

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
)

// completionTime is how long somebody who pressed the tab key waits for a server.
const completionTime = time.Second

// completer returns what the second argument may be, each with a tab and a description behind it.
type completer func(ctx context.Context, contract *dynamic.Source) []string

// complete makes what completes the arguments of a command: nothing for an address, and what the server at the address
// has for the one behind it. Errors are nobody's business here.
func complete(f *dial.Flags, list completer) cobra.CompletionFunc {
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
		srv, err := f.Open(args[0], dial.Options{})
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

// CompleteMethods makes what completes the arguments ADDRESS METHOD of other commands with the flags of package dial.
func CompleteMethods(f *dial.Flags) cobra.CompletionFunc { return complete(f, completeMethods) }

// completeServices lists services.
func completeServices(ctx context.Context, contract *dynamic.Source) []string {
	services, err := contract.Services(ctx)
	if err != nil {
		return nil
	}
	return services
}

// completeMethods lists methods.
func completeMethods(ctx context.Context, contract *dynamic.Source) (list []string) {
	for _, service := range completeServices(ctx, contract) {
		methods, err := contract.Methods(ctx, service)
		if err != nil {
			continue
		}
		for _, m := range methods {
			list = append(list, m.Service+"/"+m.Name+"\t"+signature(m))
		}
	}
	return list
}

// completeSymbols lists services, methods, and the messages that these take and give.
func completeSymbols(ctx context.Context, contract *dynamic.Source) (list []string) {
	seen := make(map[string]bool)
	add := func(name, what string) {
		if !seen[name] {
			seen[name] = true
			list = append(list, name+"\t"+what)
		}
	}
	for _, service := range completeServices(ctx, contract) {
		add(service, "service")
		methods, err := contract.Methods(ctx, service)
		if err != nil {
			continue
		}
		for _, m := range methods {
			d := dynamic.DescriptorOf(m)
			add(string(d.FullName()), signature(m))
			add(string(d.Input().FullName()), "message")
			add(string(d.Output().FullName()), "message")
		}
	}
	return list
}

// signature returns a method's messages as a .proto file has them.
func signature(m *fairlead.Method) string {
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
