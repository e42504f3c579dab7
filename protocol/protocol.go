// Package protocol is what servers and clients know of wire protocols, and what protocols know of them.
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
	// Attach gives it the routes, once, before the first connection; it returns what it cannot serve.
	Attach(d Dispatcher) error
	// ALPN lists the protocol names it answers to under TLS.
	ALPN() []string
	// Detect looks at the first bytes of a connection, at most 64.
	Detect(first []byte) Verdict
	// NewConn takes over a connection, whose first bytes are still buffered.
	NewConn(tc transport.Conn) (ServerConn, error)
}

// ServerConn is one connection of a server. All parse state is in it and none on the stack of Serve, so that Serve may
// return and be called again, by another goroutine: see Lease.
type ServerConn interface {
	// Serve reads and runs calls until the connection ends, which is an error (io.EOF for an orderly end), or until
	// another goroutine has taken over the reading role, which is nil.
	Serve() error
	// Drain asks the peer to open no more calls; with final, calls that it opens from now on are refused. The
	// connection ends by itself when its last call is over.
	Drain(final bool)
	// Close ends the connection and cancels its calls. It may be called more than once, from any goroutine.
	Close(cause error)
}

// CallLister is a ServerConn that knows its calls, for a server that says what it cuts.
type CallLister interface {
	// Calls returns calls that are under way, in no order. A call may end meanwhile, and one that began a moment ago may
	// be missing. Of the calls only Method and Elapsed may be used.
	Calls() []*fairlead.Call
}

// Dispatcher is the server as protocols see it. Safe for concurrent use.
type Dispatcher interface {
	// Lookup returns the route of a path, nil when there is none. Protocols keep the answer where they keep the path.
	Lookup(path string) *Route
	Routes() iter.Seq[*Route]
	// NewRoute makes a route for a handler of the protocol's own, which is not a method of a service: m gives it names,
	// the handler runs with the server's middleware around it, and the calls made for it are admitted, counted,
	// cancelled and drained like all others. Lookup and Routes do not return it, it has no codecs, and rules for requests
	// do not apply. It may be called in Attach only. It is for protocols that serve more than methods; gRPC does not.
	NewRoute(m *fairlead.Method, h fairlead.Handler) (*Route, error)
	// Admit is asked when the head of a call is there, before its message is decoded; size is the number of bytes of
	// the request that are there or announced. On nil, Done must follow.
	Admit(c *fairlead.Call, size int) error
	// Reserve accounts for n more bytes of an admitted call.
	Reserve(n int) error
	// Done ends an admitted call, for which size bytes were admitted and reserved in all.
	Done(c *fairlead.Call, size int)
	Limits() *Limits
	// Lease makes the reading role of a connection, which the server watches.
	Lease(c ServerConn) *Lease
	// Draining is closed when the server starts to drain.
	Draining() <-chan struct{}
	Logger() *slog.Logger
}

// Limits are a server's, in force for all connections.
type Limits struct {
	RecvMessage int // bytes of a message received, decompressed
	SendMessage int // bytes of a message sent
	HeaderList  int // bytes of a header list, as RFC 9113 counts them in section 6.5.2
	Streams     int // concurrent calls on a connection

	// Guard is what wires defend their connections with; nil: they use defaults of their own.
	Guard *Guard
	// Panics is where protocols report panics of users' functions, such as handlers and codecs, which they recover from;
	// nil: they are neither logged nor counted.
	Panics *Panics

	// Compressors are accepted from clients; responses use the one of the request.
	Compressors []compress.Compressor
	// CompressMin is the size in bytes below which messages are sent as they are.
	CompressMin int
}

// Route is a method as it is served, with the chain and the codecs made for it at start.
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

// Codec returns the codec of that name, nil when the method has none.
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
	// Bind prepares a method: it chooses the codec and makes the header. It is called once for a client and method; the
	// Binding goes to ClientConn with each call.
	Bind(m *fairlead.Method, cfg *ClientConfig) (Binding, error)
	// NewConn takes over a connection, which it closes when it fails.
	NewConn(ctx context.Context, tc transport.Conn, cfg *ClientConfig) (ClientConn, error)
}

// Checker is implemented by Clients that have options of their own: a client is not made when Check returns an error.
type Checker interface {
	Check() error
}

// NameChecker is implemented by Clients and HTTPClients that know beforehand what metadata they can send.
type NameChecker interface {
	// CheckName returns why no pair of that name, in lower case, can be sent, nil if it can.
	CheckName(name string) error
}

// Binding is a method prepared by a Client; only that Client knows what is in it.
type Binding any

