package fairlead

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Peer is the other end of a connection, shared by all calls of the connection. It is read-only.
type Peer struct {
	Addr string // "10.0.0.7:41822"
	// Wire names what is spoken on the connection, "http/2". It can carry several protocols: Call.Protocol says which one
	// a call uses. "" on a client before the attempt has a connection.
	Wire string
	// Identity is a *tls.ConnectionState, or what a middleware put in its place (WireCall.SetPeer). Nil: the peer proved
	// none.
	Identity any
}

// EndFunc is called once when a call has ended, with its final error.
type EndFunc func(ctx context.Context, c *Call, err error)

// DeadlineNote says of a call's deadline, for errors, what set it and why.
type DeadlineNote func(ctx context.Context, c *Call) string

// Picked is where a client sends an attempt; it is the client's, which makes one for each instance, and read-only.
type Picked struct {
	Peer Peer // Call.Peer returns it until the protocol knows more
	Node any  // the client's own
}

// trail is shared by all attempts of a call.
type trail struct {
	mu    sync.Mutex
	tried []*Picked
}

// Driver is what a protocol gives a call: what needs the wire. A client gives a call one of its own until the protocol
// does.
type Driver interface {
	// Protocol names the protocol, "grpc". It may be called at any time, also after the call has ended.
	Protocol() string
	// SendHeader sends the response header now. Server side.
	SendHeader(c *Call) error
	// WaitHeader waits until the response header of a stream is there, or the stream ended. Client side.
	WaitHeader(ctx context.Context, c *Call) error
	// Draining is closed when the peer or the server asks that the call come to an end soon; nil: never.
	Draining() <-chan struct{}
}

// Call is one call, as middleware and (through CallFrom) handlers see it; what protocols, clients and servers need
// besides is behind Wire. It is never reused, so it may be kept. Its methods are for the goroutine that runs the call;
// Draining and the methods of its context are safe for concurrent use.
type Call struct {
	method     *Method
	driver     Driver
	request    any
	resp       any
	stream     Stream
	peer       *Peer
	picked     *Picked
	start      time.Duration // after epoch; 0: a client's, and nobody asked
	deadline   time.Time
	note       DeadlineNote // of the deadline; nil: it is the caller's or the method's
	reqHeader  Metadata
	respHeader Metadata
	trailer    Metadata
	ends       [3]EndFunc
	rare       *rareCall
	ctx        *callContext // server: the context, of which the call is a part

	side    Side
	crit    Criticality
	idem    Idempotency
	wait    waitMode
	nEnds   uint8
	attempt uint16
	ended   atomic.Bool

	plain    bool // the messages sent are not compressed
	inflated bool // the message received last was
}

// rareCall holds what most calls have no use for, so that they are not larger for it.
type rareCall struct {
	ends       []EndFunc
	wraps      []func(Stream) Stream
	values     []any
	reply      any
	trail      *trail // nil before the second attempt
	info       *CallInfo
	adopter    *Call // whose metadata the attempt's stream fills
	hashKey    string
	compressor string
	recvLimit  int
	sendLimit  int
}

// waitMode is a call's wish about waiting for a connection.
type waitMode uint8

const (
	waitDefault waitMode = iota
	waitYes
	waitNo
)

// ServerCall is what a protocol knows when a request's head has arrived.
type ServerCall struct {
	Context     context.Context //nolint:containedctx // of the connection, for its values; may be nil
	Method      *Method
	Peer        *Peer
	Header      Metadata // given over to the call
	Authority   string
	UserAgent   string
	Deadline    time.Time // zero: none
	Criticality Criticality
	Driver      Driver
}

// NewServerCall is for protocols. It makes one allocation, the call's context included.
func NewServerCall(p *ServerCall) *Call {
	x := &callContext{
		call: Call{
			method:    p.Method,
			driver:    p.Driver,
			peer:      p.Peer,
			deadline:  p.Deadline,
			reqHeader: p.Header,
			start:     time.Since(epoch),
			side:      ServerSide,
			crit:      p.Criticality,
			idem:      p.Method.Idempotency,
		},
		parent:    p.Context,
		authority: p.Authority,
		userAgent: p.UserAgent,
	}
	c := &x.call
	c.ctx = x
	if c.crit == CriticalityDefault {
		c.crit = p.Method.Criticality
	}
	if p.Method.Timeout > 0 && c.deadline.IsZero() {
		c.deadline = time.Now().Add(p.Method.Timeout)
	}
	return c
}

// NewCall is for generated clients. It makes one allocation; opts stay on the caller's stack.
func NewCall(m *Method, request any, opts ...CallOption) *Call {
	c := &Call{method: m, request: request, side: ClientSide, idem: m.Idempotency, crit: m.Criticality}
	for i := range opts {
		opts[i].apply(c)
	}
	return c
}

// Method returns the method called.
func (c *Call) Method() *Method { return c.method }

// Side returns the side that the call is seen from.
func (c *Call) Side() Side { return c.side }

// Peer returns the other end; on a client nil until an instance was picked, and of a client's stream maybe another one
// until WaitHeader or the first Recv has returned.
func (c *Call) Peer() *Peer { return c.peer }

// Protocol names the protocol that carries the call, "grpc", on both sides and for the whole of the call. It is "" when
// no client has taken the call yet.
func (c *Call) Protocol() string {
	if c.driver == nil {
		return ""
	}
	return c.driver.Protocol()
}

// Attempt counts the attempts of a client's call from 0.
func (c *Call) Attempt() int { return int(c.attempt) }

// Criticality returns the call's class: the caller's, or else the method's. On a server of gRPC it is the method's,
// since that protocol does not carry the caller's yet.
func (c *Call) Criticality() Criticality { return c.crit }

// Idempotency returns what a repetition of the call does: as the caller says, or else the method.
func (c *Call) Idempotency() Idempotency { return c.idem }

// Authority returns the host that the client asked for, "" on a client.
func (c *Call) Authority() string {
	if c.ctx == nil {
		return ""
	}
	return c.ctx.authority
}

// UserAgent returns the name of the client's software, "" on a client.
func (c *Call) UserAgent() string {
	if c.ctx == nil {
		return ""
	}
	return c.ctx.userAgent
}

// RequestHeader is the metadata that came or goes with the request. A client's middleware may add to it before the
// request is sent.
func (c *Call) RequestHeader() *Metadata { return &c.reqHeader }

// ResponseHeader is the metadata before the response. A server may add to it until the first message is sent. A client
// finds it there after a unary call, and for a stream once WaitHeader or the first Recv has returned.
func (c *Call) ResponseHeader() *Metadata { return &c.view().respHeader }

// ResponseTrailer is the metadata after the response. A server may add to it until the handler returns. A client finds
// it there after a unary call, and for a stream once Recv has returned an error.
func (c *Call) ResponseTrailer() *Metadata { return &c.view().trailer }

// Request is the one request of a unary or server-streaming call, nil otherwise.
func (c *Call) Request() any { return c.request }

// SetRequest is for protocols, and for middleware that replaces the request.
func (c *Call) SetRequest(m any) { c.request = m }

// Response is the one response of a unary call, or of a server's client-streaming one; nil before it is there.
func (c *Call) Response() any { return c.resp }

// SetResponse is for protocols, and for middleware that answers itself.
func (c *Call) SetResponse(m any) { c.resp = m }

// Stream is the call's stream with all wrappers, nil for unary calls.
func (c *Call) Stream() Stream { return c.stream }

// WrapStream has wrap put around the call's stream: now if there is one, when it opens otherwise. The wrapper
// registered first is outermost.
func (c *Call) WrapStream(wrap func(Stream) Stream) {
	if c.stream != nil {
		c.stream = wrap(c.stream)
		return
	}
	r := c.needRare()
	r.wraps = append(r.wraps, wrap)
}

