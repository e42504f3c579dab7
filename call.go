package fairlead

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Peer is the other end of a connection. All calls of the connection share it; it is read-only.
type Peer struct {
	Addr string // "10.0.0.7:41822"
	// Wire is the wire spoken on the connection, "http/2", which can carry several protocols: see Call.Protocol. It is ""
	// on a client before the attempt has a connection.
	Wire string
	// Identity is a *tls.ConnectionState, or what a middleware has put in its place (WireCall.SetPeer). Nil: the peer has
	// proved no identity.
	Identity any
}

// EndFunc is called once, when a call has ended, with its final error.
type EndFunc func(ctx context.Context, c *Call, err error)

// DeadlineNote returns the part of an error's text that explains a call's deadline: what set it and why.
type DeadlineNote func(ctx context.Context, c *Call) string

// Picked is where a client sends an attempt. The client makes one for each instance; it is read-only.
type Picked struct {
	Peer Peer // Call.Peer returns it until the protocol knows more
	Node any  // for the client's use
}

// trail is shared by all attempts of a call.
type trail struct {
	mu    sync.Mutex
	tried []*Picked
}

// Driver is the protocol's part of a call: the operations that need the wire. A client sets a Driver of its own until
// the protocol sets one.
type Driver interface {
	// Protocol returns the name of the protocol, "grpc". It may be called at any time, also after the call has ended.
	Protocol() string
	// SendHeader sends the response header now. Server side.
	SendHeader(c *Call) error
	// WaitHeader waits until the response header of a stream has arrived or the stream has ended. Client side.
	WaitHeader(ctx context.Context, c *Call) error
	// Draining returns a channel that is closed when the peer or the server wants the call to end soon; nil: never.
	Draining() <-chan struct{}
}

// Call is one call, as middleware and (through CallFrom) handlers see it. The methods that protocols, clients and
// servers need besides are those of Wire. A Call is never reused, so it may be kept. Its methods are for the goroutine
// that runs the call; Draining and the methods of its context are safe for concurrent use.
type Call struct {
	method     *Method
	driver     Driver
	request    any
	resp       any
	stream     Stream
	peer       *Peer
	picked     *Picked
	start      time.Duration // after epoch; 0: a client's call without OnEnd
	deadline   time.Time
	note       DeadlineNote // of the deadline; nil: the deadline is the caller's or the method's
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

	plain      bool   // messages sent are not compressed
	inflated   bool   // the message received last was compressed
	httpStatus uint16 // 0: the protocol's choice
}

// rareCall holds what most calls do not need, so that they are smaller.
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

// waitMode is the caller's choice whether to wait for a connection.
type waitMode uint8

const (
	waitDefault waitMode = iota
	waitYes
	waitNo
)

// ServerCall holds what a protocol knows of a call when the request's head has arrived.
type ServerCall struct {
	Context     context.Context //nolint:containedctx // of the connection, for its values; may be nil
	Method      *Method
	Peer        *Peer
	Header      Metadata // belongs to the call from now on
	Authority   string
	UserAgent   string
	Deadline    time.Time // zero: none
	Criticality Criticality
	Driver      Driver
}

// NewServerCall makes a server's call. It is for protocols. It makes one allocation, which includes the call's context.
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

// NewCall makes a client's call. It is for generated clients. It makes one allocation; opts stay on the caller's stack.
func NewCall(m *Method, request any, opts ...CallOption) *Call {
	c := &Call{method: m, request: request, side: ClientSide, idem: m.Idempotency, crit: m.Criticality}
	for i := range opts {
		opts[i].apply(c)
	}
	return c
}

// Method returns the method called.
func (c *Call) Method() *Method { return c.method }

// Side returns the side of the call: server or client.
func (c *Call) Side() Side { return c.side }

// Peer returns the other end. On a client it is nil until an instance is picked; for a stream it may change until
// WaitHeader or the first Recv has returned.
func (c *Call) Peer() *Peer { return c.peer }

// Protocol returns the name of the protocol that carries the call, "grpc", on both sides. It does not change during the
// call. It is "" for a call that no client has taken yet.
func (c *Call) Protocol() string {
	if c.driver == nil {
		return ""
	}
	return c.driver.Protocol()
}

// Attempt returns the number of the attempt of a client's call, counted from 0.
func (c *Call) Attempt() int { return int(c.attempt) }

// Criticality returns the call's class: the caller's, or else the method's. On a server of gRPC it is the method's,
// since that protocol does not carry the caller's yet.
func (c *Call) Criticality() Criticality { return c.crit }

// Idempotency returns what a repetition of the call does: the caller's value, or else the method's.
func (c *Call) Idempotency() Idempotency { return c.idem }

// Authority returns the host that the client asked for, "" on a client.
func (c *Call) Authority() string {
	if c.ctx == nil {
		return ""
	}
	return c.ctx.authority
}

// UserAgent returns the user agent of the client, "" on a client.
func (c *Call) UserAgent() string {
	if c.ctx == nil {
		return ""
	}
	return c.ctx.userAgent
}

// RequestHeader returns the metadata of the request. A client's middleware may add to it before the request is sent.
func (c *Call) RequestHeader() *Metadata { return &c.reqHeader }

