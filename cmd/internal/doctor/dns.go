package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// slowLookup is how long a lookup may take without comment. Clients wait for it before their first connection.
const slowLookup = 200 * time.Millisecond

// checkDNS looks the host of --address up.
func checkDNS(ctx context.Context, x *examination, f *findings) {
	switch {
	case x.target == nil:
		f.skipf("name a service with --address")
		return
	case x.target.network == "unix":
		f.skipf("%s is the path of a socket", x.target.text)
		return
	}
	host := x.target.host
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		f.skipf("%s is an address already", x.target.addr)
		return
	}
	addrs, took, err := x.lookup(ctx, host)
	if err != nil {
		x.explainLookup(host, err, f)
		return
	}
	if took > slowLookup {
		f.warnf(host, "look at the name servers in /etc/resolv.conf, and at its search list", "the lookup took %s",
			dial.Round(took))
	}
	x.judgeSearch(ctx, host, addrs, f)
	f.okf(host, "%d %s (%s), found in %s", len(addrs), plural2(len(addrs), "address", "addresses"), shorten(addrs),
		dial.Round(took))
}

func (x *examination) lookup(ctx context.Context, host string) (addrs []string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.dial.ConnectTimeout)
	defer cancel()
	begun := time.Now()
	addrs, err = x.resolver.LookupHost(ctx, host)
	slices.Sort(addrs)
	return addrs, time.Since(begun), err
}

// explainLookup reports why a name has no addresses.
func (x *examination) explainLookup(host string, err error, f *findings) {
	conf := readResolv(x.root)
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		f.failf(host, "", "%v", err)
		return
	}
	switch {
	case dns.IsTimeout:
		f.failf(host, "see whether they can be reached, also by UDP", "the name servers (%s) did not answer within %s",
			orElse(strings.Join(conf.servers, ", "), "of the system"), x.dial.ConnectTimeout)
	case dns.IsNotFound && !strings.Contains(strings.TrimSuffix(host, "."), ".") && len(conf.search) == 0:
		f.failf(host, "write the whole name", "there is no such name, and no search list to complete it with")
	case dns.IsNotFound:
		remedy := "see how the name is written"
		if !strings.HasSuffix(host, ".") && len(conf.search) > 0 {
			remedy += "; tried with " + strings.Join(conf.search, ", ") + " behind it, too"
		}
		f.failf(host, remedy, "there is no such name, or it has no addresses")
	default:
		f.failf(host, "", "%s", dns.Err)
	}
}

// judgeSearch warns of names that are looked for in other domains first.
func (x *examination) judgeSearch(ctx context.Context, host string, addrs []string, f *findings) {
	conf := readResolv(x.root)
	dots := strings.Count(host, ".")
	if strings.HasSuffix(host, ".") || dots == 0 || len(conf.search) == 0 || dots >= conf.ndots {
		return
	}
	absolute, _, err := x.lookup(ctx, host+".")
	if err == nil && !slices.Equal(absolute, addrs) {
		f.warnf(host, fmt.Sprintf("write %s. with a dot at its end for the latter", host),
			"leads to %s by the search list (%s), and to %s by its whole name", shorten(addrs),
			strings.Join(conf.search, ", "), shorten(absolute))
		return
	}
	if err != nil {
		return // it is meant to be completed
	}
	f.warnf(host, fmt.Sprintf("write %s. with a dot at its end, or lower ndots", host),
		"has %d dots and ndots is %d, so each lookup asks for it in %d other %s first (%s)", dots, conf.ndots,
		len(conf.search), plural(len(conf.search), "domain"), strings.Join(conf.search, ", "))
}

// resolv is the content of /etc/resolv.conf (resolv.conf(5)).
type resolv struct {
	servers []string
	search  []string
	ndots   int
}

func readResolv(root fs.FS) resolv {
	conf := resolv{ndots: 1}
	text, err := fs.ReadFile(root, "etc/resolv.conf")
	if err != nil {
		return conf
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			conf.servers = append(conf.servers, words[1])
		case "search", "domain": // the last one counts
			conf.search = words[1:]
		case "options":
			for _, option := range words[1:] {
				if n, err := strconv.Atoi(strings.TrimPrefix(option, "ndots:")); err == nil {
					conf.ndots = n
				}
			}
		}
	}
	conf.search = slices.DeleteFunc(conf.search, func(s string) bool { return s == "." })
	return conf
}

// shorten lists the first of some addresses.
func shorten(list []string) string {
	const shown = 4
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}

func plural2(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
