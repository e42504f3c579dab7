package rpcwire_test

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// A protocol that is none of ours, and closest to the streams of Connect: a response ends with a frame of its own that
// holds the status as JSON, times are in milliseconds, and the fields have other names.
const (
	toyType     = "application/toy+text"
	toyEncoding = "toy-encoding"
	toyAccept   = "toy-accept-encoding"
	toyTimeout  = "connect-timeout-ms" // which the engine knows
	toyEnd      = 2                    // the flag of the last frame
)

// toyStatus is the last frame of a response.
type toyStatus struct {
	Code    fairlead.Code `json:"code,omitempty"`
	Message string        `json:"message,omitempty"`
	Detail  []byte        `json:"detail,omitempty"` // a google.rpc.Status
}

func toyReserved(name string) bool {
	return name == toyEncoding || name == toyAccept || rpcwire.ReservedByHTTP(name)
}

func toySection(extra *fairlead.Metadata) protocol.Section {
	return protocol.Section{Extra: extra, Base64: true}
}

// ---- the server

// toyServer is a protocol.HTTP for streams.
type toyServer struct {
	d        protocol.Dispatcher
	accepted *rpcwire.Compressors
	noEnd    bool // responses lack their last frame
	more     bool // they have a message behind it
}

func (s *toyServer) Name() string { return "toy" }

func (s *toyServer) Attach(d protocol.Dispatcher) error {
	s.d, s.accepted = d, rpcwire.NewCompressors(toyEncoding, d.Limits().Compressors...)
	return nil
}

func (s *toyServer) Match(h *protocol.Head) protocol.Mode {
	if h.Route == nil || h.ContentType != toyType {
		return protocol.Pass
	}
	return protocol.Streamed
}

func (s *toyServer) Whole(protocol.Exchange, []byte) protocol.Task { return nil }

func (s *toyServer) Deadline(*protocol.Head) time.Time { return time.Time{} }

// toyServerCall is a call on the server, an rpcwire.ServerCall.
type toyServerCall struct {
	rpcwire.ServerStream

	s    *toyServer
	x    protocol.Exchange
	call *fairlead.Call
	msgs *rpcwire.Messages
	comp rpcwire.Negotiation
	recv rpcwire.Limit
}

func (s *toyServer) Stream(x protocol.Exchange) {
	h, l := x.Head(), s.d.Limits()
	mc := &h.Route.Codecs[0]
	st := &toyServerCall{
		s: s, x: x, recv: rpcwire.NewLimit(l.RecvMessage, "server", "server.MaxRecvMessage"),
		msgs: rpcwire.NewMessages(mc.Name, mc.Req, mc.Resp, mc.RespSizer, false, false),
		comp: rpcwire.Negotiation{
			Encoding: rpcwire.Field(&h.Fields, toyEncoding), Accept: rpcwire.Field(&h.Fields, toyAccept),
		},
	}
	p := fairlead.ServerCall{Method: h.Route.Method, Peer: x.Peer(), Driver: st}
	if v := h.TimeoutIn(toyTimeout); v != nil {
		if ms, err := strconv.Atoi(string(v)); err == nil {
			p.Deadline = time.Now().Add(time.Duration(ms) * time.Millisecond)
		}
	}
	_, ok := rpcwire.Receive(&p.Header, &h.Fields, toyReserved)
	st.call = fairlead.NewServerCall(&p)
	x.SetCall(st.call)
	out := rpcwire.Outgoing{Limit: rpcwire.NewLimit(l.SendMessage, "server", ""), CompressMin: l.CompressMin}
	if i := st.comp.Compressor(s.accepted); i >= 0 {
		out.Compressor = s.accepted.List[i]
	}
	st.Begin(&rpcwire.Serving{
		Call: st.call, Exchange: x, Stream: st, Messages: st.msgs, Outgoing: out, Recv: st.recv, Reserver: s.d,
	})
	admitted := false
	var err error
	switch {
	case !ok:
		err = fairlead.Errorf(fairlead.Internal, "malformed metadata")
	case s.accepted.Unknown(st.comp.Encoding):
		err = s.accepted.Unsupported(fairlead.Unimplemented, st.comp.Encoding)
	default:
		err = s.d.Admit(st.call, 0)
		admitted = err == nil
	}
	if err == nil {
		st.call.Wire().SetStream(st)
		err = h.Route.Handler(st.call.Context(), st.call)
		st.StopWatch()
	}
	_ = st.call.Wire().End(st.call.Context(), err)
	st.End(err)
	if admitted {
		s.d.Done(st.call, st.Reserved())
	}
}

func (st *toyServerCall) SendHead() error {
	fields := []string{":status", "200", "content-type", toyType}
	if i := st.comp.Compressor(st.s.accepted); i >= 0 {
		fields = append(fields, toyEncoding, st.s.accepted.List[i].Name())
	}
	head := toySection(rpcwire.Sendable(st.call.ResponseHeader(), toyReserved, func(string, string) {}))
	head.Block = protocol.NewBlock(fields...)
	return st.x.SendHead(head)
}

func (st *toyServerCall) Decode(payload []byte, flags uint8, msg any) error {
	data, b, err := st.s.accepted.Plain(payload, flags, st.comp.Encoding, &st.recv)
	if err == nil {
		err = st.msgs.Decode(data, msg)
		buffer.Put(b)
	}
	return err
}

