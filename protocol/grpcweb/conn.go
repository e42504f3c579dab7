package grpcweb

import (
	"math"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/internal/rpcwire/grpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// conn is a client's connection on which responses end with a trailer section, as the calls want it.
type conn struct {
	protocol.HTTPConn

	text     bool          // of requests
	trailer  rpcwire.Limit // of trailer frames
	accepted *rpcwire.Compressors
	panics   *protocol.Panics
}

func newConn(hc protocol.HTTPConn, cfg *protocol.ClientConfig, text bool) *conn {
	c := &conn{HTTPConn: hc, text: text, panics: cfg.Panics}
	c.trailer = rpcwire.NewLimit(cfg.HeaderList, "client", "client.MaxHeaderList, for the trailer")
	c.accepted = rpcwire.NewCompressors(grpcwire.FieldEncoding,
		append([]compress.Compressor{cfg.Compressor}, cfg.Compressors...)...)
	c.accepted.Panics = cfg.Panics
	return c
}

// Do implements protocol.HTTPConn.
func (c *conn) Do(req *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	rc := &receiver{conn: c, next: r, frames: splitter{limit: c.trailer}}
	if !c.text {
		return c.HTTPConn.Do(req, rc)
	}
	own := *req
	held, err := c.encode(&own)
	if err != nil {
		return 0, err
	}
	defer buffer.Put(held)
	return c.HTTPConn.Do(&own, rc)
}

// Open implements protocol.HTTPConn.
func (c *conn) Open(req *protocol.Request) (protocol.ClientExchange, error) {
	own := *req
	held, err := c.encode(&own)
	if err != nil {
		return nil, err
	}
	defer buffer.Put(held)
	x, err := c.HTTPConn.Open(&own)
	if err != nil {
		return nil, err
	}
	return &clientExchange{ClientExchange: x, conn: c, frames: splitter{limit: c.trailer}}, nil
}

// encode replaces the message of a request by its text form, if that is wanted. The caller puts the buffer, which may
// be nil, back when the request is sent.
func (c *conn) encode(req *protocol.Request) (*buffer.Buf, error) {
	if !c.text || req.Message == nil {
		return nil, nil //nolint:nilnil // no buffer is needed
	}
	b, err := appendText(req.Message, nil, c.panics)
	if err != nil {
		return nil, err
	}
	req.Message = &protocol.Message{Bytes: b.B}
	return b, nil
}

// Vital implements protocol.Living.
func (c *conn) Vital() protocol.Vital {
	if l, ok := c.HTTPConn.(protocol.Living); ok {
		return l.Vital()
	}
	return nil
}

// Limit implements protocol.Limited.
func (c *conn) Limit() int {
	if l, ok := c.HTTPConn.(protocol.Limited); ok {
		return l.Limit()
	}
	return math.MaxInt32
}

// TooManyPings implements protocol.Complained.
func (c *conn) TooManyPings() bool {
	k, ok := c.HTTPConn.(protocol.Complained)
	return ok && k.TooManyPings()
}

// form is how the body of a response is to be read.
type form uint8

const (
	foreign form = iota // not gRPC-Web's: as it is
	plainBody
	textBody
)

// formOf returns the form of a response by its head.
func formOf(h *protocol.Head) form {
	if _, ok := grpcwire.Subtype(binaryType, h.ContentType); ok {
		return plainBody
	}
	if isText(h.ContentType) {
		return textBody
	}
	return foreign
}

// hasStatus reports whether a head has a status. A response without a body consists of such a head; if there is a body,
// the status means nothing.
func hasStatus(h *protocol.Head) bool { return rpcwire.Field(&h.Fields, rpcwire.FieldStatus) != "" }
