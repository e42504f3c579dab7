package client

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
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

// Invalid returns an option with which New returns err. It is for packages that make options of their own and find that
// they were given something wrong. A nil err is an error as well.
func Invalid(err error) Option {
	if err == nil {
		err = errors.New("client: Invalid was given nil")
	}
	return option(func(c *config) { c.errs = append(c.errs, err) })
}

// Protocol sets the wire protocol. There is no default.
func Protocol(p protocol.Client) Option { return option(func(c *config) { c.protocol = p }) }

// Dialer sets what connects. One that resolves names itself (transport.NameResolver), such as an inproc.Network, gets
// those of targets like "greeter:8080" as they are. There is no default.
func Dialer(d transport.Dialer) Option { return option(func(c *config) { c.dialer = d }) }

// Codec sets what encodes messages. There is no default.
func Codec(k codec.Codec) Option { return option(func(c *config) { c.codec = k }) }

// Compressor adds compressors: they are accepted in responses and open to Compress and fairlead.WithCompressor. One
// with the name of an earlier one takes its place. Default: none.
func Compressor(k ...compress.Compressor) Option {
	return option(func(c *config) { c.compressors = append(c.compressors, k...) })
}

// WithoutCompressor leaves out the compressors of those names that options before this one added. A name that none has
// is an error of New, which lists the names that there are.
func WithoutCompressor(names ...string) Option {
	return option(func(c *config) { c.withoutCompressor(names) })
}

// Compress sets the compressor of requests by its name, which is that of one of Compressor's; "identity" means none.
// Default: none.
func Compress(name string) Option { return option(func(c *config) { c.compress = name }) }

// CompressMin sets the size in bytes below which messages are sent as they are. It concerns requests that Compress or
// fairlead.WithCompressor has compressed. Default: 1024.
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

// Deadline sets the middleware that gives calls their deadline, such as that of timeout.Share. It is the outermost of
// the call, so that those of Use see the deadline. They also see calls that it refuses, which end with its error below
// them. Nil: a call has the deadline of its context, of
// fairlead.WithTimeout or of its method, the earliest of them. Default: nil; package preset has one, which
// preset.DeadlineShare sets.
func Deadline(m fairlead.Middleware) Option {
	return option(func(c *config) { c.deadline = m })
}

// UsePerAttempt adds middleware around each attempt, for which an instance was picked: Call.Peer has its address. The
// first is outermost. Transparent repetitions, of attempts that did not reach their server, happen inside.
// Default: none.
func UsePerAttempt(m ...fairlead.Middleware) Option {
	return option(func(c *config) { c.attempt = append(c.attempt, m...) })
}

// Header adds a pair to the metadata of each call, unary calls and streams, such as a token. It is below the middleware
// of Use. The name is lowered; New checks it, and one that ends in "-bin" has values of any bytes. Later Headers of the
// name take the place of earlier ones, and a call that has the name already, by fairlead.WithHeader or because it is
// repeated, keeps what it has. Values go to the peer of the connection: without TLS they can be read on the way.
//
// Value is called by the call's goroutine, so by many at once, with the call's context: CallFrom finds the inbound call
// on whose behalf the call is made, and the context ends at the call's deadline, and when value has returned. "" sends
// no header. An error fails the call before anything was sent: with its code if it is a fairlead.Error or a context's
// error, and with UNAUTHENTICATED otherwise. Default: none.
func Header(name string, value func(ctx context.Context) (string, error)) Option {
	return option(func(c *config) { c.addHeader(header{name, value}) })
}

// MaxRecvMessage limits a message received, decompressed, in bytes. Default: 4 MiB.
func MaxRecvMessage(bytes int) Option { return option(func(c *config) { c.recvMessage = bytes }) }

// MaxSendMessage limits a message sent, in bytes before compression. Default: 2 GiB less one byte.
func MaxSendMessage(bytes int) Option { return option(func(c *config) { c.sendMessage = bytes }) }

