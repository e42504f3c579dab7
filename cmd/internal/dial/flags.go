package dial

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/preset"
)

// Group is a group of flags.
type Group uint8

// The groups.
const (
	Connection  Group = 1 << iota // TLS, authority, time to connect
	Calls                         // the protocol of calls
	Headers                       // headers of calls
	Limits                        // the time of the command, sizes
	Compression                   // of requests
	Contract                      // reflection, .proto files, descriptor sets
)

// Flags are the values of the flags with which commands reach a server.
type Flags struct {
	Plaintext      bool
	TLS            bool
	Insecure       bool
	CA             []string
	Cert, Key      string
	ServerName     string
	Authority      string
	ConnectTimeout time.Duration
	Protocol       string // of calls; "": gRPC
	HTTP1          bool   // the version of HTTP

	Timeout    time.Duration // of all that the command does; 0: none
	MaxMessage Size
	Compress   string
	header     []string

	Proto   []string
	Roots   []string
	Sets    []string
	Reflect bool

	setUp string // the flag that ConnectTimeout is from; "": --connect-timeout
}

// AddFlags adds the flags of the groups to cmd; without any, all.
func AddFlags(cmd *cobra.Command, groups ...Group) *Flags {
	var want Group
	for _, g := range groups {
		want |= g
	}
	if want == 0 {
		want = Connection | Calls | Headers | Limits | Compression | Contract
	}
	f := &Flags{ConnectTimeout: 10 * time.Second, MaxMessage: 64 << 20, Protocol: string(preset.GRPC)}
	flags := cmd.Flags()
	if want&Connection != 0 {
		f.addConnection(flags)
	}
	if want&Calls != 0 {
		f.addProtocol(cmd)
	}
	if want&Headers != 0 {
		flags.StringArrayVarP(&f.header, "header", "H", nil,
			"`\"name: value\"` to send with calls; a name ending in -bin has its value in base64; @file has one on each "+
				"line; may be repeated")
	}
	if want&Limits != 0 {
		f.addLimits(flags)
	}
	if want&Compression != 0 {
		flags.StringVar(&f.Compress, "compress", "", "`name` of the compression of requests: gzip, zstd or identity")
		complete := cobra.FixedCompletions([]string{"gzip", "zstd", "identity"}, cobra.ShellCompDirectiveNoFileComp)
		if err := cmd.RegisterFlagCompletionFunc("compress", complete); err != nil {
			panic(err) // the flag was added a line ago
		}
	}
	if want&Contract != 0 {
		f.addContract(flags)
	}
	alias := flags.GetNormalizeFunc()
	flags.SetNormalizeFunc(func(set *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "deadline" && want&Limits != 0 {
			name = "timeout"
		}
		return alias(set, name)
	})
	return f
}

func (f *Flags) addConnection(flags *pflag.FlagSet) {
	flags.BoolVar(&f.Plaintext, "plaintext", false,
		"connect without TLS (default for loopback addresses and Unix sockets)")
	flags.BoolVar(&f.TLS, "tls", false, "connect with TLS (default for all other addresses)")
	flags.BoolVar(&f.Insecure, "insecure", false, "with TLS, do not verify the server's certificate")
	flags.StringArrayVar(&f.CA, "ca", nil,
		"`file` with certificates (PEM) of the authorities to trust, in place of the system's; may be repeated")
	flags.StringVar(&f.Cert, "cert", "", "`file` with the client's certificate (PEM), for mutual TLS")
	flags.StringVar(&f.Key, "key", "", "`file` with the client's private key (PEM) (default: the file of --cert)")
	flags.StringVar(&f.ServerName, "server-name", "", "`name` to ask for in TLS and to find in the certificate")
	flags.StringVar(&f.Authority, "authority", "", "`host` to ask for in calls, and in TLS (default: that of the address)")
	flags.DurationVar(&f.ConnectTimeout, "connect-timeout", f.ConnectTimeout,
		"time to connect within, again to ask for the contract, and to read each file with certificates or headers")
}

