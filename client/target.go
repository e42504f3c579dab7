package client

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead/discovery"
)

// DefaultScheme is that of targets without one.
const DefaultScheme = "dns"

// schemeUnix is the scheme of targets that are paths of sockets.
const schemeUnix = "unix"

// target is what a client was made for, in its parts.
type target struct {
	text     string // as it was given
	scheme   string
	endpoint string // what the resolver gets
}

// parseTarget splits "scheme:///endpoint". What stands between the second and the third slash (gRPC's naming document
// calls it the authority, such as a name server) stays before the endpoint, with its slashes:
// "//8.8.8.8/greeter:8080".
func parseTarget(text string) (target, error) {
	t := target{text: text, scheme: DefaultScheme, endpoint: text}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		t.scheme = strings.ToLower(scheme)
		switch {
		case t.scheme == schemeUnix:
			t.endpoint = rest // the third slash belongs to the path
		case strings.HasPrefix(rest, "/"):
			t.endpoint = rest[1:]
		default:
			t.endpoint = "//" + rest
		}
	}
	switch {
	case t.scheme == "":
		return t, fmt.Errorf("client: target %q has an empty scheme", text)
	case t.endpoint == "":
		return t, fmt.Errorf("client: target %q has no endpoint", text)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		// Part of it is sent as the authority of each request.
		return t, fmt.Errorf("client: target %q has a control character in it", text)
	}
	return t, nil
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
	t, err := parseTarget(text)
	if err != nil {
		return t, nil, err
	}
	i := slices.IndexFunc(c.resolvers, func(r discovery.Resolver) bool { return r.Scheme() == t.scheme })
	if i < 0 {
		hint := ""
		if t.scheme == "http" || t.scheme == "https" {
			hint = "; write host:port, and give client.TLS for a connection with TLS"
		}
		return t, nil, fmt.Errorf("client: target %q: no Resolver for scheme %q, only for %q%s", text, t.scheme,
			names(c.resolvers, discovery.Resolver.Scheme), hint)
	}
	if err := c.resolvers[i].Check(t.endpoint); err != nil {
		return t, nil, fmt.Errorf("client: target %q: %w", text, err)
	}
	return t, c.resolvers[i], nil
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
