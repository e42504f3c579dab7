package server

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// Option configures a Server. Options that take a single value override earlier ones; options that take any number of
// values append to earlier ones, so that package preset's stay.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Gate decides on calls before their message is read: limits and load shedders are gates. Both methods are called by
// reading goroutines and must not block. They are safe for concurrent use. An Enter that panics refuses the call with
// INTERNAL.
type Gate interface {
	// Enter admits the call or returns the error that its caller gets, RESOURCE_EXHAUSTED or UNAVAILABLE as a rule.
	Enter(c *fairlead.Call) error
	// Leave is called once for each call that this gate has admitted: at its end, or when a later gate refused it.
	Leave(c *fairlead.Call)
}

// Service adds services. At least one method is needed; a path that two methods share is an error.
func Service(impl ...*fairlead.Implementation) Option {
	return option(func(c *config) { c.services = append(c.services, impl...) })
}

// Protocol adds wires. At least one is needed; a connection goes to the first whose ALPN was agreed upon or that knows
// its first bytes. One takes the place of an earlier one of the same name. A value serves one server.
func Protocol(p ...protocol.Server) Option {
	return option(func(c *config) { c.protocols = append(c.protocols, p...) })
}

// HTTP adds protocols to the wire among those of Protocol that carries HTTP, such as package preset's: they are asked
// after those that the wire has, and one takes the place of an earlier one of the same name. A value serves one server.
// Without such a wire, or with two of them, it is an error. Default: none.
func HTTP(p ...protocol.HTTP) Option {
	return option(func(c *config) { c.https = append(c.https, p...) })
}

// Fallback sets the handler of calls whose method no service has, for gateways. It gets every such call, of whatever
// kind, as a bidirectional stream of *fairlead.Raw (fairlead.BidiHandler), and Call.Method has the names that were
// called. Middleware and gates apply as to other methods, except that the Method of fairlead.Site has the path "*", and
// requests are not validated. It is for protocols that address methods by service and name, as gRPC does, and for the
// codecs that the server has. Default: none; such calls fail with UNIMPLEMENTED.
func Fallback(h fairlead.Handler) Option {
	return option(func(c *config) { c.fallback, c.fallbackSet = h, true })
}

// Codec adds codecs. Each method is served with all that carry its messages, and one is needed; a codec takes the place
// of an earlier one of the same name.
func Codec(k ...codec.Codec) Option {
	return option(func(c *config) { c.codecs = append(c.codecs, k...) })
}

// Compressor adds compressors that clients may use; a response is compressed as its request was, unless its handler
// chooses (fairlead.Call.SetSendCompressor). One takes the place of an earlier one of the same name. Default: none.
func Compressor(k ...compress.Compressor) Option {
	return option(func(c *config) { c.compressors = append(c.compressors, k...) })
}

// Use adds middleware around all methods; the first is outermost. Default: none.
func Use(mw ...fairlead.Middleware) Option {
	return option(func(c *config) {
		for _, m := range mw {
			c.middleware = append(c.middleware, namedMiddleware{mw: m})
		}
	})
}

// UseNamed adds one middleware as Use does, under a name: a later UseNamed with the same name takes its place, and
// Without leaves it out. The name "validation" is that of Validation, and an error here. Default: none; package preset
// has "recovery" and "logging".
func UseNamed(name string, mw fairlead.Middleware) Option {
	return option(func(c *config) { c.useNamed(name, mw) })
}

// Without leaves out the middleware of those names that options before this one added: those of UseNamed, and
// "validation" for that of Validation. A name that none has is an error of New, which lists the names that there are.
func Without(names ...string) Option {
	return option(func(c *config) { c.without(names) })
}

// Validation sets the middleware that holds requests against the rules in their contract. It is the innermost: those of
// Use see what it refuses, and nobody learns of rules who may not call. Nil: requests are not checked. Default: none;
// package preset has one.
func Validation(mw fairlead.Middleware) Option {
	return option(func(c *config) { c.validation = mw })
}

// WithoutCompressor leaves out the compressors of those names that options before this one added. A name that none has
// is an error of New, which lists the names that there are.
func WithoutCompressor(names ...string) Option {
	return option(func(c *config) { c.withoutCompressor(names) })
}

// Admission adds gates, which are asked in order. Default: none.
func Admission(g ...Gate) Option {
	return option(func(c *config) { c.gates = append(c.gates, g...) })
}

// Transport sets the network in which Start listens. Needed with Listen, and without effect otherwise: a listener of
// Serve is of its own network. There is no default.
func Transport(n transport.Network) Option {
	return option(func(c *config) { c.network, c.networkSet = n, true })
}

// Listen adds an address at which Start listens: "host:port", where the host may be empty for all interfaces and the
// port 0 for any free one; "unix:/path", which may be relative and begin with two more slashes; or, on Linux,
// "unix-abstract:name", a socket without a file. Default: none.
func Listen(addr string) Option {
	return option(func(c *config) { c.listen = append(c.listen, addr) })
}

