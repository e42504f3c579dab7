// Package grpc is gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) as the two sides of
// protocol.HTTP: Server answers requests, Client makes them.
//
// Their calls are in internal/rpcwire/grpcwire, which gRPC-Web uses as well.
package grpc

import (
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire/grpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// dialect is gRPC.
//
//nolint:gochecknoglobals // a constant
var dialect = grpcwire.Dialect{
	Name: "grpc", Title: "gRPC", Types: []string{"application/grpc"}, Fields: []string{"te", "trailers"},
	HTTP2: true,
}

// Server is the server side of gRPC, a protocol.HTTP. It is safe for concurrent use once it is attached.
type Server struct{ calls *grpcwire.Server }

var _ protocol.HTTP = (*Server)(nil)

// NewServer returns the server side of gRPC, for the HTTP wire (web.NewServer). Its methods and limits come from the
// server that it is attached to.
func NewServer() *Server { return &Server{grpcwire.NewServer(&dialect)} }

// Name returns "grpc".
func (s *Server) Name() string { return s.calls.Name() }

// Attach implements protocol.HTTP.
func (s *Server) Attach(d protocol.Dispatcher) error { return s.calls.Attach(d) }

// Match implements protocol.HTTP. It asks for the complete bodies of unary calls. It takes all requests of HTTP/2 with
// a content type of gRPC, whatever their paths.
func (s *Server) Match(h *protocol.Head) protocol.Mode { return s.calls.Match(h) }

// Whole implements protocol.HTTP.
func (s *Server) Whole(x protocol.Exchange, body []byte) protocol.Task { return s.calls.Whole(x, body) }

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) { s.calls.Stream(x) }

// Deadline implements protocol.HTTP.
func (s *Server) Deadline(h *protocol.Head) time.Time { return s.calls.Deadline(h) }

// Client is the client side of gRPC, a protocol.HTTPClient. It is safe for concurrent use.
type Client struct{ calls *grpcwire.Client }

var (
	_ protocol.HTTPClient  = (*Client)(nil)
	_ protocol.NameChecker = (*Client)(nil)
)

// NewClient returns the client side of gRPC, for the HTTP wire (web.NewClient). Codec, compressors and limits come from
// the client that uses it.
func NewClient() *Client { return &Client{grpcwire.NewClient(&dialect)} }

// Name returns "grpc".
func (c *Client) Name() string { return c.calls.Name() }

// Bind implements protocol.HTTPClient.
func (c *Client) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	return c.calls.Bind(m, cfg)
}

// NewConn implements protocol.HTTPClient.
func (c *Client) NewConn(hc protocol.HTTPConn, cfg *protocol.ClientConfig) protocol.ClientConn {
	return c.calls.NewConn(hc, cfg)
}

// CheckName implements protocol.NameChecker.
func (c *Client) CheckName(name string) error { return c.calls.CheckName(name) }
