package grpcwire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// Client is the client side of a dialect, a protocol.HTTPClient. It is safe for concurrent use.
type Client struct {
	dialect  *Dialect
	attempts sync.Pool // of *attempt
}

// NewClient returns the client side of a dialect. Codec, compressors and limits come from the client that uses it.
func NewClient(d *Dialect) *Client { return &Client{dialect: d} }

// Name returns the dialect's name.
func (cl *Client) Name() string { return cl.dialect.Name }

// binding is a prepared method, which Bind returns.
type binding struct {
	dialect *Dialect
	method  *fairlead.Method
	msgs    *rpcwire.Messages
	recv    rpcwire.Limit
	send    rpcwire.Limit

	accepted    *rpcwire.Compressors
	compressMin int
	compressor  int               // the client's own, in accepted.List; -1: none
	head        *protocol.Block   // of requests that are not compressed
	compressed  []*protocol.Block // of requests compressed by the one at the same place in accepted.List
}

// Bind implements protocol.HTTPClient.
func (cl *Client) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	d := cl.dialect
	if cfg.Codec == nil {
		return nil, fmt.Errorf("%s: %s: no codec", d.Name, m.Path)
	}
	if m.OneWay {
		return nil, fairlead.Errorf(fairlead.Unimplemented, "%s: %s is one-way, and %s answers each call",
			d.Name, m.Path, d.Title)
	}
	msgs, err := d.clientMessages(m, cfg)
	if err != nil {
		return nil, err
	}
	userAgent := strings.TrimSpace(cfg.UserAgent + " " + Agent)
	for _, v := range []string{userAgent, cfg.Authority, m.Path} {
		if why := rpcwire.Fault("x", v, isReserved); why != "" {
			return nil, fmt.Errorf("%s: %s: %q cannot be sent: %s", d.Name, m.Path, v, why)
		}
	}
	scheme := "http"
	if cfg.TLS {
		scheme = "https"
	}
	b := &binding{
		dialect: d,

		method: m,
		msgs:   msgs,
		recv:   rpcwire.NewLimit(cfg.RecvMessage, "client", "client.MaxRecvMessage"),
		send:   rpcwire.NewLimit(cfg.SendMessage, "client", "client.MaxSendMessage"),
		accepted: rpcwire.NewCompressors(fieldEncoding,
			append([]compress.Compressor{cfg.Compressor}, cfg.Compressors...)...),
		compressMin: cfg.CompressMin,
		compressor:  -1,
	}
	b.accepted.Panics = cfg.Panics
	fields := []string{
		":method", "POST", ":scheme", scheme, ":path", m.Path, ":authority", cfg.Authority,
		"content-type", d.contentTypeFor(msgs.Name),
	}
	fields = append(append(fields, d.Fields...), "user-agent", userAgent)
	if len(b.accepted.List) > 0 {
		fields = append(fields, fieldAcceptEncoding, b.accepted.Names)
	}
	b.head = protocol.NewBlock(fields...)
	for _, c := range b.accepted.List {
		own := append(append([]string(nil), fields...), fieldEncoding, c.Name())
		b.compressed = append(b.compressed, protocol.NewBlock(own...))
	}
	if cfg.Compressor != nil {
		b.compressor = b.accepted.Index(cfg.Compressor.Name())
	}
	return b, nil
}

// clientMessages binds a codec to the types that a method names.
func (d *Dialect) clientMessages(m *fairlead.Method, cfg *protocol.ClientConfig) (*rpcwire.Messages, error) {
	c := cfg.Codec
	in, out := c, c
	var err error
	if m.NewResponse != nil {
		if in, err = codec.For(c, m.NewResponse()); err != nil {
			return nil, fmt.Errorf("%s: response of %s: %w", d.Name, m.Path, err)
		}
	}
	if m.NewRequest != nil {
		if out, err = codec.For(c, m.NewRequest()); err != nil {
			return nil, fmt.Errorf("%s: request of %s: %w", d.Name, m.Path, err)
		}
	}
	sizer, _ := out.(codec.Sizer)
	msgs := rpcwire.NewMessages(c.Name(), in, out, sizer, m.NewResponse == nil, m.NewRequest == nil)
	msgs.Method, msgs.Panics = m, cfg.Panics
	return msgs, nil
}