// MaxHeaderList limits the metadata received with a response, in bytes as RFC 9113 counts them in section 6.5.2.
// Default: 64 KiB.
func MaxHeaderList(bytes int) Option { return option(func(c *config) { c.headerList = bytes }) }

// UserAgent is put before the framework's own name and version. Default: "".
func UserAgent(name string) Option { return option(func(c *config) { c.userAgent = name }) }

// Authority sets the host that servers are asked for; with TLS it is also whose certificate is wanted, unless the
// configuration has a ServerName. Default: the target without its scheme, the first address of a list, "localhost"
// for unix.
func Authority(host string) Option { return option(func(c *config) { c.authority = host }) }

// TLS encrypts connections. The configuration is copied; NextProtos is set to the protocol's names if it is empty,
// and ServerName to the authority's host. TLS 1.2 is the least. Nil is an error: without the option connections are not
// encrypted.
func TLS(t *tls.Config) Option { return option(func(c *config) { c.tls, c.tlsSet = t, true }) }

// Connections sets the number of connections that are made to each instance to begin with. Default: 1.
func Connections(n int) Option { return option(func(c *config) { c.connections = n }) }

// MaxConnections limits the connections to each instance: one more is made when all of them carry as many calls as the
// server allows, up to this number; beyond it calls wait in line. It is at least that of Connections. Default: 8, and
// 256 with a protocol whose connections carry one call at a time (protocol.Serial).
func MaxConnections(n int) Option { return option(func(c *config) { c.maxConnections = n }) }

// WaitForReady decides whether calls wait for a connection until their deadline or fail as soon as none can be made;
// fairlead.WithWaitForReady does so for one call. Default: false.
func WaitForReady(wait bool) Option { return option(func(c *config) { c.waitForReady = wait }) }

// ConnectTimeout limits one attempt to connect, handshakes included; it gets the time of the back-off if that is
// longer. Calls that do not wait for ready wait as long for a server that allows no calls on its connections for now.
// Default: 20 s.
func ConnectTimeout(d time.Duration) Option {
	return option(func(c *config) { c.connectTimeout = d })
}

// Backoff sets the time from one failed attempt to connect to an instance to the next: base after the first, 1.6 times
// as much after each further one up to limit, give or take a fifth. Default: 1 s and 120 s.
func Backoff(base, limit time.Duration) Option {
	return option(func(c *config) { c.backoffBase, c.backoffMax = base, limit })
}

// KeepAlive sends a PING to a server from which nothing was received for interval. If nothing is received within
// timeout, the connection is closed and its calls fail with UNAVAILABLE, so that they do not wait for a server that is
// gone. While no call is under way no PING is sent, unless idle is set. The interval is at least 10 s, the least that
// gRPC's clients allow, or 0 for never, and timeout and idle without effect then. Default: 0.
//
// Servers limit PINGs: those of gRPC to one in five minutes, and to none without calls, unless they are configured
// otherwise. Agree with their owners. When an instance answers that it got too many, the interval is doubled for its
// later connections.
//
// It applies to protocols that know a PING, as HTTP/2 does. The times are exact to a tenth of the shortest, IdleTimeout
// included, or to a minute.
func KeepAlive(interval, timeout time.Duration, idle bool) Option {
	return option(func(c *config) {
		c.alive.PingAfter, c.alive.PingTimeout, c.alive.PingIdle = interval, timeout, idle
	})
}

// IdleTimeout closes connections that had no call for d; the next call makes one again. 0 is never. Default: 30 min,
// and 45 s with a protocol whose connections carry one call at a time (protocol.Serial), of which there are more.
func IdleTimeout(d time.Duration) Option { return option(func(c *config) { c.alive.Idle = d }) }

// Logger sets what logs resolvers and connections that fail. Middleware without a logger of its own uses it as well
// (fairlead.Site's Logger). Default: nothing is logged.
func Logger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }
