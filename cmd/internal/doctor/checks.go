package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// check is one of the checks.
type check struct {
	name  string
	about string // for the help
	run   func(ctx context.Context, x *examination, f *findings)
}

// checks returns the checks in the order in which they run: from what a program is made of to how it does.
func checks() []check {
	return []check{
		{"versions", "Go's release and the modules against known faults (--module, --binary)", checkVersions},
		{"container", "the container's limits against GOMAXPROCS and GOMEMLIMIT (--admin)", checkContainer},
		{"files", "how many files and connections the system allows", checkFiles},
		{"ports", "is a port free, and if not, who has it? (--listen)", checkPorts},
		{"dns", "what a name resolves to, how fast, and by which search list (--address)", checkDNS},
		{"tls-files", "certificate, key and authorities: match, order, expiry, names, strength (--cert, --key, --ca)",
			checkTLSFiles},
		{"tls", "a handshake: version, ALPN, chain, names, expiry (--address)", checkTLS},
		{"keepalive", "HTTP/2, and how a server takes PINGs (--address, --keepalive)", checkKeepalive},
		{"growth", "do goroutines, heap or files of a process grow? (--admin)", checkGrowth},
	}
}

// names returns the names of all checks.
func names() []string {
	all := checks()
	list := make([]string, 0, len(all))
	for _, c := range all {
		list = append(list, c.name)
	}
	return list
}

// examination holds what checks look at.
type examination struct {
	*options

	root     fs.FS // the machine's files
	getenv   func(string) string
	resolver *net.Resolver
	now      time.Time
	progress *cli.Progress

	target *endpoint // --address; nil: none
}

// newExamination checks the flags. Its errors are those of wrong usage.
func newExamination(o *options, progress *cli.Progress) (*examination, error) {
	x := &examination{
		options:  o,
		root:     os.DirFS("/"),
		getenv:   os.Getenv,
		resolver: net.DefaultResolver,
		now:      time.Now(),
		progress: progress,
	}
	if o.address != "" {
		target, err := newEndpoint(o.address, o.dial)
		if err != nil {
			return nil, err
		}
		x.target = target
	}
	return x, nil
}

// run runs the checks that were asked for, within the time of --timeout.
func (x *examination) run(ctx context.Context) ([]Result, error) {
	defer x.progress.Clear()
	if err := x.readable(); err != nil {
		return nil, err
	}
	ctx, cancel := cli.WithTimeout(ctx, "--timeout", x.limit())
	defer cancel()
	var results []Result
	for _, c := range checks() {
		if len(x.only) > 0 && !slices.Contains(x.only, c.name) {
			continue
		}
		results = append(results, x.runOne(ctx, c)...)
	}
	return results, nil
}

// runOne runs one check. When ctx ends meanwhile, the failures that the check has found are left out: they are those of
// a check that could not wait any longer.
func (x *examination) runOne(ctx context.Context, c check) []Result {
	f := &findings{check: c.name}
	if ctx.Err() != nil {
		f.failf("", "", "%v", cli.Ended(ctx, "not begun"))
		return f.list
	}
	x.progress.Set(c.name + " …")
	c.run(ctx, x, f)
	if ctx.Err() != nil {
		f.list = slices.DeleteFunc(f.list, func(r Result) bool { return r.Status == Fail })
		f.failf("", "", "%v", cli.Ended(ctx, "not finished"))
	}
	return f.list
}

// readable returns an error unless what the versions are read from is there.
func (x *examination) readable() error {
	flag, path := "--module", x.module
	if x.binary != "" {
		flag, path = "--binary", x.binary
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", flag, err)
	case x.binary != "" && !info.Mode().IsRegular():
		return fmt.Errorf("%s: %s is not a regular file", flag, path)
	}
	return nil
}

// endpoint is an address in the parts that checks need.
type endpoint struct {
	text    string // as it was given
	network string // "tcp" or "unix"
	addr    string // for net.Dial
	host    string // "" for a socket's path
	secure  bool
	flags   *dial.Flags
}

// newEndpoint takes an address apart as the other commands understand it.
func newEndpoint(text string, flags *dial.Flags) (*endpoint, error) {
	a, err := dial.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	e := &endpoint{text: text, network: "tcp", addr: a.Target, flags: flags}
	if e.secure, err = flags.Secure(a); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(a.Target, "unix://"); ok {
		e.network, e.addr = "unix", path
		return e, nil
	}
	if _, rest, ok := strings.Cut(a.Target, "://"); ok { // dns://server/host:port, static:///a:1,b:2
		_, rest, _ = strings.Cut(rest, "/")
		e.addr, _, _ = strings.Cut(rest, ",")
	}
	if e.host, _, err = net.SplitHostPort(e.addr); err != nil {
		return nil, &addressError{text, err}
	}
	return e, nil
}

// addressError is about an address without a port.
type addressError struct {
	text  string
	cause error
}

// Error names the address.
func (e *addressError) Error() string { return "--address " + e.text + ": " + e.cause.Error() }

// Unwrap returns the cause.
func (e *addressError) Unwrap() error { return e.cause }

// serverName is the name that the certificate has to have.
func (e *endpoint) serverName() string {
	authority := e.flags.Authority
	if h, _, err := net.SplitHostPort(authority); err == nil {
		authority = h
	}
	return orElse(e.flags.ServerName, authority, e.host)
}

// connect makes a connection, without TLS.
func (e *endpoint) connect(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: e.flags.ConnectTimeout}
	return d.DialContext(ctx, e.network, e.addr)
}

// handshake makes a connection with TLS. It verifies nothing, so that the caller can say all that is wrong; the
// certificate of --cert is sent when the server wants one. It returns the connection also when the handshake failed.
func (e *endpoint) handshake(ctx context.Context) (*tls.Conn, *x509.CertPool, error) {
	cfg, err := e.flags.TLSConfig(ctx)
	if err != nil {
		return nil, nil, err
	}
	roots := cfg.RootCAs
	cfg.InsecureSkipVerify = true // what there is to verify is verified, and explained, afterwards
	cfg.ServerName = e.serverName()
	cfg.NextProtos = []string{"h2", "http/1.1"}
	raw, err := e.connect(ctx)
	if err != nil {
		return nil, roots, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.flags.ConnectTimeout)
	defer cancel()
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return conn, roots, err
	}
	return conn, roots, nil
}
