package grpcwire

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// Server is the server side of a dialect, a protocol.HTTP. It is safe for concurrent use once it is attached.
type Server struct {
	dialect  *Dialect
	d        protocol.Dispatcher
	panics   *protocol.Panics
	recv     rpcwire.Limit
	send     rpcwire.Limit
	accepted *rpcwire.Compressors
	// compressMin is the size in bytes below which responses are sent as they are.
	compressMin int

	answers  []*answers // by content type; the first is that of the first type without a codec
	trailers [rpcwire.NamedCodes]*protocol.Block
	bare     *protocol.Block // a trailer without a status of its own
	services map[string]bool
	fallback *protocol.Route // for methods that no service has; nil: they are UNIMPLEMENTED
	messages map[*protocol.MethodCodec]*rpcwire.Messages

	calls sync.Pool // of *unaryCall
}

// answers is the fixed part of the responses to one content type.
type answers struct {
	contentType string
	codec       string
	head        *protocol.Block
	compressed  []*protocol.Block                   // head, with the encoding of the compressor at the same index
	only        [rpcwire.NamedCodes]*protocol.Block // responses that consist of a status, by code
	wrongVerb   *protocol.Block                     // the same, for requests that are not POST
}

// NewServer returns the server side of a dialect. Its methods and limits come from the server that it is attached to.
func NewServer(d *Dialect) *Server {
	s := &Server{dialect: d, bare: protocol.NewBlock()}
	for code := range s.trailers {
		s.trailers[code] = protocol.NewBlock(rpcwire.FieldStatus, strconv.Itoa(code))
	}
	s.calls.New = func() any { return s.newUnaryCall() }
	return s
}

// Name returns the dialect's name.
func (s *Server) Name() string { return s.dialect.Name }

// Attach implements protocol.HTTP.
func (s *Server) Attach(d protocol.Dispatcher) error {
	l := d.Limits()
	s.d, s.panics = d, l.Panics
	s.recv = rpcwire.NewLimit(l.RecvMessage, "server", "server.MaxRecvMessage")
	s.send = rpcwire.NewLimit(l.SendMessage, "server", "server.MaxSendMessage")
	s.accepted = rpcwire.NewCompressors(fieldEncoding, l.Compressors...)
	s.accepted.Panics = l.Panics
	s.compressMin = l.CompressMin
	s.services = make(map[string]bool)
	s.messages = make(map[*protocol.MethodCodec]*rpcwire.Messages)
	s.answers = nil
	for _, t := range s.dialect.Types {
		s.answers = append(s.answers, s.newAnswers(t, defaultCodec))
	}
	for r := range d.Routes() {
		s.services[r.Method.Service] = true
		s.prepare(r)
	}
	if s.fallback = d.Fallback(); s.fallback != nil {
		s.prepare(s.fallback)
	}
	return nil
}

// prepare makes the messages and the answers for each codec of a route.
func (s *Server) prepare(r *protocol.Route) {
	for i := range r.Codecs {
		b := &r.Codecs[i]
		s.messages[b] = s.newMessages(r.Method, b)
		for _, t := range s.dialect.Types {
			if ct := t + "+" + b.Name; s.answersTo(ct) == nil {
				s.answers = append(s.answers, s.newAnswers(ct, b.Name))
			}
		}
	}
}

// newAnswers returns the answers for a content type.
func (s *Server) newAnswers(ct, codecName string) *answers {
	a := &answers{
		contentType: ct,
		codec:       codecName,
		head:        protocol.NewBlock(":status", "200", "content-type", ct),
		wrongVerb: protocol.NewBlock(":status", "405", "content-type", ct, "allow", "POST",
			rpcwire.FieldStatus, strconv.Itoa(int(fairlead.Internal))),
	}
	for _, c := range s.accepted.List {
		a.compressed = append(a.compressed,
			protocol.NewBlock(":status", "200", "content-type", ct, fieldEncoding, c.Name()))
	}
	for code := range a.only {
		a.only[code] = protocol.NewBlock(":status", "200", "content-type", ct, rpcwire.FieldStatus, strconv.Itoa(code))
	}
	return a
}

// answersTo returns the answers for a content type, with or without parameters, nil if no method has the codec that it
// names.
func (s *Server) answersTo(ct string) *answers {
	for _, a := range s.answers {
		if a.contentType == ct {
			return a
		}
	}
	if bare, _, found := strings.Cut(ct, ";"); found {
		return s.answersTo(strings.TrimSpace(bare))
	}
	return nil
}

// newMessages returns the messages of a method with one of its codecs.
func (s *Server) newMessages(m *fairlead.Method, b *protocol.MethodCodec) *rpcwire.Messages {
	msgs := rpcwire.NewMessages(b.Name, b.Req, b.Resp, b.RespSizer, m.NewRequest == nil, m.NewResponse == nil)
	msgs.Method, msgs.Panics = m, s.panics
	return msgs
}

// Match implements protocol.HTTP. It asks for the complete bodies of unary calls. It takes all requests with a content
// type of the dialect, whatever their paths.
func (s *Server) Match(h *protocol.Head) protocol.Mode {
	if _, ok := s.dialect.subtype(h.ContentType); !ok {
		switch {
		case h.Route == nil:
			return protocol.Pass
		case h.Verb != "POST":
			h.Allow = append(h.Allow, "POST")
			return protocol.WrongVerb
		}
		return protocol.WrongType
	}
	if h.Version == 1 && s.dialect.HTTP2 {
		return protocol.WrongType
	}
	if h.Route != nil && h.Route.Method.Kind == fairlead.Unary && h.Verb == "POST" {
		return protocol.Complete
	}
	return protocol.Streamed
}

// Deadline implements protocol.HTTP.
func (s *Server) Deadline(h *protocol.Head) time.Time {
	if v := h.TimeoutIn(fieldTimeout); v != nil {
		if d, ok := rpcwire.ParseTimeout(v); ok {
			return h.Came.Add(d)
		}
		return h.Came // malformed: begin returns the error
	}
	if h.Route != nil && h.Route.Method.Timeout > 0 {
		return h.Came.Add(h.Route.Method.Timeout)
	}
	return time.Time{}
}

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) {
	r := x.Head().Route
	if r == nil {
		r = s.fallback
	}
	if r != nil && r.Method.Kind != fairlead.Unary {
		s.openStream(x)
	} else {
		s.openUnary(x)
	}
}

// unknown returns the method of a path that has no route, for the fallback, or the error if there is no fallback.
func (s *Server) unknown(path string) (*fairlead.Method, error) {
	i := strings.LastIndexByte(path, '/')
	if i < 1 || path[0] != '/' {
		return nil, fairlead.Errorf(fairlead.Unimplemented, "malformed method name: %q", path)
	}
	service, method := path[1:i], path[i+1:]
	switch {
	case s.fallback != nil:
		return &fairlead.Method{Kind: fairlead.BidiStreaming, Service: service, Name: method, Path: path}, nil
	case !s.services[service]:
		return nil, fairlead.Errorf(fairlead.Unimplemented, "unknown service %s", service)
	}
	return nil, fairlead.Errorf(fairlead.Unimplemented, "unknown method %s for service %s", method, service)
}
