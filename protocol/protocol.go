// Package protocol defines the interfaces between servers and clients and their wire protocols.
//
// A wire, such as HTTP or a third party's, implements Server and Client. A protocol that is carried by HTTP requests,
// whatever the HTTP version, implements HTTP and HTTPClient instead and leaves connections to package protocol/web.
package protocol

import (
	"context"
	"errors"
	"iter"
	"log/slog"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/transport"
)

// Verdict is a wire's answer to the first bytes of a connection.
type Verdict uint8

// The verdicts.
const (
	No   Verdict = iota // not this wire
	More                // it may be, with more bytes
	Yes
)

// Server is the server side of a wire.
type Server interface {
	Name() string
	// Attach passes the server's routes to the wire, once, before the first connection. It returns an error for routes
	// that the wire cannot serve.
	Attach(d Dispatcher) error
	// ALPN returns the protocol names that the wire accepts under TLS.
	ALPN() []string
	// Detect looks at the first bytes of a connection, at most 64.
	Detect(first []byte) Verdict
	// NewConn takes over a connection. Its first bytes are still buffered.
	NewConn(tc transport.Conn) (ServerConn, error)
}

// ServerConn is one connection of a server. It keeps all parse state in itself and none on the stack of Serve, so that
// Serve may return and be called again by another goroutine: see Lease.
type ServerConn interface {
	// Serve reads and runs calls until the connection ends, and returns the reason then (io.EOF for an orderly end). It
	// returns nil when another goroutine has taken over the reading role.
	Serve() error
	// Drain asks the peer to open no more calls. If final is true, calls that the peer opens from now on are refused. The
	// connection ends by itself when its last call is over.
	Drain(final bool)
	// Close ends the connection and cancels its calls. It may be called more than once, from any goroutine.
	Close(cause error)
}

// HTTPCarrier is a Server that carries protocols of HTTP, and takes more of them before Attach is called.
type HTTPCarrier interface {
	Server
	// AddHTTP adds protocols, which are asked after those that are there. One takes the place of an earlier one of the
	// same name.
	AddHTTP(p ...HTTP)
	// Selector returns who answers the wire's requests, after Attach. It is for requests that come another way, as
	// through a server of net/http.
	Selector() Selector
}

// CallLister is implemented by ServerConns that know their calls. The server uses it to report which calls it cut.
type CallLister interface {
	// Calls returns the calls in progress, in no order. A call may end in the meantime, and one that has just begun may be
	// missing. Of the calls only Method and Elapsed may be used.
	Calls() []*fairlead.Call
}

// Dispatcher is the server as protocols see it. It is safe for concurrent use.
type Dispatcher interface {
	// Lookup returns the route of a path, nil if there is none. Protocols store the result with the path.
	Lookup(path string) *Route
	Routes() iter.Seq[*Route]
	// Fallback returns the route of calls whose path no method has, nil when there is none. Its handler takes a
	// bidirectional stream of *fairlead.Raw. Its Method is what the middleware was built for, and not the method of any
	// call: a protocol makes one for each call, with the names that were called. Lookup and Routes do not return it.
	Fallback() *Route
	// NewRoute makes a route for a handler of the protocol's own, which is not a method of a service. m names it. The
	// handler runs with the server's middleware, and its calls are admitted, counted, canceled and drained like all
	// others. Lookup and Routes do not return the route; it has no codecs, and its requests are not validated. NewRoute
	// may be called in Attach only. It is for protocols that serve more than methods; gRPC does not.
	NewRoute(m *fairlead.Method, h fairlead.Handler) (*Route, error)
	// Admit is called when the head of a call has arrived, before its message is decoded; size is the number of bytes of
	// the request that have arrived or were announced. If Admit returns nil, Done must be called later.
	Admit(c *fairlead.Call, size int) error
	// Reserve accounts for n more bytes of an admitted call, or of one that is about to be. A negative n gives bytes back,
	// which Done does for those of an admitted call.
	Reserve(n int) error
	// Done ends an admitted call, for which size bytes were admitted and reserved in all.
	Done(c *fairlead.Call, size int)
	Limits() *Limits
	// Lease makes the reading role of a connection. The server watches it.
	Lease(c ServerConn) *Lease
	// Draining returns a channel that is closed when the server starts to drain.
	Draining() <-chan struct{}
	Logger() *slog.Logger
}

// Limits are a server's limits, for all connections.
type Limits struct {
	RecvMessage int // bytes of a message received, decompressed
	SendMessage int // bytes of a message sent
	HeaderList  int // bytes of a header list, as RFC 9113 counts them in section 6.5.2
	Streams     int // concurrent calls on a connection

	// Guard has the limits and counts with which wires defend their connections; nil: the wire uses its defaults.
	Guard *Guard
	// Panics gets the panics of users' functions, such as handlers and codecs, that protocols recover from; nil: they are
	// neither logged nor counted.
	Panics *Panics

	// Compressors are accepted from clients; a response uses that of the request.
	Compressors []compress.Compressor
	// CompressMin is the size in bytes below which messages are sent as they are.
	CompressMin int
}

// Route is a method as the server serves it, with the chain and the codecs made for it at start.
type Route struct {
	Method  *fairlead.Method
	Handler fairlead.Handler
	Cost    Cost
	Codecs  []MethodCodec
}

// MethodCodec is a codec for the messages of one method.
type MethodCodec struct {
	Name      string // "proto"
	Req, Resp codec.Codec
	RespSizer codec.Sizer // nil: marshal beside the connection's buffer
}

// Codec returns the codec with that name, nil if the method has none.
func (r *Route) Codec(name string) *MethodCodec {
	for i := range r.Codecs {
		if r.Codecs[i].Name == name {
			return &r.Codecs[i]
		}
	}
	return nil
}

// Client is the client side of a wire.
type Client interface {
	Name() string
	ALPN() []string
	// Bind prepares a method: it chooses the codec and makes the header. It is called once for a client and method; each
	// call passes the Binding to ClientConn.
	Bind(m *fairlead.Method, cfg *ClientConfig) (Binding, error)
	// NewConn takes over a connection. On failure it closes the connection.
	NewConn(ctx context.Context, tc transport.Conn, cfg *ClientConfig) (ClientConn, error)
}

// Checker is implemented by Clients with options of their own: if Check returns an error, the client is not made.
type Checker interface {
	Check() error
}

// NameChecker is implemented by Clients and HTTPClients that can tell in advance which metadata they can send.
type NameChecker interface {
	// CheckName returns nil if pairs with that name, in lower case, can be sent, and otherwise an error that explains why
	// not.
	CheckName(name string) error
}

// Binding is a method prepared by a Client; only that Client knows what is in it.
type Binding any

// ClientConfig is the configuration that a client passes to its protocol.
type ClientConfig struct {
	Codec       codec.Codec
	Compressor  compress.Compressor   // for requests; nil: none
	Compressors []compress.Compressor // accepted in responses; fairlead.WithCompressor may name one
	CompressMin int                   // requests shorter than this many bytes are sent as they are
	RecvMessage int                   // bytes of a message received, decompressed
	SendMessage int                   // bytes of a message sent
	HeaderList  int                   // bytes of a header list received
	Guard       *Guard                // limits and counts for defence; nil: defaults of the wire
	UserAgent   string                // sent before the framework's own
	Authority   string                // the host asked for
	TLS         bool                  // the scheme is https
	Panics      *Panics               // where panics of users' functions are reported; nil: nowhere
	Logger      *slog.Logger
}

// ErrFull means that a connection cannot take a call now: its streams are used up, or it is draining or closed. Nothing
// was sent.
var ErrFull = errors.New("protocol: the connection takes no more calls now")

