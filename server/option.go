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

// Option configures a Server. If an option has a single value, the last one counts. Options with lists add to the list,
// so those of package preset stay.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Gate decides about calls before their message is read. Limits and load shedders are gates. Its methods are called by
// reading goroutines, must not block, and must be safe for concurrent use.
type Gate interface {
	// Enter admits the call or returns the error that its caller gets, RESOURCE_EXHAUSTED or UNAVAILABLE as a rule.
	Enter(c *fairlead.Call) error
	// Leave is called once for each call that this gate has admitted: at its end, or when a later gate refused it.
	Leave(c *fairlead.Call)
}

// Service adds services. A path that two methods share is an error. A server needs a method, a Fallback, or a protocol
// that serves something else.
func Service(impl ...*fairlead.Implementation) Option {
	return option(func(c *config) { c.services = append(c.services, impl...) })
}

// Protocol adds wires. At least one is needed. A connection goes to the first wire that was agreed upon by ALPN, or
// that recognizes its first bytes; a later wire is asked once all earlier ones do not know these. A wire replaces an
// earlier one of the same name. A value serves one server.
func Protocol(p ...protocol.Server) Option {
	return option(func(c *config) { c.protocols = append(c.protocols, p...) })
}

// HTTP adds protocols to the wire that carries HTTP, such as the one of package preset. They are asked after those
// that the wire has. A protocol replaces an earlier one of the same name. A value serves one server. If no wire, or
// more than one, carries HTTP, New returns an error. Default: none.
func HTTP(p ...protocol.HTTP) Option {
	return option(func(c *config) { c.https = append(c.https, p...) })
}

// Fallback sets the handler of calls whose method no service has, for gateways. It gets all such calls as bidirectional
// streams of *fairlead.Raw (fairlead.BidiHandler), and Call.Method has the names that were called. Middleware and gates
// apply as to other methods, except that the Method of fairlead.Site has the path "*", and requests are not validated.
// It works for protocols that address methods by service and name, as gRPC and gRPC-Web do, and for the codecs of the
// server; Connect answers such calls with 404. Default: none; such calls fail with UNIMPLEMENTED.
func Fallback(h fairlead.Handler) Option {
	return option(func(c *config) { c.fallback, c.fallbackSet = h, true })
}

// Codec adds codecs. At least one is needed. A method is served with all codecs that can carry its messages. A codec
// replaces an earlier one of the same name.
func Codec(k ...codec.Codec) Option {
	return option(func(c *config) { c.codecs = append(c.codecs, k...) })
}

// Compressor adds compressors that clients may use. A response is compressed like its request, unless the handler
// chooses a compressor (fairlead.Call.SetSendCompressor). A compressor replaces an earlier one of the same name.
// Default: none.
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

// UseNamed adds one middleware as Use does, with a name: a later UseNamed with the same name replaces it, and Without
// removes it. The name "validation" belongs to Validation and is an error here. Default: none; package preset has
// "recovery" and "logging".
func UseNamed(name string, mw fairlead.Middleware) Option {
	return option(func(c *config) { c.useNamed(name, mw) })
}

// Without removes middleware that earlier options added, by name: that of UseNamed, and "validation" for that of
// Validation. For an unknown name New returns an error that lists the names.
func Without(names ...string) Option {
	return option(func(c *config) { c.without(names) })
}

// Validation sets the middleware that checks requests against the rules of their contract. It is the innermost
// middleware: those of Use see what it refuses, and callers who may not call do not learn the rules. Nil: requests are
// not checked. Default: none; package preset has one.
func Validation(mw fairlead.Middleware) Option {
	return option(func(c *config) { c.validation = mw })
}

// WithoutCompressor removes compressors that earlier options added, by name. For an unknown name New returns an error
// that lists the names.
func WithoutCompressor(names ...string) Option {
	return option(func(c *config) { c.withoutCompressor(names) })
}

// Admission adds gates, which are asked in order. Default: none.
func Admission(g ...Gate) Option {
	return option(func(c *config) { c.gates = append(c.gates, g...) })
}

// Transport sets the network in which Start listens. It is needed with Listen and has no effect otherwise: the
// listeners of Serve have their own network. There is no default.
func Transport(n transport.Network) Option {
	return option(func(c *config) { c.network, c.networkSet = n, true })
}

// Listen adds an address at which Start listens: "host:port", where the host may be empty for all interfaces and the
// port 0 for any free one; "unix:/path", which may be relative and begin with two more slashes; or, on Linux,
// "unix-abstract:name", a socket without a file. Default: none.
func Listen(addr string) Option {
	return option(func(c *config) { c.listen = append(c.listen, addr) })
}

