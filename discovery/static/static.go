// Package static resolves targets that name their instances: lists of addresses, and paths of Unix sockets.
package static

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead/discovery"
)

// Resolver resolves targets such as "static:///10.0.0.7:8080,greeter-2:8080,[::1]:8080". It does not look up host
// names; the dialer does. The instances have weight 1, their addresses as IDs, and the order of the list. The zero
// value is ready for use. A Resolver is safe for concurrent use.
type Resolver struct{}

var _ discovery.Resolver = Resolver{}

// Scheme returns "static".
func (Resolver) Scheme() string { return "static" }

// Check returns an error if endpoint is not a list of different addresses, each with a host and a port.
func (Resolver) Check(endpoint string) error {
	_, err := parse(endpoint)
	return err
}

// Watch reports the list once and waits until ctx ends. It returns at once if sink refuses the list.
func (Resolver) Watch(ctx context.Context, endpoint string, sink discovery.Sink) error {
	addrs, err := parse(endpoint)
	if err != nil {
		return err
	}
	instances := make([]discovery.Instance, len(addrs))
	for i, a := range addrs {
		instances[i] = instance("tcp", a)
	}
	return hold(ctx, sink, instances)
}

// parse splits a list of addresses, which may have spaces around them.
func parse(endpoint string) ([]string, error) {
	var addrs []string
	for a := range strings.SplitSeq(endpoint, ",") {
		a = strings.TrimSpace(a)
		if err := checkAddr(a); err != nil {
			return nil, fmt.Errorf("static: %q: %w", endpoint, err)
		}
		if slices.Contains(addrs, a) {
			return nil, fmt.Errorf("static: %q: address %q comes twice", endpoint, a)
		}
		addrs = append(addrs, a)
	}
	return addrs, nil
}

func checkAddr(a string) error {
	if a == "" {
		return errors.New("an address is empty")
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		return err // it names the address
	}
	if host == "" || strings.ContainsAny(host, "/ ") {
		return fmt.Errorf("address %q has no host", a)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("address %q: %q is not the number of a port", a, port)
	}
	return nil
}

func instance(network, addr string) discovery.Instance {
	return discovery.Instance{
		ID: addr, Weight: 1, Endpoints: []discovery.Endpoint{{Network: network, Addr: addr}},
	}
}

// hold reports a list that does not change.
func hold(ctx context.Context, sink discovery.Sink, instances []discovery.Instance) error {
	if err := sink.Update(instances); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}
