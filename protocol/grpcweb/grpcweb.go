// Package grpcweb is gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md), gRPC for browsers, as the
// two sides of protocol.HTTP: Server answers requests, Client makes them. It works over HTTP/1.1 and HTTP/2.
//
// A response ends with a frame of its body that has what gRPC sends as trailer fields. The content type
// application/grpc-web carries messages as they are, application/grpc-web-text in base64. Everything else is as in
// gRPC, including timeouts, metadata, compression and errors. Browsers cannot send a stream of messages; other clients
// can, and over HTTP/2 all kinds of call work.
//
// Calls are in internal/rpcwire/grpcwire. This package passes it exchanges that turn a trailer section into that frame,
// on a server (exchange.go), and the frame into a trailer section, on a client (receiver.go, clientexchange.go).
// Browsers that call another origin's server need web.AllowOrigins as well.
package grpcweb

import (
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/internal/rpcwire/grpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

const (
	name  = "grpc-web"
	title = "gRPC-Web"
	// binaryType and textType are the media types without a codec.
	binaryType = "application/grpc-web"
	textType   = "application/grpc-web-text"
)

// isText reports whether a content type is that of the text form.
func isText(ct string) bool {
	_, ok := grpcwire.Subtype(textType, ct)
	return ok
}

// Server is the server side of gRPC-Web, a protocol.HTTP. It is safe for concurrent use once it is attached.
type Server struct {
	calls  *grpcwire.Server
	panics *protocol.Panics
}

var _ protocol.HTTP = (*Server)(nil)

// serverDialect is gRPC-Web as a server has it.
//
//nolint:gochecknoglobals // a constant
var serverDialect = grpcwire.Dialect{
	Name: name, Title: title, Types: []string{binaryType, textType}, Answer: answerType,
}

// NewServer returns the server side of gRPC-Web, for the HTTP wire (web.Protocol). Its methods and limits come from the
// server that it is attached to.
func NewServer() *Server { return &Server{calls: grpcwire.NewServer(&serverDialect)} }

// Name returns "grpc-web".
func (s *Server) Name() string { return s.calls.Name() }

// Attach implements protocol.HTTP.
func (s *Server) Attach(d protocol.Dispatcher) error {
	s.panics = d.Limits().Panics
	return s.calls.Attach(d)
}

// Match implements protocol.HTTP. It asks for the complete bodies of unary calls. It takes all requests with a content
// type of gRPC-Web, whatever their paths.
func (s *Server) Match(h *protocol.Head) protocol.Mode { return s.calls.Match(h) }

// Deadline implements protocol.HTTP.
func (s *Server) Deadline(h *protocol.Head) time.Time { return s.calls.Deadline(h) }

// Whole implements protocol.HTTP.
func (s *Server) Whole(x protocol.Exchange, body []byte) protocol.Task {
	w := s.wrap(x)
	if !w.textIn {
		return s.calls.Whole(w, body)
	}
	plain, err := w.decoder.decode(nil, body)
	if err == nil {
		err = w.decoder.end()
	}
	if err != nil {
		w.broken = err
		s.calls.Stream(w) // it reads the error, and answers with it at once
		return nil
	}
	return s.calls.Whole(w, plain)
}

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) { s.calls.Stream(s.wrap(x)) }

// answerType returns the content type of the response to a request: that of the request, unless the client accepts the
// other form. Browsers that cannot read binary responses ask for the text form in this way.
func answerType(h *protocol.Head) string {
	text := isText(h.ContentType)
	accept := rpcwire.Field(&h.Fields, "accept")
	if !strings.Contains(accept, binaryType) || strings.Contains(accept, textType) == text {
		return h.ContentType
	}
	from, to := textType, binaryType
	if !text {
		from, to = to, from
	}
	rest, _ := strings.CutPrefix(h.ContentType, from)
	return to + rest
}

// Client is the client side of gRPC-Web, a protocol.HTTPClient. It is safe for concurrent use.
type Client struct {
	calls *grpcwire.Client
	text  bool
}

var (
	_ protocol.HTTPClient  = (*Client)(nil)
	_ protocol.NameChecker = (*Client)(nil)
)

//nolint:gochecknoglobals // constants
var (
	binaryClient = grpcwire.Dialect{Name: name, Title: title, Types: []string{binaryType, textType}, Fields: []string{
		"accept", binaryType, "x-grpc-web", "1", "x-user-agent", grpcwire.Agent,
	}}
	textClient = grpcwire.Dialect{Name: name, Title: title, Types: []string{textType, binaryType}, Fields: []string{
		"accept", textType, "x-grpc-web", "1", "x-user-agent", grpcwire.Agent,
	}}
)

// NewClient returns the client side of gRPC-Web, for the HTTP wire (web.NewClient). Codec, compressors and limits come
// from the client that uses it.
func NewClient() *Client { return &Client{calls: grpcwire.NewClient(&binaryClient)} }

// NewTextClient is NewClient, but bodies are in base64, for proxies that do not pass on binary ones. They are a third
// longer.
func NewTextClient() *Client { return &Client{calls: grpcwire.NewClient(&textClient), text: true} }

// Name returns "grpc-web".
func (c *Client) Name() string { return c.calls.Name() }

// Bind implements protocol.HTTPClient.
func (c *Client) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	return c.calls.Bind(m, cfg)
}

// NewConn implements protocol.HTTPClient.
func (c *Client) NewConn(hc protocol.HTTPConn, cfg *protocol.ClientConfig) protocol.ClientConn {
	return c.calls.NewConn(newConn(hc, cfg, c.text), cfg)
}

// CheckName implements protocol.NameChecker.
func (c *Client) CheckName(name string) error { return c.calls.CheckName(name) }