func (f *Flags) addProtocol(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Protocol, "protocol", f.Protocol, "`name` of the protocol of calls: "+protocolNames())
	cmd.Flags().BoolVar(&f.HTTP1, "http1", false, "speak HTTP/1.1 and not HTTP/2, for protocols other than grpc")
	all := preset.Protocols()
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = string(p)
	}
	complete := cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("protocol", complete); err != nil {
		panic(err) // the flag was added a line ago
	}
}

// protocolNames returns the protocols for messages, "grpc, grpc-web or connect".
func protocolNames() string {
	var b strings.Builder
	all := preset.Protocols()
	for i, p := range all {
		switch i {
		case 0:
		case len(all) - 1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(p))
	}
	return b.String()
}

func (f *Flags) addLimits(flags *pflag.FlagSet) {
	flags.DurationVar(&f.Timeout, "timeout", 0,
		"time limit of everything: connecting, asking for the contract, the call, "+
			"whose server is told what is left; also --deadline (default: none)")
	flags.Var(&f.MaxMessage, "max-message", "size of the largest message to receive, and of a request as it is written")
}

func (f *Flags) addContract(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.Proto, "proto", nil,
		"`file` (.proto) or directory with the contract, in place of the server's reflection; may be repeated")
	flags.StringArrayVarP(&f.Roots, "proto-path", "I", nil,
		"`directory` to look for imports in, with --proto; may be repeated")
	flags.StringArrayVar(&f.Sets, "descriptor-set", nil,
		"`file` with the contract as a FileDescriptorSet, in place of reflection; may be repeated")
	flags.BoolVar(&f.Reflect, "reflect", false,
		"ask the server's reflection as well, for what --proto and --descriptor-set do not have")
}

// HasFiles reports whether flags name files with the contract.
func (f *Flags) HasFiles() bool { return len(f.Proto)+len(f.Sets) > 0 }

// WithTimeout returns the context for all that a command does, which ends when --timeout has passed. The server is told
// what is left when it is called.
func (f *Flags) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return cli.WithTimeout(ctx, "--timeout", f.Timeout)
}

// leastSetUp is the time that LimitSetUp leaves at least for connecting, and for asking for the contract.
const leastSetUp = time.Second

// LimitSetUp is for commands that make many calls, each of which may take as long as --timeout says: connecting may
// take so long as well, and asking for the contract, but a second at least, however short calls are. It does nothing
// when --connect-timeout was given.
func (f *Flags) LimitSetUp(given func(flag string) bool) {
	if limit := max(f.Timeout, leastSetUp); f.Timeout > 0 && !given("connect-timeout") && limit < f.ConnectTimeout {
		f.ConnectTimeout, f.setUp = limit, "--timeout"
	}
}

// SettingUp returns the context for one step of what comes before calls, such as reading a file or asking for the
// contract. It ends after --connect-timeout, or what LimitSetUp made of that.
func (f *Flags) SettingUp(ctx context.Context) (context.Context, context.CancelFunc) {
	return cli.WithTimeout(ctx, cmp.Or(f.setUp, "--connect-timeout"), f.ConnectTimeout)
}

// ReadFile reads a file that a flag names, within the time of SettingUp: nobody may ever write to a FIFO.
func (f *Flags) ReadFile(ctx context.Context, path string, limit cli.Limit) ([]byte, error) {
	ctx, cancel := f.SettingUp(ctx)
	defer cancel()
	return cli.ReadFile(ctx, path, limit)
}

// RequestLimit is how much of a request, as it is written, is read.
func (f *Flags) RequestLimit() cli.Limit {
	return cli.Limit{Bytes: int64(f.MaxMessage), Flag: "--max-message SIZE"}
}