// options returns what a call may choose: how its messages are sent, the head that names the compressor, and the limit
// of messages received.
func (b *binding) options(c *fairlead.Call) (o rpcwire.Outgoing, head *protocol.Block, recv rpcwire.Limit, err error) {
	o = rpcwire.Outgoing{Limit: b.send, CompressMin: b.compressMin, Plain: !c.Wire().Compresses()}
	head, recv = b.head, b.recv
	i := b.compressor
	switch want := c.Wire().Compressor(); want {
	case "":
	case rpcwire.Identity:
		i = -1
	default:
		if i = b.accepted.Index(want); i < 0 {
			return o, nil, recv, fairlead.Errorf(fairlead.Internal, "compressor %q is not one of the client's (%s)",
				want, b.accepted.Names).WithReach(fairlead.NotSent)
		}
	}
	if i >= 0 {
		o.Compressor, head = b.accepted.List[i], b.compressed[i]
	}
	r, s := c.Wire().MessageLimits()
	if r > 0 {
		recv = rpcwire.NewLimit(r, "call", "fairlead.WithRecvLimit")
	}
	if s > 0 {
		o.Limit = rpcwire.NewLimit(s, "call", "fairlead.WithSendLimit")
	}
	return o, head, recv, nil
}

// request sets the fields of a request except its message. The timeout is formatted into buf, which must not change
// until the request is sent; timed reports whether there is one.
func (b *binding) request(
	r *protocol.Request, c *fairlead.Call, head *protocol.Block, buf []byte,
) (timed bool, err error) {
	if c.Attempt() > 0 {
		// Attempts after the first have a header of their own; the field is that of gRPC's proposal A6.
		c.RequestHeader().Set(fieldPriorAttempts, strconv.Itoa(c.Attempt()))
	}
	extra, err := requestHeader(c.RequestHeader())
	if err != nil {
		return false, err
	}
	*r = protocol.Request{Head: head, Extra: extra, Base64: true}
	at, timed := c.Deadline()
	if timed {
		left := time.Until(at)
		if left <= 0 {
			return true, rpcwire.NotSent(rpcwire.ErrDeadline())
		}
		r.Name, r.Value = fieldTimeout, rpcwire.AppendTimeout(buf, left)
	}
	return timed, nil
}

// requestHeader returns the metadata of a request, nil if it is empty, and an error if a part of it cannot be sent.
func requestHeader(md *fairlead.Metadata) (*fairlead.Metadata, error) {
	if md.Len() == 0 {
		return nil, nil //nolint:nilnil // no fields to send
	}
	var err error
	extra := rpcwire.Sendable(md, isReserved, func(key, why string) {
		err = fairlead.Errorf(fairlead.Internal, "request metadata %q cannot be sent: %s", key, why).
			WithReach(fairlead.NotSent)
	})
	return extra, err
}

// responseHead is what is needed of a response's head.
type responseHead struct {
	dialect  *Dialect
	encoding string
	status   int
	err      *fairlead.Error // the response is not one of the protocol, or not for this call
	page     *rpcwire.Page   // with err: gets the body; nil: its first words are of no use in the error
}

// parse reads the content type and the encoding of a response's head, for a call with the named codec. It leaves the
// metadata to the caller, since the head may also be the trailer.
func (rh *responseHead) parse(d *Dialect, h *protocol.Head, codecName string) {
	rh.dialect, rh.status = d, h.Status
	got, ok := d.subtype(h.ContentType)
	switch {
	case !ok:
		rh.err = d.httpError(h.Status, h.ContentType)
		rh.page = rpcwire.NewPage(h.ContentType, h.Fields.Get("content-encoding"))
	case got != codecName && d.namesCodec(h.ContentType) && h.Status == 200:
		rh.err = fairlead.Errorf(fairlead.Internal, "the response is encoded with %q, not %q", got, codecName)
	default:
		rh.encoding = rpcwire.Field(&h.Fields, fieldEncoding)
	}
}

// failure returns err, with the first words of the page in its text if there is one.
func (rh *responseHead) failure() error {
	if rh.page == nil {
		return rh.err
	}
	return rh.page.Tell(rh.err)
}

// outcome adds the metadata of a trailer, or of a head that is one, to the call, and returns the status, nil for OK.
func (rh *responseHead) outcome(h *protocol.Head, c *fairlead.Call) *fairlead.Error {
	if h == nil {
		if rh.status != 200 {
			return rh.dialect.httpError(rh.status, rh.dialect.Types[0])
		}
		return fairlead.Errorf(fairlead.Internal, "server closed the stream without sending trailers")
	}
	if key, ok := rpcwire.Receive(c.ResponseTrailer(), &h.Fields, isReserved); !ok {
		return fairlead.Errorf(fairlead.Internal, "malformed binary metadata in trailer %q", key)
	}
	err, found := rpcwire.StatusOf(&h.Fields)
	switch {
	case found:
		return err
	case rh.status != 200:
		return rh.dialect.httpError(rh.status, rh.dialect.Types[0])
	default:
		return fairlead.Errorf(fairlead.Unknown, "the trailer has no %s", rpcwire.FieldStatus)
	}
}

// CheckName implements protocol.NameChecker.
func (*Client) CheckName(name string) error {
	if why := rpcwire.Fault(name, "", isReserved); why != "" {
		return errors.New(why)
	}
	return nil
}
