package connect

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// Client is the client side of Connect, a protocol.HTTPClient. It is safe for concurrent use.
type Client struct {
	get      int // the longest query of a call with GET; 0: all calls use POST
	err      error
	attempts sync.Pool // of *attempt
}

// Option configures a Client.
type Option interface{ apply(cl *Client) }

type option func(*Client)

func (o option) apply(cl *Client) { o(cl) }

// Get makes the client call unary methods without side effects (idempotency_level = NO_SIDE_EFFECTS) with GET, so that
// browsers and proxies can cache their responses. The request goes into the URL. Calls whose query would have more
// than maxQuery bytes use POST; 4096 suits most servers and proxies. Default: all calls use POST.
//
// A cache finds a response if the query is the same to the byte. Messages with maps may be encoded in another way each
// time.
func Get(maxQuery int) Option {
	return option(func(cl *Client) {
		if cl.get = maxQuery; maxQuery <= 0 || maxQuery > math.MaxInt32 {
			cl.err = fmt.Errorf("connect: Get: %d is not between 1 and %d", maxQuery, math.MaxInt32)
		}
	})
}

// NewClient returns the client side of Connect, for the HTTP wire (web.NewClient). Codec, compressors and limits come
// from the client that uses it.
func NewClient(opts ...Option) *Client {
	cl := new(Client)
	for _, o := range opts {
		if o == nil {
			cl.err = errors.New("connect: NewClient: nil Option")
			continue
		}
		o.apply(cl)
	}
	return cl
}

// Name returns "connect".
func (*Client) Name() string { return name }

// Check implements protocol.Checker.
func (cl *Client) Check() error { return cl.err }

// binding is a prepared method, which Bind returns.
type binding struct {
	method *fairlead.Method
	msgs   *rpcwire.Messages
	recv   rpcwire.Limit
	send   rpcwire.Limit

	contentType string
	accepted    *rpcwire.Compressors
	compressMin int
	compressor  int               // the client's own, in accepted.List; -1: none
	head        *protocol.Block   // of requests that are not compressed
	compressed  []*protocol.Block // of requests compressed by the one at the same place in accepted.List
	get         *protocol.Block   // of requests with GET; nil: the method has none
	maxQuery    int               // with get
}

// Bind implements protocol.HTTPClient.
func (cl *Client) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	if cfg.Codec == nil {
		return nil, fmt.Errorf("connect: %s: no codec", m.Path)
	}
	if m.OneWay {
		return nil, fairlead.Errorf(fairlead.Unimplemented, "connect: %s is one-way, and Connect answers each call", m.Path)
	}
	msgs, err := clientMessages(m, cfg)
	if err != nil {
		return nil, err
	}
	userAgent := strings.TrimSpace(cfg.UserAgent + " " + agent)
	for _, v := range []string{userAgent, cfg.Authority, m.Path} {
		if why := rpcwire.Fault("x", v, isReserved); why != "" {
			return nil, fmt.Errorf("connect: %s: %q cannot be sent: %s", m.Path, v, why)
		}
	}
	stream := m.Kind != fairlead.Unary
	encoding, accept := fieldEncoding, fieldAcceptEncoding
	if stream {
		encoding, accept = fieldStreamEncoding, fieldStreamAcceptEncoding
	}
	b := &binding{
		method:      m,
		msgs:        msgs,
		recv:        rpcwire.NewLimit(cfg.RecvMessage, "client", "client.MaxRecvMessage"),
		send:        rpcwire.NewLimit(cfg.SendMessage, "client", "client.MaxSendMessage"),
		contentType: contentType(stream, msgs.Name),
		accepted: rpcwire.NewCompressors(encoding,
			append([]compress.Compressor{cfg.Compressor}, cfg.Compressors...)...),
		compressMin: cfg.CompressMin,
		compressor:  -1,
	}
	b.accepted.Panics = cfg.Panics
	scheme := "http"
	if cfg.TLS {
		scheme = "https"
	}
	where := []string{":scheme", scheme, ":authority", cfg.Authority}
	fields := []string{"user-agent", userAgent}
	if len(b.accepted.List) > 0 {
		fields = append(fields, accept, b.accepted.Names)
	}
	if cl.get > 0 && hasGet(m) {
		b.maxQuery = cl.get
		b.get = protocol.NewBlock(join([]string{":method", "GET"}, where, fields)...)
	}
	fields = join(
		[]string{":method", "POST", ":path", m.Path}, where,
		[]string{"content-type", b.contentType, fieldVersion, version}, fields)
	b.head = protocol.NewBlock(fields...)
	for _, c := range b.accepted.List {
		b.compressed = append(b.compressed, protocol.NewBlock(join(fields, []string{encoding, c.Name()})...))
	}
	if cfg.Compressor != nil {
		b.compressor = b.accepted.Index(cfg.Compressor.Name())
	}
	return b, nil
}

