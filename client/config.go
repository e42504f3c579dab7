package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// config is what the options set. Values are checked in New.
type config struct {
	protocol    protocol.Client
	dialer      transport.Dialer
	codec       codec.Codec
	compressors []compress.Compressor
	compress    string
	resolvers   []discovery.Resolver
	balancer    balance.Balancer
	filters     []balance.Filter
	deadline    fairlead.Middleware // nil: none
	call        []fairlead.Middleware
	attempt     []fairlead.Middleware
	headers     []header
	userAgent   string
	authority   string
	tls         *tls.Config
	tlsSet      bool
	logger      *slog.Logger // contains the panics of its handler, once the options are checked
	usersLogger *slog.Logger // the one that was given, for middleware
	panics      *protocol.Panics

	compressMin    int
	recvMessage    int
	sendMessage    int
	headerList     int
	connections    int
	maxConnections int
	serial         bool // the protocol's connections carry one call at a time
	waitForReady   bool
	connectTimeout time.Duration
	backoffBase    time.Duration
	backoffMax     time.Duration
	alive          protocol.Alive
	guard          *protocol.Guard

	errs []error // of options that could not be applied
}

func defaults() config {
	return config{
		compressMin:    1 << 10,
		recvMessage:    4 << 20,
		sendMessage:    math.MaxInt32,
		headerList:     64 << 10,
		guard:          new(protocol.Guard),
		connections:    1,
		maxConnections: byProtocol,
		connectTimeout: 20 * time.Second,
		backoffBase:    time.Second,
		backoffMax:     120 * time.Second,
		alive:          protocol.Alive{Idle: byProtocol},
		logger:         slog.New(slog.DiscardHandler),
	}
}

// byProtocol is the value of settings whose default depends on the protocol.
const byProtocol = math.MinInt

// The defaults of MaxConnections and IdleTimeout. A connection that carries one call at a time is one of many, of which
// a server keeps few: the proxies and servers that are in use end idle ones after a minute or more, and the client had
// better be first, because a request may cross with the end.
const (
	maxShared  = 8
	maxSerial  = 256
	idleShared = 30 * time.Minute
	idleSerial = 45 * time.Second
)

// complete sets what depends on the protocol.
func (c *config) complete() {
	s, ok := c.protocol.(protocol.Serial)
	c.serial = ok && s.Serial()
	connections, idle := maxShared, idleShared
	if c.serial {
		connections, idle = maxSerial, idleSerial
	}
	if c.maxConnections == byProtocol {
		c.maxConnections = connections
	}
	if c.alive.Idle == byProtocol {
		c.alive.Idle = idle
	}
}

// check returns all that is wrong with the options. It leaves the lists with one entry for each name, and no setting
// without its default.
func (c *config) check() error {
	c.complete()
	errs := c.errs
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("client: "+format, args...))
		}
	}
	bad(c.protocol == nil, "Protocol is missing (package preset has one)")
	if k, ok := c.protocol.(protocol.Checker); ok {
		if err := k.Check(); err != nil {
			errs = append(errs, fmt.Errorf("client: Protocol: %w", err))
		}
	}
	bad(c.dialer == nil, "Dialer is missing (package preset has one)")
	bad(c.codec == nil, "Codec is missing (package preset has one)")
	bad(c.balancer == nil, "Balancer is missing (package preset has one)")
	bad(c.logger == nil, "Logger is nil")
	missing := func(m fairlead.Middleware) bool { return m == nil }
	bad(slices.ContainsFunc(c.call, missing), "Use was given nil")
	bad(slices.ContainsFunc(c.attempt, missing), "UsePerAttempt was given nil")
	bad(slices.Contains(c.filters, nil), "Filter was given nil")
	bad(slices.Contains(c.resolvers, nil), "Resolver was given nil")
	bad(slices.Contains(c.compressors, nil), "Compressor was given nil")
	for _, k := range c.compressors {
		bad(k != nil && (k.Name() == "" || k.Name() == identity),
			"Compressor was given %T, which has no name or that of no compression", k)
	}
	bad(strings.ContainsFunc(c.userAgent, notPrintable), "UserAgent is %q, want printable ASCII", c.userAgent)
	bad(strings.ContainsFunc(c.authority, notPrintable) || strings.ContainsAny(c.authority, " /?#@\\"),
		"Authority is %q, want a host and maybe a port", c.authority)
	errs = append(errs, c.checkTLS())
	for _, n := range []struct {
		option           string
		value, low, high int
	}{
		{"CompressMin", c.compressMin, 0, math.MaxInt32},
		{"MaxRecvMessage", c.recvMessage, 1, math.MaxInt32},
		{"MaxSendMessage", c.sendMessage, 1, math.MaxInt32},
		{"MaxHeaderList", c.headerList, 1 << 10, 16 << 20},
	} {
		bad(n.value < n.low || n.value > n.high, "%s is %d, want %d to %d", n.option, n.value, n.low, n.high)
	}
	bad(c.connections < 1, "Connections is %d, want 1 or more", c.connections)
	bad(c.maxConnections < 1, "MaxConnections is %d, want 1 or more", c.maxConnections)
	bad(c.connectTimeout <= 0, "ConnectTimeout is %s, want more than 0", c.connectTimeout)
	bad(c.backoffBase <= 0 || c.backoffMax < c.backoffBase,
		"Backoff is from %s to %s, want more than 0 and not less", c.backoffBase, c.backoffMax)
	a := &c.alive
	bad(a.PingAfter != 0 && a.PingAfter < minPingInterval,
		"KeepAlive has an interval of %s, want 0 or %s or more", a.PingAfter, minPingInterval)
	bad(a.PingAfter != 0 && a.PingTimeout <= 0 || a.PingTimeout < 0,
		"KeepAlive has a timeout of %s, want more than 0", a.PingTimeout)
	bad(a.Idle < 0, "IdleTimeout is %s, want 0 or more", a.Idle)
	if err := errors.Join(append(errs, c.checkHeaders())...); err != nil {
		return err
	}
	c.maxConnections = max(c.maxConnections, c.connections)
	c.compressors = lastOfEach(c.compressors, compress.Compressor.Name)
	c.resolvers = lastOfEach(c.resolvers, discovery.Resolver.Scheme)
	if c.requestCompressor() == nil && c.compress != "" && c.compress != identity {
		return fmt.Errorf("client: Compress names %q, which is none of Compressor's %q", c.compress,
			names(c.compressors, compress.Compressor.Name))
	}
	return nil
}

