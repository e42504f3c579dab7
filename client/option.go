package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// Option sets something of a Client.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

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
	call        []fairlead.Middleware
	attempt     []fairlead.Middleware
	userAgent   string
	authority   string
	tls         *tls.Config
	logger      *slog.Logger

	compressMin    int
	recvMessage    int
	sendMessage    int
	headerList     int
	queuedBytes    int
	connections    int
	maxConnections int
	waitForReady   bool
	connectTimeout time.Duration
	backoffBase    time.Duration
	backoffMax     time.Duration
	alive          protocol.Alive
	guard          *protocol.Guard
}

func defaults() config {
	return config{
		compressMin:    1 << 10,
		recvMessage:    4 << 20,
		sendMessage:    math.MaxInt32,
		headerList:     64 << 10,
		queuedBytes:    16 << 20,
		guard:          &protocol.Guard{ControlBudget: 10_000, FrameTimeout: 30 * time.Second},
		connections:    1,
		maxConnections: 8,
		connectTimeout: 20 * time.Second,
		backoffBase:    time.Second,
		backoffMax:     120 * time.Second,
		alive:          protocol.Alive{Idle: 30 * time.Minute},
		logger:         slog.New(slog.DiscardHandler),
	}
}

// Protocol sets the wire protocol. There is no default.
func Protocol(p protocol.Client) Option { return option(func(c *config) { c.protocol = p }) }

// Dialer sets what connects. There is no default.
func Dialer(d transport.Dialer) Option { return option(func(c *config) { c.dialer = d }) }

// Codec sets what encodes messages. There is no default.
func Codec(k codec.Codec) Option { return option(func(c *config) { c.codec = k }) }

// Compressor adds compressors: they are accepted in responses and open to Compress and fairlead.WithCompressor. One
// with the name of an earlier one takes its place. Default: none.
func Compressor(k ...compress.Compressor) Option {
	return option(func(c *config) { c.compressors = append(c.compressors, k...) })
}

// Compress has requests compressed with the compressor of that name, one of Compressor's; "identity" means none.
// Default: none.
func Compress(name string) Option { return option(func(c *config) { c.compress = name }) }

// CompressMin sets the size in bytes below which messages are sent as they are. Default: 1024.
func CompressMin(bytes int) Option { return option(func(c *config) { c.compressMin = bytes }) }

// Resolver adds resolvers; the target's scheme chooses among them, and one must fit. One with the scheme of an
// earlier one takes its place. Default: none.
func Resolver(r ...discovery.Resolver) Option {
	return option(func(c *config) { c.resolvers = append(c.resolvers, r...) })
}

// Balancer sets what picks an instance for each attempt. There is no default.
func Balancer(b balance.Balancer) Option { return option(func(c *config) { c.balancer = b }) }

// Filter adds filters, which narrow the instances in their order before the balancer sees them. A filter that leaves
// none is passed over. Default: none.
func Filter(f ...balance.Filter) Option {
	return option(func(c *config) { c.filters = append(c.filters, f...) })
}

// Use adds middleware around the whole call, whatever its attempts; the first is outermost. Default: none.
func Use(m ...fairlead.Middleware) Option {
	return option(func(c *config) { c.call = append(c.call, m...) })
}

// UsePerAttempt adds middleware around each attempt, for which an instance was picked: Call.Peer has its address. The
// first is outermost. Repetitions that nobody notices (of attempts that did not reach their server) happen inside.
// Default: none.
func UsePerAttempt(m ...fairlead.Middleware) Option {
	return option(func(c *config) { c.attempt = append(c.attempt, m...) })
}

// MaxRecvMessage limits a message received, decompressed, in bytes. Default: 4 MiB.
func MaxRecvMessage(bytes int) Option { return option(func(c *config) { c.recvMessage = bytes }) }

// MaxSendMessage limits a message sent, in bytes before compression. Default: 2 GiB less one byte.
func MaxSendMessage(bytes int) Option { return option(func(c *config) { c.sendMessage = bytes }) }

// MaxHeaderList limits the metadata received with a response, in bytes as RFC 9113 counts them in section 6.5.2.
// Default: 64 KiB.
func MaxHeaderList(bytes int) Option { return option(func(c *config) { c.headerList = bytes }) }

// QueuedBytes limits the bytes of responses that a connection holds for slow readers before it stops reading. Default:
// 16 MiB.
func QueuedBytes(bytes int) Option { return option(func(c *config) { c.queuedBytes = bytes }) }

// ControlBudget bounds, for each connection, the work that a server can make without answering calls: frames such as
// SETTINGS, PING, WINDOW_UPDATE and empty DATA cost one unit, streams that are reset two. The budget is n units, at
// least 100; n/2 come back each second, and calls and received data give back more. A server that is over it is left,
// with GOAWAY and ENHANCE_YOUR_CALM, and the calls under way there fail. Default: 10,000.
func ControlBudget(n int) Option { return option(func(c *config) { c.guard.ControlBudget = n }) }

// UserAgent is put before the framework's own name and version. Default: "".
func UserAgent(name string) Option { return option(func(c *config) { c.userAgent = name }) }

// Authority sets the host that servers are asked for; with TLS it is also whose certificate is wanted, unless the
// configuration has a ServerName. Default: the target without its scheme, the first address of a list, "localhost"
// for unix.
func Authority(host string) Option { return option(func(c *config) { c.authority = host }) }