// ClientConn is one connection of a client. It is safe for concurrent use.
type ClientConn interface {
	// Unary runs one attempt of a unary call: it decodes the response into c.Reply() and calls c.SetResponse. After it has
	// returned, nothing of the attempt uses the reply or the call. If the connection has no room it returns ErrFull, not
	// wrapped.
	Unary(ctx context.Context, b Binding, c *fairlead.Call) error
	// Open opens a stream and calls c.SetDriver and c.SetStream. The stream ends with ctx and with the call's deadline. It
	// may notice the end of ctx a moment later: the client checks ctx before it sends and before it reports success. A
	// stream that goes on over another connection (Resumable) checks ctx before it sends anything there.
	Open(ctx context.Context, b Binding, c *fairlead.Call) error
	// Free returns the number of calls that the connection can take now; 0: it is full, draining or closed.
	Free() int
	// Freed returns a channel that delivers a value when there may be room again after ErrFull. One value may stand for
	// several places: if its receiver finds room, the connection delivers another value for the next place.
	Freed() <-chan struct{}
	// Drain stops taking new calls, and closes the connection when the last one is over.
	Drain()
	// Close ends the connection; calls in progress fail with cause. It may be called more than once. It is also called
	// after the connection has ended by itself, to free what is left of it.
	Close(cause error)
	// Closed returns a channel that is closed when the connection has ended, or takes no new calls because the peer said
	// so.
	Closed() <-chan struct{}
	// Err returns the reason after Closed.
	Err() error
	// Done returns a channel that is closed when the last call is over, the transport is closed and no goroutine of the
	// connection is left.
	Done() <-chan struct{}
}

// Serial is implemented by Clients whose connections may carry one call at a time, as those of HTTP/1.1 and of Thrift
// in lock-step do. The client takes such a connection out of its pool for each call and puts it back afterwards, and
// makes as many connections as there are calls at a time, up to its limit.
//
// For such a connection Free returns 1 if it has no call and can take one, and 0 otherwise. It does so before Unary
// returns, and before the end of a stream is seen; otherwise Freed delivers a value when the connection can take a call
// again. If the peer ends the connection, or sends anything while there is no call, the connection closes itself and
// Closed reports it. ErrFull means that the connection is of no more use.
type Serial interface {
	// Serial reports whether connections carry one call at a time. The answer does not change.
	Serial() bool
}

// Limited is implemented by ClientConns that know how many calls their server allows at a time. 0: none for now.
type Limited interface{ Limit() int }

// Resumable is implemented by drivers of client streams that can go on over another connection as long as their server
// has not answered.
type Resumable interface {
	// SetResumer sets the Resumer that finds another connection if the server did not process the call. It is called
	// before the stream is used; the last call counts.
	SetResumer(r Resumer)
}

// Watching is implemented by drivers of client streams that tell the client when their context or deadline has ended
// them, so that the client does not have to watch these itself.
type Watching interface {
	// Watch registers f, which is called once, in a new goroutine, after the stream has ended because ctx or the deadline
	// of c ended. It returns false, and does not call f, if the stream does not end with both, as when a middleware has
	// opened it with another context.
	Watch(ctx context.Context, c *fairlead.Call, f func()) bool
}

// Resumer finds connections for calls that were not processed.
type Resumer interface {
	// Resume calls open with one connection after another until open succeeds. cause is the reason why the last one
	// failed, an Error whose Reach says that the call was not processed. It is called by the goroutine that waits for the
	// response, one at a time for a call.
	Resume(ctx context.Context, c *fairlead.Call, cause error, open func(ClientConn) error) error
}

// Task is a decoded unary call that is ready to run. Usually it is the state that the protocol pools for calls. Run
// recovers from panics of the handler and reports them to Limits.Panics: a panic of Run ends the connection. It may not
// return because of runtime.Goexit.
type Task interface {
	Run()
	Cost() *Cost
}