// keep returns what the client's keeper does. Connections that carry one call at a time have their idle time-out in the
// pool, which knows since when they have none.
func (c *config) keep() protocol.Alive {
	a := c.alive
	if c.serial {
		a.Idle = 0
	}
	return a
}

// minPingInterval is the shortest interval of KeepAlive (https://github.com/grpc/proposal/blob/master, A8).
const minPingInterval = 10 * time.Second

// identity is the name of no compression.
const identity = "identity"

// withoutCompressor takes out the compressors of those names.
func (c *config) withoutCompressor(without []string) {
	if len(without) == 0 {
		c.errs = append(c.errs, errors.New("client: WithoutCompressor was given no name"))
	}
	for _, name := range without {
		left := slices.DeleteFunc(slices.Clone(c.compressors), func(k compress.Compressor) bool {
			return k != nil && k.Name() == name
		})
		if len(left) == len(c.compressors) {
			there := slices.DeleteFunc(slices.Clone(c.compressors), func(k compress.Compressor) bool { return k == nil })
			c.errs = append(c.errs, fmt.Errorf("client: WithoutCompressor names %q, and options before it added %q", name,
				names(there, compress.Compressor.Name)))
		}
		c.compressors = left
	}
}

func (c *config) requestCompressor() compress.Compressor {
	for _, k := range c.compressors {
		if k.Name() == c.compress {
			return k
		}
	}
	return nil
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// checkTLS returns what is wrong with the TLS configuration.
func (c *config) checkTLS() error {
	switch t := c.tls; {
	case !c.tlsSet:
		return nil
	case t == nil:
		return errors.New("client: TLS was given nil (without the option connections are not encrypted)")
	case t.MinVersion != 0 && t.MinVersion < tls.VersionTLS12:
		return fmt.Errorf("client: TLS has MinVersion %s, and TLS 1.2 is the least", tls.VersionName(t.MinVersion))
	case t.MaxVersion != 0 && t.MaxVersion < tls.VersionTLS12:
		return fmt.Errorf("client: TLS has MaxVersion %s, and TLS 1.2 is the least", tls.VersionName(t.MaxVersion))
	case c.protocol != nil && len(t.NextProtos) > 0 && len(c.protocol.ALPN()) > 0 &&
		!slices.ContainsFunc(t.NextProtos, func(p string) bool { return slices.Contains(c.protocol.ALPN(), p) }):
		return fmt.Errorf("client: TLS has NextProtos %q, and %s none but %q", t.NextProtos, c.protocol.Name(),
			c.protocol.ALPN())
	}
	return nil
}

// secure completes the TLS configuration.
func (c *config) secure(host string) error {
	if c.tls == nil {
		return nil
	}
	c.tls = c.tls.Clone()
	if len(c.tls.NextProtos) == 0 {
		c.tls.NextProtos = c.protocol.ALPN()
	}
	if c.authority != "" {
		host = hostOf(c.authority)
	}
	if c.tls.ServerName == "" {
		c.tls.ServerName = host
	}
	if c.tls.ServerName == "" && !c.tls.InsecureSkipVerify {
		return errors.New("client: TLS has no ServerName, and the target no host that could be one")
	}
	return nil
}

// forProtocol returns what the protocol gets to know.
func (c *config) forProtocol(authority string) protocol.ClientConfig {
	if c.authority != "" {
		authority = c.authority
	}
	return protocol.ClientConfig{
		Codec:       c.codec,
		Compressor:  c.requestCompressor(),
		Compressors: c.compressors,
		CompressMin: c.compressMin,
		RecvMessage: c.recvMessage,
		SendMessage: c.sendMessage,
		HeaderList:  c.headerList,
		Guard:       c.guard,
		UserAgent:   c.userAgent,
		Authority:   authority,
		TLS:         c.tls != nil,
		Panics:      c.panics,
		Logger:      c.logger,
	}
}

// lastOfEach leaves the last value of each name, in the place of the first.
func lastOfEach[T any](list []T, name func(T) string) []T {
	var kept []T
	for _, v := range list {
		same := func(k T) bool { return name(k) == name(v) }
		if i := slices.IndexFunc(kept, same); i >= 0 {
			kept[i] = v
		} else {
			kept = append(kept, v)
		}
	}
	return kept
}

func names[T any](list []T, name func(T) string) []string {
	s := make([]string, 0, len(list))
	for _, v := range list {
		s = append(s, name(v))
	}
	return s
}
