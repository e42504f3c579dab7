package grpcwire

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// serverStream is a streaming call on the server, an rpcwire.ServerCall.
type serverStream struct {
	incoming
	rpcwire.ServerStream

	msgs *rpcwire.Messages
	head *protocol.Block
}

// openStream serves a streaming call.
func (s *Server) openStream(x protocol.Exchange) {
	st := &serverStream{incoming: incoming{s: s}}
	if err := st.begin(x, st, 0); err != nil {
		st.fail(err)
		return
	}
	o := rpcwire.Serving{Call: st.call, Exchange: x, Stream: st, Messages: st.messages(), Recv: s.recv, Reserver: s.d}
	o.Outgoing, st.head = st.outgoing()
	st.msgs = o.Messages
	st.Begin(&o)
	if st.route.Method.Kind == fairlead.ServerStreaming {
		if err := st.readRequest(); err != nil {
			st.fail(err)
			return
		}
	}
	st.call.Wire().SetStream(st)
	st.run()
}

// readRequest makes the request of a server-streaming call.
func (st *serverStream) readRequest() (err error) {
	defer rpcwire.InterruptLate(st.x, st.call)()
	decoded := false
	defer func() {
		if !decoded || err != nil {
			st.size += st.Reserved()
		}
		if !decoded {
			st.Discard()
			err = st.escaped(recover())
		}
	}()
	err = st.ReadRequest()
	decoded = true
	return err
}

// run runs the handler and ends the call.
func (st *serverStream) run() {
	var err error
	returned := false
	ctx := st.call.Context()
	// Deferred one by one, since the handler may panic or leave its goroutine, and so may end functions.
	defer st.done()
	defer func() { st.End(err) }()
	defer func() {
		final := err
		if err == nil {
			err = fairlead.Errorf(fairlead.Internal, "ending the call did not return")
		}
		err = st.call.Wire().End(ctx, final)
	}()
	defer func() {
		if !returned {
			err = st.caught("the handler", recover())
		}
		st.StopWatch()
	}()
	err = st.route.Handler(ctx, st.call)
	if err == nil && st.route.Method.Kind == fairlead.ClientStreaming {
		err = st.Respond()
	}
	if err == nil {
		st.headSent = st.Begun()
		err = st.metadataFits(st.answers.head)
	}
	returned = true
}

// SendHead implements rpcwire.ServerCall.
func (st *serverStream) SendHead() error {
	if err := st.fits(st.head, st.call.ResponseHeader()); err != nil {
		return err
	}
	if err := st.x.SendHead(section(st.head, st.header())); err != nil {
		return rpcwire.PeerError(err)
	}
	return nil
}

// Decode implements rpcwire.ServerCall.
func (st *serverStream) Decode(payload []byte, flags uint8, msg any) error {
	return st.decode(st.msgs, payload, flags, msg)
}

// Finish implements rpcwire.ServerCall.
func (st *serverStream) Finish(e *fairlead.Error) {
	st.size += st.Reserved()
	st.headSent = st.Begun()
	st.finish(e)
}

// SetSendCompressor implements fairlead.SendCompressor.
func (st *serverStream) SetSendCompressor(_ *fairlead.Call, name string) error {
	return st.Change(func(out *rpcwire.Outgoing) error {
		if err := st.comp.Choose(st.s.accepted, name); err != nil {
			return err
		}
		*out, st.head = st.outgoing()
		return nil
	})
}

// Protocol implements fairlead.Driver.
func (st *serverStream) Protocol() string { return st.s.dialect.Name }

// Draining implements fairlead.Driver.
func (st *serverStream) Draining() <-chan struct{} { return st.s.d.Draining() }
