package dial

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Address is where a server is, as a person writes it.
type Address struct {
	Text   string // as it was given
	Target string // for client.New
	// Secure and Plain say that the address itself decides about TLS, as grpcs:// and grpc:// do.
	Secure, Plain bool
	// Local means that only this machine is concerned: loopback addresses and Unix sockets.
	Local bool
}

// ParseAddress understands "host:port", "unix:/path", "unix-abstract:name", URLs with the schemes grpc, grpcs, http and
// https, and the targets of clients, such as "dns:///greeter:8080" and "static:///10.0.0.7:8080,10.0.0.8:8080".
func ParseAddress(text string) (Address, error) {
	a := Address{Text: text, Target: text}
	switch {
	case text == "":
		return a, errors.New("the address is empty; want host:port, unix:/path or a URL such as grpcs://host:port")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return a, fmt.Errorf("the address %q has a space or a control character in it", text)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		if path, ok := strings.CutPrefix(text, "unix:"); ok {
			a.Target, a.Local = "unix://"+path, true
			return a, nil
		}
		a.Local = strings.HasPrefix(text, "unix-abstract:") || loopback(strings.TrimPrefix(text, "dns:"))
		return a, nil
	}
	switch strings.ToLower(scheme) {
	case "grpc", "http":
		a.Plain = true
		return a, a.fromURL(rest, "80")
	case "grpcs", "https":
		a.Secure = true
		return a, a.fromURL(rest, "443")
	case "unix":
		a.Local = true
	case "dns", "static":
		a.Local = true
		_, hosts, _ := strings.Cut(rest, "/")
		for host := range strings.SplitSeq(hosts, ",") {
			a.Local = a.Local && loopback(strings.TrimSpace(host))
		}
	}
	return a, nil
}

// fromURL takes what stands behind a URL's scheme.
func (a *Address) fromURL(rest, port string) error {
	host := strings.TrimSuffix(rest, "/")
	switch {
	case strings.Contains(host, "@"):
		return fmt.Errorf("the address %q has a user in it; credentials go into a header (-H)", a.Text)
	case strings.ContainsAny(host, "/?#"):
		return fmt.Errorf("the address %q has a path or a query; want %s only", a.Text, host[:strings.IndexAny(host, "/?#")])
	case host == "":
		return fmt.Errorf("the address %q has no host", a.Text)
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), port)
	}
	a.Target, a.Local = host, loopback(host)
	return nil
}

// loopback reports whether a host, with or without a port, is this machine.
func loopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
