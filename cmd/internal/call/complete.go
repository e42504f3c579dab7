package call

import (
	"context"

	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/dynamic"
)

// completeServices lists services.
func completeServices(ctx context.Context, contract *dynamic.Source) []string {
	services, err := contract.Services(ctx)
	if err != nil {
		return nil
	}
	return services
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
			add(string(d.FullName()), dial.Signature(m))
			add(string(d.Input().FullName()), "message")
			add(string(d.Output().FullName()), "message")
		}
	}
	return list
}
