package grpcwire

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// clientStream is a streaming call on the client, an rpcwire.ClientCall.
type clientStream struct {
	rpcwire.ClientStream

	b     *binding
	call  *fairlead.Call
	block *protocol.Block // the fixed part of the request's head
	head  responseHead
}

// Open implements protocol.ClientConn.
func (cc *clientConn) Open(ctx context.Context, bind protocol.Binding, c *fairlead.Call) error {
	b, err := bindingOf(bind, c)
	if err != nil {
		return err
	}
	out, block, recv, err := b.options(c)
	if err != nil {
		return err
	}
	st := &clientStream{b: b, call: c, block: block}
	return st.Open(ctx, cc.HTTP, &rpcwire.Opening{
		Call: c, Stream: st, Messages: b.msgs, Accepted: b.accepted, Outgoing: out, Recv: recv,
	})
}

// Protocol implements fairlead.Driver.
func (st *clientStream) Protocol() string { return st.b.dialect.Name }

// Request implements rpcwire.ClientCall.
func (st *clientStream) Request(r *protocol.Request, timeout []byte) error {
	_, err := st.b.request(r, st.call, st.block, timeout)
	return err
}

// Head implements rpcwire.ClientCall.
func (st *clientStream) Head(h *protocol.Head, ends bool) (*rpcwire.Page, error) {
	st.head.parse(st.b.dialect, h, st.b.msgs.Name)
	if st.head.err != nil {
		return st.head.page, st.head.err
	}
	if !ends {
		if key, ok := rpcwire.Receive(st.call.ResponseHeader(), &h.Fields, isReserved); !ok {
			return nil, errMalformedHeader(key)
		}
	}
	return nil, nil //nolint:nilnil // the response is read on
}

// Encoding implements rpcwire.ClientCall.
func (st *clientStream) Encoding() string { return st.head.encoding }

// Frame implements rpcwire.ClientCall. There are no frames but messages.
func (st *clientStream) Frame([]byte, uint8) error { return nil }

// End implements rpcwire.ClientCall.
func (st *clientStream) End(trailer *protocol.Head) error {
	if err := st.head.outcome(trailer, st.call); err != nil {
		return err
	}
	return nil
}