// TLS has connections encrypted. The configuration is copied; NextProtos is set to the protocol's names if it is empty,
// and ServerName to the authority's host. Default: nil, plaintext.
func TLS(t *tls.Config) Option { return option(func(c *config) { c.tls = t }) }

// Connections sets the number of connections that are made to each instance to begin with. Default: 1.
func Connections(n int) Option { return option(func(c *config) { c.connections = n }) }

// MaxConnections limits the connections to each instance: one more is made when all of them carry as many calls as the
// server allows, up to this number; beyond it calls wait in line. It is at least that of Connections. Default: 8.
func MaxConnections(n int) Option { return option(func(c *config) { c.maxConnections = n }) }

// WaitForReady decides whether calls wait for a connection until their deadline or fail as soon as none can be made;
// fairlead.WithWaitForReady does so for one call. Default: false.
func WaitForReady(wait bool) Option { return option(func(c *config) { c.waitForReady = wait }) }

// ConnectTimeout limits one attempt to connect, handshakes included; it gets the time of the back-off if that is
// longer. Default: 20 s.
func ConnectTimeout(d time.Duration) Option {
	return option(func(c *config) { c.connectTimeout = d })
}

// Backoff sets the time from one failed attempt to connect to an instance to the next: base after the first, 1.6 times
// as much after each further one up to limit, give or take a fifth. Default: 1 s and 120 s.
func Backoff(base, limit time.Duration) Option {
	return option(func(c *config) { c.backoffBase, c.backoffMax = base, limit })
}

// KeepAlive has a server asked for an answer, by a PING, when nothing came from it for interval; if nothing comes
// within timeout, the connection is closed, and its calls fail with UNAVAILABLE. So calls do not wait for a server that
// is gone without a word. While no call is under way it is not asked, unless idle is set. The interval is 0, for never,
// or at least 10 s, the least that gRPC's clients allow: less is an error of New. Default: 0.
//
// Servers bound the PINGs that they take: those of gRPC to one in five minutes, and to none without calls, unless they
// are told otherwise. Agree with their owner. When an instance says that it had too many, the interval is doubled for
// its later connections.
//
// It applies to protocols that know a PING, as HTTP/2 does. The times are exact to a tenth of the shortest, IdleTimeout
// included, or to a minute.
func KeepAlive(interval, timeout time.Duration, idle bool) Option {
	return option(func(c *config) {
		c.alive.PingAfter, c.alive.PingTimeout, c.alive.PingIdle = interval, timeout, idle
	})
}

// IdleTimeout has connections closed that had no call for d; the next call makes one again. 0 is never. Default:
// 30 min.
func IdleTimeout(d time.Duration) Option { return option(func(c *config) { c.alive.Idle = d }) }

// Logger is told about resolvers and connections that fail. Default: nobody is.
func Logger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }

// check returns all that is wrong with the options. It leaves the lists with one entry for each name.
func (c *config) check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("client: "+format, args...))
		}
	}
	bad(c.protocol == nil, "Protocol is missing (package preset has one)")
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
	bad(c.compressMin < 0, "CompressMin is %d, want 0 or more bytes", c.compressMin)
	bad(c.recvMessage <= 0, "MaxRecvMessage is %d, want 1 byte or more", c.recvMessage)
	bad(c.sendMessage <= 0, "MaxSendMessage is %d, want 1 byte or more", c.sendMessage)
	bad(c.headerList <= 0, "MaxHeaderList is %d, want 1 byte or more", c.headerList)
	bad(c.guard.ControlBudget < 100, "ControlBudget is %d, want 100 or more", c.guard.ControlBudget)
	bad(c.queuedBytes <= 0, "QueuedBytes is %d, want 1 byte or more", c.queuedBytes)
	bad(c.connections < 1, "Connections is %d, want 1 or more", c.connections)
	bad(c.maxConnections < 1, "MaxConnections is %d, want 1 or more", c.maxConnections)
	bad(c.connectTimeout <= 0, "ConnectTimeout is %s, want more than 0", c.connectTimeout)
	bad(c.backoffBase <= 0 || c.backoffMax < c.backoffBase,
		"Backoff is from %s to %s, want more than 0 and not less", c.backoffBase, c.backoffMax)
	a := &c.alive
	bad(a.PingAfter != 0 && a.PingAfter < minPingInterval,
		"KeepAlive has an interval of %s, want 0 or %s or more", a.PingAfter, minPingInterval)
	bad(a.PingAfter != 0 && a.PingTimeout <= 0, "KeepAlive has a timeout of %s, want more than 0", a.PingTimeout)
	bad(a.Idle < 0, "IdleTimeout is %s, want 0 or more", a.Idle)
	if err := errors.Join(errs...); err != nil {
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

// minPingInterval is the shortest interval of KeepAlive (https://github.com/grpc/proposal/blob/master, A8).
const minPingInterval = 10 * time.Second

// identity is the name of no compression.
const identity = "identity"

func (c *config) requestCompressor() compress.Compressor {
	for _, k := range c.compressors {
		if k.Name() == c.compress {
			return k
		}
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
		QueuedBytes: c.queuedBytes,
		Guard:       c.guard,
		UserAgent:   c.userAgent,
		Authority:   authority,
		TLS:         c.tls != nil,
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
