package client

import (
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/discovery/dns"
	"github.com/fairlead-go/fairlead/discovery/static"
)

// FuzzTarget makes clients for arbitrary targets: an error or a good client, whose parts fit together.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{
		"greeter:8080", "dns:///greeter:8080", "DNS:///greeter:1", "dns://8.8.8.8/greeter:8080", "dns:///[::1]:8080",
		":8080", "static:///a:1,b:2", "static:///a:1, b:2", "unix:///run/greeter.sock", "unix://greeter.sock", "unix://@a",
		"", "://", "a", "a://b", "static:///", "static:////a:1", "dns:///a%25b:1", "dns:///a\x00b:1", "dns:///[fe80::1%lo]:1",
		"unix:a", "unix:/a", "unix:", "unix-abstract:a", "dns:a:1", "dns:1", "static:a:1,b:2",
		"dns:///a:+1", "dns:///münchen:80", "static:///[a]:1", "static:///a@b:1",
	} {
		f.Add(s)
	}
	lookup, err := dns.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := New(text, newWorld().options(lookup, Resolver(static.Resolver{}, static.Unix{}))...)
		if err != nil {
			if c != nil {
				t.Errorf("New(%q): a client and the error %v", text, err)
			}
			return
		}
		defer func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}()
		tg := c.target
		if c.Target() != text || tg.scheme != c.resolver.Scheme() || tg.endpoint == "" {
			t.Errorf("New(%q): %+v", text, tg)
		}
		if !strings.HasSuffix(text, strings.TrimLeft(tg.endpoint, "/@")) {
			t.Errorf("New(%q): the endpoint is %q", text, tg.endpoint)
		}
		// What it asks for must be fit for a header, and for a certificate's name.
		for _, s := range []string{tg.authority(), tg.host()} {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' || r == '@' }) {
				t.Errorf("New(%q): authority %q, host %q", text, tg.authority(), tg.host())
			}
		}
	})
}
