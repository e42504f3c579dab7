package ws

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// serverCall is the call of a socket, an rpcwire.ServerCall for methods of all kinds.
type serverCall struct {
	rpcwire.ServerStream

	s     *Server
	k     *socket
	route *protocol.Route
	msgs  *rpcwire.Messages
	call  *fairlead.Call
	err   *fairlead.Error // with which the call has ended
}

// serve runs the call of a socket that is open.
func serve(s *Server, x protocol.Exchange, a *agreement) {
	c := &serverCall{s: s, k: newSocket(s, x, a), route: x.Head().Route, msgs: s.messages[a.bound]}
	if err := c.begin(x); err != nil {
		c.refuse(err)
		return
	}
	c.Begin(&rpcwire.Serving{
		Call: c.call, Exchange: c.k, Stream: c, Messages: c.msgs, Recv: s.recv,
		Outgoing: rpcwire.Outgoing{Limit: s.send, Plain: true},
	})
	defer func() { c.k.close(c.last()) }() // deferred, since the handler may leave its goroutine
	c.run()
}

// begin makes the call, once the first message is there, and asks the server to admit it. Its memory is reserved.
func (c *serverCall) begin(x protocol.Exchange) error {
	o, err := c.k.first()
	if err != nil {
		return err
	}
	p := fairlead.ServerCall{Driver: c, Deadline: o.deadline()}
	if key, ok := rpcwire.Receive(&p.Header, &x.Head().Fields, fromHandshake); !ok {
		return fairlead.Errorf(fairlead.InvalidArgument, "malformed binary metadata in field %q", key)
	}
	if err := o.addTo(&p.Header); err != nil {
		return err
	}
	call := c.s.newCall(x, &p)
	if err := c.s.d.Admit(call, 0); err != nil {
		_ = call.Wire().End(call.Context(), err) // it is err
		return err
	}
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	c.call, c.k.call = call, call
	if c.k.err != nil {
		call.Wire().Cancel(context.Canceled) // the client has gone
	}
	return nil
}

// refuse ends a socket without a call.
func (c *serverCall) refuse(err error) {
	c.err = fairlead.ErrorOf(err)
	_ = c.s.d.Reserve(-c.k.settle()) // giving back does not fail
	c.k.close(c.last())
}

// run runs the handler and ends the call.
func (c *serverCall) run() {
	var err error
	returned := false
	what := "decoding the request"
	ctx := c.call.Context()
	// Deferred one by one, since the handler may panic or leave its goroutine, and so may end functions.
	defer func() { c.s.d.Done(c.call, c.k.settle()) }()
	defer func() { c.End(err) }()
	defer func() {
		final := err
		if err == nil {
			err = fairlead.Errorf(fairlead.Internal, "ending the call did not return")
		}
		err = c.call.Wire().End(ctx, final)
	}()
	defer func() {
		if !returned {
			p := recover()
			err = c.s.panics.Caught(c.route.Method, what, p)
		}
		c.StopWatch()
	}()
	kind := c.route.Method.Kind
	if kind.ClientStreams() {
		c.call.Wire().SetStream(c)
	} else if err = c.readRequest(); err != nil {
		returned = true
		return
	}
	if kind == fairlead.ServerStreaming {
		c.call.Wire().SetStream(c)
	}
	what = "the handler"
	if err = c.route.Handler(ctx, c.call); err == nil && !kind.ServerStreams() {
		err = c.Respond()
	}
	returned = true
}

// readRequest reads the one request of a method.
func (c *serverCall) readRequest() error {
	defer rpcwire.InterruptLate(c.k, c.call)()
	return c.ReadRequest()
}

// SendHead implements rpcwire.ServerCall.
func (c *serverCall) SendHead() error {
	md := rpcwire.Sendable(c.call.ResponseHeader(), rpcwire.ReservedByHTTP, c.dropped)
	if md == nil {
		return nil
	}
	return c.k.write(c.k.own(flagHeader, "header", metadata(md)), false)
}

func (c *serverCall) dropped(key, why string) {
	c.s.d.Logger().Warn("websocket: response metadata dropped", "method", c.route.Method.Path, "key", key, "why", why)
}

// Decode implements rpcwire.ServerCall.
func (c *serverCall) Decode(payload []byte, _ uint8, msg any) error {
	return c.msgs.Decode(payload, msg)
}

// Finish implements rpcwire.ServerCall. The exchange ends later, since that may wait for the client.
func (c *serverCall) Finish(e *fairlead.Error) { c.err = e }

// last returns the last frames of the socket: how the call has ended, and Close. A client that reads the status alone
// learns the code of an error, or that it should come back, because the server is shutting down.
func (c *serverCall) last() []byte {
	var b []byte
	if c.call != nil && c.err == nil && !c.Begun() {
		if md := rpcwire.Sendable(c.call.ResponseHeader(), rpcwire.ReservedByHTTP, c.dropped); md != nil {
			b = c.k.own(flagHeader, "header", metadata(md))
		}
	}
	end := ending{Error: newErrorBody(c.err)}
	if c.call != nil {
		if md := rpcwire.Sendable(c.call.ResponseTrailer(), rpcwire.ReservedByHTTP, c.dropped); md != nil {
			end.Metadata = metadata(md)
		}
	}
	b = append(b, c.k.own(flagEnd, "end", &end)...)
	switch e := c.err; {
	case e == nil:
		return appendClose(b, statusNormal, "")
	case c.draining() && (e.Code == fairlead.Unavailable || e.Code == fairlead.Canceled):
		return appendClose(b, statusGoingAway, e.Message)
	default:
		return appendClose(b, statusApplication+int(min(e.Code, 99)), e.Message)
	}
}

func (c *serverCall) draining() bool {
	select {
	case <-c.s.d.Draining():
		return true
	default:
		return false
	}
}

// Protocol implements fairlead.Driver.
func (*serverCall) Protocol() string { return name }

// Draining implements fairlead.Driver.
func (c *serverCall) Draining() <-chan struct{} { return c.s.d.Draining() }

// ReportPanic implements fairlead.PanicReporter.
func (c *serverCall) ReportPanic(call *fairlead.Call, what string, value any) *fairlead.Error {
	return c.s.panics.Caught(call.Method(), what, value)
}