// TLS has all addresses of Listen speak TLS alone. The configuration needs a certificate, is copied, and gets the
// wires' names in NextProtos behind its own and TLS 1.2 as the least version; a lower MinVersion is an error. What its
// GetConfigForClient returns is used as it is, so that must set NextProtos itself. Default: plaintext.
func TLS(cfg *tls.Config) Option {
	return option(func(c *config) { c.tls, c.tlsSet = cfg, true })
}

// MaxRecvMessage limits a message received to n bytes, decompressed. Longer ones are answered with RESOURCE_EXHAUSTED.
// Default: 4 MiB, which is gRPC's custom.
func MaxRecvMessage(n int) Option { return option(func(c *config) { c.limits.RecvMessage = n }) }

// MaxSendMessage limits a message sent to n bytes. Longer ones fail with RESOURCE_EXHAUSTED. Default: 2 GiB less a
// byte, the most that any codec's peer can be expected to take.
func MaxSendMessage(n int) Option { return option(func(c *config) { c.limits.SendMessage = n }) }

// MaxHeaderList limits the header list of a request to n bytes, 32 for each field included (RFC 9113, section 6.5.2).
// Default: 64 KiB, room for large tokens, and little enough for many streams to wait with one.
func MaxHeaderList(n int) Option { return option(func(c *config) { c.limits.HeaderList = n }) }

// MaxStreams limits the concurrent calls of a connection to n. Default: 1000.
func MaxStreams(n int) Option { return option(func(c *config) { c.limits.Streams = n }) }

// MaxConnections limits the open connections to n; more are closed as soon as they are accepted. Default: 0, which sets
// no limit but the system's.
func MaxConnections(n int) Option { return option(func(c *config) { c.maxConns = n }) }

// MaxBytes limits the requests that are under way in the whole server to n bytes; calls that would exceed it are
// answered with RESOURCE_EXHAUSTED before they are read, and so is a single message that is longer, whatever
// MaxRecvMessage says. At most 64 GiB. Default: 256 MiB.
func MaxBytes(n int64) Option { return option(func(c *config) { c.maxBytes = n }) }

// CompressMin has messages shorter than n bytes sent as they are. Default: 1024, since shorter ones fit into one packet
// with or without compression, which then costs time and saves nothing. 0 compresses all. Without a Compressor nothing
// is compressed.
func CompressMin(n int) Option { return option(func(c *config) { c.limits.CompressMin = n }) }

// HandshakeTimeout limits the time until a new connection has completed its TLS handshake and, without ALPN, sent the
// bytes that tell its protocol; and again, from there to its first SETTINGS. Default: 10 s.
func HandshakeTimeout(d time.Duration) Option {
	return option(func(c *config) { c.handshake = d })
}

// KeepAlive has a client asked for an answer, by a PING, when nothing came from it for interval; if nothing comes
// within timeout, its connection is closed and its calls cancelled. So connections end whose client is gone without a
// word. The interval is at least 1 s, or 0 for never, and the timeout without effect then. Default: 2 h and 20 s, which
// are grpc-go's.
//
// It applies to wires that know a PING, as HTTP/2 does. This and the times of IdleTimeout and MaxAge are exact to a
// tenth of the shortest of them, or to a minute.
func KeepAlive(interval, timeout time.Duration) Option {
	return option(func(c *config) { c.alive.PingAfter, c.alive.PingTimeout = interval, timeout })
}

// IdleTimeout has connections drained that had no call for d: their clients connect anew for the next one, and no call
// fails. Default: 0, which is never.
func IdleTimeout(d time.Duration) Option {
	return option(func(c *config) { c.alive.Idle = d })
}

// MaxAge has connections drained at the given age, give or take a tenth, so that clients find new servers and balance
// anew. Calls under way go on for at most grace; then they are cut. 0 sets no limit, to either. Default: 0 and 0.
func MaxAge(age, grace time.Duration) Option {
	return option(func(c *config) { c.alive.Age, c.alive.Grace = age, grace })
}

// MessageTimeout limits the time that a client takes to send the rest of a message that it has begun, or of a request
// that has one message, to d, and the time that it takes to receive the response of a unary call. The time begins anew
// with each 64 KiB, and is exact to two tenths. The call ends with DEADLINE_EXCEEDED, or with a reset if there is a
// response. Its deadline, which counts from the head of the request, may end it sooner. The time between the messages
// of a stream is not limited. 0 sets no limit. Default: 1 min.
func MessageTimeout(d time.Duration) Option {
	return option(func(c *config) { c.guard.MessageTimeout = d })
}

// Logger sets the logger of connections and protocols, and of middleware that has none of its own (fairlead.Site's
// Logger): package preset's access log is among those. What a peer can bring about at will is logged at debug level.
// Default: slog.Default() when New is called.
func Logger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }
