package fairlead

import (
	"context"
	"slices"
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
	// Identity is a *tls.ConnectionState, or what a middleware put in its place (SetPeer); nil: the peer proved none.
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

// Call is one call, seen by middleware, protocols and (through CallFrom) handlers. It is never reused, so it may be
// kept. Its methods are for the goroutine that runs the call; Cancel, Draining and the methods of its context are safe
// for concurrent use.
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
	authority  string
	userAgent  string
	ends       [3]EndFunc
	rare       *rareCall

	side    Side
	crit    Criticality
	idem    Idempotency
	wait    waitMode
	nEnds   uint8
	attempt uint16
	ended   atomic.Bool

	plain    bool // the messages sent are not compressed
	inflated bool // the message received last was

	ctx callState // server: the context that the call runs in
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
	c := &Call{
		method:    p.Method,
		driver:    p.Driver,
		peer:      p.Peer,
		deadline:  p.Deadline,
		reqHeader: p.Header,
		authority: p.Authority,
		userAgent: p.UserAgent,
		start:     time.Since(epoch),
		side:      ServerSide,
		crit:      p.Criticality,
		idem:      p.Method.Idempotency,
	}
	if c.crit == CriticalityDefault {
		c.crit = p.Method.Criticality
	}
	if p.Method.Timeout > 0 && c.deadline.IsZero() {
		c.deadline = time.Now().Add(p.Method.Timeout)
	}
	c.ctx.parent = p.Context //nolint:fatcontext // a call has one parent
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

// SetPeer is for protocols.
func (c *Call) SetPeer(p *Peer) { c.peer = p }

// Picked is for clients: where this attempt goes, nil before an instance was picked.
func (c *Call) Picked() *Picked { return c.picked }

// SetPicked is for clients: it sets where this attempt goes, and the peer.
func (c *Call) SetPicked(p *Picked) {
	c.picked, c.peer = p, &p.Peer
	if c.rare == nil || c.rare.trail == nil {
		return
	}
	t := c.rare.trail
	t.mu.Lock()
	t.tried = append(t.tried, p)
	t.mu.Unlock()
}

// Tried is for clients: where the attempts of the call went so far, those under way included; nil during the first.
func (c *Call) Tried() []*Picked {
	if c.rare == nil || c.rare.trail == nil {
		return nil
	}
	t := c.rare.trail
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.tried)
}

// Attempt counts the attempts of a client's call from 0.
func (c *Call) Attempt() int { return int(c.attempt) }

// Criticality returns the call's class: the caller's, or else the method's. On a server of gRPC it is the method's,
// since that protocol does not carry the caller's yet.
func (c *Call) Criticality() Criticality { return c.crit }

// Idempotency returns what a repetition of the call does: as the caller says, or else the method.
func (c *Call) Idempotency() Idempotency { return c.idem }

// Authority is the host that the client asked for. Server side.
func (c *Call) Authority() string { return c.authority }

// UserAgent names the client's software. Server side.
func (c *Call) UserAgent() string { return c.userAgent }

// HashKey is the key for consistent hashing, "" for none.
func (c *Call) HashKey() string {
	if c.rare == nil {
		return ""
	}
	return c.rare.hashKey
}

// Compressor names the compressor that the caller wants for the request, "" for the client's default.
func (c *Call) Compressor() string {
	if c.rare == nil {
		return ""
	}
	return c.rare.compressor
}

// MessageLimits returns the caller's limits for messages received and sent, in bytes; 0: the client's own.
func (c *Call) MessageLimits() (recv, send int) {
	if c.rare == nil {
		return 0, 0
	}
	return c.rare.recvLimit, c.rare.sendLimit
}