// Deadline is the call's own; it is what crosses the wire. False: there is none.
func (c *Call) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Tighten brings the deadline forward to t; a t later than the deadline changes nothing. It makes no timer and no
// context. On a server it must precede the handler's use of the context, whose Deadline nobody may read meanwhile; what
// waits for the context's end is served by the new deadline.
func (c *Call) Tighten(t time.Time) { c.TightenFor(t, nil) }

// TightenFor is Tighten for policies that shorten a call's time unseen: the error of a client's call that this deadline
// cuts has note's text. Note is called when there is such an error; made once, it costs a call no allocation.
func (c *Call) TightenFor(t time.Time, note DeadlineNote) {
	if c.ctx != nil {
		c.ctx.tighten(t, note)
		return
	}
	c.setEarlier(t, note)
}

// setEarlier sets deadline and note if t is earlier than the deadline, and reports whether it did.
func (c *Call) setEarlier(t time.Time, note DeadlineNote) bool {
	if !c.deadline.IsZero() && !t.Before(c.deadline) {
		return false
	}
	c.deadline, c.note = t, note
	return true
}

// OnEnd has f called when the call is over, last registered first. A function made when the chain was built costs no
// allocation. If f panics or calls runtime.Goexit, the functions registered before it are called all the same; the
// panic is logged and counted, and a server's call, or a client's unary one, that had succeeded fails with INTERNAL.
// Those functions are then called with that error. A client's stream has told its caller how it ended before f runs.
func (c *Call) OnEnd(f EndFunc) {
	if c.start == 0 {
		c.start = time.Since(epoch)
	}
	if int(c.nEnds) < len(c.ends) {
		c.ends[c.nEnds] = f
		c.nEnds++
		return
	}
	r := c.needRare()
	r.ends = append(r.ends, f)
}

// CancelOnEnd calls cancel when the call is over. It is for middleware that derives a context: with
//
//	ctx, cancel := context.WithTimeout(ctx, time.Second)
//	defer cancel() // wrong on a client
//	return next(ctx, c)
//
// a client's streams would end as soon as they are open, because that is when next returns. With c.CancelOnEnd(cancel)
// in place of the defer statement, the context lasts as long as the stream, on both sides, and for unary calls too.
// "fairlead check code" finds such middleware. A deadline alone needs no context: see Tighten.
func (c *Call) CancelOnEnd(cancel context.CancelFunc) {
	c.OnEnd(func(context.Context, *Call, error) { cancel() })
}

// Elapsed returns the time since a server's call was made, when its head had arrived, or since the first OnEnd of a
// client's call was registered, 0 when none was. On a server it is safe for concurrent use.
func (c *Call) Elapsed() time.Duration {
	if c.start == 0 {
		return 0
	}
	return time.Since(epoch) - c.start
}

// epoch is what calls count their time from: a reading of the monotonic clock alone takes half of time.Now's time.
var epoch = time.Now() //nolint:gochecknoglobals // read-only

// SendHeader sends the response header now instead of with the first message. Server side; elsewhere it does nothing.
func (c *Call) SendHeader() error {
	if c.driver == nil || c.side != ServerSide {
		return nil
	}
	return c.driver.SendHeader(c)
}

// WaitHeader waits until the response header of a stream is there, or the stream or ctx ended. Client side; elsewhere
// it returns at once.
func (c *Call) WaitHeader(ctx context.Context) error {
	if c.driver == nil || c.side != ClientSide {
		return nil
	}
	return c.driver.WaitHeader(ctx, c)
}

// Draining is closed when the call should come to an end soon because its server is shutting down. A nil channel, which
// blocks for ever, means that nobody will say so.
func (c *Call) Draining() <-chan struct{} {
	if c.driver == nil {
		return nil
	}
	return c.driver.Draining()
}

func (c *Call) needRare() *rareCall {
	if c.rare == nil {
		c.rare = new(rareCall)
	}
	return c.rare
}