func (st *toyServerCall) Finish(e *fairlead.Error) {
	if !st.Begun() {
		_ = st.SendHead()
	}
	var status toyStatus
	if e != nil {
		status = toyStatus{e.Code, e.Message, rpcwire.EncodeStatus(e.Code, e.Message, e.Details)}
	}
	b, err := json.Marshal(status)
	if err != nil {
		st.x.Reset(protocol.ResetInternal, err)
		return
	}
	frames := []protocol.Message{{Bytes: b, Envelope: true, Flags: toyEnd}, {Bytes: []byte("more"), Envelope: true}}
	if !st.s.more {
		frames = frames[:1]
	}
	if st.s.noEnd {
		frames = nil
	}
	for i := range frames {
		if err := st.x.Send(&frames[i], false); err != nil {
			break
		}
	}
	st.x.Finish(protocol.Section{})
}

func (st *toyServerCall) Protocol() string          { return "toy" }
func (st *toyServerCall) Draining() <-chan struct{} { return st.s.d.Draining() }

// ---- the client

// toyClient is a protocol.HTTPClient for streams.
type toyClient struct{}

type toyBinding struct {
	msgs     *rpcwire.Messages
	accepted *rpcwire.Compressors
	out      rpcwire.Outgoing
	recv     rpcwire.Limit
	head     *protocol.Block
}

func (toyClient) Name() string { return "toy" }

func (toyClient) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	in, err := codec.For(cfg.Codec, m.NewResponse())
	if err != nil {
		return nil, err
	}
	out, err := codec.For(cfg.Codec, m.NewRequest())
	if err != nil {
		return nil, err
	}
	b := &toyBinding{
		msgs:     rpcwire.NewMessages(cfg.Codec.Name(), in, out, nil, false, false),
		accepted: rpcwire.NewCompressors(toyEncoding, append([]compress.Compressor{cfg.Compressor}, cfg.Compressors...)...),
		out: rpcwire.Outgoing{
			Limit: rpcwire.NewLimit(cfg.SendMessage, "client", ""), Compressor: cfg.Compressor, CompressMin: cfg.CompressMin,
		},
		recv: rpcwire.NewLimit(cfg.RecvMessage, "client", "client.MaxRecvMessage"),
	}
	fields := []string{
		":method", "POST", ":scheme", "http", ":path", m.Path, ":authority", cfg.Authority, "content-type", toyType,
		toyAccept, b.accepted.Names,
	}
	if cfg.Compressor != nil {
		fields = append(fields, toyEncoding, cfg.Compressor.Name())
	}
	b.head = protocol.NewBlock(fields...)
	return b, nil
}

func (toyClient) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	return &toyConn{rpcwire.NewClientConn(hc)}
}

type toyConn struct{ rpcwire.ClientConn }

func (c *toyConn) Unary(context.Context, protocol.Binding, *fairlead.Call) error {
	return fairlead.Errorf(fairlead.Unimplemented, "streams only")
}

func (c *toyConn) Open(ctx context.Context, binding protocol.Binding, call *fairlead.Call) error {
	b, _ := binding.(*toyBinding)
	st := &toyCall{b: b, call: call}
	return st.Open(ctx, c.HTTP, &rpcwire.Opening{
		Call: call, Stream: st, Messages: b.msgs, Accepted: b.accepted, Outgoing: b.out, Recv: b.recv,
		Own: toyEnd, OwnLimit: rpcwire.NewLimit(16<<10, "client", ""),
	})
}

// toyCall is a call on the client.
type toyCall struct {
	rpcwire.ClientStream

	b        *toyBinding
	call     *fairlead.Call
	encoding string
	ended    bool
	status   toyStatus
}

func (st *toyCall) Protocol() string { return "toy" }

func (st *toyCall) Request(r *protocol.Request, timeout []byte) error {
	*r = protocol.Request{Head: st.b.head, Base64: true}
	r.Extra = rpcwire.Sendable(st.call.RequestHeader(), toyReserved, func(string, string) {})
	if at, ok := st.call.Deadline(); ok {
		r.Name, r.Value = toyTimeout, strconv.AppendInt(timeout, time.Until(at).Milliseconds()+1, 10)
	}
	return nil
}

func (st *toyCall) Head(h *protocol.Head, _ bool) (*rpcwire.Page, error) {
	if h.ContentType != toyType {
		return rpcwire.NewPage(h.ContentType, ""), fairlead.PeerError(rpcwire.CodeOfHTTP(h.Status), "no toy", nil)
	}
	st.encoding = rpcwire.Field(&h.Fields, toyEncoding)
	rpcwire.Receive(st.call.ResponseHeader(), &h.Fields, toyReserved)
	return nil, nil //nolint:nilnil // the response is read on
}

func (st *toyCall) Encoding() string { return st.encoding }

func (st *toyCall) Frame(payload []byte, _ uint8) error {
	st.ended = true
	if err := json.Unmarshal(payload, &st.status); err != nil {
		return fairlead.Errorf(fairlead.Internal, "malformed end: %w", err)
	}
	return nil
}

func (st *toyCall) End(*protocol.Head) error {
	switch s := &st.status; {
	case !st.ended:
		return fairlead.Errorf(fairlead.Internal, "the response has no end")
	case s.Code == 0:
		return nil
	default:
		e := fairlead.PeerError(s.Code, s.Message, nil)
		_, _, e.Details, _ = rpcwire.ParseStatus(s.Detail)
		return e
	}
}
