// Package ws serves methods over WebSocket (RFC 6455), also over HTTP/2 (RFC 8441), to browsers above all. A socket is
// one call of the method whose path it was opened at. docs/websocket.md describes the messages.
//
// It is a protocol of the HTTP wire. Package preset has it by default; this replaces it:
//
//	preset.NewServer(":8080", server.HTTP(ws.NewServer(ws.Origins("https://example.com"))), server.Service(impl))
package ws

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// name is the protocol's name, which Call.Protocol returns.
const name = "websocket"

// prefix begins the names of subprotocols; the name of a codec follows.
const prefix = "fairlead."

// jsonCodec is the codec whose messages are sent as text, and the one of clients that name no subprotocol.
const jsonCodec = "json"

// Server is the server side, a protocol.HTTP. It is made for one server, and safe for concurrent use once it is
// attached.
type Server struct {
	origins origins
	ping    time.Duration
	errs    []error

	d        protocol.Dispatcher
	panics   *protocol.Panics
	recv     rpcwire.Limit
	send     rpcwire.Limit
	messages map[*protocol.MethodCodec]*rpcwire.Messages
}

var _ protocol.HTTP = (*Server)(nil)

// Option configures a Server.
type Option interface{ apply(s *Server) }

type option func(*Server)

func (o option) apply(s *Server) { o(s) }

// Origins adds origins of pages that may open sockets, besides those of the server's own host: "https://example.com",
// "https://*.example.com" for all hosts below example.com, or "*" for all. The server's host is the one that the
// request names, whatever the scheme, because a proxy may have ended TLS. Requests without an origin are not from
// browsers and are not affected. Without the check any page could call the server with the cookies of the user who
// looks at it, since browsers do not apply CORS to sockets. Default: none.
func Origins(allowed ...string) Option {
	return option(func(s *Server) {
		for _, o := range allowed {
			if err := s.origins.add(o); err != nil {
				s.errs = append(s.errs, err)
			}
		}
	})
}

// PingInterval sets how long a socket may be silent before the server sends a ping. If nothing comes within the same
// time after that, the call is canceled and the socket closed. At least 1 s, or 0: no pings. Default: 30 s, which is
// less than proxies usually wait.
func PingInterval(d time.Duration) Option {
	return option(func(s *Server) {
		if d != 0 && d < time.Second {
			s.errs = append(s.errs, fmt.Errorf("ws: PingInterval: %v is not 0, and less than a second", d))
		}
		s.ping = d
	})
}

// NewServer makes the server side of the protocol. server.New returns an error if an option is wrong.
func NewServer(opts ...Option) *Server {
	s := &Server{ping: 30 * time.Second}
	for _, o := range opts {
		if o == nil {
			s.errs = append(s.errs, errors.New("ws: NewServer: nil Option"))
			continue
		}
		o.apply(s)
	}
	return s
}

// Name returns "websocket".
func (*Server) Name() string { return name }

// Attach implements protocol.HTTP.
func (s *Server) Attach(d protocol.Dispatcher) error {
	if err := errors.Join(s.errs...); err != nil {
		return err
	}
	l := d.Limits()
	s.d, s.panics = d, l.Panics
	s.recv = rpcwire.NewLimit(l.RecvMessage, "server", "server.MaxRecvMessage")
	s.send = rpcwire.NewLimit(l.SendMessage, "server", "server.MaxSendMessage")
	s.messages = make(map[*protocol.MethodCodec]*rpcwire.Messages)
	for r := range d.Routes() {
		for i := range r.Codecs {
			b := &r.Codecs[i]
			m := rpcwire.NewMessages(b.Name, b.Req, b.Resp, b.RespSizer, r.Method.NewRequest == nil,
				r.Method.NewResponse == nil)
			m.Method, m.Panics = r.Method, s.panics
			s.messages[b] = m
		}
	}
	return nil
}

// Match implements protocol.HTTP.
func (s *Server) Match(h *protocol.Head) protocol.Mode {
	if !strings.EqualFold(h.Protocol, name) || h.Route == nil || h.Route.Method.OneWay {
		return protocol.Pass
	}
	if h.Verb != "CONNECT" && h.Verb != "GET" { // RFC 8441, section 5; RFC 6455, section 4.1
		h.Allow = append(h.Allow, "GET")
		return protocol.WrongVerb
	}
	return protocol.Streamed
}

// Whole implements protocol.HTTP. It is not called, since Match asks for no request as a whole.
func (*Server) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	x.Finish(protocol.Section{Status: 500})
	return nil
}

// Deadline implements protocol.HTTP. It is not called, since Match asks for no request as a whole.
func (*Server) Deadline(*protocol.Head) time.Time { return time.Time{} }

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) {
	agreed, refused := s.handshake(x.Head())
	if refused != nil {
		refused.answer(x)
		return
	}
	head := protocol.Section{Status: x.Head().SwitchStatus(), Extra: &agreed.fields, Bare: true}
	if err := x.SendHead(head); err != nil {
		x.Finish(protocol.Section{Status: 500}) // if it can still be sent
		return
	}
	serve(s, x, agreed)
}

// first returns how long a client may take to send the first message. 0: no limit.
func (s *Server) first() time.Duration {
	if g := s.d.Limits().Guard; g != nil {
		return g.FirstTimeout
	}
	return 0
}

// newCall makes the call of a socket.
func (s *Server) newCall(x protocol.Exchange, p *fairlead.ServerCall) *fairlead.Call {
	h := x.Head()
	p.Method, p.Peer = h.Route.Method, x.Peer()
	p.Authority, p.UserAgent = h.Authority, h.UserAgent
	c := fairlead.NewServerCall(p)
	x.SetCall(c)
	return c
}