// ClientConfig is what a client gives its protocol.
type ClientConfig struct {
	Codec       codec.Codec
	Compressor  compress.Compressor   // for requests; nil: none
	Compressors []compress.Compressor // accepted in responses, and open to fairlead.WithCompressor
	CompressMin int                   // requests shorter than this many bytes are sent as they are
	RecvMessage int                   // bytes of a message received, decompressed
	SendMessage int                   // bytes of a message sent
	HeaderList  int                   // bytes of a header list received
	Guard       *Guard                // what connections defend themselves with; nil: defaults of the wire
	UserAgent   string                // put before the framework's own
	Authority   string                // the host asked for
	TLS         bool                  // the scheme is https
	Panics      *Panics               // where panics of users' functions are reported; nil: nowhere
	Logger      *slog.Logger
}

// ErrFull says that a connection cannot take a call now: its streams are used up, or it is draining or closed. Nothing
// was sent.
var ErrFull = errors.New("protocol: the connection takes no more calls now")

// ClientConn is one connection of a client. Safe for concurrent use.
type ClientConn interface {
	// Unary runs one attempt of a unary call: it decodes into c.Reply() and calls c.SetResponse. After it has returned
	// nothing of the attempt touches the reply or the call. It returns ErrFull untouched when the connection has no
	// room.
	Unary(ctx context.Context, b Binding, c *fairlead.Call) error
	// Open opens a stream and calls c.SetDriver and c.SetStream. The stream ends with ctx and with the call's deadline.
	// It may notice the end of ctx a moment later: the client asks ctx itself before it sends and before it reports
	// success. A stream that goes on over another connection (Resumable) asks before it sends anything there.
	Open(ctx context.Context, b Binding, c *fairlead.Call) error
	// Free returns the number of calls that it could take now; 0: full, draining or closed.
	Free() int
	// Freed delivers a value when there may be room again after ErrFull. One value may stand for several places:
	// whoever took it and found room leaves it to the connection to say that there is more.
	Freed() <-chan struct{}
	// Drain takes no new calls and closes the connection when the last one is over.
	Drain()
	// Close ends the connection; calls under way fail with cause. It may be called more than once, and is once the
	// connection has ended by itself, to let go of what is left of it.
	Close(cause error)
	// Closed is closed when the connection has ended or takes no new calls, because the peer said so.
	Closed() <-chan struct{}
	// Err says why, after Closed.
	Err() error
	// Done is closed when the last call is over, the transport is closed and no goroutine of the connection is left.
	Done() <-chan struct{}
}

// Serial is a Client whose connections may carry one call at a time, as those of HTTP/1.1 and of Thrift in lock-step
// do. The client takes such a connection out of its pool for each call and puts it back afterwards, and makes as many
// as there are calls at a time, up to its limit.
//
// Of a connection like that Free returns 1 when it has no call and can take one, and 0 otherwise. It does so before
// Unary returns, and before a stream's end is seen, or else Freed delivers a value when it can take a call again. When
// the peer ends the connection, or sends anything while no call is under way, the connection closes itself, and Closed
// tells of it. ErrFull means that it is of no more use.
type Serial interface {
	// Serial reports whether they do. The answer does not change.
	Serial() bool
}

// Limited is a ClientConn that knows how many calls its server allows at a time; 0: none for now.
type Limited interface{ Limit() int }

// Resumable is implemented by drivers of client streams that can go on over another connection as long as their server
// has not answered.
type Resumable interface {
	// SetResumer sets what finds another connection when it turns out that the server did not process the call. It is
	// called before the stream is used; the last one counts.
	SetResumer(r Resumer)
}

// Watching is implemented by drivers of client streams that let the client know when their context or deadline has
// ended them, so that the client needs no watch of its own.
type Watching interface {
	// Watch registers f, to be called once, in a goroutine of its own, after the stream was ended because ctx or the
	// deadline of c has ended. It returns false, and f is not called, if the stream does not end with both of them, as
	// when a middleware has opened it with another context.
	Watch(ctx context.Context, c *fairlead.Call, f func()) bool
}

// Resumer finds connections for calls that were not processed.
type Resumer interface {
	// Resume calls open with one connection after another until it succeeds; cause is why the last one failed, an Error
	// whose Reach says that the call was not processed. The goroutine that awaits the response calls it, at most one for
	// a call at a time.
	Resume(ctx context.Context, c *fairlead.Call, cause error, open func(ClientConn) error) error
}

// Task is a decoded unary call that is ready to run, usually the protocol's pooled state of it.
type Task interface {
	Run()
	Cost() *Cost
}