// WaitForReady says whether the call waits for a connection, given the client's default.
func (c *Call) WaitForReady(byDefault bool) bool {
	if c.wait == waitDefault {
		return byDefault
	}
	return c.wait == waitYes
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

// Reply is where a client's protocol decodes the response: the caller's own object (WithReply) or a new message.
func (c *Call) Reply() any {
	if c.rare != nil && c.rare.reply != nil {
		return c.rare.reply
	}
	if c.method.NewResponse == nil {
		return new(Raw)
	}
	return c.method.NewResponse()
}

// Stream is the call's stream with all wrappers, nil for unary calls.
func (c *Call) Stream() Stream { return c.stream }

// SetStream is for protocols: it sets the stream and applies the wrappers registered so far.
func (c *Call) SetStream(s Stream) {
	if c.rare != nil {
		for i := len(c.rare.wraps) - 1; i >= 0; i-- {
			s = c.rare.wraps[i](s)
		}
	}
	c.stream = s
}

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
	if c.side == ServerSide {
		c.ctx.mu.Lock()
		defer c.ctx.mu.Unlock()
	}
	if !c.deadline.IsZero() && !t.Before(c.deadline) {
		return
	}
	c.deadline, c.note = t, note
	if c.ctx.timer != nil {
		c.ctx.timer.Reset(time.Until(t))
	} else if c.ctx.done != nil || len(c.ctx.after) > 0 {
		(*callContext)(c).arm()
	}
}

// DeadlineNote is for clients: what TightenFor's note says of the deadline that is in force, "" for one that Tighten
// set.
func (c *Call) DeadlineNote(ctx context.Context) string {
	if c.note == nil {
		return ""
	}
	return c.note(ctx, c)
}

// OnEnd has f called when the call is over, last registered first. A function made when the chain was built costs no
// allocation.
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

// End is for servers, clients and their streams: it runs the end functions once, and on a server cancels the context.
func (c *Call) End(ctx context.Context, err error) {
	if !c.ended.CompareAndSwap(false, true) {
		return
	}
	if err != nil && c.nEnds > 0 {
		err = usable(err)
	}
	if c.rare != nil {
		for i := len(c.rare.ends) - 1; i >= 0; i-- {
			c.rare.ends[i](ctx, c, err)
		}
	}
	for i := int(c.nEnds) - 1; i >= 0; i-- {
		c.ends[i](ctx, c, err)
	}
	if c.rare != nil && c.rare.info != nil {
		*c.rare.info = CallInfo{Header: c.respHeader, Trailer: c.trailer, Peer: c.peer, Attempts: int(c.attempt) + 1}
	}
	if c.side == ServerSide {
		c.Cancel(context.Canceled)
	}
}

// Another returns a copy of a client's call for one more attempt, with a response, received metadata and end functions
// of its own. The header is copied. The client runs the copy's end functions when the attempt is over.
func (c *Call) Another() *Call {
	r := c.needRare()
	if r.trail == nil {
		r.trail = new(trail)
		if c.picked != nil {
			r.trail.tried = append(r.trail.tried, c.picked)
		}
	}
	a := &Call{
		method:    c.method,
		driver:    c.driver,
		request:   c.request,
		deadline:  c.deadline,
		note:      c.note,
		reqHeader: c.reqHeader.Clone(),
		side:      c.side,
		crit:      c.crit,
		idem:      c.idem,
		wait:      c.wait,
		attempt:   c.attempt + 1,
		plain:     c.plain,
	}
	a.rare = &rareCall{
		// Clipped: attempts that run side by side append to lists of their own.
		wraps: slices.Clip(r.wraps), values: slices.Clip(r.values),
		trail: r.trail, hashKey: r.hashKey, compressor: r.compressor,
		recvLimit: r.recvLimit, sendLimit: r.sendLimit,
	}
	return a
}

// Adopt takes over what an attempt brought back: response, stream, metadata and peer. Metadata that a stream of the
// attempt receives later goes to c as well.
func (c *Call) Adopt(a *Call) {
	c.resp, c.stream, c.peer, c.attempt = a.resp, a.stream, a.peer, a.attempt
	c.picked = a.picked
	if a.driver != nil {
		c.driver = a.driver
	}
	c.respHeader, c.trailer, c.inflated = a.respHeader, a.trailer, a.inflated
	if a.stream != nil && a != c {
		a.needRare().adopter = c
	}
}

// SetDriver is for clients, and for their protocols, which call it before the stream is set.
func (c *Call) SetDriver(d Driver) { c.driver = d }

// Driver is for clients, which put one of their own around a stream's.
func (c *Call) Driver() Driver { return c.driver }

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