// ResponseHeader returns the metadata that is sent before the response. A server may add to it until the first message
// is sent. On a client it is there after a unary call, and for a stream once WaitHeader or the first Recv has returned.
func (c *Call) ResponseHeader() *Metadata { return &c.view().respHeader }

// ResponseTrailer returns the metadata that is sent after the response. A server may add to it until the handler
// returns. On a client it is there after a unary call, and for a stream once Recv has returned an error.
func (c *Call) ResponseTrailer() *Metadata { return &c.view().trailer }

// Request returns the request of a unary or server-streaming call, nil for others.
func (c *Call) Request() any { return c.request }

// SetRequest sets the request. It is for protocols, and for middleware that replaces the request.
func (c *Call) SetRequest(m any) { c.request = m }

// Response returns the response of a unary call, and on a server of a client-streaming call; nil before there is one.
func (c *Call) Response() any { return c.resp }

// SetResponse sets the response. It is for protocols, and for middleware that answers the call.
func (c *Call) SetResponse(m any) { c.resp = m }

// Stream returns the call's stream with all its wrappers, nil for unary calls.
func (c *Call) Stream() Stream { return c.stream }

// WrapStream wraps the call's stream: now if there is one, otherwise when it opens. The wrapper registered first is
// outermost.
func (c *Call) WrapStream(wrap func(Stream) Stream) {
	if c.stream != nil {
		c.stream = wrap(c.stream)
		return
	}
	r := c.needRare()
	r.wraps = append(r.wraps, wrap)
}

// Deadline returns the call's deadline, which is sent to the server. It returns false if there is none.
func (c *Call) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Tighten brings the deadline forward to t; a t later than the deadline changes nothing. It makes no timer and no
// context. On a server it must be called before the handler uses the context, and while no other goroutine calls the
// context's Deadline. Goroutines that wait for the end of the context wake up at the new deadline.
func (c *Call) Tighten(t time.Time) { c.TightenFor(t, nil) }

// TightenFor is Tighten for policies that shorten a call's time without the caller's knowledge: if a client's call
// fails because of this deadline, its error has the text of note. Note is called only for such an error; a note made
// once costs a call no allocation.
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

// OnEnd registers f, which is called when the call is over; the function registered last is called first. A function
// made when the chain was built costs no allocation. If f panics or calls runtime.Goexit, the functions registered
// before it are called nevertheless; the panic is logged and counted, and a server's call, or a client's unary one,
// that had succeeded fails with INTERNAL. The remaining functions are then called with that error. A client's stream
// has reported its end to its caller before f is called.
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

// CancelOnEnd calls cancel when the call is over. It is for middleware that derives a context. With
//
//	ctx, cancel := context.WithTimeout(ctx, time.Second)
//	defer cancel() // wrong on a client
//	return next(ctx, c)
//
// a client's streams would end as soon as they are open, because next returns then. With c.CancelOnEnd(cancel) instead
// of the defer statement, the context lasts as long as the stream, on both sides, and for unary calls too. "fairlead
// check code" finds such middleware. For a deadline alone no context is needed: see Tighten.
func (c *Call) CancelOnEnd(cancel context.CancelFunc) {
	c.OnEnd(func(context.Context, *Call, error) { cancel() })
}

// Elapsed returns the time since the head of a server's call arrived. For a client's call it is the time since the
// first OnEnd was registered, and 0 if none was. On a server it is safe for concurrent use.
func (c *Call) Elapsed() time.Duration {
	if c.start == 0 {
		return 0
	}
	return time.Since(epoch) - c.start
}

// epoch is the origin of the times of calls. Reading only the monotonic clock takes half the time of time.Now.
var epoch = time.Now() //nolint:gochecknoglobals // read-only

// SetHTTPStatus sets the status of the response to a call that succeeds, from 200 to 399, for protocols whose responses
// have one of their own, which is REST: 201 with the field location in ResponseHeader, 204 or 304, which have no body,
// 303 to send the client elsewhere. It overrides the contract's. Other protocols ignore it, so a handler need not ask
// what carried the call. The status of a call that fails is its error's: see Error.HTTPStatus. It must be called before
// the response's header is sent. It returns an error for another number, which does not end the call. Server side.
func (c *Call) SetHTTPStatus(status int) error {
	if status < 200 || status > 399 {
		return Errorf(Internal, "%s: %d is not the HTTP status of a call that succeeds", c.method.Path, status)
	}
	c.httpStatus = uint16(status)
	return nil
}

// HTTPStatus returns what SetHTTPStatus has set, 0 for nothing.
func (c *Call) HTTPStatus() int { return int(c.httpStatus) }

// SendHeader sends the response header now instead of with the first message. It does nothing on a client, and for a
// protocol whose header depends on how the call ends, as for unary calls of Connect.
func (c *Call) SendHeader() error {
	if c.driver == nil || c.side != ServerSide {
		return nil
	}
	return c.driver.SendHeader(c)
}

// WaitHeader waits until the response header of a stream has arrived, or until the stream or ctx has ended. On a server
// it returns at once.
func (c *Call) WaitHeader(ctx context.Context) error {
	if c.driver == nil || c.side != ClientSide {
		return nil
	}
	return c.driver.WaitHeader(ctx, c)
}

// Draining returns a channel that is closed when the call should end soon because its server is shutting down. The
// channel is nil, and blocks for ever, if the protocol cannot tell.
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
