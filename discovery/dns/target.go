package dns

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// target is an endpoint in its parts.
type target struct {
	host string
	addr netip.Addr // valid: host is an address
	port uint16
}

func parse(endpoint string) (target, error) {
	if strings.HasPrefix(endpoint, "//") {
		return target{}, fmt.Errorf("dns: %q: a target cannot name its name server; use option Lookup", endpoint)
	}
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		// The error of package net does not explain what is wrong with an IPv6 address without brackets.
		if _, err := netip.ParseAddr(strings.Trim(endpoint, "[]")); err == nil || !strings.Contains(endpoint, ":") {
			return target{}, fmt.Errorf("dns: %q has no port; want one as in \"greeter:8080\" or \"[::1]:8080\"", endpoint)
		}
		return target{}, fmt.Errorf("dns: %q is not a host and a port: %w", endpoint, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return target{}, fmt.Errorf("dns: %q: %q is not the number of a port", endpoint, port)
	}
	if host == "" {
		host = "localhost"
	}
	t := target{host: host, port: uint16(n)}
	if t.addr, err = netip.ParseAddr(host); err == nil {
		t.addr = t.addr.Unmap()
		return t, nil
	}
	if strings.ContainsAny(host, ":/ \t%@,[]\\?#") || len(host) > 255 {
		return target{}, fmt.Errorf("dns: %q: %q is not the name of a host", endpoint, host)
	}
	return t, nil
}