// join returns the lists as one.
func join(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// clientMessages binds a codec to the types that a method names.
func clientMessages(m *fairlead.Method, cfg *protocol.ClientConfig) (*rpcwire.Messages, error) {
	c := cfg.Codec
	in, out := c, c
	var err error
	if m.NewResponse != nil {
		if in, err = codec.For(c, m.NewResponse()); err != nil {
			return nil, fmt.Errorf("connect: response of %s: %w", m.Path, err)
		}
	}
	if m.NewRequest != nil {
		if out, err = codec.For(c, m.NewRequest()); err != nil {
			return nil, fmt.Errorf("connect: request of %s: %w", m.Path, err)
		}
	}
	sizer, _ := out.(codec.Sizer)
	msgs := rpcwire.NewMessages(c.Name(), in, out, sizer, m.NewResponse == nil, m.NewRequest == nil)
	msgs.Method, msgs.Panics = m, cfg.Panics
	return msgs, nil
}

// options returns what a call may choose: how its messages are sent, the place of its compressor in accepted.List, -1
// for none, and the limit of messages received.
func (b *binding) options(c *fairlead.Call) (o rpcwire.Outgoing, compressor int, recv rpcwire.Limit, err error) {
	o = rpcwire.Outgoing{Limit: b.send, CompressMin: b.compressMin, Plain: !c.Wire().Compresses()}
	recv = b.recv
	i := b.compressor
	switch want := c.Wire().Compressor(); want {
	case "":
	case rpcwire.Identity:
		i = -1
	default:
		if i = b.accepted.Index(want); i < 0 {
			return o, i, recv, fairlead.Errorf(fairlead.Internal, "compressor %q is not one of the client's (%s)",
				want, b.accepted.Names).WithReach(fairlead.NotSent)
		}
	}
	if i >= 0 {
		o.Compressor = b.accepted.List[i]
	}
	r, s := c.Wire().MessageLimits()
	if r > 0 {
		recv = rpcwire.NewLimit(r, "call", "fairlead.WithRecvLimit")
	}
	if s > 0 {
		o.Limit = rpcwire.NewLimit(s, "call", "fairlead.WithSendLimit")
	}
	return o, i, recv, nil
}

// headFor returns the head of requests whose messages are compressed by a compressor of accepted.List, -1 for none.
func (b *binding) headFor(compressor int) *protocol.Block {
	if compressor < 0 {
		return b.head
	}
	return b.compressed[compressor]
}

// request sets the fields of a request except its message. The timeout is formatted into buf, which must not change
// until the request is sent; timed reports whether the call has a deadline.
func (b *binding) request(
	r *protocol.Request, c *fairlead.Call, head *protocol.Block, buf []byte,
) (timed bool, err error) {
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
		if left <= maxTimeout {
			r.Name, r.Value = fieldTimeout, appendTimeout(buf, left)
		}
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

// CheckName implements protocol.NameChecker.
func (*Client) CheckName(name string) error {
	if why := rpcwire.Fault(name, "", isReserved); why != "" {
		return errors.New(why)
	}
	return nil
}

// statusError returns the error for a response with an HTTP status and nothing that says more.
func statusError(status int, ct string) *fairlead.Error {
	text := fmt.Sprintf("the server answered with the HTTP status %d", status)
	if ct != "" {
		text += fmt.Sprintf(" and the content type %q", ct)
	}
	return fairlead.PeerError(rpcwire.CodeOfHTTP(status), text, nil)
}

// typeError returns the error for a successful response of another content type than want, nil if it is as wanted. A
// type with the same prefix is that of another codec; any other is not of Connect.
func typeError(ct, want, prefix string) *fairlead.Error {
	if ct == want || mediaType(ct) == want {
		return nil
	}
	code := fairlead.Unknown
	if strings.HasPrefix(mediaType(ct), prefix) {
		code = fairlead.Internal
	}
	return fairlead.PeerError(code, fmt.Sprintf("the response has the content type %q, not %q", ct, want), nil)
}