// TLS makes all addresses of Listen speak TLS only. The configuration needs a certificate. It is copied; the copy gets
// the wires' names at the end of NextProtos, and TLS 1.2 as the lowest version. A lower MinVersion is an error. What
// GetConfigForClient returns is used unchanged, so it must set NextProtos itself. Default: plaintext.
func TLS(cfg *tls.Config) Option {
	return option(func(c *config) { c.tls, c.tlsSet = cfg, true })
}

// MaxRecvMessage limits a received message to n bytes after decompression. Calls with longer ones fail with
// RESOURCE_EXHAUSTED. Default: 4 MiB, as is usual for gRPC.
func MaxRecvMessage(n int) Option { return option(func(c *config) { c.limits.RecvMessage = n }) }

// MaxSendMessage limits a sent message to n bytes. Calls with longer ones fail with RESOURCE_EXHAUSTED. Default: 2 GiB
// less one byte, which is the most that every codec's peers can take.
func MaxSendMessage(n int) Option { return option(func(c *config) { c.limits.SendMessage = n }) }

// MaxHeaderList limits the header list of a request to n bytes, of which each field counts 32 more (RFC 9113, section
// 6.5.2). Default: 64 KiB, which has room for large tokens and still lets many streams wait with one.
func MaxHeaderList(n int) Option { return option(func(c *config) { c.limits.HeaderList = n }) }

// MaxStreams limits the concurrent calls of a connection to n. Default: 1000.
func MaxStreams(n int) Option { return option(func(c *config) { c.limits.Streams = n }) }

// MaxConnections limits the number of open connections to n; further ones are closed as soon as they are accepted.
// Default: 0, no limit but the system's.
func MaxConnections(n int) Option { return option(func(c *config) { c.maxConns = n }) }

// MaxBytes limits the requests in progress in the whole server to n bytes, at most 64 GiB. Calls that would exceed it
// fail with RESOURCE_EXHAUSTED before they are read. That includes a single message that is longer, whatever
// MaxRecvMessage allows. Default: 256 MiB.
func MaxBytes(n int64) Option { return option(func(c *config) { c.maxBytes = n }) }

// CompressMin sets the size in bytes below which messages are not compressed. 0 compresses all messages. It has no
// effect without a Compressor. Default: 1024: shorter messages fit into one packet anyway.
func CompressMin(n int) Option { return option(func(c *config) { c.limits.CompressMin = n }) }

// HandshakeTimeout limits two times of a new connection: until it has completed its TLS handshake and, without ALPN,
// has sent the bytes that identify its protocol; and from then until its first SETTINGS. Default: 10 s.
func HandshakeTimeout(d time.Duration) Option {
	return option(func(c *config) { c.handshake = d })
}

// KeepAlive sends a PING to a client from which nothing came for interval. If nothing comes within timeout either, the
// connection is closed and its calls are canceled. So connections end whose client has disappeared. The interval is at
// least 1 s, or 0: no PINGs, and timeout has no effect. Default: 2 h and 20 s, as in grpc-go.
//
// It applies to wires that have PINGs, such as HTTP/2. The times of KeepAlive, IdleTimeout and MaxAge are kept to
// within a tenth of the shortest of them, or a minute.
func KeepAlive(interval, timeout time.Duration) Option {
	return option(func(c *config) { c.alive.PingAfter, c.alive.PingTimeout = interval, timeout })
}

// IdleTimeout drains connections that had no call for d. Their clients open a new one for the next call, and no call
// fails. Default: 0, never.
func IdleTimeout(d time.Duration) Option {
	return option(func(c *config) { c.alive.Idle = d })
}

// MaxAge drains connections at the given age, plus or minus a tenth, so that clients find new servers and balance
// again. Calls in progress have grace to end; then they are canceled. 0 sets no limit, to either. Default: 0 and 0.
func MaxAge(age, grace time.Duration) Option {
	return option(func(c *config) { c.alive.Age, c.alive.Grace = age, grace })
}

// MessageTimeout limits to d the time in which a client sends the rest of a message that it has begun, or of a request
// with one message, and the time in which it receives the response of a unary call. The time starts again with each 64
// KiB, and is kept to within two tenths. A late call ends with DEADLINE_EXCEEDED, or with a reset if its response has
// begun. A deadline of the call may end it earlier. The time between messages of a stream is not limited. 0 sets no
// limit. Default: 1 min.
func MessageTimeout(d time.Duration) Option {
	return option(func(c *config) { c.guard.MessageTimeout = d })
}

// Logger sets the logger of connections and protocols, and of middleware without one of its own (fairlead.Site.Logger),
// such as the access log of package preset. Events that any peer can cause are logged at debug level. Default:
// slog.Default() at the time of New.
func Logger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }
