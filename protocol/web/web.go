// Package web is the HTTP wire. It runs the connections and passes each request to the first protocol that takes it.
// Protocols such as gRPC implement protocol.HTTP and protocol.HTTPClient and do not depend on the version of HTTP. If
// no protocol takes a request, the wire answers it: with 431 if the header list is too long, 501 if the method is
// unknown or CONNECT, 405 or 415 if a protocol knows the path, and 404 otherwise.
//
// It serves HTTP/2, with prior knowledge or by ALPN (RFC 9113, sections 3.2 and 3.3), and HTTP/1.1 and HTTP/1.0 on the
// same port. A client speaks HTTP/2, or HTTP/1.1 with UseHTTP1. The upgrade from one to the other within a connection,
// which RFC 9113 has given up, is ignored.
package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/http1"
	"github.com/fairlead-go/fairlead/internal/http2"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// Server is the HTTP wire of a server. It is made for one server.
type Server struct {
	opts config
	sel  selector
	d    protocol.Dispatcher
	cfg1 http1.Config
	cfg2 http2.Config
}

var (
	_ protocol.HTTPCarrier = (*Server)(nil)
	_ protocol.Refuser     = (*Server)(nil)
)

// NewServer makes the wire for a protocol; the option Protocol adds more. server.New returns an error if an option is
// wrong.
func NewServer(app protocol.HTTP, opts ...ServerOption) *Server {
	s := &Server{opts: defaults()}
	s.opts.apps = []protocol.HTTP{app}
	for _, o := range opts {
		if o == nil {
			s.opts.errs = append(s.opts.errs, errors.New("web: NewServer: nil ServerOption"))
			continue
		}
		o.applyServer(&s.opts)
	}
	return s
}

// AddHTTP implements protocol.HTTPCarrier.
func (s *Server) AddHTTP(p ...protocol.HTTP) {
	for _, a := range p {
		i := slices.IndexFunc(s.opts.apps, func(b protocol.HTTP) bool { return b != nil && a != nil && b.Name() == a.Name() })
		if i < 0 {
			s.opts.apps = append(s.opts.apps, a)
		} else {
			s.opts.apps[i] = a
		}
	}
}

// Selector implements protocol.HTTPCarrier.
func (s *Server) Selector() protocol.Selector { return &s.sel }

// Name implements protocol.Server.
func (*Server) Name() string { return "http" }

// ALPN implements protocol.Server.
func (s *Server) ALPN() []string {
	if s.opts.http1 {
		return []string{"h2", "http/1.1"}
	}
	return []string{"h2"}
}

// Attach implements protocol.Server.
func (s *Server) Attach(d protocol.Dispatcher) error {
	if s.d != nil {
		return errors.New("web: the wire is attached to a server already; make one for each")
	}
	if err := s.opts.check(); err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, a := range s.opts.apps {
		if a == nil {
			return errors.New("web: a protocol is nil")
		}
		if names[a.Name()] {
			return fmt.Errorf("web: protocol %q was given twice", a.Name())
		}
		names[a.Name()] = true
		if err := a.Attach(d); err != nil {
			return fmt.Errorf("web: protocol %q: %w", a.Name(), err)
		}
	}
	s.d, s.sel.apps, s.sel.routes = d, s.opts.apps, make(map[string]*protocol.Route)
	s.sel.origins = newOrigins(&s.opts)
	for r := range d.Routes() {
		s.sel.routes[r.Method.Path] = r
	}
	l := d.Limits()
	s.sel.guard = l.Guard
	s.cfg2 = http2.Config{
		MaxStreams:      l.Streams,
		HeaderList:      l.HeaderList,
		QueuedBytes:     s.opts.queued,
		ExtendedConnect: s.opts.extendedConnect,
		PingMin:         s.opts.pingMin,
		PingIdle:        s.opts.pingIdle,
		ControlBudget:   s.opts.budget,
		FrameTimeout:    s.opts.frameTimeout,
		Guard:           l.Guard,
		Panics:          l.Panics,
		Logger:          d.Logger(),
	}
	s.cfg1 = http1.Config{
		HeaderList:   l.HeaderList,
		Line:         s.opts.line,
		Fields:       s.opts.fields,
		Body:         s.opts.body,
		Requests:     s.opts.requests,
		FrameTimeout: s.opts.frameTimeout,
		Guard:        l.Guard,
		Panics:       l.Panics,
		Logger:       d.Logger(),
	}
	return nil
}

// Detect implements protocol.Server. It knows HTTP/2 by its connection preface (RFC 9113, section 3.4), and HTTP/1 by
// the first byte of a method, after which it looks no further than to tell the two apart; empty lines may come before.
func (s *Server) Detect(first []byte) protocol.Verdict {
	n := min(len(first), len(http2.Preface))
	if string(first[:n]) == http2.Preface[:n] {
		if n < len(http2.Preface) {
			return protocol.More
		}
		return protocol.Yes
	}
	if !s.opts.http1 {
		return protocol.No
	}
	for len(first) > 1 && first[0] == '\r' && first[1] == '\n' {
		first = first[2:]
	}
	switch {
	case len(first) == 0 || len(first) == 1 && first[0] == '\r':
		return protocol.More
	case 'A' <= first[0] && first[0] <= 'Z' || 'a' <= first[0] && first[0] <= 'z':
		return protocol.Yes
	}
	return protocol.No
}

// Refuse implements protocol.Refuser: without HTTP/1 it answers a request of that version (RFC 9112, section 3) with
// 505, and a line of text for people with a browser or curl.
func (*Server) Refuse(first []byte) []byte {
	verb, target, ok := bytes.Cut(first, []byte(" "))
	if !ok || len(verb) == 0 || string(verb) == "PRI" || len(target) == 0 {
		return nil
	}
	switch target[0] {
	case '/', '*', 'h':
	default:
		return nil
	}
	for _, c := range verb {
		if c < 'A' || c > 'Z' {
			return nil
		}
	}
	return []byte(refusal)
}

const refusal = "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Connection: close\r\n\r\nThis port serves HTTP/2 only, with prior knowledge or agreed upon in TLS.\n"

// NewConn implements protocol.Server.
func (s *Server) NewConn(tc transport.Conn) (protocol.ServerConn, error) {
	if s.opts.http1 && speaksHTTP1(tc) {
		return http1.NewServer(tc, &s.cfg1, s.d, &s.sel), nil
	}
	return http2.NewServer(tc, &s.cfg2, s.d, &s.sel), nil
}

// speaksHTTP1 reports whether a connection is one of HTTP/1: by what was agreed upon, or by its first bytes.
func speaksHTTP1(tc transport.Conn) bool {
	switch tc.Info().ALPN {
	case "h2":
		return false
	case "http/1.1":
		return true
	}
	first, _ := tc.Peek(1) // after an error there are none
	n := min(len(first), len(http2.Preface))
	return string(first[:n]) != http2.Preface[:n]
}

// Client is the HTTP wire of a client.
type Client struct {
	app  protocol.HTTPClient
	opts config
}

var (
	_ protocol.Client  = (*Client)(nil)
	_ protocol.Checker = (*Client)(nil)
	_ protocol.Serial  = (*Client)(nil)
)

// NewClient makes the wire for a protocol. client.New returns an error if an option is wrong.
func NewClient(app protocol.HTTPClient, opts ...ClientOption) *Client {
	c := &Client{app: app, opts: defaults()}
	for _, o := range opts {
		if o == nil {
			c.opts.errs = append(c.opts.errs, errors.New("web: NewClient: nil ClientOption"))
			continue
		}
		o.applyClient(&c.opts)
	}
	if app == nil {
		c.opts.errs = append(c.opts.errs, errors.New("web: NewClient: the protocol is nil"))
	}
	return c
}

// Check implements protocol.Checker.
func (c *Client) Check() error { return c.opts.check() }

// Name implements protocol.Client.
func (c *Client) Name() string { return c.app.Name() }

// ALPN implements protocol.Client.
func (c *Client) ALPN() []string {
	if c.opts.useHTTP1 {
		return []string{"http/1.1"}
	}
	return []string{"h2"}
}

// Serial implements protocol.Serial: connections of HTTP/1.1 carry one call at a time.
func (c *Client) Serial() bool { return c.opts.useHTTP1 }

// Bind implements protocol.Client.
func (c *Client) Bind(m *fairlead.Method, cfg *protocol.ClientConfig) (protocol.Binding, error) {
	return c.app.Bind(m, cfg)
}

// CheckName implements protocol.NameChecker, if the protocol does.
func (c *Client) CheckName(name string) error {
	if k, ok := c.app.(protocol.NameChecker); ok {
		return k.CheckName(name)
	}
	return nil
}

// NewConn implements protocol.Client.
func (c *Client) NewConn(
	ctx context.Context, tc transport.Conn, cfg *protocol.ClientConfig,
) (protocol.ClientConn, error) {
	if c.opts.useHTTP1 {
		return c.newConn1(tc, cfg)
	}
	if info := tc.Info(); info.TLS != nil && info.ALPN != "h2" {
		_ = tc.Close()
		return nil, fmt.Errorf("web: %v did not agree on HTTP/2 by ALPN (it chose %q)", info.Remote, info.ALPN)
	}
	hc := http2.NewClient(tc, &http2.Config{
		HeaderList:    cfg.HeaderList,
		QueuedBytes:   c.opts.queued,
		ControlBudget: c.opts.budget,
		FrameTimeout:  c.opts.frameTimeout,
		Guard:         cfg.Guard,
		Panics:        cfg.Panics,
		Logger:        cfg.Logger,
	})
	if err := hc.Ready(ctx); err != nil {
		return nil, fmt.Errorf("web: %v: %w", tc.Info().Remote, err)
	}
	return c.app.NewConn(hc, cfg), nil
}

// newConn1 makes a connection of HTTP/1.1. A server that does not know ALPN may speak it all the same.
func (c *Client) newConn1(tc transport.Conn, cfg *protocol.ClientConfig) (protocol.ClientConn, error) {
	if info := tc.Info(); info.ALPN != "" && info.ALPN != "http/1.1" {
		_ = tc.Close()
		return nil, fmt.Errorf("web: %v did not agree on HTTP/1.1 by ALPN (it chose %q)", info.Remote, info.ALPN)
	}
	hc := http1.NewClient(tc, &http1.Config{
		HeaderList:   cfg.HeaderList,
		Fields:       maxResponseFields,
		FrameTimeout: c.opts.frameTimeout,
		Guard:        cfg.Guard,
		Panics:       cfg.Panics,
		Logger:       cfg.Logger,
	})
	return c.app.NewConn(hc, cfg), nil
}

// maxResponseFields is the number of fields that the head of a response may have in HTTP/1.1.
const maxResponseFields = 1000
