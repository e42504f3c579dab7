package connect

import (
	"context"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// clientStream is a streaming call on the client, an rpcwire.ClientCall.
type clientStream struct {
	rpcwire.ClientStream

	b        *binding
	call     *fairlead.Call
	block    *protocol.Block // the fixed part of the request's head
	encoding string          // of the messages received
	ended    bool            // the last frame is there
	status   *fairlead.Error // what it says; nil: success
}

// Open implements protocol.ClientConn.
func (cc *clientConn) Open(ctx context.Context, bind protocol.Binding, c *fairlead.Call) error {
	b, err := bindingOf(bind, c)
	if err != nil {
		return err
	}
	out, compressor, recv, err := b.options(c)
	if err != nil {
		return err
	}
	st := &clientStream{b: b, call: c, block: b.headFor(compressor)}
	return st.Open(ctx, cc.HTTP, &rpcwire.Opening{
		Call: c, Stream: st, Messages: b.msgs, Accepted: b.accepted, Outgoing: out, Recv: recv,
		Own: flagEnd, OwnLimit: recv,
	})
}

// Protocol implements fairlead.Driver.
func (st *clientStream) Protocol() string { return name }

// Request implements rpcwire.ClientCall.
func (st *clientStream) Request(r *protocol.Request, timeout []byte) error {
	_, err := st.b.request(r, st.call, st.block, timeout)
	return err
}

// Head implements rpcwire.ClientCall. The status of a stream is 200, whatever its outcome.
func (st *clientStream) Head(h *protocol.Head, _ bool) (*rpcwire.Page, error) {
	if h.Status != 200 {
		return rpcwire.NewPage(h.ContentType, h.Fields.Get(fieldEncoding)), statusError(h.Status, h.ContentType)
	}
	if err := typeError(h.ContentType, st.b.contentType, streamPrefix); err != nil {
		return rpcwire.NewPage(h.ContentType, h.Fields.Get(fieldEncoding)), err
	}
	st.encoding = rpcwire.Field(&h.Fields, fieldStreamEncoding)
	if st.b.accepted.Unknown(st.encoding) {
		return nil, st.b.accepted.Unsupported(fairlead.Internal, st.encoding)
	}
	if key, ok := rpcwire.Receive(st.call.ResponseHeader(), &h.Fields, isReserved); !ok {
		return nil, errMalformedHeader(key)
	}
	return nil, nil //nolint:nilnil // the response is read on
}

// Encoding implements rpcwire.ClientCall.
func (st *clientStream) Encoding() string { return st.encoding }

// Frame implements rpcwire.ClientCall. The frame is the last one of the response.
func (st *clientStream) Frame(payload []byte, _ uint8) error {
	status, err := parseEnd(payload, st.call.ResponseTrailer())
	if err != nil {
		return err
	}
	st.ended, st.status = true, status
	return nil
}

// End implements rpcwire.ClientCall.
func (st *clientStream) End(*protocol.Head) error {
	switch {
	case !st.ended:
		return fairlead.Errorf(fairlead.Internal, "the response ended without the last frame of a stream")
	case st.status != nil:
		return st.status
	}
	return nil
}
