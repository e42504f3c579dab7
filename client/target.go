package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/transport"
)

// DefaultScheme is that of targets without one.
const DefaultScheme = "dns"

// The schemes of targets that are paths of sockets, and names of Linux' abstract ones.
const (
	schemeUnix     = "unix"
	schemeAbstract = "unix-abstract"
)

// target is the target of a client, in its parts.
type target struct {
	text     string // as it was given
	scheme   string
	endpoint string // what the resolver gets
}

// parseTarget splits "scheme:///endpoint". What stands between the second and the third slash (gRPC's naming document
// calls it the authority, such as a name server) stays before the endpoint, with its slashes:
// "//8.8.8.8/greeter:8080". "scheme:endpoint" is possible for known schemes, if it cannot be a host and a port, and for
// unix in any case (https://github.com/grpc/grpc/blob/master/doc/naming.md).
func parseTarget(text string, known func(scheme string) bool) (target, error) {
	t := target{text: text, scheme: DefaultScheme, endpoint: text}
	if scheme, rest, ok := strings.Cut(text, ":"); ok {
		scheme = strings.ToLower(scheme)
		after, slashes := strings.CutPrefix(rest, "//")
		switch {
		case scheme == schemeUnix:
			t.scheme, t.endpoint = scheme, after // a third slash belongs to the path
		case scheme == schemeAbstract && rest != "":
			t.scheme, t.endpoint = schemeUnix, "@"+rest
		case slashes && strings.HasPrefix(after, "/"):
			t.scheme, t.endpoint = scheme, after[1:]
		case slashes:
			t.scheme, t.endpoint = scheme, rest
		case known(scheme) && !isPort(rest):
			t.scheme, t.endpoint = scheme, rest
		}
	}
	switch {
	case t.scheme == "":
		return t, fmt.Errorf("client: target %q has an empty scheme", text)
	case t.endpoint == "" || t.endpoint == "//":
		return t, fmt.Errorf("client: target %q has no endpoint", text)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		// Part of it is sent as the authority of each request.
		return t, fmt.Errorf("client: target %q has a control character in it", text)
	}
	return t, nil
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// first returns the endpoint without a name server, and the first entry of a list.
func (t *target) first() string {
	endpoint := t.endpoint
	if rest, ok := strings.CutPrefix(endpoint, "//"); ok {
		_, endpoint, _ = strings.Cut(rest, "/")
	}
	endpoint, _, _ = strings.Cut(endpoint, ",")
	return strings.TrimSpace(endpoint)
}

// authority returns the host to ask for: the endpoint, port included, as other gRPC clients do it.
func (t *target) authority() string {
	a := t.first()
	if t.scheme == schemeUnix || hostOf(a) == "" && !strings.HasPrefix(a, ":") || strings.ContainsAny(a, "/?#@ \\") {
		return "localhost"
	}
	if host, port, err := net.SplitHostPort(a); err == nil && host == "" {
		return "localhost:" + port
	}
	return a
}

// host returns the authority without its port.
func (t *target) host() string { return hostOf(t.authority()) }

func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return strings.Trim(authority, "[]")
}

// resolve parses a target and finds its resolver, which has checked the endpoint.
func (c *config) resolve(text string) (target, discovery.Resolver, error) {
	t, err := parseTarget(text, func(scheme string) bool { return c.resolver(scheme) != nil })
	if err != nil {
		return t, nil, err
	}
	r := c.resolver(t.scheme)
	if r == nil {
		hint := ""
		if t.scheme == "http" || t.scheme == "https" {
			hint = "; write host:port, and give client.TLS for a connection with TLS"
		}
		return t, nil, fmt.Errorf("client: target %q: no Resolver for scheme %q, only for %q%s", text, t.scheme,
			names(c.resolvers, discovery.Resolver.Scheme), hint)
	}
	if err := r.Check(t.endpoint); err != nil {
		return t, nil, fmt.Errorf("client: target %q: %w", text, err)
	}
	return t, r, nil
}

// resolver returns the one for a scheme, nil if there is none.
func (c *config) resolver(scheme string) discovery.Resolver {
	if d, ok := c.dialer.(transport.NameResolver); ok && scheme == DefaultScheme && d.ResolvesNames() {
		return unresolved{}
	}
	if i := slices.IndexFunc(c.resolvers, func(r discovery.Resolver) bool { return r.Scheme() == scheme }); i >= 0 {
		return c.resolvers[i]
	}
	return nil
}

// unresolved is the resolver of names that the Dialer resolves itself.
type unresolved struct{}

// Scheme implements discovery.Resolver.
func (unresolved) Scheme() string { return DefaultScheme }

// Check implements discovery.Resolver.
func (unresolved) Check(endpoint string) error {
	if strings.HasPrefix(endpoint, "//") {
		return errors.New("it names a name server, and the Dialer resolves names itself")
	}
	return nil
}

// Watch implements discovery.Resolver.
func (unresolved) Watch(ctx context.Context, endpoint string, sink discovery.Sink) error {
	err := sink.Update([]discovery.Instance{{
		ID: endpoint, Weight: 1, Endpoints: []discovery.Endpoint{{Network: networkTCP, Addr: endpoint}},
	}})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// address chooses the endpoint of an instance for a protocol: the first that speaks it (one that names no protocols
// speaks all), with a client that encrypts rather one that says TLS. One that wants TLS is of no use to a client
// without.
func address(i *discovery.Instance, protocol string, encrypted bool) (discovery.Endpoint, error) {
	best := -1
	for n, e := range i.Endpoints {
		switch {
		case e.Network != networkTCP && e.Network != networkUnix, e.Addr == "":
		case len(e.Protocols) > 0 && !slices.Contains(e.Protocols, protocol):
		case e.TLS && !encrypted:
		case best < 0, encrypted && e.TLS && !i.Endpoints[best].TLS:
			best = n
		}
	}
	if best < 0 {
		return discovery.Endpoint{}, errors.New("no endpoint for " + protocol)
	}
	return i.Endpoints[best], nil
}

// The networks of an endpoint.
const (
	networkTCP  = "tcp"
	networkUnix = "unix"
)