// Check returns what is wrong with the flags on their own. Open checks them, too.
func (f *Flags) Check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if f.Protocol == "" {
		f.Protocol = string(preset.GRPC)
	}
	bad(f.Timeout < 0, "--timeout is %s, want more than 0", f.Timeout)
	bad(f.ConnectTimeout <= 0, "--connect-timeout is %s, want more than 0", f.ConnectTimeout)
	bad(f.Key != "" && f.Cert == "", "--key needs --cert")
	bad(len(f.Roots) > 0 && len(f.Proto) == 0, "--proto-path needs --proto")
	bad(f.Plaintext && f.wantsTLS() != "", "--plaintext and %s exclude each other", f.wantsTLS())
	bad(f.Insecure && len(f.CA) > 0, "--insecure and --ca exclude each other: one verifies nothing, the other more")
	bad(!slices.Contains(preset.Protocols(), preset.Protocol(f.Protocol)), "--protocol %s: must be %s", f.Protocol,
		protocolNames())
	bad(f.HTTP1 && f.Protocol == string(preset.GRPC), "--http1 needs --protocol with another name: gRPC needs HTTP/2")
	switch f.Compress {
	case "", "gzip", "zstd", "identity":
	default:
		bad(true, "--compress %s: must be gzip, zstd or identity", f.Compress)
	}
	return errors.Join(errs...)
}

// wantsTLS returns the flag that makes sense with TLS only, "" when there is none.
func (f *Flags) wantsTLS() string {
	switch {
	case f.TLS:
		return "--tls"
	case f.Insecure:
		return "--insecure"
	case len(f.CA) > 0:
		return "--ca"
	case f.Cert != "":
		return "--cert"
	case f.ServerName != "":
		return "--server-name"
	}
	return ""
}

// Secure reports whether a is connected to with TLS: as a flag or the address says; otherwise unless the address is of
// this machine.
func (f *Flags) Secure(a Address) (bool, error) {
	scheme, _, _ := strings.Cut(a.Text, "://")
	switch {
	case a.Secure && f.Plaintext:
		return false, fmt.Errorf("--plaintext and %s:// exclude each other", scheme)
	case a.Plain && f.wantsTLS() != "":
		return false, fmt.Errorf("%s and %s:// exclude each other; write %ss://", f.wantsTLS(), scheme, scheme)
	case a.Secure || f.wantsTLS() != "":
		return true, nil
	case a.Plain || f.Plaintext:
		return false, nil
	}
	return !a.Local, nil
}

// The limits of files that flags name, in bytes. The bundles of authorities that systems have are below 1 MiB.
const (
	maxPEM     = 16 << 20
	maxHeaders = 1 << 20
	maxSet     = 256 << 20
)

// ReadPEM reads a file with certificates or keys, as ReadFile does.
func (f *Flags) ReadPEM(ctx context.Context, path string) ([]byte, error) {
	return f.ReadFile(ctx, path, cli.Limit{Bytes: maxPEM})
}

// TLSConfig reads the files that the flags name and returns the configuration of a client.
func (f *Flags) TLSConfig(ctx context.Context) (*tls.Config, error) {
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         f.ServerName,
		InsecureSkipVerify: f.Insecure, //nolint:gosec // the flag says what it does
	}
	if len(f.CA) > 0 {
		cfg.RootCAs = x509.NewCertPool()
	}
	for _, path := range f.CA {
		pem, err := f.ReadPEM(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca: %s has no certificate in PEM", path)
		}
	}
	if f.Cert != "" {
		key := f.Key
		if key == "" {
			key = f.Cert
		}
		pair, err := f.ReadPair(ctx, f.Cert, key)
		if err != nil {
			return nil, fmt.Errorf("--cert %s, --key %s: %w", f.Cert, key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// ReadPair reads a certificate and its key, which may be in one file.
func (f *Flags) ReadPair(ctx context.Context, cert, key string) (tls.Certificate, error) {
	certPEM, err := f.ReadPEM(ctx, cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM := certPEM
	if key != cert {
		if keyPEM, err = f.ReadPEM(ctx, key); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}
